//! Stories of the engine on real files: what is answered as stored is found, once, whatever happens between.

mod clocks;
mod compacts;
mod crashes;
mod erasure;
mod far;
mod life;
mod limits;
mod peers;
mod repair;
mod restore;
mod retention;
mod s3;
mod simulation;
mod tiers;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use model::{Batch, Clock, Tenant, time::UnixNanos};
use prometheus::Registry;
use store::{
    Ask, Plan, Reader, Rows, Writer,
    conformance::{self, Draft, NOW},
};

use crate::{
    engine::{Engine, Stat},
    settings::{Compaction, Limits, Settings},
};

/// How often a test looks, 10 ms apart, before it gives up; only a busy machine needs many.
const LOOKS: usize = 6_000;

/// A clock that stands where a test puts it.
struct StandingClock(AtomicU64);

impl StandingClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW)))
    }

    fn set_back(&self, by: Duration) {
        self.0.fetch_sub(u64::try_from(by.as_nanos()).unwrap(), SeqCst);
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap(), SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> UnixNanos {
        self.0.load(SeqCst)
    }
}

/// Small limits, so that a few spans go the whole way.
fn settings(path: &Path) -> Settings {
    let limits = Limits { chunk_spans_max: 64, block_spans_max: 300, free_bytes_min: 0, ..Limits::default() };
    Settings { limits, ..Settings::new(path) }
}

/// The same where nothing is merged or dropped by itself, for who counts blocks.
fn unmerged(path: &Path) -> Settings {
    let compaction = Compaction { enabled: false, ..Compaction::default() };
    Settings { compaction, is_tended: false, ..settings(path) }
}

/// Opens the store; a lock that a dying engine still holds is waited for.
async fn open_with(settings: Settings, clock: Arc<StandingClock>) -> Engine {
    open_at(settings, clock).await
}

/// The same with any clock.
async fn open_at(settings: Settings, clock: Arc<dyn Clock>) -> Engine {
    for _ in 0..LOOKS {
        match Engine::open(settings.clone(), clock.clone(), &Registry::new()).await {
            Err(error) if error.to_string().contains("in use") => {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
            outcome => return outcome.expect("the store opens"),
        }
    }
    panic!("the lock was never released");
}

/// Opens the store and waits until everything in it is searchable.
async fn open(path: &Path) -> Engine {
    let engine = open_with(settings(path), StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    engine
}

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).expect("tests use good names")
}

/// A batch of the default tenant: one trace of so many spans.
fn trace(number: u64, spans: u64) -> Batch {
    let drafts: Vec<Draft> = (1..=spans).map(|span| Draft::new(number, span)).collect();
    conformance::batch(&Tenant::default(), &drafts)
}

/// The numbers of all traces of the default tenant, and how many spans they have.
async fn found(engine: &Engine) -> (BTreeSet<u64>, u64) {
    let mut plan = Plan::new(Tenant::default(), Ask::Summaries);
    plan.limit = store::plan::LIMIT_MAX;
    let Rows::Summaries(rows) = engine.run(&plan).await.expect("the store answers").rows else {
        panic!("summaries were asked for")
    };
    let number =
        |id: model::TraceId| u64::from_be_bytes(id.0[8..].try_into().expect("eight of sixteen bytes"));
    (rows.iter().map(|row| number(row.id)).collect(), rows.iter().map(|row| row.spans).sum())
}

/// Waits until the figures are as they should become.
async fn until(engine: &Engine, reached: impl Fn(&Stat) -> bool) -> Stat {
    for _ in 0..LOOKS {
        let stat = engine.stat().await;
        if reached(&stat) {
            return stat;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the store never got there: {:?}", engine.stat().await);
}

async fn write(engine: &Engine, batch: Batch) {
    engine.write(batch).await.expect("the store accepts");
}
