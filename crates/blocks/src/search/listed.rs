//! What a list shows of each trace: from the index where the trace stands in one run of rows, else by joining it.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::trace::ServiceCount;
use model::{Summary, Trace, TraceId};

use super::skeleton::{Depth, join};
use super::traces::Found;
use super::{Place, Run};
use crate::error::Result;

/// The summaries of traces that were found, in their order; a trace that is nowhere is left out.
pub(super) fn summaries(run: &mut Run<'_>, found: &[Found]) -> Result<Vec<Summary>> {
    let mut known: HashMap<TraceId, Summary, FixedState> = HashMap::default();
    let mut rest = Vec::new();
    for ((_, id), extent) in found {
        match extent.home.and_then(|home| alone(run, *id, home)) {
            Some(summary) => _ = known.insert(*id, summary),
            None => rest.push(*id),
        }
    }
    let joined = join(run, &rest, Depth::Skeleton)?;
    known.extend(joined.iter().map(Trace::summary).map(|summary| (summary.id, summary)));
    Ok(found.iter().filter_map(|((_, id), _)| known.remove(id)).collect())
}

/// The summary of a trace that stands in one run of rows; `None` where the index has none.
fn alone(run: &mut Run<'_>, id: TraceId, (group, first): (usize, u32)) -> Option<Summary> {
    let Place { view, group } = *run.groups.get(group)?;
    // What is damaged there is found by joining the trace.
    let (summaries, runs) = (group.summaries().ok()??, group.runs().ok()?);
    let place = runs.binary_search_by_key(&first, |run| run.first).ok()?;
    let (record, rows) = (summaries.of(place)?, runs[place]);
    let name = |place: u32| summaries.services().get(place as usize).map(|name| name.to_string());
    let mut services = Vec::with_capacity(record.services.len());
    for of in &record.services {
        services.push(ServiceCount { name: name(of.service)?, spans: of.spans, errors: of.errors });
    }
    let spans = services.iter().map(|service| service.spans).sum();
    let (root_service, root_name) = summaries.root(record.root);
    run.open(view);
    (spans == u64::from(rows.count)).then(|| Summary {
        id,
        start: rows.start,
        end: rows.end,
        root_service: root_service.into(),
        root_name: root_name.into(),
        spans,
        errors: services.iter().map(|service| service.errors).sum(),
        orphans: record.orphans,
        services,
    })
}
