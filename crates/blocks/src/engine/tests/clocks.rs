//! A wall clock that jumps by hours and years, at any moment of a span's life: nothing is lost by it.

use std::time::Duration;

use super::{StandingClock, found, open_with, settings, trace, until, write};

const HOUR: Duration = Duration::from_secs(3600);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_cut_though_the_clock_was_set_back() {
    for back in [HOUR, YEAR] {
        let dir = tempfile::tempdir().unwrap();
        let clock = StandingClock::new();
        let engine = open_with(settings(dir.path()), clock.clone()).await;
        write(&engine, trace(1, 1)).await;
        clock.set_back(back);
        until(&engine, |stat| stat.blocks == 1 && stat.head_spans == 0).await;
        write(&engine, trace(2, 1)).await;
        assert_eq!(found(&engine).await.1, 2);
        clock.advance(back);
        until(&engine, |stat| stat.blocks >= 2 && stat.head_spans == 0).await;
        assert_eq!(found(&engine).await.1, 2, "skewed or not");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_ahead_costs_one_block_until_someone_notices() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let mut settings = settings(dir.path());
    settings.compaction.enabled = false;
    let engine = open_with(settings.clone(), clock.clone()).await;
    for number in 1..=10 {
        write(&engine, trace(number, 1)).await;
        clock.advance(Duration::from_secs(61));
        until(&engine, |stat| stat.blocks == number && stat.head_spans == 0).await;
    }
    clock.advance(YEAR);
    engine.inner.retain().await.unwrap();
    engine.inner.delete_garbage().await.unwrap();
    assert_eq!(engine.stat().await.blocks, 9);
    clock.set_back(YEAR);
    engine.inner.retain().await.unwrap();
    engine.inner.delete_garbage().await.unwrap();
    assert_eq!(found(&engine).await.1, 9);
    engine.close().await.unwrap();
    drop(engine);
    let engine = open_with(settings, clock).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert_eq!(found(&engine).await.1, 9, "no file was deleted that is still listed");
}

/// Files that no entry names are deleted after an hour; by a clock that had jumped ahead, a block was deleted
/// between its placing and its commit, and its spans with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_on_its_way_is_not_taken_for_garbage_by_a_clock_that_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    write(&engine, trace(1, 7)).await;
    let manifest = dir.path().join("manifest");
    std::fs::remove_dir_all(&manifest).ok();
    std::fs::write(&manifest, "in the way").unwrap();
    clock.advance(Duration::from_secs(60));
    until(&engine, |_| std::fs::read_dir(dir.path().join("blocks")).unwrap().next().is_some()).await;
    std::fs::remove_file(&manifest).unwrap();
    std::fs::create_dir(&manifest).unwrap();
    for jump in [2 * HOUR, YEAR] {
        clock.advance(jump);
        engine.inner.delete_garbage().await.unwrap();
    }
    until(&engine, |stat| stat.blocks == 1 && stat.blocks_unpublished == 0).await;
    clock.set_back(2 * HOUR + YEAR);
    drop(engine);
    let engine = open_with(settings(dir.path()), clock).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert_eq!(found(&engine).await.1, 7);
}
