//! A process that is killed at any instant: what it had answered as stored is found, once.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use super::{StandingClock, found, open, open_with, settings, trace, unmerged, until, write};
use crate::settings::{Limits, Settings};

/// Where the child writes; absent in the parent.
const CHILD_DIR: &str = "FADEN_TEST_CRASH_DIR";

/// The first number that the child writes.
const CHILD_FROM: &str = "FADEN_TEST_CRASH_FROM";

const ROUNDS: u64 = 6;
const SPANS: u64 = 3;

#[expect(clippy::disallowed_methods, reason = "how the parent of a test process talks to it")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Not a test of its own: what the killed process does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Some(dir) = variable(CHILD_DIR) else { return };
    let from: u64 = variable(CHILD_FROM).and_then(|from| from.parse().ok()).expect("the parent says where");
    let engine = Arc::new(open_with(settings(Path::new(&dir)), StandingClock::new()).await);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for number in (from + writer..).step_by(8) {
                    write(&engine, trace(number, SPANS)).await;
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "\nstored {number}")
                        .and_then(|()| out.flush())
                        .expect("the parent listens");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Lets a child write until it has answered so often, kills it, and returns what it had answered.
fn killed_after(dir: &Path, from: u64, answers: usize) -> BTreeSet<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["engine::tests::crashes::child", "--exact", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut stored = lines.filter_map(|line| line.strip_prefix("stored ")?.parse().ok());
    let mut answered: BTreeSet<u64> = stored.by_ref().take(answers).collect();
    child.kill().unwrap();
    answered.extend(stored);
    child.wait().unwrap();
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_it_answered_as_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut answered = BTreeSet::new();
    for round in 0..ROUNDS {
        let path = dir.path().to_owned();
        let answers = [1, 150, 40, 333, 90, 210][usize::try_from(round).unwrap() % 6];
        let more = tokio::task::spawn_blocking(move || killed_after(&path, 1 + round * 100_000, answers));
        answered.extend(more.await.unwrap());
        if round % 2 == 0 {
            continue;
        }
        let engine = open(dir.path()).await;
        let stat = engine.stat().await;
        assert_eq!(stat.recovery.frames_lost, 0);
        let (traces, spans) = found(&engine).await;
        let lost: Vec<_> = answered.difference(&traces).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
        assert_eq!(spans, traces.len() as u64 * SPANS, "a batch is kept whole or not at all");
        engine.close().await.unwrap();
        let stat = engine.stat().await;
        assert_eq!(stat.block_spans, spans, "no span is kept twice: {stat:?}");
        answered.extend(traces);
    }
}

/// Not a test of its own: a process that takes up what a long journal holds, and says how far it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovering_child() {
    let Some(dir) = variable(RECOVERING_DIR) else { return };
    let engine = open_with(long_start(Path::new(&dir)), StandingClock::new()).await;
    let begun = engine.stat().await.blocks;
    loop {
        let stat = engine.stat().await;
        if stat.recovery.done || stat.blocks >= begun + 2 {
            println!("\nrecovered {}", stat.recovery.done);
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }
}

/// Where the child takes up a journal; absent in the parent.
const RECOVERING_DIR: &str = "FADEN_TEST_RECOVERING_DIR";

/// A head that holds little of the journal, and several chunks on their way at once.
fn long_start(path: &Path) -> Settings {
    let limits = Limits { head_bytes_max: 96 << 10, packing_max: 3, ..unmerged(path).limits };
    Settings { limits, ..unmerged(path) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_is_killed_again_and_again_loses_nothing_and_keeps_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { chunk_spans_max: 1 << 20, block_spans_max: 1 << 30, ..settings(dir.path()).limits };
    let engine = open_with(Settings { limits, ..unmerged(dir.path()) }, StandingClock::new()).await;
    let numbers: BTreeSet<u64> = (1..=1_500).collect();
    for some in numbers.iter().copied().collect::<Vec<_>>().chunks(50) {
        futures_util::future::join_all(some.iter().map(|number| write(&engine, trace(*number, SPANS)))).await;
    }
    drop(engine);
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["engine::tests::crashes::recovering_child", "--exact", "--nocapture"])
            .env(RECOVERING_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let is_done = lines.find_map(|line| line.strip_prefix("recovered ").map(str::to_owned));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(is_done.as_deref(), Some("false"), "round {round} is killed while it reads the journal");
    }
    let engine = open_with(long_start(dir.path()), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    assert!(engine.stat().await.recovery.spans < 1_500 * SPANS, "what was committed is not read again");
    assert_eq!(found(&engine).await, (numbers, 1_500 * SPANS));
    engine.close().await.unwrap();
    let stat = engine.stat().await;
    assert_eq!((stat.block_spans, stat.uncommitted_spans), (1_500 * SPANS, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_dropped_at_any_moment_is_whole_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut written = 0;
    for round in 0..12 {
        let engine = open_with(settings(dir.path()), StandingClock::new()).await;
        for _ in 0..40 {
            written += 1;
            write(&engine, trace(written, SPANS)).await;
        }
        if round % 3 == 2 {
            until(&engine, |stat| stat.recovery.done).await;
            assert_eq!(found(&engine).await, ((1..=written).collect(), written * SPANS));
        }
        tokio::time::sleep(Duration::from_millis(round % 5)).await;
    }
    let engine = open(dir.path()).await;
    engine.close().await.unwrap();
    let stat = engine.stat().await;
    assert_eq!((stat.block_spans, stat.uncommitted_spans), (written * SPANS, 0));
}
