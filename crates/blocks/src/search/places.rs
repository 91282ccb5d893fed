//! Where one trace lies, and from when to when it lasts.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, SpanRow};

use super::repeats::sets::GroupId;
use crate::columns::shred::TraceRows;

/// A trace in several runs, or with spans in the head.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) places: Arc<Places>,
    pub(super) lasts: Lasts,
}

/// From the earliest start to the latest end of what was added; the other way round for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lasts {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Where a trace lies.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// Its runs, by row group.
    pub(super) runs: Vec<(GroupId, TraceRows)>,
    /// Its spans in the head: the numbers of their batches, and their places there.
    pub(super) head: Vec<(u64, u32)>,
}

impl Places {
    /// True where it lies in more than one place.
    pub(super) fn is_spread(&self) -> bool {
        self.runs.len() + usize::from(!self.head.is_empty()) > 1
    }

    /// Its runs in a block, with the numbers of their row groups.
    pub(super) fn in_block(&self, block: u64) -> impl Iterator<Item = (usize, TraceRows)> {
        let here = self.runs.iter().filter(move |((of, _), _)| *of == block);
        here.map(|((_, group), rows)| (*group as usize, *rows))
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.runs.capacity() * size_of::<(GroupId, TraceRows)>()
            + self.head.capacity() * size_of::<(u64, u32)>()
    }

    /// What remains of it, if something goes; nothing where that is not worth knowing.
    pub(super) fn without(
        &self,
        has: &impl Fn(&GroupId) -> bool,
        batches: &HashMap<u64, &Batch, FixedState>,
    ) -> Option<Known> {
        let runs: Vec<_> = self.runs.iter().copied().filter(|(group, _)| has(group)).collect();
        let mut lasts = Lasts::default();
        lasts.add_runs(&runs);
        let mut head = Vec::new();
        for (number, at) in &self.head {
            let Some(batch) = batches.get(number) else { continue };
            lasts.add_row(&batch.rows()[*at as usize]);
            head.push((*number, *at));
        }
        let is_worth_knowing = !head.is_empty() || runs.len() > 1;
        is_worth_knowing.then(|| Known { places: Arc::new(Self { runs, head }), lasts })
    }
}

impl Default for Lasts {
    fn default() -> Self {
        Self { start: u64::MAX, end: 0 }
    }
}

impl Lasts {
    pub(super) fn add(&mut self, start: u64, end: u64) {
        (self.start, self.end) = (self.start.min(start), self.end.max(end));
    }

    pub(super) fn add_row(&mut self, row: &SpanRow) {
        self.add(row.start, row.end.max(row.start));
    }

    pub(super) fn add_runs(&mut self, runs: &[(GroupId, TraceRows)]) {
        runs.iter().for_each(|(_, rows)| self.add(rows.start, rows.end));
    }
}
