//! Random crashes and faults: no acknowledged frame is ever lost, none comes back twice.

use std::{collections::BTreeSet, sync::Arc};

use super::{frame, open, texts};
use crate::testing::{Fault, FaultyDisk};

/// A small generator, so that a failing seed can be replayed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }
}

async fn run(seed: u64) {
    let mut chance = Chance(seed);
    let mut disk = Arc::new(FaultyDisk::default());
    let (mut acknowledged, mut sent) = (BTreeSet::new(), 0);
    for _ in 0..6 {
        let (journal, mut replay) = open(&disk);
        let found = texts(&mut replay);
        let unique: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!(unique.len(), found.len(), "seed {seed}: a frame came back twice");
        let lost: Vec<_> = acknowledged.difference(&unique).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
        assert_eq!(replay.tally().damaged, 0, "seed {seed}");
        let journal = Arc::new(journal);
        let mut crashed = None;
        for _ in 0..chance.below(8) {
            let fault = [Fault::None, Fault::None, Fault::SyncOnce, Fault::Full][chance.below(4)];
            disk.fault(fault);
            let appends: Vec<_> = (0..1 + chance.below(6))
                .map(|_| {
                    sent += 1;
                    let text = format!("frame {sent} {}", "x".repeat(chance.below(900)));
                    let journal = journal.clone();
                    tokio::spawn(async move { journal.append(frame(&text)).await.map(|_| text) })
                })
                .collect();
            if chance.below(6) == 0 {
                crashed = Some(disk.after_power_cut(&mut |bound| chance.below(bound)));
                break;
            }
            for append in appends {
                acknowledged.extend(append.await.unwrap());
            }
        }
        let crashed = crashed.unwrap_or_else(|| disk.after_power_cut(&mut |bound| chance.below(bound)));
        journal.close();
        disk = Arc::new(crashed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crashes_and_faults_lose_no_acknowledged_frame() {
    for seed in 0..200 {
        run(seed).await;
    }
}
