//! The life of a span in the store: journal → head → open block → committed block → retention.
//!
//! In: batches ([`store::Writer`]) and plans ([`store::Reader`]). A batch is in the journal, fsynced, and in
//! the head, searchable, before it is answered (`keep.rs`). Four tasks do the rest: `freeze.rs` moves
//! the head into blocks, `publish.rs` commits blocks and then lets the journal go, `compact.rs` merges them,
//! `tend.rs` drops what is old, or writes it again without what has to go (`trim.rs`, `erase.rs`); `follow.rs` sees what
//! other nodes do, and `hot.rs` keeps copies of young blocks. After a start `replay.rs` fills the head from the journal while writes are accepted already.
//! What is inside a block is left to `block` and `search`. Bounded by [`Limits`](crate::settings::Limits).

mod archive;
mod bench;
mod check;
mod clock;
mod compact;
pub mod erase;
mod files;
mod follow;
mod freeze;
mod head;
mod hot;
mod keep;
mod kin;
mod node;
mod packing;
pub mod peers;
mod publish;
mod record;
mod recover;
mod repair;
mod replay;
mod restore;
mod rewrite;
mod runs;
mod shelf;
mod stat;
mod tend;
mod trim;

#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use journal::{Directory, Disk, Journal, Position, Replay};
use model::{Batch, Clock, Tenant, TimeRange};
use store::{Answer, Capabilities, Plan, ReadError, Reader, WriteError, Writer};
use tokio::{
    sync::{Mutex, Notify, Semaphore},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::shelf::CacheFigures;
pub use self::{
    archive::ARCHIVED_MAX,
    check::{Progress, Report, check, home, inventory, stat},
    clock::Doubt,
    files::Parts,
    repair::{Mended, repair},
    restore::{Restored, restore},
    stat::{Level, NextDrop, Recovered, Stat},
};
use self::{
    clock::Watch, compact::Compacting, head::Head, node::Identity, peers::Peers, publish::Away,
    recover::Recovery, shelf::Shelf,
};
use crate::{
    block,
    error::{Doing, Error, Next, Result},
    lock::DirectoryLock,
    manifest::{Known, Manifest, Note, State},
    memory::Memory,
    metrics::Metrics,
    search::{self, Scan},
    settings::Settings,
};

const JOURNAL: &str = "journal";

/// Indexes that were rebuilt because those of their blocks are of no use.
const REBUILT: &str = "rebuilt";

/// How long a graceful end waits until everything is in committed blocks; the journal keeps the rest.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(30);

/// How long it waits after that until its tasks have ended, a merge among them.
const TASKS_WAIT_MAX: Duration = Duration::from_secs(10);

/// How often a graceful end looks whether it is done.
const CLOSE_TICK: Duration = Duration::from_millis(10);

/// The embedded store. Dropping it ends it as a crash would: nothing is lost, the next start replays.
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    clock: Arc<dyn Clock>,
    watch: Watch,
    identity: Identity,
    disk: Arc<dyn Disk>,
    journal: Journal,
    head: Head,
    shelf: Shelf,
    memory: Arc<Memory>,
    manifest: Mutex<Manifest>,
    /// What the manifest says, for whoever must not wait for the object store.
    known: Known,
    /// Who has what is not in the object store yet.
    peers: Peers,
    /// Held while views are brought up to the manifest.
    seeing: Mutex<()>,
    away: Away,
    metrics: Metrics,
    recovery: Recovery,
    compacting: Compacting,
    /// Where the journal of this process begins.
    live_from: Position,
    /// Room in the head, in KiB.
    room: Arc<Semaphore>,
    queries: Arc<Semaphore>,
    freeze: Notify,
    publish: Notify,
    compact: Notify,
    /// One task at a time drops blocks or writes them again.
    tending: Mutex<()>,
    /// Blocks that this process has written again.
    rewritten: AtomicU64,
    /// Files of dropped blocks are to be deleted as soon as that may be.
    deletion_soon: AtomicBool,
    /// The size of the disk, for quotas.
    disk_bytes: AtomicU64,
    disk_full: AtomicBool,
    closing: AtomicBool,
    ended: CancellationToken,
    /// What runs until then.
    tasks: std::sync::Mutex<Vec<JoinHandle<()>>>,
    _lock: DirectoryLock,
}

/// What of the world the engine writes to; tests hand in one that fails.
struct Rim {
    /// The journal's.
    disk: Arc<dyn Disk>,
    /// The blocks' and the manifest's.
    shelf: Shelf,
}

impl Rim {
    fn of(settings: &Settings) -> Result<Self> {
        let disk = Directory::open(settings.path.join(JOURNAL)).doing(Next::Refuse, "open the journal")?;
        Ok(Self { disk: Arc::new(disk), shelf: Shelf::new(settings)? })
    }
}

impl Engine {
    /// Opens the store: takes the directory, reads the manifest and the journal's headers, and accepts writes.
    /// What the journal holds becomes searchable in the background; [`Stat::recovery`] tells how far it is.
    ///
    /// # Errors
    /// If another process holds the directory, or something in it needs a human: what, and what to do.
    pub async fn open(
        settings: Settings,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
    ) -> Result<Self> {
        Self::open_on(settings, clock, registry, Rim::of).await
    }

    async fn open_on(
        settings: Settings,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
        rim: impl FnOnce(&Settings) -> Result<Rim>,
    ) -> Result<Self> {
        let metrics = Metrics::new(registry)?;
        let path = settings.path.clone();
        std::fs::create_dir_all(&path)
            .doing(Next::Refuse, format!("create the data directory {}", path.display()))?;
        let lock = DirectoryLock::take(&path, &settings.address)?;
        let Rim { disk, shelf } = rim(&settings)?;
        let (objects, root) = shelf.objects();
        let note = Note::read(&settings);
        let manifest = Manifest::open_noted(objects, root, settings.limits.checkpoint_entries, note).await?;
        let committed = manifest.state().clone();
        let mut identity = Identity::next(&path)?;
        let known_epoch = committed.nodes.get(&identity.node).map_or(0, |node| node.epoch);
        identity.raise(&path, known_epoch + 1)?;
        shelf.clear_open()?;
        let (journal, replay) = open_journal(&disk, &settings, &committed, &identity)?;
        let live_from = journal.cut();
        let limits = &settings.limits;
        let memory = Memory::new(limits.index_bytes_max, limits.page_bytes_max);
        let memory = memory.rebuilding_in(path.join(REBUILT));
        block::tidy_rebuilt(&path.join(REBUILT), &|id| committed.blocks.contains_key(id))?;
        let inner = Arc::new(Inner {
            head: Head::new(settings.limits.clone(), live_from, committed.number),
            peers: Peers::new(&settings.peers, settings.limits.peer_bytes_max),
            memory: Arc::new(memory),
            room: Arc::new(Semaphore::new(keep::kibibytes(settings.limits.head_bytes_max) as usize)),
            queries: Arc::new(Semaphore::new(settings.limits.queries_max)),
            known: manifest.known(),
            manifest: Mutex::new(manifest),
            seeing: Mutex::default(),
            away: Away::default(),
            recovery: Recovery::default(),
            compacting: Compacting::default(),
            freeze: Notify::new(),
            publish: Notify::new(),
            compact: Notify::new(),
            tending: Mutex::default(),
            rewritten: AtomicU64::new(0),
            deletion_soon: AtomicBool::new(false),
            disk_bytes: AtomicU64::new(0),
            disk_full: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            ended: CancellationToken::new(),
            tasks: std::sync::Mutex::default(),
            _lock: lock,
            watch: Watch::open(&path),
            settings,
            clock,
            identity,
            disk,
            journal,
            shelf,
            metrics,
            live_from,
        });
        inner.look_at_space();
        inner.look_at_clock();
        inner.start(replay, committed);
        Ok(Self { inner })
    }

    /// What its blocks keep in memory.
    #[must_use]
    pub fn memory(&self) -> Arc<Memory> {
        self.inner.memory.clone()
    }

    /// How many bytes are taken beside the head by the chunks that become row groups, about.
    #[must_use]
    pub fn packing_bytes_max(&self) -> u64 {
        let limits = &self.inner.settings.limits;
        limits.packing_max.saturating_mul(limits.chunk_bytes_max) as u64
    }

    /// Ends in order: refuses writes, waits until everything is in committed blocks, and then until nothing works on the
    /// directory any more.
    ///
    /// # Errors
    /// If that takes too long, as when the object store is away; nothing is lost, the next start replays.
    pub async fn close(&self) -> Result<()> {
        let inner = &self.inner;
        inner.closing.store(true, Relaxed);
        let settled = tokio::time::timeout(CLOSE_WAIT_MAX, inner.settle()).await;
        inner.ended.cancel();
        let ending = self.inner.clone();
        tokio::task::spawn_blocking(move || ending.journal.close())
            .await
            .doing(Next::Repair, "close the journal")?;
        if tokio::time::timeout(TASKS_WAIT_MAX, inner.tasks_end()).await.is_err() {
            tracing::warn!(
                "some work on the store goes on after its end: its directory is in use until then"
            );
        }
        settled
            .doing(Next::Retry, "bring everything into blocks; the journal keeps the rest for the next start")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.inner.ended.cancel();
        self.inner.closing.store(true, Relaxed);
    }
}

impl Inner {
    fn start(self: &Arc<Self>, replay: Replay, committed: State) {
        let generation = self.head.begin_replay(Position::START);
        self.spawn(self.clone().freeze_forever());
        self.spawn(self.clone().publish_forever());
        self.spawn(self.clone().follow_forever());
        self.spawn(self.clone().keep_hot_forever());
        let inner = self.clone();
        self.spawn(async move {
            inner.recover(replay, committed, generation).await;
            if inner.settings.is_tended {
                inner.spawn(inner.clone().compact_forever());
            }
            inner.tend_forever().await;
        });
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.lock_tasks().push(tokio::spawn(task));
    }

    /// Waits for all tasks, those too that others of them begin.
    async fn tasks_end(&self) {
        loop {
            let Some(task) = self.lock_tasks().pop() else { return };
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the store failed");
            }
        }
    }

    fn lock_tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn settle(&self) {
        while !self.recovery.done.load(Relaxed) {
            tokio::time::sleep(CLOSE_TICK).await;
        }
        self.head.cut(&self.journal);
        while !self.head.is_settled() {
            self.freeze.notify_one();
            tokio::time::sleep(CLOSE_TICK).await;
        }
    }

    async fn ask(self: &Arc<Self>, plan: &Plan) -> std::result::Result<Answer, ReadError> {
        let waited = tokio::time::timeout(plan.time_limit, self.queries.clone().acquire_owned()).await;
        let Ok(Ok(turn)) = waited else {
            let reason = format!("{} questions are being answered already", self.settings.limits.queries_max);
            return Err(ReadError::Failed { reason });
        };
        let mut plan = plan.clone();
        plan.time_limit = plan.time_limit.min(self.settings.limits.query_time_max);
        self.recovery.settled().await;
        // Asked before the sources are taken: what is replayed in between is missing in them.
        let missing = self.recovery.missing();
        let (sources, absent) = self.sources(&plan.tenant).await;
        // Whoever stops waiting drops the guard, and the search ends at its next page.
        let gone = CancellationToken::new();
        let _waiting = gone.clone().drop_guard();
        let inner = self.clone();
        let searched = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            inner.metrics.running_queries.inc();
            let ended_early = std::cell::Cell::new(false);
            let is_over = || {
                ended_early.set(gone.is_cancelled());
                ended_early.get()
            };
            let answer = search::run_until(&plan, &sources, &is_over);
            inner.metrics.query_pages.inc_by(answer.as_ref().map_or(0, |answer| answer.work.pages_read));
            inner.metrics.abandoned_queries.inc_by(u64::from(ended_early.get()));
            inner.metrics.running_queries.dec();
            answer
        });
        let panicked = |_| Err(ReadError::Failed { reason: "the search panicked".into() });
        let mut answer = searched.await.unwrap_or_else(panicked)?;
        self.metrics.damaged_pages.inc_by(answer.work.pages_damaged);
        let why: Vec<String> = [missing, absent, answer.partial].into_iter().flatten().collect();
        answer.partial = (!why.is_empty()).then(|| why.join("; "));
        Ok(answer)
    }
}

#[async_trait]
impl Writer for Engine {
    async fn write(&self, batch: Batch) -> std::result::Result<(), WriteError> {
        if batch.is_empty() {
            return Ok(());
        }
        // A task of its own, so that whoever stops waiting leaves no batch half kept.
        let kept = tokio::spawn(self.inner.clone().keep(batch)).await;
        kept.unwrap_or_else(|_| {
            Err(WriteError::Refused { reason: "the store panicked on this batch".into() })
        })
    }
}

#[async_trait]
impl Reader for Engine {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            durable: self.inner.settings.sync == journal::Sync::Always,
            without_service: true,
            ordered: true,
        }
    }

    async fn run(&self, plan: &Plan) -> std::result::Result<Answer, ReadError> {
        let began = Instant::now();
        let answer = self.inner.ask(plan).await;
        self.inner.metrics.query_seconds.observe(began.elapsed().as_secs_f64());
        answer
    }

    async fn scan(
        &self,
        tenant: &Tenant,
        time: TimeRange,
    ) -> std::result::Result<Box<dyn store::Scan>, ReadError> {
        let inner = &self.inner;
        inner.recovery.settled().await;
        if let Some(reason) = inner.recovery.missing() {
            return Err(ReadError::Failed { reason });
        }
        match inner.sources(tenant).await {
            (sources, None) => Ok(Box::new(Scan::new(sources, tenant, time))),
            (_, Some(reason)) => Err(ReadError::Failed { reason }),
        }
    }
}

fn open_journal(
    disk: &Arc<dyn Disk>,
    settings: &Settings,
    committed: &State,
    identity: &Identity,
) -> Result<(Journal, Replay)> {
    let settings = journal::Settings {
        sync: settings.sync,
        segment_floor: committed.segment_floor(&identity.node),
        ..journal::Settings::default()
    };
    journal::open(disk.clone(), settings).map_err(|error| {
        let next = if error.next == journal::Next::Retry { Next::Retry } else { Next::Repair };
        Error::new(next, error.to_string())
    })
}
