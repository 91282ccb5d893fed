//! Reads the spans of a row group back, a bounded piece at a time.

use model::{Batch, TraceId};

use super::{BlockView, GroupReader};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Group;

/// Rows that are put together at once.
const PIECE_ROWS: usize = 4096;

/// Hands over the spans of the wanted traces, in row order, as batches of at most [`PIECE_ROWS`] spans. A trace is asked
/// for again with each of its runs of rows.
pub(crate) fn pieces(
    view: &BlockView,
    group: &Group,
    wanted: &mut dyn FnMut(TraceId) -> bool,
    visit: &mut dyn FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let mut reader = GroupReader::new(view, group)?.passing();
    let mut rows: Vec<u32> = Vec::with_capacity(PIECE_ROWS);
    for run in group.runs()?.iter() {
        if !wanted(reader.trace_id(run.first)?) {
            continue;
        }
        for row in run.first..run.first + run.count {
            rows.push(row);
            if rows.len() == PIECE_ROWS {
                visit(piece(&mut reader, &rows)?)?;
                rows.clear();
            }
        }
    }
    if rows.is_empty() { Ok(()) } else { visit(piece(&mut reader, &rows)?) }
}

fn piece(reader: &mut GroupReader<'_>, rows: &[u32]) -> Result<Batch> {
    reader.forget_before(rows[0] as usize / PAGE_ROWS);
    let mut rebuilder = Rebuilder::default();
    reader.rebuild(rows, None, &mut rebuilder)?;
    let bytes = rebuilder.finish();
    Batch::read(bytes.into(), reader.group.tenant.clone()).doing(Next::Repair, "put spans together")
}
