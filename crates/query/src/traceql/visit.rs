//! Shows every span that a pipeline matches, trace by trace: for questions that no store answers by itself.
//!
//! Candidates come from the store, newest first, chosen by `prefilter.rs`; each is evaluated whole. Bounded by the time
//! limit and by [`Visit::traces_max`]; then the answer says that it is partial.

use std::sync::Arc;
use std::time::Duration;

use model::{Tenant, TimeRange, Trace};
use store::{Ask, Filter, Plan, TraceFilter, Work};

use super::ast::{Field, Pipeline};
use super::eval::{self, Subject};
use super::prefilter::prefilter;
use super::search;
use crate::apart::apart;
use crate::candidates::Candidates;
use crate::{Error, Query};

/// Candidates that are asked for at once.
const BATCH_TRACES: usize = 256;

/// Which spans are shown.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Whose.
    pub tenant: Tenant,
    /// Those that start inside.
    pub time: TimeRange,
    /// Those that the pipeline matches; `None` for all.
    pub pipeline: Option<Arc<Pipeline>>,
    /// Those that pass this as well.
    pub spans: Filter,
    /// Those of traces that pass this.
    pub trace: TraceFilter,
    /// What is looked at besides what the pipeline and the filter name; `None` for all that a span has.
    pub fields: Option<Vec<Field>>,
    /// At most so many traces are looked at.
    pub traces_max: usize,
    /// How long it may take.
    pub time_limit: Duration,
}

/// What a visit was.
#[derive(Clone, Debug, Default)]
pub struct Visited {
    /// Traces that were looked at.
    pub traces: usize,
    /// Why spans may be missing; `None` where all were shown.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// Shows the places of the matching spans of every trace that has some, ascending.
///
/// # Errors
/// [`Error`].
pub async fn visit<S: Send + 'static>(
    query: &Query,
    visit: &Visit,
    mut state: S,
    see: impl Fn(&mut S, &Subject<'_>, &[usize]) + Send + Sync + 'static,
) -> Result<(S, Visited), Error> {
    let mut candidates = Candidates::new(query, plan(visit)).at_most(visit.traces_max);
    let looking = Arc::new((visit.clone(), see));
    while let Some(traces) = candidates.next().await? {
        let here = Arc::clone(&looking);
        state = apart(move |asker| {
            traces
                .iter()
                .take_while(|_| !asker.is_gone())
                .for_each(|trace| look(&here.0, trace, |subject, at| here.1(&mut state, subject, at)));
            state
        })
        .await?;
    }
    Ok((state, Visited { traces: candidates.seen, partial: candidates.partial, work: candidates.work }))
}

fn ask(visit: &Visit) -> Ask {
    let Some(fields) = &visit.fields else { return Ask::Traces };
    let mut stored = match &visit.pipeline {
        Some(pipeline) => search::looked_at(pipeline),
        None => Vec::new(),
    };
    stored.extend(fields.iter().flat_map(Field::stored));
    visit.spans.each_field(&mut |field| stored.push(field.clone()));
    Ask::Outlines(stored)
}

fn plan(visit: &Visit) -> Plan {
    let plan = Plan {
        time: visit.time,
        spans: visit.spans.clone(),
        trace: visit.trace.clone(),
        limit: BATCH_TRACES.min(visit.traces_max),
        time_limit: visit.time_limit,
        ..Plan::new(visit.tenant.clone(), ask(visit))
    };
    let Some(pipeline) = &visit.pipeline else { return plan };
    let found = prefilter(pipeline);
    // A trace may match by one span and pass the rest by another: the plan asks for a span of the first kind.
    let spans = if matches!(found.spans, Filter::All) { plan.spans } else { found.spans };
    let trace = found.trace.and(&visit.trace);
    Plan { ids: found.ids, spans, trace, ..plan }
}

fn look(visit: &Visit, trace: &Trace, mut see: impl FnMut(&Subject<'_>, &[usize])) {
    let subject = Subject::new(trace);
    let passes = |at: &usize| {
        let span = subject.span(*at);
        visit.time.contains(span.start()) && store::eval::passes(&visit.spans, span)
    };
    let mut places: Vec<usize> = match &visit.pipeline {
        None => (0..subject.len()).filter(passes).collect(),
        Some(pipeline) => {
            let sets = eval::run(pipeline, &subject);
            sets.iter().flat_map(|set| &set.spans).map(|at| *at as usize).filter(passes).collect()
        }
    };
    places.sort_unstable();
    places.dedup();
    if !places.is_empty() {
        see(&subject, &places);
    }
}
