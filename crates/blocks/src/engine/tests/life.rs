//! A span's way from the head into committed blocks and out by retention.

use std::{sync::Arc, time::Duration};

use prometheus::Registry;
use store::{
    Ask, Plan, Reader, Rows, Writer,
    conformance::{self, Draft, NOW},
};

use super::{StandingClock, found, open, open_with, settings, tenant, trace, unmerged, until, write};
use crate::engine::{self, Engine, head::Head};
use crate::settings::Limits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_keeps_the_contract_of_every_store() {
    let dirs = tempfile::tempdir().unwrap();
    let made = std::sync::atomic::AtomicU32::new(0);
    conformance::run(async || {
        let number = made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let engine = Arc::new(open(&dirs.path().join(number.to_string())).await);
        (engine.clone() as Arc<dyn Writer>, engine as Arc<dyn Reader>)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_span_is_found_at_once_and_after_every_restart() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let engine = open(dir.path()).await;
        assert_eq!(found(&engine).await.0.len() as u64, (round - 1) * 200);
        for number in 1..=200 {
            write(&engine, trace(round * 1000 + number, 3)).await;
        }
        assert_eq!(found(&engine).await.1, round * 600);
        engine.close().await.unwrap();
        let stat = engine.stat().await;
        assert_eq!((stat.block_spans, stat.uncommitted_spans, stat.journal_bytes), (round * 600, 0, 0));
        assert_eq!(found(&engine).await.1, round * 600, "closed, but still readable");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_become_blocks_while_writing_goes_on_and_the_journal_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    for number in 1..=500 {
        write(&engine, trace(number, 4)).await;
        if number % 50 == 0 {
            assert_eq!(found(&engine).await, ((1..=number).collect(), number * 4));
        }
    }
    let stat = until(&engine, |stat| stat.block_spans >= 1500 && stat.blocks_unpublished == 0).await;
    assert!(stat.blocks >= 3, "{stat:?}");
    assert!(stat.journal_bytes < 60_000, "{stat:?}");
    until(&engine, |stat| stat.block_spans + stat.uncommitted_spans == 2000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_cut_when_it_is_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    write(&engine, trace(1, 1)).await;
    clock.advance(Duration::from_secs(59));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(engine.stat().await.blocks, 0);
    clock.advance(Duration::from_secs(1));
    until(&engine, |stat| stat.blocks == 1 && stat.head_spans == 0).await;
    assert_eq!(found(&engine).await.1, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tenants_share_a_block_but_never_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    for name in ["red", "blue"] {
        write(&engine, conformance::batch(&tenant(name), &[Draft::new(1, 1), Draft::new(2, 1)])).await;
    }
    engine.close().await.unwrap();
    drop(engine);
    let engine = open(dir.path()).await;
    assert_eq!(engine.stat().await.blocks, 1);
    for (name, expected) in [("red", 2), ("blue", 2), ("green", 0)] {
        let Rows::Summaries(rows) = engine.run(&Plan::new(tenant(name), Ask::Summaries)).await.unwrap().rows
        else {
            panic!("summaries were asked for")
        };
        assert_eq!(rows.len(), expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_impossible_times_are_kept_apart_and_found() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let mut drafts = vec![Draft::new(1, 1), Draft::new(2, 1), Draft::new(3, 1)];
    (drafts[1].start, drafts[1].end) = (5, 10);
    (drafts[2].start, drafts[2].end) = (NOW * 2, NOW * 2 + 1);
    write(&engine, conformance::batch(&tenant("default"), &drafts)).await;
    assert_eq!(found(&engine).await.0.len(), 3);
    engine.close().await.unwrap();
    drop(engine);
    let engine = open(dir.path()).await;
    let stat = engine.stat().await;
    assert_eq!((stat.blocks, stat.block_spans), (2, 3));
    assert_eq!(stat.time, Some((drafts[0].start, drafts[0].start)), "skewed spans do not count");
    assert_eq!(found(&engine).await.0.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_drops_whole_blocks_and_later_their_files() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(unmerged(dir.path()), clock.clone()).await;
    write(&engine, trace(1, 5)).await;
    clock.advance(Duration::from_secs(60));
    let stat = until(&engine, |stat| stat.blocks == 1).await;
    let block = stat.next_drop.unwrap().block;
    write(&engine, trace(2, 5)).await;
    clock.advance(Duration::from_secs(8 * 24 * 3600));
    until(&engine, |stat| stat.blocks == 2).await;
    engine.inner.retain().await.unwrap();
    engine.inner.retain().await.unwrap();
    assert_eq!(engine.stat().await.blocks, 0);
    assert_eq!(found(&engine).await.1, 0);
    let folder = dir.path().join("blocks").join(block);
    engine.inner.delete_garbage().await.unwrap();
    assert!(folder.exists(), "a question may still read it");
    clock.advance(Duration::from_secs(121));
    engine.inner.delete_garbage().await.unwrap();
    assert!(!folder.exists());
    engine.close().await.unwrap();
    drop(engine);
    assert_eq!(found(&open(dir.path()).await).await.1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_live_on_any_object_store() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = dir.path().join("elsewhere");
    let at = |name: &str| crate::settings::Settings {
        url: Some(format!("file://{}", elsewhere.display())),
        ..settings(&dir.path().join(name))
    };
    let engine = open_with(at("one"), StandingClock::new()).await;
    write(&engine, trace(1, 5)).await;
    engine.close().await.unwrap();
    assert!(elsewhere.join("manifest/00000000000000000001.json").exists());
    let other = open_with(at("two"), StandingClock::new()).await;
    until(&other, |stat| stat.recovery.done).await;
    assert_eq!(found(&other).await.1, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_reads_everything_and_names_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    for number in 1..=200 {
        write(&engine, trace(number, 4)).await;
    }
    engine.close().await.unwrap();
    let mut last = None;
    let report = engine::check(&settings(dir.path()), &mut |progress| last = Some(progress)).await.unwrap();
    assert!(report.damages.is_empty() && report.orphans.is_empty(), "{report:?}");
    assert_eq!(last.unwrap().bytes, last.unwrap().bytes_total);
    assert_eq!(engine::stat(&settings(dir.path()), &*StandingClock::new()).await.unwrap().block_spans, 800);
    let block = std::fs::read_dir(dir.path().join("blocks")).unwrap().next().unwrap().unwrap().path();
    let mut data = std::fs::read(block.join("spans.parquet")).unwrap();
    data[10] ^= 1;
    std::fs::write(block.join("spans.parquet"), data).unwrap();
    std::fs::remove_file(block.join("spans.idx")).unwrap();
    std::fs::create_dir(dir.path().join("blocks/left-behind")).unwrap();
    std::fs::write(dir.path().join("blocks/left-behind/spans.parquet"), "half").unwrap();
    let report = engine::check(&settings(dir.path()), &mut |_| {}).await.unwrap();
    assert_eq!(report.damages.len(), 2, "{report:?}");
    assert_eq!(report.orphans, ["left-behind"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_tell_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::new();
    let engine = Engine::open(settings(dir.path()), StandingClock::new(), &registry).await.unwrap();
    for number in 1..=10 {
        write(&engine, trace(number, 4)).await;
    }
    engine.update_metrics().await;
    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
    for line in ["faden_store_spans_total 40", "faden_journal_frames_total 10", "faden_head_spans 40"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn a_generation_stays_open_to_late_writers_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    let journal = &engine.inner.journal;
    let head = Head::new(Limits::default(), journal.cut(), 0);
    let writer = head.enter();
    for number in 1..=2 {
        write(&engine, trace(number, 1)).await;
        head.cut(journal);
    }
    let drained = || head.next_drained().map(|drained| drained.generation);
    assert_eq!(drained(), None, "the writer's frame may lie behind the first cut");
    drop(writer);
    let first = drained().unwrap();
    head.closed(first, Vec::new());
    assert_eq!(drained(), Some(first + 1));
}
