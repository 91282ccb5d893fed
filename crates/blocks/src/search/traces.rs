//! Finds traces in the asked order, and joins those of the page.
//!
//! Newest first, pages are read from the newest on, until what is left can't begin later than what was found. In the
//! other orders every page that may hold a match is read, since a trace may begin, or last, elsewhere.

use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::TraceId;
use store::plan::{Ask, Order};
use store::{Cursor, Rows};

use super::Run;
use super::mask::Evaluator;
use super::skeleton::{Depth, join};
use super::spread::Spread;
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;

/// From the earliest start to the latest end of a trace.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start: u64,
    end: u64,
}

impl Extent {
    fn cover(&mut self, start: u64, end: u64) {
        self.start = self.start.min(start);
        self.end = self.end.max(end);
    }
}

/// Spans of the head that are compared between two looks at the time.
const SPANS_PER_LOOK_AT_THE_TIME: usize = 1024;

/// So many ids are compared one by one faster than they are hashed.
const FEW: usize = 3;

/// A trace that was found: its rank and its extent.
type Found = ((u64, TraceId), Extent);

pub(super) fn traces(run: &mut Run<'_>) -> Result<(Rows, Option<Cursor>)> {
    let mut found = match (&run.plan.ids, run.plan.order) {
        (Some(_), _) => by_id(run)?,
        (None, Order::Newest) => newest(run)?,
        (None, Order::Oldest | Order::Longest) => all(run)?,
    };
    let plan = run.plan;
    let has_more = found.len() > plan.limit;
    found.truncate(plan.limit);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|((_, id), extent)| plan.order.cursor(extent.start, extent.end - extent.start, *id));
    let ids: Vec<TraceId> = found.iter().map(|((_, id), _)| *id).collect();
    let rows = match plan.ask {
        Ask::Summaries => {
            let traces = join(run, &ids, Depth::Skeleton)?;
            Rows::Summaries(traces.iter().map(model::Trace::summary).collect())
        }
        _ => Rows::Traces(join(run, &ids, Depth::Whole)?.into_iter().map(Arc::new).collect()),
    };
    Ok((rows, next))
}

/// The traces that the plan names, if they pass.
fn by_id(run: &mut Run<'_>) -> Result<Vec<Found>> {
    let mut ids = run.plan.ids.clone().unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    let passing: HashSet<TraceId, FixedState> = match run.plan.spans {
        store::Filter::All => ids.iter().copied().collect(),
        _ => {
            let traces = join(run, &ids, Depth::Whole)?;
            let passes = |trace: &&model::Trace| trace.spans().any(|span| run.finds(span));
            traces.iter().filter(passes).map(model::Trace::id).collect()
        }
    };
    ids.retain(|id| passing.contains(id));
    let extents = extents(run, &ids.into_iter().collect())?;
    Ok(ranked(run, extents))
}

/// The extents of these traces, from the head and every row group.
fn extents(
    run: &Run<'_>,
    ids: &HashSet<TraceId, FixedState>,
) -> Result<HashMap<TraceId, Extent, FixedState>> {
    let mut extents: HashMap<TraceId, Extent, FixedState> = HashMap::default();
    let mut cover = |id: TraceId, start: u64, end: u64| {
        extents.entry(id).or_insert(Extent { start, end }).cover(start, end);
    };
    let few: Vec<TraceId> = ids.iter().copied().take(FEW + 1).collect();
    let is_asked = |id: &TraceId| if few.len() > FEW { ids.contains(id) } else { few.contains(id) };
    for row in run.head.iter().flat_map(|batch| batch.rows()) {
        if is_asked(&row.trace_id) {
            cover(row.trace_id, row.start, row.end.max(row.start));
        }
    }
    for place in &run.groups {
        let traces = place.group.traces()?;
        if ids.len() < traces.all().len() / 8 {
            let rows = ids.iter().flat_map(|id| traces.of(*id));
            rows.for_each(|rows| cover(rows.id, rows.start, rows.end));
        } else {
            let rows = traces.all().iter().filter(|rows| ids.contains(&rows.id));
            rows.for_each(|rows| cover(rows.id, rows.start, rows.end));
        }
    }
    Ok(extents)
}

/// Those that pass the trace filter and come after the cursor, in order; at most one more than the limit.
fn ranked(run: &Run<'_>, extents: HashMap<TraceId, Extent, FixedState>) -> Vec<Found> {
    let plan = run.plan;
    let mut found: Vec<Found> = Vec::new();
    for (id, extent) in extents {
        let duration = extent.end - extent.start;
        let rank = plan.order.rank(extent.start, duration, id);
        if plan.trace.passes(duration) && plan.order.is_after(plan.after, rank) {
            found.push((rank, extent));
        }
    }
    found.sort_unstable_by_key(|(rank, _)| *rank);
    found.truncate(plan.limit + 1);
    found
}

/// Every trace of which some span passes, in order.
fn all(run: &mut Run<'_>) -> Result<Vec<Found>> {
    let ids = matches(run)?;
    let extents = extents(run, &ids)?;
    Ok(ranked(run, extents))
}

/// The ids of every trace of which some span passes.
fn matches(run: &mut Run<'_>) -> Result<HashSet<TraceId, FixedState>> {
    let mut ids: HashSet<TraceId, FixedState> = head_matches(run).into_iter().collect();
    for place in run.groups.clone() {
        if run.is_over_time() {
            break;
        }
        let mut evaluator = match Evaluator::new(place) {
            Ok(evaluator) => evaluator,
            Err(error) => {
                run.go_on_without(&error);
                continue;
            }
        };
        for number in 0..place.group.pages() {
            for trace in page_matches(run, &mut evaluator, number) {
                ids.insert(trace.id);
            }
        }
        run.work += evaluator.reader.work;
    }
    Ok(ids)
}

/// The newest traces of which some span passes.
fn newest(run: &mut Run<'_>) -> Result<Vec<Found>> {
    let mut newest = Newest::default();
    let head = head_extents(run);
    newest_of_head(run, &mut newest, &head)?;
    let mut pages: Vec<(u64, usize, usize)> = Vec::new();
    for (at, place) in run.groups.iter().enumerate() {
        let zones = place.group.zones()?;
        let zones = zones.iter().enumerate();
        pages.extend(zones.map(|(number, zone)| (zone.trace_start_max, at, number)));
    }
    pages.sort_unstable_by(|left, right| right.cmp(left));
    let mut evaluators: HashMap<usize, Evaluator<'_>, FixedState> = HashMap::default();
    for (latest, at, number) in pages {
        if newest.is_full(run, latest) || run.is_over_time() {
            break;
        }
        let place = run.groups[at];
        let evaluator = match evaluators.entry(at) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => match Evaluator::new(place) {
                Ok(evaluator) => free.insert(evaluator),
                Err(error) => {
                    run.go_on_without(&error);
                    continue;
                }
            },
        };
        let mut matches = page_matches(run, evaluator, number);
        matches.sort_unstable_by_key(|trace| std::cmp::Reverse(trace.start));
        for trace in matches {
            if newest.is_full(run, trace.start) {
                break;
            }
            newest.take_rows(run, &head, trace)?;
        }
    }
    for evaluator in evaluators.into_values() {
        run.work += evaluator.reader.work;
    }
    Ok(newest.found)
}

/// Takes the newest traces of the head of which some span passes. A trace may have begun earlier, in a block, but not
/// later, so what begins in the head before all that was found need not be compared.
fn newest_of_head(
    run: &mut Run<'_>,
    newest: &mut Newest,
    head: &HashMap<TraceId, Extent, FixedState>,
) -> Result<()> {
    let batches = run.head_candidates();
    let mut spans: Vec<(u64, u32, u32)> = Vec::new();
    for (number, batch) in batches.iter().enumerate() {
        let rows = batch.rows().iter().enumerate();
        spans.extend(rows.map(|(at, row)| (head[&row.trace_id].start, number as u32, at as u32)));
    }
    let mut spans = BinaryHeap::from(spans);
    let mut turn = 0;
    while let Some((start, number, at)) = spans.pop() {
        if newest.is_full(run, start) || (turn % SPANS_PER_LOOK_AT_THE_TIME == 0 && run.is_over_time()) {
            break;
        }
        turn += 1;
        let span = batches[number as usize].span(at as usize);
        if !newest.seen.contains(&span.trace_id()) && run.finds(span) {
            newest.take(run, head, span.trace_id())?;
        }
    }
    Ok(())
}

/// The newest traces so far, by rank; at most one more than the limit.
#[derive(Default)]
struct Newest {
    found: Vec<Found>,
    seen: HashSet<TraceId, FixedState>,
    /// Known once many traces were looked at: most stand in one place only, and need not be looked for elsewhere.
    spread: Option<Spread>,
}

/// After so many traces it pays to know which are spread.
const LOOKED_AT: usize = 1000;

impl Newest {
    /// True where no trace that begins at `latest` or before comes among those found.
    fn is_full(&self, run: &Run<'_>, latest: u64) -> bool {
        self.found.get(run.plan.limit).is_some_and(|(_, extent)| latest < extent.start)
    }

    fn take(
        &mut self,
        run: &Run<'_>,
        head: &HashMap<TraceId, Extent, FixedState>,
        id: TraceId,
    ) -> Result<()> {
        if !self.seen.insert(id) {
            return Ok(());
        }
        let mut extent = head.get(&id).copied().unwrap_or(Extent { start: u64::MAX, end: 0 });
        for place in &run.groups {
            place.group.traces()?.of(id).iter().for_each(|rows| extent.cover(rows.start, rows.end));
        }
        self.keep(run, id, extent);
        Ok(())
    }

    /// Takes a trace that has these rows, and perhaps others.
    fn take_rows(
        &mut self,
        run: &Run<'_>,
        head: &HashMap<TraceId, Extent, FixedState>,
        rows: TraceRows,
    ) -> Result<()> {
        if self.seen.len() > LOOKED_AT && self.spread.is_none() {
            self.spread = Some(Spread::of(run)?);
        }
        match &self.spread {
            Some(spread) if !spread.holds(rows.id) => {
                self.keep(run, rows.id, Extent { start: rows.start, end: rows.end });
                Ok(())
            }
            _ => self.take(run, head, rows.id),
        }
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

fn head_extents(run: &Run<'_>) -> HashMap<TraceId, Extent, FixedState> {
    let mut extents: HashMap<TraceId, Extent, FixedState> = HashMap::default();
    for row in run.head.iter().flat_map(|batch| batch.rows()) {
        let (start, end) = (row.start, row.end.max(row.start));
        extents.entry(row.trace_id).or_insert(Extent { start, end }).cover(start, end);
    }
    extents
}

/// The traces of the head of which some span passes.
fn head_matches(run: &mut Run<'_>) -> Vec<TraceId> {
    let mut found = Vec::new();
    for batch in run.head_candidates() {
        if run.is_over_time() {
            break;
        }
        found.extend(batch.spans().filter(|span| run.finds(*span)).map(|span| span.trace_id()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The traces of which some span in the page passes; none where it can't be read.
fn page_matches(run: &mut Run<'_>, evaluator: &mut Evaluator<'_>, number: usize) -> Vec<TraceRows> {
    let read = read_page(run, evaluator, number);
    read.unwrap_or_else(|error| {
        evaluator.reader.forget(number);
        run.go_on_without(&error);
        Vec::new()
    })
}

fn read_page(run: &Run<'_>, evaluator: &mut Evaluator<'_>, number: usize) -> Result<Vec<TraceRows>> {
    if !evaluator.may_hold(run.plan, number)? {
        evaluator.reader.work.pages_pruned += 1;
        return Ok(Vec::new());
    }
    let mask = evaluator.page(run.plan, number)?;
    evaluator.reader.forget(number);
    if !mask.contains(&true) {
        return Ok(Vec::new());
    }
    let base = (number * PAGE_ROWS) as u32;
    let end = base + mask.len() as u32;
    let by_row = evaluator.by_row()?;
    let first = by_row.partition_point(|trace| trace.first + trace.count <= base);
    let here = by_row[first..].iter().take_while(|trace| trace.first < end);
    let passes = |trace: &&TraceRows| {
        let from = trace.first.max(base) - base;
        let to = (trace.first + trace.count).min(end) - base;
        mask[from as usize..to as usize].contains(&true)
    };
    Ok(here.filter(passes).copied().collect())
}
