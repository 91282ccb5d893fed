//! Which traces have spans in more than one place: in several runs of rows, or in the head too.
//!
//! Known by hashes: a trace that is in one place only may rarely seem spread, never the other way round.

use model::TraceId;

use super::Run;
use crate::index::short;
use crate::index::tokens::id_token;

/// The traces with spans in more than one place.
pub(super) struct Spread(Vec<u32>);

impl Spread {
    /// `None` where it can't be told of all.
    pub(super) fn of(run: &mut Run<'_>) -> Option<Self> {
        let rows = run.head.iter().flat_map(|batch| batch.rows());
        let mut all: Vec<u32> = rows.map(|row| short(id_token(row.trace_id))).collect();
        all.sort_unstable();
        all.dedup();
        for view in run.views() {
            let mut last = None;
            for group in &view.groups {
                if group.set().is_none() || group.set() != last {
                    let hashes = group.id_hashes();
                    all.extend(hashes.inspect_err(|error| run.go_on_without(error)).ok()?);
                    last = group.set();
                }
            }
        }
        all.sort_unstable();
        let repeated = all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        let mut spread: Vec<u32> = repeated.collect();
        spread.dedup();
        Some(Self(spread))
    }

    pub(super) fn holds(&self, id: TraceId) -> bool {
        self.0.binary_search(&short(id_token(id))).is_ok()
    }
}
