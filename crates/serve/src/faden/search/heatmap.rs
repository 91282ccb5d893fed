//! `search/heatmap`: all found spans by time and duration.
//!
//! Rows are cut where the store's sketches have their buckets (a doubling, or equal parts of one), so that a cell holds
//! exactly the spans of its bounds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use query::answer::Count64;
use query::traceql::ast::{Field, Intrinsic};
use serde::{Deserialize, Serialize};
use store::Metric;
use store::metrics::{Tally, step_of};

use super::super::red::Red;
use super::super::scope::{AboutCounts, BOUNDS, about};
use super::super::{Api, Asked, Failed};

/// So many columns a picture has at most.
pub const COLUMNS_MAX: usize = 200;
/// So many rows.
pub const ROWS_MAX: usize = 60;

/// Rows that one doubling of the duration may be cut into.
const PARTS: [u64; 4] = [8, 4, 2, 1];

/// Spans by time and duration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    /// When the first column begins.
    pub start: Count64,
    /// How much time a column covers.
    pub step_ns: u64,
    /// How many columns there are.
    pub columns: usize,
    /// Row `r` holds durations from `bounds_ns[r]` up to, not including, `bounds_ns[r + 1]`.
    pub bounds_ns: Vec<u64>,
    /// Column, row, spans, errors, for each cell that has spans; by column, then by row.
    pub cells: Vec<u64>,
    /// All spans of the picture in numbers.
    #[serde(flatten)]
    pub red: Red,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

pub(in super::super) async fn heatmap(
    State(api): State<Arc<Api>>,
    mut asked: Asked,
) -> Result<Json<Heatmap>, Failed> {
    let columns = asked.number("columns", 60, COLUMNS_MAX)? as u64;
    let rows = asked.number("rows", 40, ROWS_MAX)?;
    let step = asked.nanos("step")?;
    let scope = asked.timed_scope(api.faden.clock.as_ref())?;
    let time = scope.search.time;
    let length = time.end.saturating_sub(time.start).max(1);
    let step = step.unwrap_or_else(|| length.div_ceil(columns));
    if length / step > COLUMNS_MAX as u64 {
        let message = format!("step: the time has {} such steps, {COLUMNS_MAX} are allowed", length / step);
        return Err(Failed::invalid(message).remedy("ask for a longer step, less time, or columns"));
    }
    let by = [Field::Intrinsic(Intrinsic::Status)];
    let counted = scope.count(&api.faden.query, &by, Some(Duration::from_nanos(step)), BOUNDS).await?;
    let mut sum = Tally::default();
    counted.rows.iter().for_each(|row| sum.merge(&row.sum));
    let start = step_of(time.start, step);
    let bounds = bounds(&sum, rows);
    let last = step_of(time.end.saturating_sub(1).max(time.start), step);
    Ok(Json(Heatmap {
        start: Count64(start),
        step_ns: step,
        columns: ((last - start) / step + 1) as usize,
        cells: cells(&counted.rows, (start, step), &bounds),
        bounds_ns: bounds,
        red: Red::of(&sum, Some(length as f64 / 1e9)),
        about: about(&counted),
    }))
}

/// The bounds of at most so many rows around all durations; none where there is no span.
fn bounds(sum: &Tally, rows: usize) -> Vec<u64> {
    let (Some(min), Some(max)) = (sum.durations.min(), sum.durations.max()) else { return Vec::new() };
    let (low, high) = (min.max(1).ilog2(), max.max(1).ilog2() + 1);
    let doublings = (high - low) as usize;
    let parts = PARTS.into_iter().find(|parts| doublings * *parts as usize <= rows).unwrap_or(1);
    // Below 8 ns a doubling has no eight parts, and nobody measures there.
    let parts = if low < 3 { 1 } else { parts };
    let at_once = doublings.div_ceil(rows) as u32;
    let mut bounds = Vec::new();
    for doubling in (low..high).step_by(at_once as usize) {
        let from = 1_u64 << doubling;
        bounds.extend((0..parts).map(|part| from + from / parts * part));
    }
    bounds.push(1_u64.checked_shl(high).unwrap_or(u64::MAX));
    if min == 0 {
        bounds[0] = 0;
    }
    let first = bounds.partition_point(|bound| *bound <= min).saturating_sub(1);
    let end = bounds.partition_point(|bound| *bound <= max) + 1;
    bounds.truncate(end);
    bounds.drain(..first);
    bounds.iter().map(|bound| (*bound).min(analyze::EXACT_MAX)).collect()
}

fn cells(rows: &[Metric], (start, step): (u64, u64), bounds: &[u64]) -> Vec<u64> {
    let mut cells: BTreeMap<(u64, u64), [u64; 2]> = BTreeMap::new();
    for row in rows {
        let column = row.time.unwrap_or(start).saturating_sub(start) / step;
        let failed = row.by[0].as_deref() == Some("error");
        for (low, spans) in row.sum.durations.buckets() {
            let at = bounds.partition_point(|bound| *bound <= low).saturating_sub(1);
            let at = at.min(bounds.len().saturating_sub(2)) as u64;
            let cell = cells.entry((column, at)).or_default();
            cell[0] += spans;
            cell[1] += if failed { spans } else { 0 };
        }
    }
    cells.into_iter().flat_map(|((column, row), [spans, errors])| [column, row, spans, errors]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_few_and_around_all() {
        for (durations, rows, expected) in [
            (vec![], 40, vec![]),
            (vec![0], 40, vec![0, 2]),
            (vec![5_000_000], 4, vec![4_194_304, 5_242_880]),
            (vec![1_024, 1_500, 4_000], 2, vec![1_024, 2_048, 4_096]),
            (vec![1_024, 4_000], 1, vec![1_024, 4_096]),
        ] {
            let mut sum = Tally::default();
            durations.iter().for_each(|duration| sum.add(*duration, false));
            assert_eq!(bounds(&sum, rows), expected, "{durations:?}");
        }
        let mut all = Tally::default();
        [0, 1, u64::MAX].iter().for_each(|duration| all.add(*duration, false));
        let bounds = bounds(&all, ROWS_MAX);
        assert!(bounds.len() <= ROWS_MAX + 1 && bounds.is_sorted(), "{bounds:?}");
    }
}
