//! What is erased is nowhere: not in blocks, not in the journal, not after a restart, and in no file once questions are over.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use journal::{Directory, Disk, File};
use model::{Tenant, TimeRange, TraceId};
use prometheus::Registry;
use store::{
    Field, Filter, Level, Operand,
    conformance::{self, Draft},
};

use super::{StandingClock, found, open_with, tenant, trace, unmerged as settings, until, write};
use crate::engine::{
    Engine, Rim,
    erase::{Erase, Erasure},
};
use crate::{error::Next, settings::Settings};

fn erase_all() -> Erase {
    Erase {
        tenant: Tenant::default(),
        ids: None,
        spans: Filter::All,
        time: TimeRange::ALL,
        dry_run: false,
        at_once: false,
    }
}

fn traces(numbers: &[u64]) -> Erase {
    let ids: Vec<TraceId> = numbers.iter().map(|number| Draft::new(*number, 1).trace).collect();
    Erase { ids: Some(ids), ..erase_all() }
}

/// The spans that name this user.
fn user(name: &str) -> Erase {
    let field = Field::Attribute { level: Level::Any, key: "user.id".into() };
    Erase { spans: Filter::equal(field, Operand::Text(name.into())), ..erase_all() }
}

fn of_user(number: u64, span: u64, user: &str) -> Draft {
    Draft { attributes: vec![("user.id".into(), user.into())], ..Draft::new(number, span) }
}

async fn erase(engine: &Engine, what: Erase) -> Erasure {
    let erasure = engine.erase(what).await.unwrap();
    assert!(erasure.is_proven(), "{erasure:?}");
    erasure
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_are_erased_from_blocks_head_and_journal() {
    let dir = tempfile::tempdir().unwrap();
    let clock = StandingClock::new();
    let engine = open_with(settings(dir.path()), clock.clone()).await;
    for number in 1..=30 {
        write(&engine, trace(number, 4)).await;
    }
    engine.inner.drain().await.unwrap();
    for number in 31..=40 {
        write(&engine, trace(number, 4)).await;
    }
    let dry = engine.erase(Erase { dry_run: true, ..traces(&[5, 35, 999]) }).await.unwrap();
    assert_eq!((dry.spans, dry.is_proven()), (8, false));
    assert_eq!(found(&engine).await.1, 160, "a dry run changes nothing");
    let erasure = erase(&engine, traces(&[5, 35, 999])).await;
    assert_eq!((erasure.spans, erasure.blocks.len()), (8, 2));
    let block = &erasure.blocks[0];
    let after = block.after.as_ref().unwrap();
    assert_eq!(after.spans, block.before.spans - block.spans);
    assert_ne!(after.data_crc, block.before.data_crc);
    assert!(erasure.verified.files_waiting >= 2 && erasure.files_gone_at.is_some(), "{erasure:?}");
    assert_eq!(found(&engine).await.1, 152);
    clock.advance(Duration::from_secs(121));
    engine.inner.delete_garbage().await.unwrap();
    for erased in &erasure.blocks {
        assert!(!dir.path().join("blocks").join(&erased.before.id).exists());
    }
    drop(engine);
    let engine = open_with(settings(dir.path()), clock).await;
    until(&engine, |stat| stat.recovery.done).await;
    let left = found(&engine).await;
    assert!(left.1 == 152 && !left.0.contains(&5) && !left.0.contains(&35), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_are_erased_by_what_they_say_and_others_of_their_trace_stay() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    let me = Tenant::default();
    write(&engine, conformance::batch(&me, &[of_user(1, 1, "ann"), of_user(1, 2, "bob"), Draft::new(1, 3)]))
        .await;
    write(&engine, conformance::batch(&me, &[of_user(2, 1, "ann")])).await;
    write(&engine, conformance::batch(&tenant("red"), &[of_user(3, 1, "ann")])).await;
    let erasure = erase(&engine, user("ann")).await;
    assert_eq!(erasure.spans, 2);
    assert_eq!(found(&engine).await, ([1].into(), 2));
    let red = Erase { tenant: tenant("red"), ..user("ann") };
    assert_eq!(erase(&engine, red).await.spans, 1, "another tenant's are its own matter");
    assert_eq!(erase(&engine, user("ann")).await.blocks.len(), 0, "there is nothing left to do");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_spans_inside_the_time_are_erased() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    let (early, late) = (of_user(1, 1, "ann"), of_user(2, 1, "ann"));
    let late = Draft { start: early.start + 50, end: early.end + 50, ..late };
    write(&engine, conformance::batch(&Tenant::default(), &[early.clone(), late.clone()])).await;
    let time = TimeRange { start: early.start, end: late.start };
    assert_eq!(erase(&engine, Erase { time, ..user("ann") }).await.spans, 1);
    assert_eq!(found(&engine).await.0, [2].into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_store_is_rid_of_the_files_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    for number in 1..=5 {
        write(&engine, trace(number, 4)).await;
    }
    let erasure = erase(&engine, Erase { at_once: true, ..traces(&[1]) }).await;
    assert_eq!((erasure.files_gone_at, erasure.verified.files_waiting), (None, 0));
    assert_eq!(std::fs::read_dir(dir.path().join("blocks")).unwrap().count(), 1);
    assert_eq!(found(&engine).await.1, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_trace_leaves_the_archive_and_may_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open_with(settings(dir.path()), StandingClock::new()).await;
    write(&engine, trace(1, 4)).await;
    let id = Draft::new(1, 1).trace;
    engine.archive(&Tenant::default(), &[id]).await.unwrap();
    assert_eq!(erase(&engine, traces(&[1])).await.unarchived, 1);
    assert!(engine.archived(&Tenant::default()).await.is_empty());
    write(&engine, trace(1, 2)).await;
    assert_eq!(found(&engine).await.1, 2, "what arrives later is not looked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ingest_goes_on_meanwhile_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Arc::new(open_with(settings(dir.path()), StandingClock::new()).await);
    for number in 1..=60 {
        write(&engine, trace(number, 4)).await;
    }
    let writing = engine.clone();
    let writer = tokio::spawn(async move {
        for number in 1000..1200 {
            write(&writing, trace(number, 4)).await;
        }
    });
    for number in [3, 33, 53] {
        assert_eq!(erase(&engine, traces(&[number])).await.spans, 4);
    }
    writer.await.unwrap();
    assert_eq!(found(&engine).await.1, 57 * 4 + 200 * 4);
}

/// A directory of a journal in which every segment is gone the next few times that it is opened.
struct Vanishing {
    directory: Directory,
    times: Arc<AtomicU32>,
}

impl Disk for Vanishing {
    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        self.directory.create(name)
    }

    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let one_less = |times: u32| times.checked_sub(1);
        match self.times.fetch_update(SeqCst, SeqCst, one_less) {
            Ok(_) => Err(io::ErrorKind::NotFound.into()),
            Err(_) => self.directory.read(name, bytes_max),
        }
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        self.directory.list()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.directory.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.directory.sync_dir()
    }
}

/// A segment was truncated between the listing and the reading of the journal: about one erasure of three hundred
/// under load answered that it should be tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_cut_while_it_is_looked_through_is_looked_through_again() {
    let dir = tempfile::tempdir().unwrap();
    let times = Arc::new(AtomicU32::new(0));
    let vanishing = times.clone();
    let rim = move |settings: &Settings| {
        let directory = Directory::open(settings.path.join("journal")).unwrap();
        let rim = Rim::of(settings)?;
        Ok(Rim { disk: Arc::new(Vanishing { directory, times: vanishing }), ..rim })
    };
    let engine = Engine::open_on(settings(dir.path()), StandingClock::new(), &Registry::new(), rim).await;
    let engine = engine.unwrap();
    until(&engine, |stat| stat.recovery.done).await;
    write(&engine, trace(1, 4)).await;
    let until = engine.inner.journal.cut();
    let look = || tokio::task::block_in_place(|| engine.inner.in_journal(&traces(&[1]), until));
    for cuts in [0, 1, 2, 5] {
        times.store(cuts, SeqCst);
        assert_eq!(look().unwrap(), (1, 4));
        assert_eq!(times.load(SeqCst), 0);
    }
    times.store(u32::MAX, SeqCst);
    let error = look().unwrap_err();
    assert_eq!(error.next, Next::Retry, "a disk that never answers is said: {error}");
    times.store(0, SeqCst);
}
