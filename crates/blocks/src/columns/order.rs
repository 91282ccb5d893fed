//! The order of rows: by the start of the trace, then trace id, then span start; so a trace is one run of rows.

use std::collections::HashMap;
use std::ops::Range;

use model::{Batch, TraceId};

/// Rows of one row group: at most so many; a larger chunk becomes several groups.
pub(crate) const GROUP_ROWS_MAX: usize = 131_072;

/// Where a span lies in the batches of a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) batch: u32,
    pub(crate) place: u32,
}

/// The spans of a chunk in file order.
pub(crate) struct Ordered {
    pub(crate) rows: Vec<At>,
    /// Where each trace's rows are.
    pub(crate) traces: Vec<Range<usize>>,
}

pub(crate) fn order(batches: &[Batch]) -> Ordered {
    let spans = batches.iter().map(Batch::len).sum();
    let mut first: HashMap<TraceId, u64, foldhash::fast::FixedState> = HashMap::default();
    for row in batches.iter().flat_map(|batch| batch.rows()) {
        first.entry(row.trace_id).and_modify(|start| *start = (*start).min(row.start)).or_insert(row.start);
    }
    let mut keyed = Vec::with_capacity(spans);
    for (number, batch) in batches.iter().enumerate() {
        for (place, row) in batch.rows().iter().enumerate() {
            let at = At { batch: number as u32, place: place as u32 };
            keyed.push((first[&row.trace_id], row.trace_id, row.start, at));
        }
    }
    keyed.sort_unstable_by_key(|(first, id, start, at)| (*first, *id, *start, at.batch, at.place));
    let mut traces: Vec<Range<usize>> = Vec::with_capacity(first.len());
    let mut begin = 0;
    for run in keyed.chunk_by(|left, right| left.1 == right.1) {
        traces.push(begin..begin + run.len());
        begin += run.len();
    }
    Ordered { rows: keyed.into_iter().map(|(_, _, _, at)| at).collect(), traces }
}

/// Cuts the traces into row groups, between traces where a trace fits into a group.
pub(crate) fn groups(traces: &[Range<usize>]) -> Vec<Vec<Range<usize>>> {
    let mut groups: Vec<Vec<Range<usize>>> = Vec::new();
    let mut rows = GROUP_ROWS_MAX;
    for trace in traces.iter().flat_map(pieces) {
        if rows + trace.len() > GROUP_ROWS_MAX {
            groups.push(Vec::new());
            rows = 0;
        }
        rows += trace.len();
        groups.last_mut().expect("the first trace opens a group").push(trace);
    }
    groups
}

fn pieces(trace: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = trace.end;
    trace.clone().step_by(GROUP_ROWS_MAX).map(move |start| start..end.min(start + GROUP_ROWS_MAX))
}
