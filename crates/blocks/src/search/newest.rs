//! Finds the newest traces of which some span passes, without looking at what is older.
//!
//! Row groups and pages are opened by the latest start that they may hold, until what is left can't begin later than what
//! was found. A trace may have begun earlier elsewhere, but never later than any of its spans.

use std::collections::{BinaryHeap, HashMap, HashSet};

use foldhash::fast::FixedState;
use model::TraceId;

use super::foretold::Foretold;
use super::mask::Evaluator;
use super::spread::Spread;
use super::traces::{Extent, Found, cover_head, extents, page_matches};
use super::{Place, Run};
use crate::columns::shred::TraceRows;

/// So many spans of the head are compared at first, then four times as many at once, and so on.
const SPANS_AT_FIRST: usize = 1024;

/// After so many traces it pays to know which are spread.
const LOOKED_AT: usize = 1000;

/// The newest traces so far, by rank; at most one more than the limit.
#[derive(Default)]
struct Newest {
    found: Vec<Found>,
    seen: HashSet<TraceId, FixedState>,
    /// Known once many traces were looked at: most stand in one place only, and need not be looked for elsewhere.
    spread: Option<Spread>,
    /// The extents in the head, once they were asked for several times.
    head: Option<HashMap<TraceId, Extent, FixedState>>,
    turns: usize,
}

/// What is opened next: by the latest start that it may hold, a row group as a whole or one of its pages.
type Next = (u64, usize, Option<usize>);

pub(super) fn newest(run: &mut Run<'_>) -> Vec<Found> {
    let mut newest = Newest::default();
    newest.take_head(run);
    let groups = run.groups.iter().enumerate();
    let mut next: BinaryHeap<Next> = groups.map(|(at, place)| (place.group.extent.1, at, None)).collect();
    let mut open: HashMap<usize, (Evaluator<'_>, usize), FixedState> = HashMap::default();
    let mut foretold = Foretold::new();
    while let Some((latest, at, page)) = next.pop() {
        if newest.is_full(run, latest) || run.is_over_time() {
            break;
        }
        let Some(number) = page else {
            let Place { view, group } = run.groups[at];
            if !run.may_pass(run.plan, run.groups[at]) || !foretold.may_hold(run, view, group.extent) {
                continue;
            }
            run.open(run.groups[at].view);
            let evaluator = match Evaluator::new(run.groups[at]) {
                Ok(evaluator) => evaluator,
                Err(error) => {
                    run.go_on_without(&error);
                    continue;
                }
            };
            let pages = evaluator.zones.iter().enumerate();
            next.extend(pages.map(|(number, zone)| (zone.trace_start_max, at, Some(number))));
            let left = evaluator.zones.len();
            open.insert(at, (evaluator, left));
            continue;
        };
        let Some((evaluator, left)) = open.get_mut(&at) else { continue };
        let zone = evaluator.zones[number];
        let may_hold = foretold.may_hold(run, evaluator.place.view, (zone.start_min, zone.start_max));
        let mut matches = if may_hold { page_matches(run, evaluator, number) } else { Vec::new() };
        foretold.count_page();
        run.work.pages_pruned += u64::from(!may_hold);
        *left -= 1;
        run.work += std::mem::take(&mut evaluator.reader.work);
        if *left == 0 {
            open.remove(&at);
        }
        matches.sort_unstable_by_key(|trace| std::cmp::Reverse(trace.start));
        newest.take_rows(run, &matches);
    }
    newest.found
}

impl Newest {
    /// True where no trace that begins at `latest` or before comes among those found.
    fn is_full(&self, run: &Run<'_>, latest: u64) -> bool {
        self.found.get(run.plan.limit).is_some_and(|(_, extent)| latest < extent.start)
    }

    /// Takes the newest traces of the head of which some span passes: latest spans first.
    fn take_head(&mut self, run: &mut Run<'_>) {
        let batches = run.head_candidates();
        let mut spans: Vec<(u64, u32, u32)> = Vec::new();
        for (number, batch) in (0..).zip(&batches) {
            spans.extend((0..).zip(batch.rows()).map(|(at, row)| (row.start, number, at)));
        }
        let (mut rest, mut count) = (&mut spans[..], SPANS_AT_FIRST);
        while !rest.is_empty() {
            if count < rest.len() {
                rest.select_nth_unstable_by(count - 1, |left, right| right.cmp(left));
            }
            let (some, later) = rest.split_at_mut(count.min(rest.len()));
            let latest = some.iter().map(|(start, ..)| *start).max().unwrap_or(0);
            if self.is_full(run, latest) || run.is_over_time() {
                break;
            }
            let mut passing: HashSet<TraceId, FixedState> = HashSet::default();
            for (_, number, at) in &*some {
                let span = batches[*number as usize].span(*at as usize);
                let is_new = !self.seen.contains(&span.trace_id()) && !passing.contains(&span.trace_id());
                if is_new && run.finds(span) {
                    passing.insert(span.trace_id());
                }
            }
            self.take(run, passing);
            (rest, count) = (later, count * 4);
        }
    }

    /// Takes traces that have these rows, and perhaps others; the latest come first.
    fn take_rows(&mut self, run: &mut Run<'_>, matches: &[TraceRows]) {
        if self.seen.len() > LOOKED_AT && self.spread.is_none() {
            self.spread = Spread::of(run);
        }
        // What lies elsewhere is looked for together, as many at once as the answer has rows.
        for some in matches.chunks(run.plan.limit + 1) {
            if self.is_full(run, some[0].start) || run.is_abandoned() {
                break;
            }
            let mut elsewhere: HashSet<TraceId, FixedState> = HashSet::default();
            for rows in some {
                if self.seen.contains(&rows.id) {
                    continue;
                }
                if self.spread.as_ref().is_some_and(|spread| !spread.holds(rows.id)) {
                    self.seen.insert(rows.id);
                    self.keep(run, rows.id, Extent { start: rows.start, end: rows.end });
                } else {
                    elsewhere.insert(rows.id);
                }
            }
            self.take(run, elsewhere);
        }
    }

    /// Takes traces, wherever their spans are.
    fn take(&mut self, run: &mut Run<'_>, ids: HashSet<TraceId, FixedState>) {
        if ids.is_empty() {
            return;
        }
        self.turns += 1;
        if self.turns > 2 && self.head.is_none() {
            let mut head = HashMap::default();
            cover_head(run, &mut head, |_| true);
            self.head = Some(head);
        }
        let found = extents(run, &ids, self.head.as_ref());
        for (id, extent) in found {
            self.keep(run, id, extent);
        }
        self.seen.extend(ids);
    }

    fn keep(&mut self, run: &Run<'_>, id: TraceId, extent: Extent) {
        let plan = run.plan;
        let duration = extent.end - extent.start;
        let rank = plan.order.rank(extent.start, duration, id);
        if plan.trace.passes(duration) && plan.order.is_after(plan.after, rank) {
            let at = self.found.partition_point(|(other, _)| *other < rank);
            self.found.insert(at, (rank, extent));
            self.found.truncate(plan.limit + 1);
        }
    }
}
