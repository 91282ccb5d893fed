//! Merging blocks in the background, and making old ones smaller: a task of its own, paced, and in nobody's way.
//!
//! One job at a time: its outputs are written and placed, then one manifest entry adds them and removes the inputs, then
//! the views are swapped under one lock, so that a question sees either. If an input is gone meanwhile, another node was
//! faster and the outputs are thrown away. After a crash they are files without an entry, which `tend` deletes. The task
//! takes its share of a core, waits while the head fills up, and takes a whole core once many jobs wait. Where nothing is
//! to be merged, the oldest block that is due becomes cold in the same way, one at a time.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

use super::{Inner, check};
use crate::{
    compact::{
        self, Form, Merged, Site,
        plan::{self, Job},
    },
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta, Entry, Removal, Tier},
    retain,
};

/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long after a failure the next job is tried.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The longest wait before the end of the engine is noticed.
const TICK: Duration = Duration::from_millis(50);

/// With more jobs waiting, a job takes a whole core and waits for nobody.
const WAITING_JOBS_MAX: usize = 4;

/// How long a piece of work is put off while the head is more than three quarters full.
const PRESSED_WAIT_MAX: Duration = Duration::from_secs(1);

/// Why an entry removes a merged block.
const WHY: &str = "compaction";

/// Why an entry removes a block that became cold.
const WHY_COLD: &str = "tier";

/// What waits to be merged or to become cold, and names for what comes out.
#[derive(Debug, Default)]
pub(super) struct Compacting {
    begun: AtomicU64,
    /// Blocks that are due.
    pub(super) waiting_blocks: AtomicU64,
    /// Their bytes.
    pub(super) waiting_bytes: AtomicU64,
    /// Blocks that are to become cold.
    pub(super) cooling_blocks: AtomicU64,
    /// Their bytes.
    pub(super) cooling_bytes: AtomicU64,
}

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn compact_forever(self: Arc<Self>) {
        let mut shunned = BTreeSet::new();
        while self.settings.compaction.enabled && !self.is_over() {
            let wait = match self.compact_next(&mut shunned).await {
                Ok(true) => continue,
                Ok(false) => LOOK_EVERY,
                Err(_) if self.is_over() => return,
                Err(error) => {
                    self.metrics.compaction_failures.inc();
                    tracing::warn!(%error, "cannot merge blocks; trying again");
                    RETRY_AFTER
                }
            };
            tokio::select! {
                () = self.compact.notified(), if wait == LOOK_EVERY => {}
                () = self.ended.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does the job that is most urgent; false if nothing is due, or there is no room on the disk.
    ///
    /// Blocks that turn out to be damaged are shunned from then on.
    pub(super) async fn compact_next(self: &Arc<Self>, shunned: &mut BTreeSet<String>) -> Result<bool> {
        let state = self.known.now();
        let now = self.look_at_clock();
        let jobs = plan::jobs(&state, &self.settings.compaction, shunned, now);
        let waiting = |of: fn(&Job) -> u64| jobs.iter().map(of).sum();
        self.compacting.waiting_blocks.store(waiting(|job| job.inputs.len() as u64), Relaxed);
        self.compacting.waiting_bytes.store(waiting(|job| job.bytes), Relaxed);
        let cooling = retain::cooling(&state, &self.settings.keeping(), shunned, now);
        self.compacting.cooling_blocks.store(cooling.len() as u64, Relaxed);
        self.compacting.cooling_bytes.store(cooling.iter().map(|block| block.meta.bytes()).sum(), Relaxed);
        let is_urgent = jobs.len() > WAITING_JOBS_MAX;
        let next = jobs.into_iter().next().or_else(|| cooling.first().copied().map(Job::cooling));
        let Some(job) = &next else { return Ok(false) };
        if !self.has_room_for(job) {
            return Ok(false);
        }
        let blocks: Vec<Block> = job.inputs.iter().filter_map(|id| state.blocks.get(id)).cloned().collect();
        let outcome = self.compact(job, &blocks, is_urgent).await;
        if outcome.as_ref().is_err_and(|error| error.next == Next::Repair) {
            shunned.extend(self.damaged(&blocks).await);
        }
        outcome.map(|()| true)
    }

    /// The outputs take about as much as the inputs, and both are there for a while.
    fn has_room_for(&self, job: &Job) -> bool {
        let free = u64::try_from(self.metrics.disk_free_bytes.get()).unwrap_or(0);
        free >= job.bytes.saturating_add(2 * self.settings.limits.free_bytes_min)
    }

    async fn compact(self: &Arc<Self>, job: &Job, blocks: &[Block], is_urgent: bool) -> Result<()> {
        let began = Instant::now();
        let merged = self.merged(blocks, self.form_of(job), is_urgent).await?;
        let outputs = outputs(job, blocks, merged.outputs);
        for output in &outputs {
            if let Err(error) = self.shelf.place(&output.meta.id).await {
                self.discard(&outputs).await;
                return Err(error);
            }
        }
        let mut entry = self.entry();
        let why = if job.tier == Tier::Cold { WHY_COLD } else { WHY };
        entry.remove = job.inputs.iter().map(|id| Removal::replaced(id, why)).collect();
        if let Some(first) = entry.remove.first_mut() {
            first.spans = merged.repeated;
        }
        entry.add = outputs;
        if self.commit_merged(&entry).await? {
            entry.add.iter().for_each(|block| self.shelf.placed(&block.meta));
            self.see_merged().await;
            if job.tier == Tier::Cold {
                let bytes = entry.add.iter().map(|block| block.meta.bytes()).sum();
                self.metrics.cooled(job.spans, job.bytes, bytes);
                tracing::info!(block = job.inputs[0], before = job.bytes, bytes, "made an old block smaller");
            } else {
                self.metrics.compacted(job.spans, merged.repeated, began.elapsed());
                tracing::debug!(blocks = blocks.len(), spans = job.spans, level = job.level, "merged blocks");
            }
        }
        Ok(())
    }

    fn form_of(&self, job: &Job) -> Form {
        match (job.tier, self.settings.tiers.cold) {
            // One block becomes one, whosever it is.
            (Tier::Cold, Some(cold)) => Form { own_min: u64::MAX, level: cold.compression },
            _ => Form { own_min: self.settings.compaction.tenant_spans_min, level: compact::LEVEL },
        }
    }

    /// Merges blocks into new ones, which are finished but not placed.
    async fn merged(self: &Arc<Self>, blocks: &[Block], form: Form, is_urgent: bool) -> Result<Merged> {
        let mut views = Vec::new();
        for block in blocks {
            let view = match self.head.view(&block.meta.id) {
                Some(view) => view,
                None => Arc::new(self.open_block(block.meta.clone()).await?),
            };
            views.push(view);
        }
        let share = if is_urgent { 1.0 } else { self.settings.compaction.share };
        let mut bench =
            Bench { inner: self.clone(), share, is_urgent, since: Instant::now(), begun: Vec::new() };
        let merging = tokio::task::spawn_blocking(move || {
            let merged = compact::merge(&views, form, &mut bench);
            if merged.is_err() {
                bench.abandon();
            }
            merged
        });
        merging.await.doing(Next::Repair, "merge blocks")?
    }

    /// Commits, also after the object store was away for a while; false if another node was faster.
    ///
    /// After a time the outputs might be deleted as files without an entry. From then on it is only looked whether
    /// an earlier attempt came through.
    async fn commit_merged(&self, entry: &Entry) -> Result<bool> {
        let began = Instant::now();
        loop {
            let outcome = {
                let mut manifest = self.manifest.lock().await;
                if began.elapsed() < self.settings.limits.orphan_age_max / 4 {
                    manifest.commit(entry.clone()).await.map(|()| true)
                } else {
                    manifest.follow().await.map(|()| manifest.state().holds(entry))
                }
            };
            match outcome {
                Err(error) if error.next == Next::Refuse => {
                    tracing::info!(%error, "another node was faster; its blocks stay");
                    self.discard(&entry.add).await;
                    return Ok(false);
                }
                Err(error) if error.next == Next::Retry && !self.is_over() => {
                    tracing::warn!(%error, "cannot commit merged blocks; trying again");
                    let _ended = tokio::time::timeout(RETRY_AFTER, self.ended.cancelled()).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Deletes blocks that are in no entry; what is left is deleted as any file without an entry.
    async fn discard(&self, outputs: &[Block]) {
        for id in outputs.iter().map(|block| &block.meta.id) {
            let _not_there = self.shelf.abandon(id);
            if let Err(error) = self.shelf.remove(id).await {
                tracing::warn!(%error, "cannot delete a block that is of no use");
            }
        }
    }

    /// Swaps the views; until that succeeds, the inputs are searched.
    async fn see_merged(self: &Arc<Self>) {
        while let Err(error) = self.see(&self.known.now()).await {
            tracing::warn!(%error, "cannot open a merged block yet; trying again");
            let _ended = tokio::time::timeout(TICK, self.ended.cancelled()).await;
            if self.is_over() {
                return;
            }
        }
    }

    /// Those of the blocks whose files are not what the manifest lists; all if none is found.
    async fn damaged(&self, blocks: &[Block]) -> Vec<String> {
        let mut damaged = Vec::new();
        for block in blocks {
            if !check::is_sound(&self.shelf, &block.meta).await {
                damaged.push(block.meta.id.clone());
            }
        }
        if damaged.is_empty() {
            damaged.extend(blocks.iter().map(|block| block.meta.id.clone()));
        }
        tracing::error!(?damaged, "blocks that cannot be merged stay as they are: run `faden store check`");
        damaged
    }

    pub(super) fn is_over(&self) -> bool {
        self.closing.load(Relaxed) || self.ended.is_cancelled()
    }

    fn is_pressed(&self) -> bool {
        let room = super::keep::kibibytes(self.settings.limits.head_bytes_max) as usize;
        self.room.available_permits() < room / 4
    }
}

/// What the manifest is to say of merged blocks.
fn outputs(job: &Job, inputs: &[Block], merged: Vec<BlockMeta>) -> Vec<Block> {
    let received_ns = inputs.iter().map(|block| block.received_ns).max().unwrap_or(0);
    let skew = inputs.iter().any(|block| block.meta.skew);
    let is_cold = job.tier == Tier::Cold;
    let first = inputs.first().filter(|_| is_cold);
    let known = |meta| BlockMeta {
        level: job.level,
        tier: job.tier,
        skew,
        bytes_before: if is_cold { job.bytes } else { 0 },
        judged: first.and_then(|block| block.meta.judged.clone()),
        ..meta
    };
    merged.into_iter().map(|meta| Block { meta: known(meta), received_ns }).collect()
}

/// Where a merge writes, and what paces it.
struct Bench {
    inner: Arc<Inner>,
    share: f64,
    is_urgent: bool,
    since: Instant,
    begun: Vec<String>,
}

impl Bench {
    fn abandon(&self) {
        for id in &self.begun {
            if let Err(error) = self.inner.shelf.abandon(id) {
                tracing::warn!(%error, "cannot remove an unfinished block; the next start does");
            }
        }
    }
}

impl Site for Bench {
    fn begin(&mut self) -> Result<(String, PathBuf)> {
        let number = self.inner.compacting.begun.fetch_add(1, Relaxed) + 1;
        let identity = &self.inner.identity;
        let id = format!("{}-{:06}-c{number:06}", identity.node, identity.epoch);
        let folder = self.inner.shelf.begin(&id)?;
        self.begun.push(id.clone());
        Ok((id, folder))
    }

    fn pause(&mut self) -> Result<()> {
        let rest = self.since.elapsed().mul_f64(1.0 / self.share - 1.0);
        let resting = Instant::now();
        loop {
            if self.inner.is_over() {
                return Err(Error::new(Next::Retry, "the store is shutting down"));
            }
            let rested = resting.elapsed();
            let put_off = !self.is_urgent && rested < PRESSED_WAIT_MAX && self.inner.is_pressed();
            let left = rest.saturating_sub(rested).max(if put_off { TICK } else { Duration::ZERO }).min(TICK);
            if left.is_zero() {
                break;
            }
            let ended = self.inner.ended.cancelled();
            _ = Handle::current().block_on(async { tokio::time::timeout(left, ended).await });
        }
        self.since = Instant::now();
        Ok(())
    }
}
