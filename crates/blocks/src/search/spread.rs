//! Which traces have spans in more than one place: in several runs of rows, or in the head too.
//!
//! Known by hashes: a trace that is in one place only may rarely seem spread, never the other way round.

use model::TraceId;

use super::Run;
use crate::index::tokens::id_token;

/// The traces with spans in more than one place.
pub(super) struct Spread(Vec<u64>);

impl Spread {
    pub(super) fn of(run: &mut Run<'_>) -> Self {
        let mut head: Vec<u64> =
            run.head.iter().flat_map(|batch| batch.rows()).map(|row| id_token(row.trace_id)).collect();
        head.sort_unstable();
        head.dedup();
        let mut all = head;
        for place in run.groups.clone() {
            let Some(traces) = run.traces(place) else { continue };
            all.extend(traces.all().iter().map(|rows| id_token(rows.id)));
        }
        all.sort_unstable();
        let mut spread: Vec<u64> =
            all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        spread.dedup();
        Self(spread)
    }

    pub(super) fn holds(&self, id: TraceId) -> bool {
        self.0.binary_search(&id_token(id)).is_ok()
    }
}
