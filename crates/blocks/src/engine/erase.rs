//! Takes spans out of the store for good, and proves it.
//!
//! What was acknowledged when the erasure began is brought into blocks first, so that journal and head hold nothing of it.
//! Then every block with such spans is written again without them, until none is found; a last look reads the index and the
//! columns of every block and every frame of the journal that is as old. Spans that arrive later are not looked for.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use journal::Position;
use model::{Span, Tenant, TimeRange, TraceId, time::UnixNanos};
use store::{Ask, Filter, Plan, eval};

use super::{
    Engine, Inner,
    record::{Record, SPANS},
    rewrite::Choice,
};
use crate::{
    block::{BlockView, pieces},
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta, State},
    search::{self, Sources},
};

/// How long it may take until all that was acknowledged is in blocks.
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(120);

/// How often it is looked whether it is.
const DRAIN_TICK: Duration = Duration::from_millis(20);

/// A block that another task replaces meanwhile is looked for again, so many times.
const ROUNDS_MAX: usize = 8;

/// A segment of the journal that goes while it is read is in blocks by then: the rest is read again, so many times.
const READINGS_MAX: usize = 16;

/// One block may be searched for so long.
const SEARCH_TIME_MAX: Duration = Duration::from_secs(600);

/// Which spans are to be erased.
#[derive(Clone, Debug)]
pub struct Erase {
    /// Whose.
    pub tenant: Tenant,
    /// Only those of these traces.
    pub ids: Option<Vec<TraceId>>,
    /// Only those that pass.
    pub spans: Filter,
    /// Only those that start inside; of no meaning together with `ids`.
    pub time: TimeRange,
    /// Nothing is changed, only counted.
    pub dry_run: bool,
    /// Nobody else uses the store, so files are deleted without waiting for questions to end.
    pub at_once: bool,
}

/// What an erasure did, and what the look afterwards found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// When it began: what was acknowledged before is covered, Unix nanoseconds.
    pub began_ns: UnixNanos,
    /// Nothing was changed.
    pub dry_run: bool,
    /// Spans that were erased, or would be.
    pub spans: u64,
    /// The blocks that held them.
    pub blocks: Vec<ErasedBlock>,
    /// Blocks that could not be read, so that nobody knows; none in a good proof.
    pub unreadable: Vec<String>,
    /// What the look afterwards saw.
    pub verified: Verified,
    /// When the last of the old files is deleted, copies in the cache included; `None` where they are gone already.
    pub files_gone_at: Option<UnixNanos>,
    /// Archived traces that were taken out of the archive.
    pub unarchived: u64,
}

/// A block that was written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasedBlock {
    /// As it was.
    pub before: BlockMeta,
    /// As it is; `None` where no span was left, or nothing was changed.
    pub after: Option<BlockMeta>,
    /// Spans that were erased.
    pub spans: u64,
}

/// What the look afterwards saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blocks that were searched.
    pub blocks: u64,
    /// Spans in them.
    pub spans: u64,
    /// Blocks in which such a span was found; 0 in a good proof.
    pub blocks_found: u64,
    /// Frames of the journal that are as old.
    pub journal_frames: u64,
    /// Such spans in them; 0 in a good proof.
    pub journal_found: u64,
    /// Files of removed blocks that are still there.
    pub files_waiting: u64,
}

impl Erasure {
    /// Does the look afterwards prove that nothing is left in what the store lists?
    pub fn is_proven(&self) -> bool {
        let found = self.verified.blocks_found + self.verified.journal_found;
        !self.dry_run && found == 0 && self.unreadable.is_empty()
    }
}

impl Choice for Erase {
    fn trace(&self, _: &Tenant, _: TraceId) -> bool {
        true
    }

    fn span(&self, tenant: &Tenant, span: Span<'_>) -> bool {
        *tenant != self.tenant || !self.finds(span)
    }
}

impl Erase {
    fn finds(&self, span: Span<'_>) -> bool {
        let is_inside = match &self.ids {
            Some(ids) => ids.contains(&span.trace_id()),
            None => self.time.contains(span.start()),
        };
        is_inside && eval::passes(&self.spans, span)
    }

    fn plan(&self) -> Plan {
        Plan {
            time: self.time,
            ids: self.ids.clone(),
            spans: self.spans.clone(),
            limit: 1,
            time_limit: SEARCH_TIME_MAX,
            ..Plan::new(self.tenant.clone(), Ask::Summaries)
        }
    }

    /// May the block hold such a span, by what the manifest says?
    fn may_be_in(&self, meta: &BlockMeta) -> bool {
        let is_in_time = self.ids.is_some() || self.time.overlaps(meta.start_ns, meta.end_ns);
        is_in_time && meta.tenants.iter().any(|tenant| tenant == self.tenant.as_str())
    }
}

impl Engine {
    /// Erases spans. The answer says what was done and what was found afterwards.
    ///
    /// # Errors
    /// If the spans cannot be brought into blocks in time, or a block cannot be written; what was erased until then
    /// stays erased, and doing it again goes on.
    pub async fn erase(&self, erase: Erase) -> Result<Erasure> {
        self.inner.erase(Arc::new(erase)).await
    }
}

impl Inner {
    async fn erase(self: &Arc<Self>, erase: Arc<Erase>) -> Result<Erasure> {
        let _turn = self.tending.lock().await;
        self.recovery.settled().await;
        if !self.recovery.done.load(Relaxed) {
            return Err(Error::new(
                Next::Retry,
                "the store has just started and has not read everything yet",
            ));
        }
        let mut erasure =
            Erasure { began_ns: self.clock.now(), dry_run: erase.dry_run, ..Erasure::default() };
        if erase.dry_run {
            return self.count(&erase, erasure).await;
        }
        let until = self.drain().await?;
        let drained: BTreeSet<String> = self.manifest.lock().await.state().blocks.keys().cloned().collect();
        let mut written: BTreeSet<String> = BTreeSet::new();
        let is_late = |block: &Block, written: &BTreeSet<String>| {
            let id = &block.meta.id;
            block.meta.level == 0 && !drained.contains(id) && !written.contains(id)
        };
        for _ in 0..ROUNDS_MAX {
            let found = self.found(&erase, &mut erasure, |block| is_late(block, &written)).await?;
            if found.is_empty() {
                break;
            }
            for block in found {
                self.erase_from(&block, &erase, &mut erasure, &mut written).await?;
            }
        }
        if let Some(ids) = &erase.ids
            && matches!(erase.spans, Filter::All)
        {
            erasure.unarchived = self.take(&erase.tenant, ids).await?;
        }
        self.delete_erased(&erase, &mut erasure).await?;
        let left = self.found(&erase, &mut erasure, |block| is_late(block, &written)).await?;
        erasure.verified.blocks_found = left.len() as u64;
        self.verify(&erase, until, &mut erasure).await?;
        Ok(erasure)
    }

    /// Brings all that was acknowledged into committed blocks; returns the place in the journal where the rest begins.
    pub(super) async fn drain(&self) -> Result<Position> {
        self.head.cut(&self.journal);
        let until = self.journal.cut();
        let began = Instant::now();
        while self.head.needed_without(u64::MAX) < until {
            if began.elapsed() > DRAIN_WAIT_MAX || self.ended.is_cancelled() {
                let what = "what was acknowledged could not be brought into blocks in time; see the log, then try again";
                return Err(Error::new(Next::Retry, what));
            }
            self.freeze.notify_one();
            self.publish.notify_one();
            tokio::time::sleep(DRAIN_TICK).await;
        }
        Ok(until)
    }

    /// The committed blocks that hold such spans.
    async fn found(
        self: &Arc<Self>,
        erase: &Arc<Erase>,
        erasure: &mut Erasure,
        is_late: impl Fn(&Block) -> bool,
    ) -> Result<Vec<Block>> {
        let state = self.manifest.lock().await.state().clone();
        erasure.unreadable.clear();
        (erasure.verified.blocks, erasure.verified.spans) = (0, 0);
        let mut found = Vec::new();
        for block in state.blocks.into_values().filter(|block| erase.may_be_in(&block.meta)) {
            if is_late(&block) {
                continue;
            }
            let Ok(view) = self.view(&block.meta.id) else {
                erasure.unreadable.push(block.meta.id);
                continue;
            };
            erasure.verified.blocks += 1;
            erasure.verified.spans += block.meta.spans;
            let asked = erase.clone();
            let searching = tokio::task::spawn_blocking(move || holds(&asked, view));
            if searching.await.doing(Next::Repair, "search a block")?? {
                found.push(block);
            }
        }
        Ok(found)
    }

    async fn erase_from(
        self: &Arc<Self>,
        block: &Block,
        erase: &Arc<Erase>,
        erasure: &mut Erasure,
        written: &mut BTreeSet<String>,
    ) -> Result<()> {
        let judged = block.meta.judged.clone();
        let describe = |meta| BlockMeta { judged, ..meta };
        match self.replace(block, erase.clone(), ("erase", describe), |_: &State| true).await {
            Ok(replaced) => {
                let after = replaced.block.map(|block| block.meta);
                written.extend(after.iter().map(|meta| meta.id.clone()));
                erasure.spans += replaced.spans_gone;
                let before = block.meta.clone();
                erasure.blocks.push(ErasedBlock { before, after, spans: replaced.spans_gone });
                Ok(())
            }
            Err(error) if error.next == Next::Refuse => {
                tracing::info!(%error, "a block was replaced meanwhile; looking again");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Deletes the files of the blocks that were replaced, or sees to it that they soon are.
    async fn delete_erased(&self, erase: &Erase, erasure: &mut Erasure) -> Result<()> {
        if !erase.at_once {
            if !erasure.blocks.is_empty() {
                self.deletion_soon.store(true, Relaxed);
                let wait = u64::try_from(self.files_go_after().as_nanos()).unwrap_or(u64::MAX);
                erasure.files_gone_at = Some(self.clock.now().saturating_add(wait));
            }
            return Ok(());
        }
        let listed: BTreeSet<String> = self.manifest.lock().await.state().blocks.keys().cloned().collect();
        for id in self.shelf.list().await?.into_keys().filter(|id| !listed.contains(id)) {
            self.shelf.remove(&id).await?;
            self.manifest.lock().await.forget(&id);
        }
        Ok(())
    }

    /// Looks whether the journal holds such spans, and whether old files are left.
    async fn verify(
        self: &Arc<Self>,
        erase: &Arc<Erase>,
        until: Position,
        erasure: &mut Erasure,
    ) -> Result<()> {
        let (inner, asked) = (self.clone(), erase.clone());
        let reading = tokio::task::spawn_blocking(move || inner.in_journal(&asked, until));
        let (frames, found) = reading.await.doing(Next::Repair, "read the journal")??;
        (erasure.verified.journal_frames, erasure.verified.journal_found) = (frames, found);
        let files = self.shelf.list().await?;
        let state = self.manifest.lock().await.state().clone();
        let waiting = files.keys().filter(|id| state.removed.contains_key(*id)).count();
        erasure.verified.files_waiting = waiting as u64;
        Ok(())
    }

    /// Frames of the journal before a place, and such spans in them, wherever the journal is cut meanwhile.
    pub(super) fn in_journal(&self, erase: &Erase, until: Position) -> Result<(u64, u64)> {
        let mut readings = 1;
        loop {
            match self.read_journal(erase, until) {
                Err(error) if error.next == Next::Retry && readings < READINGS_MAX && !self.is_over() => {
                    tracing::debug!(%error, "the journal was cut under an erasure that looks through it");
                    readings += 1;
                }
                read => return read,
            }
        }
    }

    fn read_journal(&self, erase: &Erase, until: Position) -> Result<(u64, u64)> {
        let (mut frames, mut found) = (0, 0);
        let replay = journal::replay(self.disk.clone()).doing(Next::Retry, "read the journal")?;
        for frame in replay {
            let frame = frame.map_err(|error| {
                let next = if error.next == journal::Next::Retry { Next::Retry } else { Next::Repair };
                Error::new(next, error.to_string())
            })?;
            if frame.position >= until {
                break;
            }
            frames += 1;
            if frame.kind == SPANS {
                let batch = Record::decode(&frame.meta, frame.body)?.batch;
                let is_theirs = *batch.tenant() == erase.tenant;
                found += batch.spans().filter(|span| is_theirs && erase.finds(*span)).count() as u64;
            }
        }
        Ok((frames, found))
    }

    /// Counts what an erasure would erase: in blocks, open or committed, and in the head.
    async fn count(self: &Arc<Self>, erase: &Arc<Erase>, mut erasure: Erasure) -> Result<Erasure> {
        let committed = self.manifest.lock().await.state().clone();
        let (visible, views) = (self.head.visible(&erase.tenant), self.head.views());
        let in_head = visible.head.iter().flat_map(|batch| batch.spans());
        erasure.spans = in_head.filter(|span| erase.finds(*span)).count() as u64;
        for (id, view) in views {
            let block = committed.blocks.get(&id);
            if block.is_some_and(|block| !erase.may_be_in(&block.meta)) {
                continue;
            }
            let asked = erase.clone();
            let counting = tokio::task::spawn_blocking(move || count(&asked, &view));
            let spans = counting.await.doing(Next::Repair, "search a block")??;
            erasure.spans += spans;
            if let Some(block) = block.filter(|_| spans > 0) {
                erasure.blocks.push(ErasedBlock { before: block.meta.clone(), after: None, spans });
            }
        }
        Ok(erasure)
    }
}

/// Does the block hold such a span?
fn holds(erase: &Erase, view: Arc<BlockView>) -> Result<bool> {
    let sources = Sources { blocks: vec![view], ..Sources::default() };
    let answer = search::run(&erase.plan(), &sources).doing(Next::Repair, "search a block")?;
    if let Some(partial) = answer.partial {
        return Err(Error::new(Next::Retry, partial));
    }
    Ok(matches!(answer.rows, store::Rows::Summaries(found) if !found.is_empty()))
}

/// How many such spans the block holds.
fn count(erase: &Erase, view: &BlockView) -> Result<u64> {
    let mut spans = 0;
    for group in view.groups.iter().filter(|group| group.tenant == erase.tenant) {
        let mut wanted = |id| erase.ids.as_ref().is_none_or(|ids| ids.contains(&id));
        pieces(view, group, &mut wanted, &mut |piece| {
            spans += piece.spans().filter(|span| erase.finds(*span)).count() as u64;
            Ok(())
        })?;
    }
    Ok(spans)
}
