//! What is searchable before it is in a committed block, and how it moves on without being seen twice.
//!
//! Spans belong to a *generation*: everything between two cuts of the journal. A generation's chunks
//! freeze into its open blocks; when it is cut it closes, is published, and its part of the journal may go.
//! One lock covers chunks and views, so a question sees every span exactly once. The lock is never held
//! while something is computed or waited for.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use journal::{Journal, Position};
use model::{Batch, Tenant, time::UnixNanos};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit};

use generation::Generation;

use crate::{
    block::BlockView,
    manifest::{self, Block},
    settings::Limits,
};

mod generation;

/// Everything that is searchable.
pub(crate) struct Head {
    limits: Limits,
    state: Mutex<State>,
}

/// Spans on their way into the head: one tenant's, all skewed or none.
pub(crate) struct Part {
    pub(crate) batch: Batch,
    pub(crate) skew: bool,
    pub(crate) received_ns: UnixNanos,
    /// The room that it takes in the head.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// A chunk that takes no more spans and waits to be frozen, or is being frozen; still searchable.
pub(crate) struct Sealed {
    number: u64,
    pub(crate) generation: u64,
    pub(crate) tenant: Tenant,
    pub(crate) skew: bool,
    pub(crate) received_ns: UnixNanos,
    pub(crate) batches: Vec<Batch>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A generation that takes no more spans and whose chunks are all in its blocks.
#[derive(Clone, Copy)]
pub(crate) struct Drained {
    pub(crate) generation: u64,
    pub(crate) from: Position,
    pub(crate) to: Position,
}

/// A closed generation on its way to the object store.
#[derive(Clone)]
pub(crate) struct Closed {
    pub(crate) generation: u64,
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) blocks: Vec<Block>,
    /// Views on the blocks where they were written.
    views: Vec<(String, Arc<BlockView>)>,
}

/// What a question looks at.
#[derive(Default)]
pub(crate) struct Visible {
    pub(crate) head: Vec<Batch>,
    pub(crate) blocks: Vec<Arc<BlockView>>,
    /// The manifest that the views on committed blocks stand for.
    pub(crate) seen: Arc<manifest::State>,
}

/// What is in no block that someone else can know.
#[derive(Default)]
pub(crate) struct Unseen {
    /// Batches of each chunk, in the order in which they came, under its number.
    pub(crate) chunks: Vec<(u64, Vec<Batch>)>,
    pub(crate) blocks: Vec<(String, Arc<BlockView>)>,
}

/// Why a question about what is unseen has no answer: the asker has to see this manifest first.
pub(crate) struct Behind(pub(crate) u64);

/// How long a generation is still at hand after it was committed, for askers who have not seen that yet.
const RECENT_FOR: Duration = Duration::from_secs(60);

/// … and how many at most.
const RECENT_MAX: usize = 64;

/// A committed generation that is still at hand.
struct Recent {
    closed: Closed,
    /// A manifest that knows it.
    number: u64,
    since: Instant,
}

/// Figures of the head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) spans: u64,
    pub(crate) bytes: u64,
    pub(crate) chunks: u64,
    pub(crate) unpublished: u64,
    pub(crate) uncommitted_spans: u64,
}

#[derive(Default)]
struct State {
    generations: VecDeque<Generation>,
    next_number: u64,
    unpublished: VecDeque<Closed>,
    /// Views on closed blocks, by id; replaced as a whole, so that a question can keep it.
    closed: Arc<BTreeMap<String, Arc<BlockView>>>,
    /// The manifest that the views on committed blocks stand for.
    seen: Arc<manifest::State>,
    /// Committed generations, oldest first.
    recent: VecDeque<Recent>,
    /// The manifest before which generations were committed that are no longer at hand.
    forgotten: u64,
}

/// What a state of the manifest lists otherwise than the views.
pub(crate) struct Difference {
    /// Blocks without a view.
    pub(crate) missing: Vec<String>,
    /// Blocks with a view that are no longer listed.
    pub(crate) gone: Vec<String>,
}

impl Head {
    /// A head whose first live generation begins at `from`; all before this manifest is in committed blocks.
    pub(crate) fn new(limits: Limits, from: Position, forgotten: u64) -> Self {
        let mut state = State { forgotten, ..State::default() };
        state.begin(from, false);
        Self { limits, state: Mutex::new(state) }
    }

    /// Begins a generation for frames that replay finds; it lies before all live ones.
    pub(crate) fn begin_replay(&self, from: Position) -> u64 {
        self.lock().begin(from, true)
    }

    /// Announces a writer: the current generation stays open to it until the guard is dropped.
    pub(crate) fn enter(&self) -> OwnedRwLockReadGuard<()> {
        let state = self.lock();
        let gate = state.current().gate.clone();
        gate.try_read_owned().expect("the gate is closed only after a newer generation took over")
    }

    /// Makes spans searchable whose frame lies at `position`. True if something is ready to freeze.
    pub(crate) fn insert(&self, position: Position, parts: Vec<Part>, now: UnixNanos) -> bool {
        let mut state = self.lock();
        let mut live = state.generations.iter_mut().rev().filter(|generation| !generation.replayed);
        let generation = live.find(|generation| generation.from <= position);
        let generation = generation.expect("a writer's generation stays until its guard is dropped");
        generation.insert(parts, now, &self.limits)
    }

    /// Makes spans searchable that replay found.
    pub(crate) fn insert_replayed(&self, number: u64, parts: Vec<Part>, now: UnixNanos) -> bool {
        let mut state = self.lock();
        state.generation(number).is_some_and(|generation| generation.insert(parts, now, &self.limits))
    }

    /// Ends the current generation at a cut of the journal and begins the next.
    pub(crate) fn cut(&self, journal: &Journal) {
        let mut state = self.lock();
        let cut = journal.cut();
        let current = state.generations.iter_mut().rev().find(|generation| !generation.replayed);
        if let Some(current) = current.filter(|current| current.from < cut) {
            current.to = Some(cut);
            state.begin(cut, false);
        }
    }

    /// Ends a replayed generation at `to`.
    pub(crate) fn cut_replayed(&self, number: u64, to: Position) {
        if let Some(generation) = self.lock().generation(number) {
            generation.to = Some(to);
        }
    }

    /// Does the current generation hold enough, or for long enough, to become a block?
    pub(crate) fn is_due(&self, now: UnixNanos) -> bool {
        self.lock().current().is_due(now, &self.limits)
    }

    /// Has the current generation no span yet?
    pub(crate) fn is_fresh(&self) -> bool {
        self.lock().current().spans == 0
    }

    /// Does this replayed generation hold enough to become a block?
    pub(crate) fn is_replay_due(&self, number: u64) -> bool {
        let limits = &self.limits;
        self.lock().generation(number).is_some_and(|generation| generation.is_big(limits))
    }

    /// Seals the largest open chunk where none is on its way into a block: small row groups cost space.
    pub(crate) fn make_room(&self) {
        let mut state = self.lock();
        if state.generations.iter().any(|generation| !generation.sealed.is_empty()) {
            return;
        }
        let open = state.generations.iter_mut().flat_map(|generation| {
            let number = generation.number;
            generation.open.iter().map(move |(key, chunk)| (chunk.runs.bytes(), number, key.clone()))
        });
        let Some((_, number, key)) = open.max_by_key(|(bytes, ..)| *bytes) else { return };
        if let Some(generation) = state.generation(number) {
            generation.seal(&key);
        }
    }

    /// The next chunk to freeze, in the order of each generation; it stays searchable here until `frozen`.
    pub(crate) fn next_chunk(&self) -> Option<Arc<Sealed>> {
        let mut state = self.lock();
        for generation in &mut state.generations {
            if generation.to.is_some() && !generation.has_writers() {
                generation.seal_all();
            }
            if let Some(next) = generation.next_chunk() {
                return Some(next);
            }
        }
        None
    }

    /// Chunks that are being frozen and are not yet, are to be frozen from the start.
    pub(crate) fn freeze_again(&self) {
        self.lock().generations.iter_mut().for_each(|generation| generation.freezing = 0);
    }

    /// The first chunk of its generation is in this open block now: swaps the one for the other.
    pub(crate) fn frozen(&self, sealed: &Sealed, (id, view): (String, Arc<BlockView>), block_bytes: u64) {
        let mut state = self.lock();
        if let Some(generation) = state.generation(sealed.generation) {
            generation.views.insert(id, view);
            generation.block_bytes = block_bytes;
            generation.frozen();
        }
    }

    /// A generation that can be closed.
    ///
    /// A live one waits for the writers of those before it: a frame that they append after a cut belongs to a younger
    /// generation, and its spans come there late.
    pub(crate) fn next_drained(&self) -> Option<Drained> {
        let state = self.lock();
        let mut has_older_writers = false;
        state.generations.iter().find_map(|generation| {
            let drained = generation.drained().filter(|_| generation.replayed || !has_older_writers);
            has_older_writers |= !generation.replayed && generation.has_writers();
            drained
        })
    }

    /// Is a generation cut but still open to writers?
    pub(crate) fn is_draining(&self) -> bool {
        self.lock().generations.iter().any(|generation| generation.to.is_some())
    }

    /// The blocks of a generation are closed: swaps the open views for closed ones.
    pub(crate) fn closed(&self, generation: u64, blocks: Vec<(Block, Arc<BlockView>)>) {
        let mut state = self.lock();
        let Some(at) = state.generations.iter().position(|found| found.number == generation) else { return };
        let Some(Generation { from, to: Some(to), .. }) = state.generations.remove(at) else { return };
        let closed = Arc::make_mut(&mut state.closed);
        let (mut listed, mut views) = (Vec::new(), Vec::new());
        for (block, view) in blocks {
            closed.insert(block.meta.id.clone(), view.clone());
            views.push((block.meta.id.clone(), view));
            listed.push(block);
        }
        state.unpublished.push_back(Closed { generation, from, to, blocks: listed, views });
    }

    /// The oldest generation to publish that nobody is busy with.
    pub(crate) fn next_closed(&self, is_busy: impl Fn(u64) -> bool) -> Option<Closed> {
        let state = self.lock();
        state.unpublished.iter().find(|closed| !is_busy(closed.generation)).cloned()
    }

    /// Bytes of closed blocks that are not committed yet.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        let state = self.lock();
        let blocks = state.unpublished.iter().flat_map(|closed| &closed.blocks);
        blocks.map(|block| block.meta.data_bytes + block.meta.index_bytes).sum()
    }

    /// The position below which the journal is not needed once this generation is committed.
    pub(crate) fn needed_without(&self, generation: u64) -> Position {
        let state = self.lock();
        let open = state.generations.iter().map(|generation| generation.from);
        let others = state.unpublished.iter().filter(|closed| closed.generation != generation);
        open.chain(others.map(|closed| closed.from)).min().unwrap_or(Position::START)
    }

    /// The generation is committed, as this manifest knows.
    pub(crate) fn published(&self, generation: u64, number: u64) {
        let mut state = self.lock();
        let at = state.unpublished.iter().position(|closed| closed.generation == generation);
        let Some(closed) = at.and_then(|at| state.unpublished.remove(at)) else { return };
        state.recent.push_back(Recent { closed, number, since: Instant::now() });
        while state.recent.len() > RECENT_MAX
            || state.recent.front().is_some_and(|recent| recent.since.elapsed() > RECENT_FOR)
        {
            let Some(gone) = state.recent.pop_front() else { break };
            state.forgotten = state.forgotten.max(gone.number);
        }
    }

    /// What of a tenant is in no block that someone can know who has seen this manifest, by which these parts of the
    /// journal are in blocks.
    pub(crate) fn unseen(
        &self,
        tenant: &Tenant,
        number: u64,
        is_committed: impl Fn(Position, Position) -> bool,
    ) -> Result<Unseen, Behind> {
        let (mut unseen, mut open) = (Unseen::default(), Vec::new());
        let state = self.lock();
        if number < state.forgotten {
            return Err(Behind(state.forgotten));
        }
        for generation in &state.generations {
            let mine = generation.open.iter().filter(|((of, _), _)| of == tenant);
            open.extend(mine.map(|(_, chunk)| (chunk.number, chunk.runs.clone())));
            let mine = generation.sealed.iter().filter(|sealed| &sealed.tenant == tenant);
            unseen.chunks.extend(mine.map(|sealed| (sealed.number, sealed.batches.clone())));
            unseen.blocks.extend(generation.views.iter().map(|(id, view)| (id.clone(), view.clone())));
        }
        let closed = state.unpublished.iter().chain(state.recent.iter().map(|recent| &recent.closed));
        for closed in closed.filter(|closed| !is_committed(closed.from, closed.to)) {
            unseen.blocks.extend(closed.views.iter().cloned());
        }
        drop(state);
        unseen.chunks.extend(open.into_iter().map(|(number, runs)| (number, runs.batches().collect())));
        unseen.blocks.retain(|(_, view)| view.has(tenant));
        Ok(unseen)
    }

    /// The view on a block where it was written, while it is at hand.
    pub(crate) fn lent(&self, id: &str) -> Option<Arc<BlockView>> {
        let state = self.lock();
        let growing = state.generations.iter().find_map(|generation| generation.views.get(id));
        let closed = || {
            let closed = state.unpublished.iter().chain(state.recent.iter().map(|recent| &recent.closed));
            closed.flat_map(|closed| &closed.views).find(|(found, _)| found == id).map(|(_, view)| view)
        };
        growing.or_else(closed).cloned()
    }

    /// Makes a committed block searchable.
    pub(crate) fn add(&self, id: String, view: Arc<BlockView>) {
        Arc::make_mut(&mut self.lock().closed).insert(id, view);
    }

    /// Looks at a block in another way, if it is there.
    pub(crate) fn replace(&self, id: &str, view: Arc<BlockView>) {
        let mut state = self.lock();
        if let Some(known) = Arc::make_mut(&mut state.closed).get_mut(id) {
            *known = view;
        }
    }

    /// The manifest that the views on committed blocks stand for.
    pub(crate) fn seen(&self) -> Arc<manifest::State> {
        self.lock().seen.clone()
    }

    /// How the views differ from what a state lists.
    pub(crate) fn difference(&self, listed: &manifest::State) -> Difference {
        let state = self.lock();
        let waits = |id: &String| {
            state.unpublished.iter().flat_map(|closed| &closed.blocks).any(|block| &block.meta.id == id)
        };
        let missing = listed.blocks.keys().filter(|id| !state.closed.contains_key(*id)).cloned();
        let gone = state.closed.keys().filter(|id| !listed.blocks.contains_key(*id) && !waits(id)).cloned();
        Difference { missing: missing.collect(), gone: gone.collect() }
    }

    /// Takes views in and others away, as the manifest lists them now.
    pub(crate) fn see(
        &self,
        listed: Arc<manifest::State>,
        opened: BTreeMap<String, Arc<BlockView>>,
        gone: &[String],
    ) {
        let mut state = self.lock();
        let closed = Arc::make_mut(&mut state.closed);
        closed.extend(opened);
        gone.iter().for_each(|id| drop(closed.remove(id)));
        state.seen = listed;
    }

    /// The view on a closed block.
    pub(crate) fn view(&self, id: &str) -> Option<Arc<BlockView>> {
        self.lock().closed.get(id).cloned()
    }

    /// The views on all blocks, open ones too, by id.
    pub(crate) fn views(&self) -> Vec<(String, Arc<BlockView>)> {
        let state = self.lock();
        let open = state.generations.iter().flat_map(|generation| &generation.views);
        open.chain(&*state.closed).map(|(id, view)| (id.clone(), view.clone())).collect()
    }

    /// Everything of a tenant that is searchable at this instant.
    pub(crate) fn visible(&self, tenant: &Tenant) -> Visible {
        let (mut open, mut sealed, mut views) = (Vec::new(), Vec::new(), Vec::new());
        let (closed, seen) = {
            let state = self.lock();
            for generation in &state.generations {
                let mine = generation.open.iter().filter(|((of, _), _)| of == tenant);
                open.extend(mine.map(|(_, chunk)| chunk.runs.clone()));
                sealed.extend(generation.sealed.iter().filter(|sealed| &sealed.tenant == tenant).cloned());
                views.extend(generation.views.values().cloned());
            }
            (state.closed.clone(), state.seen.clone())
        };
        views.extend(closed.values().cloned());
        let mut head: Vec<Batch> = sealed.iter().flat_map(|sealed| sealed.batches.iter().cloned()).collect();
        open.iter().for_each(|runs| head.extend(runs.batches()));
        Visible { head, blocks: views, seen }
    }

    /// How full it is.
    pub(crate) fn figures(&self) -> Figures {
        let state = self.lock();
        let mut figures = Figures { unpublished: state.unpublished.len() as u64, ..Figures::default() };
        let blocks = state.unpublished.iter().flat_map(|closed| &closed.blocks);
        figures.uncommitted_spans = blocks.map(|block| block.meta.spans).sum();
        for generation in &state.generations {
            figures.uncommitted_spans += generation.spans;
            for chunk in generation.open.values() {
                figures.chunks += 1;
                figures.spans += chunk.runs.spans() as u64;
                figures.bytes += chunk.runs.bytes() as u64;
            }
            for batch in generation.sealed.iter().flat_map(|sealed| &sealed.batches) {
                figures.spans += batch.len() as u64;
                figures.bytes += cost(batch) as u64;
            }
        }
        figures
    }

    /// Is nothing left to freeze, close or publish?
    pub(crate) fn is_settled(&self) -> bool {
        let state = self.lock();
        let left = state.generations.iter().any(|generation| generation.to.is_some());
        !left && state.current().spans == 0 && state.unpublished.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that a batch takes in the head.
pub(crate) fn cost(batch: &Batch) -> usize {
    batch.bytes().len() + size_of_val(batch.rows())
}

impl State {
    fn begin(&mut self, from: Position, replayed: bool) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        self.generations.push_back(Generation::new(number, from, replayed));
        number
    }

    fn current(&self) -> &Generation {
        let live = self.generations.iter().rev().find(|generation| !generation.replayed);
        live.expect("there is always a live generation")
    }

    fn generation(&mut self, number: u64) -> Option<&mut Generation> {
        self.generations.iter_mut().find(|generation| generation.number == number)
    }
}
