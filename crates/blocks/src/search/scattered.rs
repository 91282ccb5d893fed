//! Traces that have to be looked at as a whole: those with spans in the head, and those in several places.
//!
//! Where they lie, and how long they last, is known ([`Whereabouts`]): nothing of them is read before one is looked at.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::TraceId;

use super::Run;
use super::places::Known;
use super::repeats::sets::GroupId;
use super::traces::Extent;
use super::whereabouts::Whereabouts;

/// All of these traces.
pub(super) struct Scattered {
    known: Arc<Whereabouts>,
    /// The places of row groups among those of the question.
    groups: HashMap<GroupId, usize, FixedState>,
    /// Made when it is asked for.
    head: Option<Head>,
}

/// What has to be known of the head's batches.
struct Head {
    /// Their places, by number.
    places: HashMap<u64, usize, FixedState>,
    /// True for those that may hold a span that the plan looks for.
    may_hold: Vec<bool>,
}

impl Scattered {
    pub(super) fn of(run: &Run<'_>, known: Arc<Whereabouts>) -> Self {
        Self { known, groups: run.group_places(), head: None }
    }

    /// The traces with their extents.
    pub(super) fn all(&self) -> impl Iterator<Item = (TraceId, Extent)> {
        self.known.traces.iter().map(|(id, known)| (*id, known.lasts.into()))
    }

    /// False where the trace stands in one run of rows, and in no other place.
    pub(super) fn holds(&self, id: TraceId) -> bool {
        self.known.traces.contains_key(&id)
    }

    /// The extent of one.
    pub(super) fn extent(&self, id: TraceId) -> Option<Extent> {
        Some(self.of_trace(id)?.lasts.into())
    }

    /// Its runs: the place of the row group among those of the question, and the first row.
    pub(super) fn runs(&self, id: TraceId) -> Vec<(usize, u32)> {
        let runs = self.of_trace(id).into_iter().flat_map(|known| &known.places.runs);
        runs.filter_map(|(group, rows)| Some((*self.groups.get(group)?, rows.first))).collect()
    }

    /// True where a span in the head passes.
    pub(super) fn passes_in_head(&mut self, run: &mut Run<'_>, id: TraceId) -> bool {
        let spans = self.in_head(run, id, true);
        spans.into_iter().any(|(batch, row)| run.finds(run.head[batch].span(row)))
    }

    /// False where the trace certainly has not the root that is asked for: it is in the head alone, and none of its spans is.
    pub(super) fn may_have_root(&mut self, run: &Run<'_>, id: TraceId) -> bool {
        let asked = &run.plan.trace;
        let is_in_head_alone = |known: &Known| known.places.runs.is_empty();
        if !asked.asks_for_root() || !self.of_trace(id).is_some_and(is_in_head_alone) {
            return true;
        }
        self.in_head(run, id, false).into_iter().any(|(batch, row)| {
            let span = run.head[batch].span(row);
            asked.passes_root(span.service(), span.name())
        })
    }

    fn of_trace(&self, id: TraceId) -> Option<&Known> {
        self.known.traces.get(&id)
    }

    /// The spans that a trace has in the head, or in those batches of it that may hold what the plan looks for.
    fn in_head(&mut self, run: &Run<'_>, id: TraceId, may_hold: bool) -> Vec<(usize, usize)> {
        let Some(known) = self.known.traces.get(&id).filter(|known| !known.places.head.is_empty()) else {
            return Vec::new();
        };
        let head = self.head.get_or_insert_with(|| Head::of(run, &self.known));
        let spans = known.places.head.iter();
        let spans = spans.filter_map(|(batch, row)| Some((*head.places.get(batch)?, *row as usize)));
        spans.filter(|(batch, _)| !may_hold || head.may_hold[*batch]).collect()
    }
}

impl Head {
    fn of(run: &Run<'_>, known: &Whereabouts) -> Self {
        let mut candidates = run.head_candidates().into_iter().peekable();
        let is_next = |batch: &model::Batch| candidates.next_if(|next| std::ptr::eq(*next, batch)).is_some();
        let may_hold = run.head.iter().copied().map(is_next).collect();
        Self { places: known.order(run), may_hold }
    }
}
