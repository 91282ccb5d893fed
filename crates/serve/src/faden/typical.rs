//! How a span's duration compares with others of its operation, and which trace of an operation is a typical one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use query::Scope;
use query::answer::{About, Summary};
use serde::{Deserialize, Serialize};
use store::{Ask, Field, Filter, Operand, Plan};

use super::red::{Histogram, histogram_of};
use super::scope::BOUNDS;
use super::trace::trace_id;
use super::{Api, Asked, Failed, named};

/// The newest traces among which the typical one is sought.
pub const TYPICAL_TRACES_MAX: usize = 1_000;

/// The time of what is typical where none is named, in nanoseconds.
const SINCE_TYPICAL: u64 = 24 * 3_600_000_000_000;

/// A span's duration among those of its service, operation and kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpanDuration {
    /// Its service.
    pub service: String,
    /// Its operation.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// How long it took.
    pub duration_ns: u64,
    /// The others; `percentile` is the part of them that took at most as long.
    #[serde(flatten)]
    pub others: Histogram,
}

/// A trace that stands for many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Typical {
    /// The trace with the median duration: of those without errors, where there are any.
    pub trace: Summary,
    /// The traces among which it is, of those that begin with the operation.
    pub traces: usize,
    /// Those of them without errors.
    pub without_errors: usize,
    /// Half of them took at most so long.
    pub p50_ns: u64,
    /// 95 % of them.
    pub p95_ns: u64,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

pub(super) async fn span_duration(
    State(api): State<Arc<Api>>,
    Path((id, span)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<SpanDuration>, Failed> {
    let clock = api.faden.clock.as_ref();
    let tenant = asked.tenant.clone();
    let has_time = asked.names("start") || asked.names("last");
    let mut scope = asked.timed_scope(clock)?;
    if !has_time {
        scope.search.time.start = scope.search.time.end.saturating_sub(SINCE_TYPICAL);
    }
    let (trace, row) = named::first(&api, (&tenant, trace_id(&id)?), &span).await?;
    let span = trace.span(&trace.nodes()[row]);
    let of = |field, text: &str| Filter::equal(field, Operand::Text(text.into()));
    let scope = scope
        .and(Filter::service(span.service()))
        .and(of(Field::Name, span.name()))
        .and(Filter::equal(Field::Kind, Operand::Kind(span.kind())));
    let duration = span.duration().min(analyze::EXACT_MAX);
    Ok(Json(SpanDuration {
        service: span.service().into(),
        name: span.name().into(),
        kind: span.kind().as_str().into(),
        duration_ns: duration,
        others: histogram_of(&api, &scope, Some(span.duration())).await?,
    }))
}

pub(super) async fn typical(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Typical>, Failed> {
    let clock = api.faden.clock.as_ref();
    let has_time = asked.names("start") || asked.names("last");
    let of = |name: &str| asked.pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    let (service, operation) = (of("service"), of("operation"));
    let mut scope = asked.timed_scope(clock)?;
    if !has_time {
        scope.search.time.start = scope.search.time.end.saturating_sub(SINCE_TYPICAL);
    }
    let (mut traces, about) = summaries(&api, &scope).await?;
    traces.retain(|trace| {
        service.as_ref().is_none_or(|service| *service == trace.root_service)
            && operation.as_ref().is_none_or(|operation| *operation == trace.root_name)
    });
    traces.sort_by_key(|trace| (trace.duration(), trace.id));
    let count = traces.len();
    let at = |traces: &[model::Summary], q: f64| {
        let place = ((traces.len().saturating_sub(1)) as f64 * q).round() as usize;
        traces.get(place).map_or(0, |trace| trace.duration().min(analyze::EXACT_MAX))
    };
    let (p50_ns, p95_ns) = (at(&traces, 0.5), at(&traces, 0.95));
    let good: Vec<&model::Summary> = traces.iter().filter(|trace| trace.errors == 0).collect();
    let among = if good.is_empty() { traces.iter().collect() } else { good.clone() };
    let nothing = || {
        Failed::new(StatusCode::NOT_FOUND, "no trace begins with this operation in this time")
            .remedy("ask for more time, or for the service and operation of a root span")
    };
    let median = among.get(among.len().saturating_sub(1) / 2).ok_or_else(nothing)?;
    Ok(Json(Typical {
        trace: Summary::from(*median),
        traces: count,
        without_errors: good.len(),
        p50_ns,
        p95_ns,
        about,
    }))
}

/// The newest traces of a scope.
async fn summaries(api: &Api, scope: &Scope) -> Result<(Vec<model::Summary>, About), Failed> {
    let too_much = || {
        Failed::invalid("q: what is typical is told of conditions on single spans")
            .remedy("leave out relations between spans and pipelines")
    };
    let spans = if scope.search.trace.is_empty() {
        scope.filter().ok_or_else(too_much)?
    } else if scope.pipeline.is_none() {
        scope.search.spans.clone()
    } else {
        return Err(too_much());
    };
    let plan = Plan {
        spans,
        limit: TYPICAL_TRACES_MAX,
        time_limit: BOUNDS.time_limit,
        ..scope.search.plan(scope.tenant.clone(), Ask::Summaries)
    };
    let (traces, answer) = api.faden.query.summaries(&plan).await?;
    Ok((traces, About { next: None, ..About::from(&answer) }))
}
