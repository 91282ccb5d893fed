//! What happens at the limits: a full head, a full disk, a second process.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use prometheus::Registry;
use store::{WriteError, Writer};

use super::{LOOKS, StandingClock, found, open, open_with, settings, trace, until, write};
use crate::{
    engine::Engine,
    error::Next,
    settings::{Limits, Settings},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_turned_away_with_the_name_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let here = Settings { address: "http://127.0.0.1:16686".into(), ..settings(dir.path()) };
    let _first = open_with(here.clone(), StandingClock::new()).await;
    let error = Engine::open(here, StandingClock::new(), &Registry::new()).await.err().unwrap();
    assert_eq!(error.next, Next::Refuse);
    assert!(error.to_string().contains("http://127.0.0.1:16686"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_head_makes_writers_wait_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { head_bytes_max: 64 << 10, ..settings(dir.path()).limits };
    let engine = open_with(Settings { limits, ..settings(dir.path()) }, StandingClock::new()).await;
    let engine = std::sync::Arc::new(engine);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for number in 1..=100 {
                    write(&engine, trace(writer * 1000 + number, 4)).await;
                    assert!(engine.stat().await.head_bytes <= 64 << 10);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(found(&engine).await.1, 3200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_almost_full_disk_refuses_writes_and_answers_questions() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path()).await;
    write(&engine, trace(1, 1)).await;
    engine.inner.disk_full.store(true, Relaxed);
    let error = engine.write(trace(2, 1)).await.unwrap_err();
    assert!(matches!(error, WriteError::Retry { after: Some(_), .. }), "{error:?}");
    assert_eq!(found(&engine).await.1, 1);
    until(&engine, |stat| {
        engine.inner.disk_full.store(true, Relaxed);
        engine.inner.freeze.notify_one();
        stat.blocks == 1 && stat.journal_bytes == 0
    })
    .await;
    for _ in 0..LOOKS {
        if engine.write(trace(3, 1)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never accepted again, though the disk has room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_cannot_be_placed_is_published_later() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    std::fs::remove_dir_all(dir.path().join("blocks")).unwrap();
    std::fs::write(dir.path().join("blocks"), "in the way").unwrap();
    write(&engine, trace(1, 7)).await;
    clock.advance(Duration::from_secs(60));
    until(&engine, |stat| stat.blocks_unpublished == 1 && stat.head_spans == 0).await;
    assert_eq!(found(&engine).await.1, 7);
    std::fs::remove_file(dir.path().join("blocks")).unwrap();
    std::fs::create_dir(dir.path().join("blocks")).unwrap();
    until(&engine, |stat| stat.blocks == 1 && stat.blocks_unpublished == 0).await;
    assert_eq!(found(&engine).await.1, 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_cannot_be_finished_is_built_again_from_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    for number in 1..=40 {
        write(&engine, trace(number, 5)).await;
    }
    let open_block = until_some(|| std::fs::read_dir(dir.path().join("open")).unwrap().next()).await;
    let open_block = open_block.unwrap().path();
    until_some(|| std::fs::remove_file(open_block.join("spans.parquet")).ok()).await;
    clock.advance(Duration::from_secs(60));
    let stat = until(&engine, |stat| stat.blocks == 1 && stat.uncommitted_spans == 0).await;
    assert_eq!(stat.block_spans, 200);
    assert_eq!(found(&engine).await.1, 200);
    assert!(!open_block.exists());
    assert_eq!(engine.inner.metrics.freeze_failures.get(), 1);
}

async fn until_some<T>(mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(seen) = look() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never appeared");
}
