//! Traces that have to be looked at as a whole: those with spans in the head, and those in several places.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::TraceId;

use super::Run;
use super::spread::Spread;
use super::traces::Extent;
use crate::index::Group;

/// All of these traces, with their extents.
pub(super) struct Scattered {
    spread: Spread,
    pub(super) all: Vec<Scatter>,
    /// The spans of the head, by the place of their trace in `all`; made when they are asked for.
    head: Option<OfHead>,
}

/// A trace in several places, or in the head.
pub(super) struct Scatter {
    pub(super) id: TraceId,
    pub(super) extent: Extent,
    /// Its runs: the place of the row group among those of the question, and the first row.
    pub(super) runs: Vec<(usize, u32)>,
    is_in_head: bool,
}

/// The spans of the head.
struct OfHead {
    /// Of each trace where its spans begin in the list.
    begins: Vec<u32>,
    /// Batch and row.
    spans: Vec<(u32, u32)>,
    /// True for the batches that may hold a span that the plan looks for.
    may_hold: Vec<bool>,
}

impl Scattered {
    /// `None` where it can't be told of all.
    pub(super) fn of(run: &mut Run<'_>) -> Option<Self> {
        let spread = Spread::of(run)?;
        let mut gathered = Gathered::of_head(run);
        let groups = run.groups.iter().enumerate();
        let groups: HashMap<usize, usize, FixedState> =
            groups.map(|(at, place)| (address(place.group), at)).collect();
        for view in run.views() {
            let found = spread.all_in(run, view);
            for (group, rows) in found.inspect_err(|error| run.go_on_without(error)).ok()? {
                let group = *groups.get(&address(&view.groups[group]))?;
                let scatter = gathered.scatter(rows.id, Extent::new(rows.start, rows.end));
                scatter.extent.cover(rows.start, rows.end);
                if !scatter.runs.contains(&(group, rows.first)) {
                    scatter.runs.push((group, rows.first));
                }
            }
        }
        Some(Self { spread, all: gathered.all, head: None })
    }

    /// False where the trace stands in one run of rows, and in no other place.
    pub(super) fn holds(&self, id: TraceId) -> bool {
        self.spread.holds(id)
    }

    /// True where a span in the head passes.
    pub(super) fn passes_in_head(&mut self, run: &mut Run<'_>, at: usize) -> bool {
        if !self.all[at].is_in_head {
            return false;
        }
        let all = &self.all;
        let head = self.head.get_or_insert_with(|| OfHead::of(run, all));
        head.spans(at).any(|(batch, row)| head.may_hold[batch] && run.finds(run.head[batch].span(row)))
    }

    /// False where the trace certainly has not the root that is asked for: it is in the head alone, and none of its spans is.
    pub(super) fn may_have_root(&mut self, run: &Run<'_>, at: usize) -> bool {
        let asked = &run.plan.trace;
        if !asked.asks_for_root() || !self.all[at].runs.is_empty() {
            return true;
        }
        let all = &self.all;
        let head = self.head.get_or_insert_with(|| OfHead::of(run, all));
        head.spans(at).any(|(batch, row)| {
            let span = run.head[batch].span(row);
            asked.passes_root(span.service(), span.name())
        })
    }
}

/// Traces with their places in the list.
struct Gathered {
    all: Vec<Scatter>,
    places: HashMap<TraceId, usize, FixedState>,
}

impl Gathered {
    fn of_head(run: &Run<'_>) -> Self {
        let mut gathered = Self { all: Vec::new(), places: HashMap::default() };
        for row in run.head.iter().flat_map(|batch| batch.rows()) {
            let (start, end) = (row.start, row.end.max(row.start));
            let scatter = gathered.scatter(row.trace_id, Extent::new(start, end));
            scatter.extent.cover(start, end);
            scatter.is_in_head = true;
        }
        gathered
    }

    fn scatter(&mut self, id: TraceId, extent: Extent) -> &mut Scatter {
        let place = *self.places.entry(id).or_insert(self.all.len());
        if place == self.all.len() {
            self.all.push(Scatter { id, extent, runs: Vec::new(), is_in_head: false });
        }
        &mut self.all[place]
    }
}

fn address(group: &Group) -> usize {
    std::ptr::from_ref(group).addr()
}

impl OfHead {
    fn of(run: &Run<'_>, all: &[Scatter]) -> Self {
        let places: HashMap<TraceId, u32, FixedState> =
            all.iter().map(|scatter| scatter.id).zip(0..).collect();
        let candidates: Vec<_> = run.head_candidates();
        let mut candidates = candidates.into_iter().peekable();
        let is_next = |batch: &model::Batch| candidates.next_if(|next| std::ptr::eq(*next, batch)).is_some();
        let may_hold = run.head.iter().copied().map(is_next).collect();
        let mut begins = vec![0_u32; all.len() + 1];
        let mut of_rows = Vec::new();
        for (number, batch) in (0..).zip(&run.head) {
            for (at, row) in (0..).zip(batch.rows()) {
                let Some(place) = places.get(&row.trace_id) else { continue };
                begins[*place as usize + 1] += 1;
                of_rows.push((*place, (number, at)));
            }
        }
        for at in 0..all.len() {
            begins[at + 1] += begins[at];
        }
        let (mut next, mut spans) = (begins.clone(), vec![(0, 0); of_rows.len()]);
        for (place, span) in of_rows {
            spans[next[place as usize] as usize] = span;
            next[place as usize] += 1;
        }
        Self { begins, spans, may_hold }
    }

    /// Those of a trace: batch and row.
    fn spans(&self, at: usize) -> impl Iterator<Item = (usize, usize)> {
        let spans = self.begins[at] as usize..self.begins[at + 1] as usize;
        self.spans[spans].iter().map(|(batch, row)| (*batch as usize, *row as usize))
    }
}
