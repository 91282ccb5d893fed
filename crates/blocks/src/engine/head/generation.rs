//! The spans of one generation: chunks that grow, are sealed and freeze into its open blocks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use journal::Position;
use model::{Tenant, time::UnixNanos};
use tokio::sync::{OwnedSemaphorePermit, RwLock};

use super::super::runs::Runs;
use super::{Drained, Part, Sealed};
use crate::{block::BlockView, settings::Limits};

/// What came between two cuts of the journal.
pub(super) struct Generation {
    pub(super) number: u64,
    pub(super) from: Position,
    pub(super) to: Option<Position>,
    /// Filled by replay, not by writers.
    pub(super) replayed: bool,
    /// Writers that may still add to it hold it for reading.
    pub(super) gate: Arc<RwLock<()>>,
    pub(super) open: BTreeMap<(Tenant, bool), Chunk>,
    /// Chunks that take no more spans, in their order; the first `freezing` of them are being frozen.
    pub(super) sealed: VecDeque<Arc<Sealed>>,
    pub(super) freezing: usize,
    /// Views on its open blocks, by id.
    pub(super) views: BTreeMap<String, Arc<BlockView>>,
    pub(super) block_bytes: u64,
    pub(super) spans: u64,
    /// How many chunks were begun.
    pub(super) chunks: u64,
    pub(super) began_ns: Option<UnixNanos>,
}

/// Spans of a tenant that freeze together.
pub(super) struct Chunk {
    pub(super) number: u64,
    pub(super) runs: Runs,
    received_ns: UnixNanos,
    room: Option<OwnedSemaphorePermit>,
}

impl Chunk {
    fn new(number: u64) -> Self {
        Self { number, runs: Runs::default(), received_ns: 0, room: None }
    }
}

impl Generation {
    pub(super) fn new(number: u64, from: Position, replayed: bool) -> Self {
        Self {
            number,
            from,
            to: None,
            replayed,
            gate: Arc::default(),
            open: BTreeMap::new(),
            sealed: VecDeque::new(),
            freezing: 0,
            views: BTreeMap::new(),
            block_bytes: 0,
            spans: 0,
            chunks: 0,
            began_ns: None,
        }
    }

    pub(super) fn insert(&mut self, parts: Vec<Part>, now: UnixNanos, limits: &Limits) -> bool {
        for part in parts {
            let key = (part.batch.tenant().clone(), part.skew);
            self.spans += part.batch.len() as u64;
            self.began_ns.get_or_insert(now);
            let chunk = self.open.entry(key.clone()).or_insert_with(|| {
                self.chunks += 1;
                Chunk::new(self.number << 32 | self.chunks)
            });
            chunk.received_ns = chunk.received_ns.max(part.received_ns);
            chunk.runs.push(part.batch);
            match (&mut chunk.room, part.room) {
                (Some(room), Some(more)) => room.merge(more),
                (room, more) => *room = room.take().or(more),
            }
            if chunk.runs.bytes() >= limits.chunk_bytes_max || chunk.runs.spans() >= limits.chunk_spans_max {
                self.seal(&key);
            }
        }
        !self.sealed.is_empty()
    }

    pub(super) fn seal(&mut self, key: &(Tenant, bool)) {
        let Some(chunk) = self.open.remove(key) else { return };
        self.sealed.push_back(Arc::new(Sealed {
            number: chunk.number,
            generation: self.number,
            tenant: key.0.clone(),
            skew: key.1,
            received_ns: chunk.received_ns,
            batches: chunk.runs.batches().collect(),
            _room: chunk.room,
        }));
    }

    /// The next chunk to freeze.
    pub(super) fn next_chunk(&mut self) -> Option<Arc<Sealed>> {
        let next = self.sealed.get(self.freezing).cloned()?;
        self.freezing += 1;
        Some(next)
    }

    /// The first chunk that was to be frozen is.
    pub(super) fn frozen(&mut self) {
        self.sealed.pop_front();
        self.freezing = self.freezing.saturating_sub(1);
    }

    pub(super) fn seal_all(&mut self) {
        while let Some(key) = self.open.keys().next().cloned() {
            self.seal(&key);
        }
    }

    pub(super) fn is_big(&self, limits: &Limits) -> bool {
        self.spans >= limits.block_spans_max || self.block_bytes >= limits.block_bytes_max
    }

    pub(super) fn is_due(&self, now: UnixNanos, limits: &Limits) -> bool {
        let age_max = u64::try_from(limits.block_age_max.as_nanos()).unwrap_or(u64::MAX);
        // A clock that was set back says nothing of an age.
        let is_old =
            |began: UnixNanos| began.saturating_add(age_max) <= now || now.saturating_add(age_max) < began;
        let old = self.began_ns.is_some_and(is_old);
        self.spans > 0 && (old || self.is_big(limits))
    }

    pub(super) fn drained(&self) -> Option<Drained> {
        let Self { number: generation, from, to: Some(to), .. } = *self else { return None };
        let empty = self.open.is_empty() && self.sealed.is_empty();
        (empty && !self.has_writers()).then_some(Drained { generation, from, to })
    }

    /// May writers that entered it still add spans, to it or to a younger one?
    pub(super) fn has_writers(&self) -> bool {
        self.gate.clone().try_write_owned().is_err()
    }
}
