//! Blocks grow old: answers stay the same while they become cold, and no block does so twice.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use bucket::Bucket;
use model::{Tenant, TimeRange};
use store::{
    Ask, Plan, Reader, Rows,
    conformance::{self, Draft},
};

use super::{StandingClock, found, open_with, settings, tenant, trace, until, write};
use crate::{
    columns::tests::sorted_spans,
    engine::{Engine, Stat},
    manifest::{Block, Tier},
    settings::{Cold, Compaction, Limits, Settings, Tiers},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Blocks become cold after a day, whenever a test says so.
fn cooling(path: &Path) -> Settings {
    let compaction = Compaction { enabled: false, ..Compaction::default() };
    let cold = Some(Cold { after: DAY, compression: 9 });
    Settings { compaction, is_tended: false, tiers: Tiers { cold, ..Tiers::default() }, ..settings(path) }
}

async fn open(path: &Path, clock: &Arc<StandingClock>) -> Engine {
    let engine = open_with(cooling(path), clock.clone()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

/// Merges and cools until nothing is due; answers how often something was.
async fn compact(engine: &Engine) -> usize {
    let mut shunned = BTreeSet::new();
    let mut jobs = 0;
    while engine.inner.compact_next(&mut shunned).await.expect("blocks can be written again") {
        jobs += 1;
    }
    jobs
}

async fn blocks(engine: &Engine) -> Vec<Block> {
    engine.inner.manifest.lock().await.state().blocks.values().cloned().collect()
}

/// Every span of the default tenant, in one order, and the summaries of its traces.
async fn answers(engine: &Engine) -> (Vec<String>, String) {
    let mut plan = Plan::new(Tenant::default(), Ask::Summaries);
    plan.limit = store::plan::LIMIT_MAX;
    let Rows::Summaries(rows) = engine.run(&plan).await.expect("the store answers").rows else {
        panic!("summaries were asked for")
    };
    let scan = engine.scan(&Tenant::default(), TimeRange::ALL).await.expect("the store is whole");
    let mut batches = Vec::new();
    let mut take = |batch| {
        batches.push(batch);
        true
    };
    tokio::task::block_in_place(|| scan.run(&mut take)).expect("it can be read");
    (sorted_spans(&batches), format!("{rows:?}"))
}

/// Some traces with text in them, in several blocks.
async fn fill(engine: &Engine) {
    for number in 1..=200 {
        let text = |span: u64| format!("the {span}. span of trace {number} says what the others say");
        let drafts: Vec<Draft> =
            (1..=5).map(|span| Draft::new(number, span).with("said", text(span).as_str())).collect();
        write(engine, conformance::batch(&Tenant::default(), &drafts)).await;
        if number % 50 == 0 {
            engine.inner.drain().await.unwrap();
        }
    }
    write(engine, conformance::batch(&tenant("red"), &[Draft::new(1, 1)])).await;
    engine.inner.drain().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_the_same_before_and_after_blocks_become_cold() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open(dir.path(), &clock).await;
    fill(&engine).await;
    let young = answers(&engine).await;
    assert_eq!(young.0.len(), 1000);
    clock.advance(3 * DAY);
    let mut shunned = BTreeSet::new();
    let mut cold = 0;
    while engine.inner.compact_next(&mut shunned).await.unwrap() {
        assert_eq!(answers(&engine).await, young, "while some are cold and others are not");
        cold = blocks(&engine).await.iter().filter(|block| block.meta.tier == Tier::Cold).count();
    }
    let all = blocks(&engine).await;
    assert_eq!(cold, all.len());
    for block in &all {
        assert!(block.meta.bytes() < block.meta.bytes_before, "{block:?}");
    }
    let inventory = engine.inventory().await;
    let part = inventory.parts.iter().find(|((_, tier), _)| *tier == Tier::Cold).map(|(_, part)| *part);
    assert_eq!(part.map(|part| part.bytes_before), Some(all.iter().map(|one| one.meta.bytes_before).sum()));
    assert_eq!(compact(&engine).await, 0, "never twice");
    assert_eq!(answers(&engine).await, young);
    drop(engine);
    let engine = open(dir.path(), &clock).await;
    assert_eq!(answers(&engine).await, young);
    assert_eq!(compact(&engine).await, 0, "nor after a restart");
}

/// The process ends while blocks become cold, again and again: each time one more is, and nothing is lost or doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cooling_goes_on_where_it_was_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open(dir.path(), &clock).await;
    fill(&engine).await;
    clock.advance(3 * DAY);
    assert!(engine.inner.compact_next(&mut BTreeSet::new()).await.unwrap(), "they are merged first");
    let young = answers(&engine).await;
    drop(engine);
    let mut cold = 0;
    for round in 0.. {
        let engine = open(dir.path(), &clock).await;
        assert_eq!(answers(&engine).await, young, "round {round}");
        let state = blocks(&engine).await;
        let before = cold;
        cold = state.iter().filter(|block| block.meta.tier == Tier::Cold).count();
        assert!(cold >= before);
        if cold == state.len() {
            break;
        }
        let inner = engine.inner.clone();
        let cooling = tokio::spawn(async move { inner.compact_next(&mut BTreeSet::new()).await });
        if round % 2 == 0 {
            // At once, somewhere in between; every other time when it is done.
            tokio::task::yield_now().await;
            drop(engine);
        }
        let _ended = cooling.await.expect("it does not panic");
        assert!(round < 50, "it never gets there");
    }
}

/// A node on the bucket that keeps what is younger than a day whole on its disk.
fn warming(bucket: &Bucket, folder: &Path, cache_bytes_max: u64) -> Settings {
    let here = cooling(folder);
    let limits = Limits { cache_bytes_max, follow_every: Duration::from_millis(20), ..here.limits };
    let tiers = Tiers { warm_after: Some(DAY), cold: None };
    Settings { url: Some(bucket.url("prod")), url_options: bucket.options(), limits, tiers, ..here }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_blocks_are_answered_without_the_bucket_and_warm_ones_are_not() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let writer = open_with(warming(&bucket, &dir.path().join("one"), 1 << 30), clock.clone()).await;
    fill(&writer).await;
    let young = answers(&writer).await;
    drop(writer);
    let reader = open_with(warming(&bucket, &dir.path().join("two"), 1 << 30), clock.clone()).await;
    until(&reader, |stat| stat.recovery.done).await;
    while reader.inner.keep_hot(&mut BTreeSet::new()).await {}
    assert!(blocks(&reader).await.iter().all(|block| reader.inner.shelf.is_whole(&block.meta.id)));
    let tiers = reader.inventory().await.parts;
    assert!(tiers.keys().all(|(_, tier)| *tier == Tier::Hot), "{tiers:?}");
    bucket.fail(|faults| faults.down = true);
    assert_eq!(answers(&reader).await, young, "the bucket is away, and nothing is missed");
    clock.advance(2 * DAY);
    assert!(!reader.inner.keep_hot(&mut BTreeSet::new()).await);
    let tiers = reader.inventory().await.parts;
    assert!(tiers.keys().all(|(_, tier)| *tier == Tier::Warm), "{tiers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_blocks_leave_room_for_others() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let writer = open_with(warming(&bucket, &dir.path().join("one"), 1 << 30), clock.clone()).await;
    fill(&writer).await;
    let all = blocks(&writer).await;
    let bytes: u64 = all.iter().map(|block| block.meta.bytes()).sum();
    let young = answers(&writer).await;
    drop(writer);
    let reader = open_with(warming(&bucket, &dir.path().join("two"), bytes), clock.clone()).await;
    until(&reader, |stat| stat.recovery.done).await;
    while reader.inner.keep_hot(&mut BTreeSet::new()).await {}
    for _ in 0..3 {
        assert_eq!(answers(&reader).await, young);
    }
    let tiers = reader.inventory().await.parts;
    let hot: u64 =
        tiers.iter().filter(|((_, tier), _)| *tier == Tier::Hot).map(|(_, part)| part.blocks).sum();
    let whole = all.iter().filter(|block| reader.inner.shelf.is_whole(&block.meta.id)).count() as u64;
    assert!(0 < hot && hot < all.len() as u64 && hot <= whole, "{hot} hot, {whole} whole of {}", all.len());
    let stat = reader.stat().await;
    assert!(stat.cache_bytes <= bytes, "{stat:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_block_in_a_bucket_leaves_no_copy_of_its_spans() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let mut here = warming(&bucket, dir.path(), 1 << 30);
    here.tiers.cold = Some(Cold { after: DAY, compression: 9 });
    let engine = open_with(here, clock.clone()).await;
    fill(&engine).await;
    let young = answers(&engine).await;
    clock.advance(3 * DAY);
    compact(&engine).await;
    for block in blocks(&engine).await {
        assert_eq!(block.meta.tier, Tier::Cold);
        let copy = dir.path().join("cache").join(&block.meta.id);
        assert!(copy.join("spans.idx").exists() && !copy.join("spans.parquet").exists());
    }
    assert_eq!(answers(&engine).await, young);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_goes_from_cold_blocks_too_and_they_stay_cold() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open(dir.path(), &clock).await;
    fill(&engine).await;
    clock.advance(3 * DAY);
    compact(&engine).await;
    let me = Tenant::default();
    engine.archive(&me, &[Draft::new(7, 1).trace]).await.unwrap();
    clock.advance(30 * DAY);
    while !engine.inner.retain().await.unwrap().due.is_empty() {}
    assert_eq!(found(&engine).await, ([7].into(), 5));
    let left = blocks(&engine).await;
    assert!(left.iter().all(|block| block.meta.tier == Tier::Cold), "{left:?}");
    assert!(left[0].meta.bytes_before > 0 && left[0].meta.bytes_before < 10_000, "{left:?}");
    assert_eq!(compact(&engine).await, 0);
    write(&engine, trace(9, 3)).await;
    let stat: Stat = until(&engine, |stat| stat.head_spans == 3).await;
    assert_eq!(stat.block_spans, 5);
}
