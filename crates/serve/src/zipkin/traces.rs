//! Whole traces: by id, and by what their spans are.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use model::{TimeRange, Trace};
use query::candidates::{CANDIDATES_MAX, Candidates};
use store::plan::LIMIT_MAX;
use store::{Ask, Filter, Plan};
use wire::zipkin_json;

use super::matches::Wanted;
use super::params::trace_id;
use super::reply::{Refusal, json};
use super::{Asked, Zipkin, names};

/// A search finds so many traces, unless it is told otherwise.
const LIMIT: usize = 10;

/// Candidates that are asked for at once.
const BATCH_TRACES: usize = 64;

/// The time of a trace is that of its root; the spans that are looked for start at most so long before or after.
const ROOT_DISTANCE_NS_MAX: u64 = 3_600_000_000_000;

pub(super) async fn one(
    State(api): State<Arc<Zipkin>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let wanted = trace_id(&id)?;
    let (traces, answer) = api.query.traces(&Plan::trace(asked.tenant, wanted)).await?;
    let missing = || Refusal::not_found(format!("{} not found", id.trim()));
    let trace = traces.first().ok_or_else(missing)?;
    Ok(json(answer.partial.as_deref(), |out| out.array(|out| zipkin_json::spans(trace, out))))
}

pub(super) async fn many(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let Some(list) = asked.params.first("traceIds") else {
        return Err(Refusal::bad_request("traceIds parameter is empty"));
    };
    let mut ids = BTreeSet::new();
    for text in list.split(',') {
        if !ids.insert(trace_id(text)?) {
            return Err(Refusal::bad_request(format!("redundant traceId: {}", text.trim())));
        }
        if ids.len() > LIMIT_MAX {
            return Err(Refusal::bad_request(format!("at most {LIMIT_MAX} traceIds are answered at once")));
        }
    }
    if ids.len() == 1 {
        return Err(Refusal::bad_request(
            "traceMany needs two traceIds or more; ask trace/{traceId} for one",
        ));
    }
    let plan = Plan {
        limit: ids.len(),
        ids: Some(ids.into_iter().collect()),
        ..Plan::new(asked.tenant, Ask::Traces)
    };
    let (traces, answer) = api.query.traces(&plan).await?;
    Ok(listed(&traces, answer.partial.as_deref()))
}

pub(super) async fn search(State(api): State<Arc<Zipkin>>, asked: Asked) -> Result<Response, Refusal> {
    let wanted = Wanted::read(&asked.params, asked.params.time(api.clock.now())?)?;
    let limit =
        asked.params.positive("limit")?.map_or(LIMIT, |limit| usize::try_from(limit).unwrap_or(LIMIT_MAX));
    let limit = limit.min(LIMIT_MAX);
    let plan = Plan {
        time: TimeRange {
            start: wanted.time.start.saturating_sub(ROOT_DISTANCE_NS_MAX),
            end: wanted.time.end.saturating_add(ROOT_DISTANCE_NS_MAX),
        },
        spans: filter(&api, &asked, &wanted).await?,
        limit: BATCH_TRACES,
        ..Plan::new(asked.tenant, Ask::Traces)
    };
    let mut candidates = Candidates::new(&api.query, plan).at_most(CANDIDATES_MAX);
    let mut found = Vec::new();
    while let Some(traces) = candidates.next().await? {
        found.extend(sifted(traces, wanted.clone()).await?);
        if limit <= found.len() {
            found.truncate(limit);
            break;
        }
    }
    Ok(listed(&found, candidates.partial.as_deref()))
}

/// What one span of every matching trace passes: the service, and of the conditions one.
async fn filter(api: &Zipkin, asked: &Asked, wanted: &Wanted) -> Result<Filter, Refusal> {
    let service = match &wanted.service {
        Some(service) => names::service_filter(&api.query, &asked.tenant, service).await?,
        None => Filter::All,
    };
    let mut conditions = wanted.conditions();
    if let Some(name) = &wanted.name {
        conditions.push(names::name_filter(&api.query, &asked.tenant, (service.clone(), name)).await?);
    }
    let mut all = vec![service];
    all.extend(conditions.into_iter().next());
    all.retain(|filter| !matches!(filter, Filter::All));
    Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
}

async fn sifted(traces: Vec<Arc<Trace>>, wanted: Wanted) -> Result<Vec<Arc<Trace>>, Refusal> {
    let sift = move || traces.into_iter().filter(|trace| wanted.suits(trace)).collect();
    let sifted = tokio::task::spawn_blocking(sift).await;
    sifted.map_err(|error| query::Error::Failed(error.to_string()).into())
}

fn listed(traces: &[Arc<Trace>], partial: Option<&str>) -> Response {
    json(partial, |out| {
        out.array(|out| traces.iter().for_each(|trace| out.array(|out| zipkin_json::spans(trace, out))));
    })
}
