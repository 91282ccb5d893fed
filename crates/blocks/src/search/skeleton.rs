//! Reads traces from row groups: whole, or only what their structure and summary need.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, SpanId, Trace, TraceId};
use store::plan::{Field, Level, Plan};

use super::edges::asks_for_uses;
use super::repeats::sets;
use super::values::{self, Source};
use super::{Place, Run};
use crate::block::{BlockView, GroupReader, pages};
use crate::columns::conventions;
use crate::columns::rebuild::Rebuilder;
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Keys;

/// How much of a trace is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth<'a> {
    /// Everything.
    Whole,
    /// Everything of the spans with these ids, and nothing of others.
    Named(&'a HashSet<SpanId, FixedState>),
    /// The same as a summary, with the names of events, the trace ids of links, and the values of these fields.
    Outline(&'a [Field]),
    /// What a summary is made of: ids, names, times, roles, statuses and services.
    Skeleton,
    /// That, and the attributes that the plan's filter compares, or that tell what a span uses where that is asked for.
    Filtered,
}

impl Depth<'_> {
    /// True where what is read of a span is all of it.
    fn is_whole(self) -> bool {
        matches!(self, Depth::Whole | Depth::Named(_))
    }

    /// True where something is read of the span.
    fn asks_for(self, span: SpanId) -> bool {
        match self {
            Depth::Named(named) => named.contains(&span),
            _ => true,
        }
    }
}

/// What is read of events and links at least, where there are any; the first leaf of each tells how many there are.
const LISTS: [usize; 3] = [leaf::EVENT_TIME, leaf::EVENT_NAME, leaf::LINK_TRACE_ID];

/// The leaves of a skeleton.
pub(super) const SKELETON: [usize; 11] = [
    leaf::TRACE_ID,
    leaf::SPAN_ID,
    leaf::PARENT_DISTANCE,
    leaf::PARENT_ID,
    leaf::NAME,
    leaf::KIND,
    leaf::STATUS,
    leaf::START,
    leaf::DURATION,
    leaf::OLD_NAMES,
    leaf::FIXED + conventions::SERVICE,
];

/// Traces of which all is read at once, where their skeletons do not suffice.
pub(super) const WHOLE_MAX: usize = 256;

/// Joins traces from everywhere, in the order of the ids; a trace that is nowhere is left out.
pub(super) fn join(run: &mut Run<'_>, ids: &[TraceId], depth: Depth<'_>) -> Result<Vec<Trace>> {
    let mut traces: Vec<Option<Trace>> = Vec::with_capacity(ids.len());
    let mut double: Vec<usize> = Vec::new();
    for (at, (id, parts)) in ids.iter().zip(parts(run, ids, depth)?).enumerate() {
        if run.is_abandoned() {
            break;
        }
        // Spans that were sent twice are told apart by all that they hold.
        let is_double = !depth.is_whole() && looks_double(*id, &parts);
        double.extend(is_double.then_some(at));
        traces.push(if is_double { None } else { Trace::join(*id, parts) });
    }
    for double in double.chunks(WHOLE_MAX) {
        let whole: Vec<TraceId> = double.iter().map(|at| ids[*at]).collect();
        for (at, parts) in double.iter().zip(parts(run, &whole, Depth::Whole)?) {
            if run.is_abandoned() {
                break;
            }
            traces[*at] = Trace::join(ids[*at], parts);
        }
    }
    Ok(traces.into_iter().flatten().collect())
}

/// The parts of traces, in the order of the ids.
fn parts(run: &mut Run<'_>, ids: &[TraceId], depth: Depth<'_>) -> Result<Vec<Vec<Batch>>> {
    let mut parts = from_groups(run, ids, depth)?;
    for (place, batch) in from_head(run, ids, depth) {
        parts[place].push(batch);
    }
    Ok(parts)
}

/// The leaves to read of a row group; `None` for all.
fn leaves(depth: Depth<'_>, plan: &Plan, place: Place<'_>) -> Option<Vec<usize>> {
    let mut leaves = SKELETON.to_vec();
    // Without the catalogue of keys everything has to be read.
    let keys = || place.group.keys().ok();
    match depth {
        Depth::Whole | Depth::Named(_) => return None,
        Depth::Skeleton => {}
        Depth::Outline(fields) => {
            leaves.extend(LISTS);
            let keys = if fields.is_empty() { Arc::default() } else { keys()? };
            fields.iter().for_each(|field| add_leaves(field, (place, &keys), &mut leaves));
        }
        Depth::Filtered => {
            let keys = keys()?;
            let mut add = |field: &Field| add_leaves(field, (place, &keys), &mut leaves);
            plan.spans.each_field(&mut add);
            if asks_for_uses(plan) {
                store::uses::has_any().each_field(&mut |field| add(field));
            }
        }
    }
    Some(leaves)
}

/// Adds the leaves that the values of a field are in.
fn add_leaves(field: &Field, (place, keys): (Place<'_>, &Keys), leaves: &mut Vec<usize>) {
    for source in values::sources(field, place, keys) {
        match source {
            Source::Service | Source::Kind | Source::Status | Source::Duration => {}
            Source::Text { leaf, .. } | Source::Column { leaf, .. } => leaves.push(leaf),
            Source::Tail { base, .. } => leaves.extend([base, base + leaf::VALUES, base + leaf::TYPES]),
            Source::Many { leaf } => leaves.push(leaf),
        }
        if matches!(source, Source::Many { .. } | Source::Tail { level: Level::Event | Level::Link, .. }) {
            leaves.extend(LISTS);
        }
    }
}

fn from_head(run: &Run<'_>, ids: &[TraceId], depth: Depth<'_>) -> Vec<(usize, Batch)> {
    let places: HashMap<TraceId, usize, FixedState> =
        ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let mut found = Vec::new();
    let place = |id: &TraceId| match ids {
        [only] => (only == id).then_some(0),
        _ => places.get(id).copied(),
    };
    for batch in &run.head {
        let asked = batch.rows().iter().filter(|row| depth.asks_for(row.span_id));
        let mut here: Vec<usize> = asked.filter_map(|row| place(&row.trace_id)).collect();
        here.sort_unstable();
        here.dedup();
        for place in here {
            let rows = batch.rows();
            let is_asked = |row: usize| rows[row].trace_id == ids[place] && depth.asks_for(rows[row].span_id);
            found.push((place, batch.select(is_asked)));
        }
    }
    found
}

fn from_groups(run: &mut Run<'_>, ids: &[TraceId], depth: Depth<'_>) -> Result<Vec<Vec<Batch>>> {
    let mut parts: Vec<Vec<Batch>> = ids.iter().map(|_| Vec::new()).collect();
    for (block, view) in sets::numbers(run).into_iter().zip(run.views()) {
        let mut wanted: Vec<Wanted> = Vec::new();
        for (number, id) in ids.iter().enumerate() {
            if run.is_abandoned() {
                return Ok(parts);
            }
            let found = match run.places(*id) {
                Some(places) => places.in_block(block).collect(),
                // Where traces lie that are in several places is known.
                None if run.known.is_some() && !parts[number].is_empty() => Vec::new(),
                None => run.find(view, *id),
            };
            let found = found.into_iter();
            wanted.extend(found.map(|(group, rows)| (group, rows.first, rows.count, number)));
        }
        in_block(run, (view, wanted), depth, &mut |number, part| parts[number].push(part))?;
    }
    Ok(parts)
}

/// Rows to read of a block: the place of the row group, the first, how many, and for whom.
pub(super) type Wanted = (usize, u32, u32, usize);

/// Reads rows of a block, each run of them as a part.
pub(super) fn in_block<'a>(
    run: &mut Run<'a>,
    (view, mut wanted): (&'a BlockView, Vec<Wanted>),
    depth: Depth<'_>,
    found: &mut dyn FnMut(usize, Batch),
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    run.open(view);
    wanted.sort_unstable();
    for of_group in wanted.chunk_by(|left, right| left.0 == right.0) {
        let place = Place { view, group: &view.groups[of_group[0].0] };
        let only = leaves(depth, run.plan, place);
        let mut reader = GroupReader::new(view, place.group)?;
        for (_, first, count, number) in of_group {
            if run.is_abandoned() {
                break;
            }
            reader.forget_before(*first as usize / PAGE_ROWS);
            let rows = match depth {
                Depth::Named(named) => named_rows(run, &mut reader, (*first..*first + *count, named)),
                _ => (*first..*first + *count).collect(),
            };
            if rows.is_empty() {
                continue;
            }
            let batch = read(run, &mut reader, &rows, only.as_deref())?;
            found(*number, batch);
        }
        run.work += reader.work;
    }
    Ok(())
}

/// Those rows of a trace whose spans are named, by the pages of span ids alone.
fn named_rows(
    run: &mut Run<'_>,
    reader: &mut GroupReader<'_>,
    (rows, named): (Range<u32>, &HashSet<SpanId, FixedState>),
) -> Vec<u32> {
    if let Err(error) = reader.expect(leaf::SPAN_ID, &rows) {
        run.go_on_without(&error);
        return Vec::new();
    }
    let mut found = Vec::new();
    for number in pages(&rows) {
        let page = match reader.page(leaf::SPAN_ID, number) {
            Ok(page) => page,
            Err(error) => {
                run.go_on_without(&error);
                continue;
            }
        };
        let Some(page) = page else { continue };
        let base = (number * PAGE_ROWS) as u32;
        let is_named = |row: &u32| {
            let (plain, at) = page.values.at((row - base) as usize);
            plain.bytes(at).try_into().is_ok_and(|id| named.contains(&SpanId(id)))
        };
        let end = rows.end.min(base + PAGE_ROWS as u32).min(reader.group.rows);
        found.extend((rows.start.max(base)..end).filter(is_named));
    }
    found
}

/// Rows of one trace; those in a page that can't be read are left out.
fn read(
    run: &mut Run<'_>,
    reader: &mut GroupReader<'_>,
    rows: &[u32],
    only: Option<&[usize]>,
) -> Result<Batch> {
    let mut rebuilder = Rebuilder::default();
    for rows in rows.chunk_by(|left, right| left / PAGE_ROWS as u32 == right / PAGE_ROWS as u32) {
        if run.is_abandoned() {
            break;
        }
        if let Err(error) = reader.rebuild(rows, only, &mut rebuilder) {
            run.go_on_without(&error);
        }
    }
    let bytes = rebuilder.finish();
    Batch::read(bytes.into(), reader.group.tenant.clone()).doing(Next::Repair, "put a trace together")
}

/// True where two spans of a skeleton have the same id and start.
fn looks_double(id: TraceId, parts: &[Batch]) -> bool {
    let rows_max = parts.iter().map(Batch::len).sum();
    let mut seen: HashSet<(SpanId, u64), FixedState> =
        HashSet::with_capacity_and_hasher(rows_max, FixedState::default());
    let mut rows = parts.iter().flat_map(Batch::rows).filter(|row| row.trace_id == id);
    !rows.all(|row| seen.insert((row.span_id, row.start)))
}
