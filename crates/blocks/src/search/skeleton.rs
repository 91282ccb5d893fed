//! Reads traces from row groups: whole, or only what their structure and summary need.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use model::{Batch, SpanId, Trace, TraceId};

use super::Run;
use crate::block::GroupReader;
use crate::columns::conventions;
use crate::columns::rebuild::Rebuilder;
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};

/// How much of a trace is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Everything.
    Whole,
    /// What a summary is made of: ids, names, times, roles, statuses and services.
    Skeleton,
}

/// The leaves of a skeleton.
const SKELETON: [usize; 11] = [
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

/// Joins traces from everywhere, in the order of the ids; a trace that is nowhere is left out.
pub(super) fn join(run: &mut Run<'_>, ids: &[TraceId], depth: Depth) -> Result<Vec<Trace>> {
    let mut parts = from_groups(run, ids, depth)?;
    for (place, batch) in from_head(run, ids) {
        parts[place].push(batch);
    }
    let mut traces: Vec<Trace> = Vec::with_capacity(ids.len());
    for (id, parts) in ids.iter().zip(parts) {
        // Spans that were sent twice are told apart by all that they hold.
        let is_double = depth == Depth::Skeleton && looks_double(*id, &parts);
        let whole = if is_double { join(run, &[*id], Depth::Whole)?.pop() } else { None };
        traces.extend(whole.or_else(|| Trace::join(*id, parts)));
    }
    Ok(traces)
}

fn from_head(run: &Run<'_>, ids: &[TraceId]) -> Vec<(usize, Batch)> {
    let places: HashMap<TraceId, usize, FixedState> =
        ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    let mut found = Vec::new();
    let place = |id: &TraceId| match ids {
        [only] => (only == id).then_some(0),
        _ => places.get(id).copied(),
    };
    for batch in &run.head {
        let mut here: Vec<usize> = batch.rows().iter().filter_map(|row| place(&row.trace_id)).collect();
        here.sort_unstable();
        here.dedup();
        for place in here {
            let rows = batch.rows();
            found.push((place, batch.select(|row| rows[row].trace_id == ids[place])));
        }
    }
    found
}

fn from_groups(run: &mut Run<'_>, ids: &[TraceId], depth: Depth) -> Result<Vec<Vec<Batch>>> {
    let mut parts: Vec<Vec<Batch>> = vec![Vec::new(); ids.len()];
    for view in run.views() {
        let mut wanted: Vec<(usize, u32, u32, usize)> = Vec::new();
        for (number, id) in ids.iter().enumerate() {
            let found = run.find(view, *id).into_iter();
            wanted.extend(found.map(|(group, rows)| (group, rows.first, rows.count, number)));
        }
        if wanted.is_empty() {
            continue;
        }
        run.open(view);
        wanted.sort_unstable();
        for of_group in wanted.chunk_by(|left, right| left.0 == right.0) {
            let mut reader = GroupReader::new(view, &view.groups[of_group[0].0])?;
            for (_, first, count, number) in of_group {
                reader.forget_before(*first as usize / PAGE_ROWS);
                parts[*number].push(read(run, &mut reader, *first..*first + *count, depth)?);
            }
            run.work += reader.work;
        }
    }
    Ok(parts)
}

/// Rows of one trace; those in a page that can't be read are left out.
fn read(
    run: &mut Run<'_>,
    reader: &mut GroupReader<'_>,
    rows: std::ops::Range<u32>,
    depth: Depth,
) -> Result<Batch> {
    let mut rebuilder = Rebuilder::default();
    let rows: Vec<u32> = rows.collect();
    let only = (depth == Depth::Skeleton).then_some(&SKELETON[..]);
    for rows in rows.chunk_by(|left, right| left / PAGE_ROWS as u32 == right / PAGE_ROWS as u32) {
        if let Err(error) = reader.rebuild(rows, only, &mut rebuilder) {
            run.go_on_without(&error);
        }
    }
    let bytes = rebuilder.finish();
    Batch::read(bytes.into(), reader.group.tenant.clone()).doing(Next::Repair, "put a trace together")
}

/// True where two spans of a skeleton have the same id and start.
fn looks_double(id: TraceId, parts: &[Batch]) -> bool {
    let mut seen: HashSet<(SpanId, u64), FixedState> = HashSet::default();
    let mut rows = parts.iter().flat_map(|batch| batch.rows()).filter(|row| row.trace_id == id);
    !rows.all(|row| seen.insert((row.span_id, row.start)))
}
