//! A wall clock that jumps by hours and years, at any moment of a span's life: nothing is lost by it.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use model::{
    Clock, Tenant,
    time::{UnixNanos, Uptime},
};
use store::conformance::{self, Draft, NOW};

use super::{StandingClock, found, open_at, open_with, settings, trace, until, write};
use crate::engine::Engine;

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

/// The clocks of a machine: one that can be set, and one that only counts.
struct Machine {
    wall: AtomicU64,
    up: AtomicU64,
    boot: AtomicU64,
}

impl Machine {
    fn new() -> Arc<Self> {
        Arc::new(Self { wall: AtomicU64::new(NOW), up: AtomicU64::new(7), boot: AtomicU64::new(1) })
    }

    /// No more than an hour at once: who looks between the two sees no jump.
    fn pass(&self, hours: u64) {
        for _ in 0..hours {
            self.wall.fetch_add(HOUR.as_nanos() as u64, SeqCst);
            self.up.fetch_add(HOUR.as_nanos() as u64, SeqCst);
        }
    }

    fn jump(&self, by: i64) {
        self.wall.fetch_add(by as u64, SeqCst);
    }

    fn start_anew(&self) {
        self.boot.fetch_add(1, SeqCst);
        self.up.store(0, SeqCst);
    }
}

impl Clock for Machine {
    fn now(&self) -> UnixNanos {
        self.wall.load(SeqCst)
    }

    fn uptime(&self) -> Option<Uptime> {
        Some(Uptime { boot: self.boot.load(SeqCst), up_ns: self.up.load(SeqCst) })
    }
}

/// Blocks are counted, so none is merged.
async fn opened(path: &Path, machine: &Arc<Machine>) -> Engine {
    let mut settings = settings(path);
    settings.compaction.enabled = false;
    let engine = open_at(settings, machine.clone()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

/// A day in which the retention acts each hour; the clock is not believed until the last of them.
async fn nearly_a_day(engine: &Engine, machine: &Machine) {
    for _ in 0..23 {
        machine.pass(1);
        assert_eq!(engine.inner.retain().await.unwrap().due.len(), 0);
        engine.inner.delete_garbage().await.unwrap();
    }
}

/// What happens together with a jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meanwhile {
    Nothing,
    Restart,
    MachineRestart,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_and_comes_back_costs_nothing() {
    let year = YEAR.as_nanos() as i64;
    let all = [Meanwhile::Nothing, Meanwhile::Restart, Meanwhile::MachineRestart];
    for (jump, meanwhile) in all.into_iter().flat_map(|meanwhile| [(year, meanwhile), (-year, meanwhile)]) {
        let case = format!("{jump} {meanwhile:?}");
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::new();
        let mut engine = opened(dir.path(), &machine).await;
        for number in 1..=4 {
            write(&engine, trace(number, 1)).await;
            engine.inner.drain().await.unwrap();
            machine.pass(1);
        }
        engine.inner.retain().await.unwrap();
        if meanwhile != Meanwhile::Nothing {
            engine.close().await.unwrap();
            drop(engine);
            if meanwhile == Meanwhile::MachineRestart {
                machine.start_anew();
            }
            machine.jump(jump);
            engine = opened(dir.path(), &machine).await;
        } else {
            machine.jump(jump);
        }
        engine.inner.retain().await.unwrap();
        assert!(engine.stat().await.clock.is_some(), "{case}");
        // Clients go by the same wrong clock, and by a right one.
        let wrong = Draft { start: NOW.wrapping_add(jump as u64), end: machine.now(), ..Draft::new(5, 1) };
        write(&engine, conformance::batch(&Tenant::default(), &[wrong])).await;
        write(&engine, trace(6, 1)).await;
        assert_eq!(found(&engine).await, ((1..=6).collect(), 6), "{case}: new spans are found");
        engine.inner.drain().await.unwrap();
        nearly_a_day(&engine, &machine).await;
        assert_eq!(found(&engine).await.1, 6, "{case}: nothing is lost");
        machine.jump(-jump);
        engine.inner.retain().await.unwrap();
        assert_eq!(engine.stat().await.clock, None, "{case}: the clock is believed again");
        nearly_a_day(&engine, &machine).await;
        assert_eq!(found(&engine).await, ((1..=6).collect(), 6), "{case}: nor when it is back");
        drop(engine);
        let engine = opened(dir.path(), &machine).await;
        assert_eq!(found(&engine).await.1, 6, "{case}: no file was deleted that is still listed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_time_that_stays_is_believed_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let engine = opened(dir.path(), &machine).await;
    write(&engine, trace(1, 1)).await;
    engine.inner.drain().await.unwrap();
    engine.inner.retain().await.unwrap();
    machine.jump(YEAR.as_nanos() as i64);
    engine.inner.retain().await.unwrap();
    nearly_a_day(&engine, &machine).await;
    assert_eq!(found(&engine).await.1, 1);
    machine.pass(2);
    assert_eq!(engine.inner.retain().await.unwrap().due.len(), 1);
    assert_eq!((found(&engine).await.1, engine.stat().await.clock), (0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_for_long_drops_what_is_old() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let engine = opened(dir.path(), &machine).await;
    write(&engine, trace(1, 1)).await;
    engine.close().await.unwrap();
    drop(engine);
    machine.pass(365 * 24);
    let engine = opened(dir.path(), &machine).await;
    assert_eq!(engine.stat().await.clock, None, "the machine was up for as long");
    for _ in 0..2 {
        engine.inner.retain().await.unwrap();
    }
    assert_eq!(found(&engine).await.1, 0);
}
