//! Blocks are merged while questions go on: nothing is lost, seen twice, or answered otherwise than before.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use model::{Batch, Tenant};
use store::{
    Ask, Plan, Reader, Rows, WriteError, Writer,
    conformance::{self, Draft},
};

use super::{StandingClock, found, open_with, settings, tenant, trace, until, write};
use crate::{
    engine::Engine,
    settings::{Compaction, Settings, Size},
};

/// Every two blocks are merged at once, and what was merged again and again; only when a test says so.
fn eager(path: &Path) -> Settings {
    let size = Size { spans_max: 1 << 40, bytes_max: 1 << 40 };
    let compaction = Compaction {
        enabled: false,
        inputs_min: 2,
        level_1: size,
        level_2: size,
        windows: [Duration::from_secs(1 << 40); 3],
        tenant_spans_min: 50,
        ..Compaction::default()
    };
    Settings { compaction, ..settings(path) }
}

/// Makes a block of what is in the head.
async fn cut(engine: &Engine) {
    engine.inner.head.cut(&engine.inner.journal);
    engine.inner.freeze.notify_one();
    until(engine, |stat| stat.uncommitted_spans == 0).await;
}

/// Merges until nothing is due; answers how often something was.
async fn compact(engine: &Engine) -> usize {
    let mut shunned = BTreeSet::new();
    let mut jobs = 0;
    while engine.inner.compact_next(&mut shunned).await.expect("blocks can be merged") {
        jobs += 1;
    }
    jobs
}

/// A store that cuts a block after some batches and merges whatever can be merged.
struct Restless {
    engine: Arc<Engine>,
    written: AtomicU64,
}

/// So many batches become a block.
const BATCHES: u64 = 3;

#[async_trait]
impl Writer for Restless {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        self.engine.write(batch).await?;
        if (self.written.fetch_add(1, SeqCst) + 1).is_multiple_of(BATCHES) {
            cut(&self.engine).await;
            compact(&self.engine).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract_whatever_was_merged() {
    let dirs = tempfile::tempdir().unwrap();
    let made = AtomicU64::new(0);
    conformance::run(async || {
        let path = dirs.path().join(made.fetch_add(1, SeqCst).to_string());
        let engine = Arc::new(open_with(eager(&path), StandingClock::new()).await);
        let writer = Restless { engine: engine.clone(), written: AtomicU64::new(0) };
        (Arc::new(writer) as Arc<dyn Writer>, engine as Arc<dyn Reader>)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn merged_blocks_hold_what_their_inputs_held_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(eager(dir.path()), StandingClock::new()).await;
    for number in 1..=60 {
        write(&engine, trace(number, 3)).await;
        if number % 10 == 0 {
            cut(&engine).await;
        }
    }
    assert_eq!(compact(&engine).await, 1);
    let stat = engine.stat().await;
    assert_eq!((stat.blocks, stat.block_spans, stat.levels[1].blocks), (1, 180, 1), "{stat:?}");
    assert_eq!(found(&engine).await, ((1..=60).collect(), 180));
    engine.close().await.unwrap();
    drop(engine);
    let engine = open_with(eager(dir.path()), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert_eq!(found(&engine).await, ((1..=60).collect(), 180));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_that_was_sent_twice_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(eager(dir.path()), StandingClock::new()).await;
    let other = Draft::new(1, 2).with("zipkin.shared", true);
    let other = conformance::batch(&Tenant::default(), &[other]);
    for batch in [trace(1, 3), trace(2, 1), trace(1, 3), other] {
        write(&engine, batch).await;
        cut(&engine).await;
    }
    compact(&engine).await;
    let stat = engine.stat().await;
    assert_eq!((stat.blocks, stat.block_spans), (1, 5), "three spans of one trace, a twin, one of another");
    assert_eq!(found(&engine).await.1, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_tenants_get_blocks_of_their_own_and_small_ones_share() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(eager(dir.path()), StandingClock::new()).await;
    for number in 1..=40 {
        for (name, spans) in [("large", 2), ("small", 1), ("tiny", u64::from(number == 1))] {
            let drafts: Vec<Draft> = (1..=spans).map(|span| Draft::new(number, span)).collect();
            if !drafts.is_empty() {
                write(&engine, conformance::batch(&tenant(name), &drafts)).await;
            }
        }
        if number % 20 == 0 {
            cut(&engine).await;
        }
    }
    compact(&engine).await;
    let state = engine.inner.manifest.lock().await.state().clone();
    let mut tenants: Vec<_> = state.blocks.values().map(|block| block.meta.tenants.clone()).collect();
    tenants.sort();
    assert_eq!(tenants, [vec!["large".to_owned()], vec!["small".to_owned(), "tiny".to_owned()]]);
    for (name, expected) in [("large", 40), ("small", 40), ("tiny", 1)] {
        let plan = Plan { limit: 1000, ..Plan::new(tenant(name), Ask::Summaries) };
        let Rows::Summaries(rows) = engine.run(&plan).await.unwrap().rows else { panic!("not summaries") };
        assert_eq!(rows.len(), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_compactors_only_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| Settings {
        url: Some(format!("file://{}", dir.path().join("bucket").display())),
        ..eager(&dir.path().join(name))
    };
    let one = open_with(at("one"), StandingClock::new()).await;
    for number in 1..=4 {
        write(&one, trace(number, 3)).await;
        cut(&one).await;
    }
    let two = open_with(at("two"), StandingClock::new()).await;
    until(&two, |stat| stat.recovery.done).await;
    let mut shunned = BTreeSet::new();
    assert!(one.inner.compact_next(&mut shunned).await.unwrap());
    two.inner.compact_next(&mut shunned).await.unwrap();
    assert!(shunned.is_empty());
    let blocks = std::fs::read_dir(dir.path().join("bucket/blocks")).unwrap().count();
    assert_eq!(blocks, 5, "four inputs and the winner's output are left");
    assert_eq!(two.inner.manifest.lock().await.state().blocks.len(), 1);
    assert_eq!(found(&one).await.1, 12);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_block_is_left_alone_and_the_others_are_merged() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(eager(dir.path()), StandingClock::new()).await;
    for number in 1..=4 {
        write(&engine, trace(number, 3)).await;
        cut(&engine).await;
    }
    let ids: Vec<String> = engine.inner.manifest.lock().await.state().blocks.keys().cloned().collect();
    let path = dir.path().join("blocks").join(&ids[1]).join("spans.parquet");
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[4..half].iter_mut().for_each(|byte| *byte ^= 1);
    std::fs::write(&path, bytes).unwrap();
    let mut shunned = BTreeSet::new();
    engine.inner.compact_next(&mut shunned).await.unwrap_err();
    assert_eq!(shunned, BTreeSet::from([ids[1].clone()]));
    assert!(engine.inner.compact_next(&mut shunned).await.unwrap());
    assert_eq!(engine.stat().await.blocks, 2);
    assert_eq!(std::fs::read_dir(dir.path().join("open")).unwrap().count(), 0, "nothing half is left");
}
