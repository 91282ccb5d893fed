//! A life of random writes, crashes and faults, by a seed: the ledger is right after every start.
//!
//! The journal lies on a disk in memory that loses what was not synced, tears writes, fills up and fails to sync; blocks and
//! manifest lie in an object store that fails before or after it has done what it was asked. The clock is the test's.
//! `FADEN_SEEDS` says how many seeds are played (12 by default), `FADEN_SEED` from which on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use journal::testing::{Fault, FaultyDisk};
use model::Tenant;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, memory::InMemory, path::Path,
};
use prometheus::Registry;
use store::{Ask, Plan, Reader, Writer};

use super::{StandingClock, found, settings, trace, until};
use crate::{
    engine::{Engine, Rim, shelf::Shelf},
    settings::{Compaction, Limits, Settings},
};

const SEEDS_DEFAULT: u64 = 12;

/// Lives of one store: each ends with a crash or in order.
const LIVES: usize = 6;

/// What a life does at most.
const DEEDS_MAX: usize = 40;

const SPANS: u64 = 3;

/// A small generator, so that a seed can be played again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }
}

/// An object store that fails now and then, before or after it has done what it was asked.
struct Bucket {
    objects: InMemory,
    calls: AtomicUsize,
    /// One call in so many fails; 0 for none.
    fails: AtomicUsize,
}

impl Bucket {
    fn new(objects: InMemory) -> Arc<Self> {
        Arc::new(Self { objects, calls: AtomicUsize::new(0), fails: AtomicUsize::new(0) })
    }

    /// Fails if it is time to, before or after.
    fn fail(&self, after: bool) -> Result<()> {
        let (call, one_in) = (self.calls.fetch_add(1, SeqCst), self.fails.load(SeqCst));
        if one_in > 0 && call.is_multiple_of(one_in) && (call / one_in).is_multiple_of(2) == after {
            return Err(object_store::Error::Generic { store: "test", source: "it failed on demand".into() });
        }
        Ok(())
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bucket")
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("bucket")
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.fail(false)?;
        let done = self.objects.put_opts(at, payload, options).await?;
        self.fail(true)?;
        Ok(done)
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.fail(false)?;
        self.objects.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(at, options).await
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.objects.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.objects.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await
    }
}

/// The parts of the world that outlive a process.
struct World {
    disk: FaultyDisk,
    bucket: Arc<Bucket>,
    folder: tempfile::TempDir,
    clock: Arc<StandingClock>,
}

impl World {
    async fn open(&self) -> Engine {
        let limits = Limits {
            chunk_spans_max: 16,
            block_spans_max: 60,
            checkpoint_entries: 3,
            ..settings(self.folder.path()).limits
        };
        let compaction = Compaction { inputs_min: 2, share: 1.0, ..Compaction::default() };
        let settings = Settings { limits, compaction, ..settings(self.folder.path()) };
        let rim = |settings: &Settings| {
            let disk = Arc::new(self.disk.clone());
            Ok(Rim { disk, shelf: Shelf::over(self.bucket.clone(), Path::default(), settings)? })
        };
        let engine = Engine::open_on(settings, self.clock.clone(), &Registry::new(), rim).await;
        engine.expect("the store opens")
    }

    /// What a power cut leaves. The journal is looked at first: what it was cut for is in the bucket by then.
    fn after_power_cut(self, chance: &mut Chance) -> Self {
        let disk = self.disk.after_power_cut(&mut |bound| chance.below(bound));
        let bucket = Bucket::new(self.bucket.objects.fork());
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(self.folder.path().join("node.json"), folder.path().join("node.json")).unwrap();
        Self { disk, bucket, folder, clock: self.clock }
    }
}

/// What was sent, and what of it was answered as stored.
#[derive(Default)]
struct Ledger {
    sent: u64,
    stored: BTreeSet<u64>,
}

impl Ledger {
    /// Writes some batches at once.
    async fn write(&mut self, engine: &Arc<Engine>, batches: usize) {
        let writing: BTreeMap<u64, _> = (0..batches)
            .map(|_| {
                self.sent += 1;
                let (engine, number) = (engine.clone(), self.sent);
                (number, tokio::spawn(async move { engine.write(trace(number, SPANS)).await }))
            })
            .collect();
        for (number, outcome) in writing {
            if outcome.await.unwrap().is_ok() {
                self.stored.insert(number);
            }
        }
    }

    async fn check(&self, engine: &Engine, when: &str) {
        let (traces, spans) = found(engine).await;
        let lost: Vec<_> = self.stored.difference(&traces).collect();
        let answer = engine.run(&Plan::new(Tenant::default(), Ask::Services)).await.unwrap();
        assert!(lost.is_empty(), "{when}: lost {lost:?}; {:?}; {:?}", answer.partial, engine.stat().await);
        assert_eq!(answer.partial, None, "{when}");
        assert!(traces.iter().all(|number| *number <= self.sent), "{when}: {traces:?}");
        assert_eq!(
            spans,
            traces.len() as u64 * SPANS,
            "{when}: a batch is kept whole and once, or not at all"
        );
    }
}

/// One life of a store; true if it ends in order.
async fn live(engine: Engine, world: &World, ledger: &mut Ledger, chance: &mut Chance, when: &str) -> bool {
    let engine = Arc::new(engine);
    for _ in 0..chance.below(DEEDS_MAX) {
        match chance.below(10) {
            0..=4 => ledger.write(&engine, 1 + chance.below(6)).await,
            5 => world.disk.fault([Fault::None, Fault::SyncOnce, Fault::Full][chance.below(3)]),
            6 => world.bucket.fails.store([0, 3, 7][chance.below(3)], SeqCst),
            7 => world.clock.advance(Duration::from_secs(61)),
            8 => tokio::time::sleep(Duration::from_millis(chance.below(12) as u64)).await,
            _ => ledger.check(&engine, when).await,
        }
    }
    world.disk.fault(Fault::None);
    world.bucket.fails.store(0, SeqCst);
    let ends_in_order = chance.one_in(4);
    if ends_in_order {
        engine.close().await.unwrap();
        ledger.check(&engine, when).await;
    }
    ends_in_order
}

async fn play(seed: u64) {
    let mut chance = Chance(seed);
    let mut ledger = Ledger::default();
    let mut world = World {
        disk: FaultyDisk::default(),
        bucket: Bucket::new(InMemory::new()),
        folder: tempfile::tempdir().unwrap(),
        clock: StandingClock::new(),
    };
    for number in 0..LIVES {
        let when = format!("seed {seed}, life {number}");
        let engine = world.open().await;
        let stat = until(&engine, |stat| stat.recovery.done).await;
        assert_eq!(stat.recovery.frames_lost, 0, "{when}");
        ledger.check(&engine, &format!("{when}, start")).await;
        live(engine, &world, &mut ledger, &mut chance, &when).await;
        world = world.after_power_cut(&mut chance);
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long it may take")]
fn seeds() -> RangeInclusive<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let first = number("FADEN_SEED").unwrap_or(1);
    first..=first + number("FADEN_SEEDS").unwrap_or(SEEDS_DEFAULT) - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_of_crashes_and_faults_loses_nothing() {
    let seeds = seeds();
    for seed in seeds.clone() {
        println!("seed {seed}");
        play(seed).await;
    }
    println!("{} seeds of {LIVES} lives each: nothing lost, nothing twice", seeds.count());
}
