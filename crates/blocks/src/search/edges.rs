//! Counts the calls between services.

use std::collections::BTreeMap;

use model::{StatusCode, TraceId};
use store::Edge;
use store::Filter;

use super::Run;
use super::skeleton::{Depth, join};
use super::traces::matches;
use crate::error::Result;

/// Traces that are joined at once.
const JOINED_MAX: usize = 1024;

pub(super) fn edges(run: &mut Run<'_>) -> Result<Vec<Edge>> {
    let mut counts: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    let mut ids: Vec<TraceId> = matches(run)?.into_iter().collect();
    ids.sort_unstable();
    let depth = if needs_attributes(&run.plan.spans) { Depth::Whole } else { Depth::Skeleton };
    for some in ids.chunks(JOINED_MAX) {
        if run.is_over_time() {
            break;
        }
        for trace in join(run, some, depth)? {
            count(run, &trace, &mut counts);
        }
    }
    let edge = |((parent, child), (calls, errors))| Edge { parent, child, calls, errors };
    Ok(run.cut(counts.into_iter().map(edge).collect()))
}

fn count(run: &mut Run<'_>, trace: &model::Trace, counts: &mut BTreeMap<(String, String), (u64, u64)>) {
    for node in trace.nodes() {
        let Some(parent) = node.parent else { continue };
        let (child, parent) = (trace.span(node), trace.span(&trace.nodes()[parent as usize]));
        if parent.service() == child.service() || !run.finds(child) {
            continue;
        }
        let (calls, errors) =
            counts.entry((parent.service().to_owned(), child.service().to_owned())).or_default();
        *calls += 1;
        *errors += u64::from(child.status() == StatusCode::Error);
    }
}

/// True where a skeleton does not suffice to decide the filter.
fn needs_attributes(filter: &Filter) -> bool {
    use store::Field::{Duration, Kind, Name, Service, Status};
    match filter {
        Filter::All => false,
        Filter::Is(condition) => !matches!(condition.field, Service | Name | Kind | Status | Duration),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(needs_attributes),
        Filter::Not(filter) => needs_attributes(filter),
    }
}
