//! The ledger of power cuts: what was acknowledged before the power went is found when it is back.
//!
//! The data lie on a disk of their own, a file on a file system that can clone files at an instant. The clone, taken
//! while spans come at full speed, is what a disk holds whose power was cut: all that was synced, and of the rest what
//! had reached it. `FADEN_POWERCUTS` says how often (2 by default; `tests/powercut/run` does it 200 times).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::kill::{Senders, start};
use crate::ledger::{Ledger, check_found};
use crate::mounted::{Mounted, run};

const CUTS_DEFAULT: u64 = 2;

/// The file system that clones files.
const OUTER_BYTES: u64 = 4 << 30;

/// The disk.
const DISK_BYTES: u64 = 768 << 20;

/// After so many cuts a new disk is taken, so that none fills up.
const CUTS_OF_A_DISK: u64 = 10;

/// One trace of so many of every cut is asked for again before its disk is put away.
const ASKED_AGAIN: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    let cuts = cuts();
    let folder = tempfile::tempdir().unwrap();
    let outer = Mounted::make(&folder.path().join("outer.img"), OUTER_BYTES, &["mkfs.btrfs", "-q"]);
    let outer = match outer {
        Ok(outer) => outer,
        Err(why) => {
            eprintln!("skipped: no disk can be cloned here; the simulation in `blocks` stands for it: {why}");
            return;
        }
    };
    let (mut total, mut first) = (0, 0);
    while first < cuts {
        let end = cuts.min(first + CUTS_OF_A_DISK);
        total += one_disk(&outer.at, first..end).await;
        first = end;
        println!("{first} of {cuts} power cuts: {total} spans acknowledged, all found");
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long it may take")]
fn cuts() -> u64 {
    std::env::var("FADEN_POWERCUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(CUTS_DEFAULT)
}

/// Cuts the power of one disk again and again; returns how many spans were acknowledged.
///
/// The server in which the spans of a cut are found is the one that the next cut ends.
async fn one_disk(folder: &Path, cuts: std::ops::Range<u64>) -> usize {
    let image = |number: u64| folder.join(format!("disk-{number}.img"));
    let mut disk = Mounted::make(&image(cuts.start), DISK_BYTES, &["mkfs.ext4", "-q"]).unwrap();
    let (mut total, mut again) = (0, Ledger::default());
    let mut server = start(&disk.at.join("data"), cuts.start);
    for cut in cuts.clone() {
        let senders = Senders::start(&server, cut);
        // Every power cut comes at another moment of the store's life.
        senders.work_for(Duration::from_millis(200 + cut * 137 % 1_000)).await;
        let acknowledged = senders.so_far();
        let clone = image(cut + 1);
        run(Command::new("cp").arg("--reflink=always").arg(image(cut)).arg(&clone)).unwrap();
        server.kill();
        senders.end().await;
        drop(disk);
        std::fs::remove_file(image(cut)).unwrap();
        disk = Mounted::open(&clone).unwrap();
        let spans = acknowledged.spans();
        assert!(spans > 0, "cut {cut}: nothing was acknowledged before");
        server = start(&disk.at.join("data"), cut + 1);
        check_found(&server, &acknowledged, &format!("cut {cut}")).await;
        total += spans;
        again.take(&acknowledged, ASKED_AGAIN);
    }
    check_found(&server, &again, "at the end of a disk").await;
    drop(server);
    drop(disk);
    std::fs::remove_file(image(cuts.end)).unwrap();
    total
}
