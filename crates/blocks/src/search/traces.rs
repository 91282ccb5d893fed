//! Finds traces in the asked order, and joins those of the page.
//!
//! What is first in the order is found without looking at the rest ([`super::ordered`]); where the index does not suffice
//! for that, every page that may hold a match is read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::TraceId;
use store::plan::Ask;
use store::{Cursor, Rows};

use super::foretold::Foretold;
use super::mask::Evaluator;
use super::places::Lasts;
use super::repeats::sets::{self, GroupId};
use super::skeleton::{Depth, join};
use super::whereabouts::Whereabouts;
use super::{Run, listed, ordered};
use crate::block::BlockView;
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;

/// From the earliest start to the latest end of a trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The run that is all of the trace, where that is known: the place of its row group among those of the question, and
    /// its first row.
    pub(super) home: Option<(usize, u32)>,
}

/// Ids of traces.
type Ids = HashSet<TraceId, FixedState>;

impl Extent {
    pub(super) fn new(start: u64, end: u64) -> Self {
        Self { start, end, home: None }
    }

    /// The extent of a trace that is in one place.
    pub(super) fn alone(rows: &TraceRows, group: usize) -> Self {
        Self { home: Some((group, rows.first)), ..Self::new(rows.start, rows.end) }
    }

    /// Adds another place.
    pub(super) fn cover(&mut self, start: u64, end: u64) {
        (self.start, self.end) = (self.start.min(start), self.end.max(end));
        self.home = None;
    }
}

impl From<Lasts> for Extent {
    fn from(Lasts { start, end }: Lasts) -> Self {
        Self::new(start, end)
    }
}

/// Where fewer than one of so many runs are asked for, they are looked up one by one.
const LOOKUPS_PART: u64 = 128;

/// So many ids are compared one by one faster than they are hashed.
const FEW: usize = 3;

/// A trace that was found: its rank and its extent.
pub(super) type Found = ((u64, TraceId), Extent);

pub(super) fn traces(run: &mut Run<'_>) -> Result<(Rows, Option<Cursor>)> {
    let mut found = match &run.plan.ids {
        Some(_) => by_id(run)?,
        None => match ordered::first(run) {
            Some(found) => found,
            None => all(run)?,
        },
    };
    let plan = run.plan;
    let has_more = found.len() > plan.limit;
    found.truncate(plan.limit);
    let last = found.last().filter(|_| has_more);
    let next = last.map(|((_, id), extent)| plan.order.cursor(extent.start, extent.end - extent.start, *id));
    let ids: Vec<TraceId> = found.iter().map(|((_, id), _)| *id).collect();
    let rows = match &plan.ask {
        Ask::Summaries => Rows::Summaries(listed::summaries(run, &found)?),
        Ask::Outlines(fields) => {
            Rows::Traces(join(run, &ids, Depth::Outline(fields))?.into_iter().map(Arc::new).collect())
        }
        Ask::Spans(spans) => {
            let named = spans.iter().copied().collect();
            Rows::Traces(join(run, &ids, Depth::Named(&named))?.into_iter().map(Arc::new).collect())
        }
        _ => Rows::Traces(join(run, &ids, Depth::Whole)?.into_iter().map(Arc::new).collect()),
    };
    Ok((rows, next))
}

/// The traces that the plan names, if they pass.
fn by_id(run: &mut Run<'_>) -> Result<Vec<Found>> {
    run.known = Whereabouts::as_kept(run);
    let mut ids = run.plan.ids.clone().unwrap_or_default();
    ids.sort_unstable();
    ids.dedup();
    if are_few(run, ids.len()) {
        ids.iter().for_each(|id| _ = run.locate(*id));
    }
    let passing: HashSet<TraceId, FixedState> = match run.plan.spans {
        store::Filter::All => ids.iter().copied().collect(),
        _ => {
            let traces = join(run, &ids, Depth::Whole)?;
            let passes = |trace: &&model::Trace| trace.spans().any(|span| run.finds(span));
            traces.iter().filter(passes).map(model::Trace::id).collect()
        }
    };
    ids.retain(|id| passing.contains(id));
    let extents = extents(run, &ids.into_iter().collect(), None);
    Ok(ranked(run, extents))
}

/// The extents of these traces, from the head (all of whose extents may be known) and every row group.
pub(super) fn extents(
    run: &mut Run<'_>,
    ids: &Ids,
    head: Option<&HashMap<TraceId, Extent, FixedState>>,
) -> HashMap<TraceId, Extent, FixedState> {
    let mut extents: HashMap<TraceId, Extent, FixedState> = HashMap::default();
    let few: Vec<TraceId> = ids.iter().copied().take(FEW + 1).collect();
    let is_asked = |id: &TraceId| if few.len() > FEW { ids.contains(id) } else { few.contains(id) };
    match head {
        Some(head) => extents.extend(ids.iter().filter_map(|id| Some((*id, *head.get(id)?)))),
        None => cover_head(run, &mut extents, is_asked),
    }
    let mut cover = |rows: &TraceRows, alone: Extent| {
        let known = extents.entry(rows.id);
        _ = known.and_modify(|extent| extent.cover(rows.start, rows.end)).or_insert(alone);
    };
    let places = run.group_places();
    let mut cover = |group: GroupId, rows: &TraceRows| {
        if let Some(place) = places.get(&group) {
            cover(rows, Extent::alone(rows, *place));
        }
    };
    if are_few(run, ids.len()) {
        for id in ids {
            run.locate(*id).runs.iter().for_each(|(group, rows)| cover(*group, rows));
        }
        return extents;
    }
    for (block, view) in sets::numbers(run).into_iter().zip(run.views()) {
        if run.is_abandoned() {
            break;
        }
        cover_block(run, (view, ids), &mut |group, rows| cover((block, group as u32), rows));
    }
    extents
}

/// True where so many traces are looked up one by one.
fn are_few(run: &Run<'_>, ids: usize) -> bool {
    let runs: u64 = run.groups.iter().map(|place| u64::from(place.group.runs)).sum();
    ids as u64 * LOOKUPS_PART < runs
}

/// Visits the runs that these traces have in a block.
fn cover_block<'a>(
    run: &mut Run<'a>,
    (view, ids): (&'a BlockView, &Ids),
    cover: &mut impl FnMut(usize, &TraceRows),
) {
    let mine = view.groups.iter().enumerate().filter(|(_, group)| group.tenant == run.plan.tenant);
    for (at, group) in mine {
        let Ok(all) = view.traces(group) else {
            // What of it can be read is found one by one.
            for (group, rows) in ids.iter().flat_map(|id| run.find(view, *id)).collect::<Vec<_>>() {
                cover(group, &rows);
            }
            return;
        };
        let asked = all.all().iter().filter(|rows| ids.contains(&rows.id));
        asked.for_each(|rows| cover(at, rows));
    }
}

/// The extents that traces have in the head.
pub(super) fn cover_head(
    run: &Run<'_>,
    extents: &mut HashMap<TraceId, Extent, FixedState>,
    is_asked: impl Fn(&TraceId) -> bool,
) {
    for row in run.head.iter().flat_map(|batch| batch.rows()).filter(|row| is_asked(&row.trace_id)) {
        let (start, end) = (row.start, row.end.max(row.start));
        extents.entry(row.trace_id).or_insert(Extent::new(start, end)).cover(start, end);
    }
}

/// Those that pass the trace filter and come after the cursor, in order; at most one more than the limit.
fn ranked(run: &mut Run<'_>, extents: HashMap<TraceId, Extent, FixedState>) -> Vec<Found> {
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
    let passing = found.into_iter().filter(|((_, id), _)| passes_root(run, *id));
    passing.take(plan.limit + 1).collect()
}

/// True where the root of a trace passes the trace filter.
pub(super) fn passes_root(run: &mut Run<'_>, id: TraceId) -> bool {
    let plan = run.plan;
    if !plan.trace.asks_for_root() {
        return true;
    }
    let joined = join(run, &[id], Depth::Skeleton).inspect_err(|error| run.go_on_without(error));
    joined.is_ok_and(|traces| {
        traces.iter().map(model::Trace::root).any(|root| plan.trace.passes_root(root.service(), root.name()))
    })
}

/// Every trace of which some span passes, in order.
fn all(run: &mut Run<'_>) -> Result<Vec<Found>> {
    let ids = matches(run)?;
    let extents = extents(run, &ids, None);
    Ok(ranked(run, extents))
}

/// The ids of every trace of which some span passes.
fn matches(run: &mut Run<'_>) -> Result<HashSet<TraceId, FixedState>> {
    let mut ids: HashSet<TraceId, FixedState> = head_matches(run).into_iter().collect();
    let mut foretold = Foretold::new();
    for place in run.groups.clone() {
        if run.is_over_time() {
            break;
        }
        if !run.may_pass(run.plan, place) || !foretold.may_hold(run, place.view, place.group.extent) {
            continue;
        }
        run.open(place.view);
        let mut evaluator = match Evaluator::new(place) {
            Ok(evaluator) => evaluator,
            Err(error) => {
                run.go_on_without(&error);
                continue;
            }
        };
        for number in 0..place.group.pages() {
            if run.is_over_time() {
                break;
            }
            let zone = evaluator.zones[number];
            if !foretold.may_hold(run, place.view, (zone.start_min, zone.start_max)) {
                run.work.pages_pruned += 1;
                continue;
            }
            foretold.count_page();
            for trace in page_matches(run, &mut evaluator, number) {
                ids.insert(trace.id);
            }
            run.work += std::mem::take(&mut evaluator.reader.work);
        }
    }
    Ok(ids)
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
    if !mask.contains(&true) {
        evaluator.reader.forget(number);
        return Ok(Vec::new());
    }
    let base = (number * PAGE_ROWS) as u32;
    let end = base + mask.len() as u32;
    let runs = evaluator.runs()?;
    let first = runs.partition_point(|run| run.first + run.count <= base);
    let mut found = Vec::new();
    for run in runs[first..].iter().take_while(|run| run.first < end) {
        let from = run.first.max(base);
        let to = (run.first + run.count).min(end);
        if mask[(from - base) as usize..(to - base) as usize].contains(&true) {
            found.push(run.of(evaluator.reader.trace_id(from)?));
        }
    }
    evaluator.reader.forget(number);
    Ok(found)
}
