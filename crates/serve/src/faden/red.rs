//! Rate, errors and duration: of services, of their operations, over time, as a histogram.
//!
//! Answered from what the store has counted before wherever it can (`Ask::Metrics`), else by looking at traces.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use model::Kind;
use model::view::UNKNOWN_SERVICE;
use query::Scope;
use query::answer::Count64;
use query::scope::Counted;
use query::traceql::ast::{Field as Named, Intrinsic, Scope as Place};
use serde::{Deserialize, Serialize};
use store::metrics::Tally;
use store::{Field, Filter, Operand};

use super::scope::{AboutCounts, BOUNDS, about, seconds};
use super::{Api, Asked, Failed};

/// Answers over time have so many steps; a shorter step is refused.
pub const STEPS_MAX: u64 = 5_000;

/// Answers without a step have about so many.
const STEPS_DEFAULT: u64 = 60;

/// Rate, errors and duration of some spans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Red {
    /// How many spans.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// The part of them that failed, 0 to 1.
    pub error_share: f64,
    /// Spans each second; absent where the time has no start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Half of the spans took at most so long; within 1.6 %, as all quantiles.
    pub p50_ns: u64,
    /// 95 % of them.
    pub p95_ns: u64,
    /// 99 % of them.
    pub p99_ns: u64,
    /// All of them.
    pub max_ns: u64,
    /// All of them together.
    pub sum_ns: u64,
}

impl Red {
    /// What spans add up to, over so many seconds.
    #[must_use]
    pub fn of(tally: &Tally, seconds: Option<f64>) -> Self {
        let spans = tally.spans();
        let quantile = |q| tally.durations.quantile(q).unwrap_or(0).min(analyze::EXACT_MAX);
        let sum = u64::try_from(tally.durations.sum()).unwrap_or(u64::MAX);
        Self {
            spans,
            errors: tally.errors,
            error_share: if spans == 0 { 0.0 } else { tally.errors as f64 / spans as f64 },
            rate: seconds.map(|seconds| spans as f64 / seconds),
            p50_ns: quantile(0.5),
            p95_ns: quantile(0.95),
            p99_ns: quantile(0.99),
            max_ns: tally.durations.max().unwrap_or(0).min(analyze::EXACT_MAX),
            sum_ns: sum.min(analyze::EXACT_MAX),
        }
    }
}

/// Services with their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Services {
    /// By name.
    pub services: Vec<ServiceRed>,
    /// How long the time is that was asked for; absent where it has no start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

/// A service with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRed {
    /// Its name.
    pub service: String,
    /// Its numbers.
    #[serde(flatten)]
    pub red: Red,
}

/// The operations of a service with their numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operations {
    /// By name and kind.
    pub operations: Vec<OperationRed>,
    /// How long the time is that was asked for; absent where it has no start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

/// An operation with its numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationRed {
    /// Its name.
    pub name: String,
    /// The kind of its spans.
    pub kind: String,
    /// Its numbers.
    #[serde(flatten)]
    pub red: Red,
}

/// Numbers over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverTime {
    /// When the first step begins.
    pub start: Count64,
    /// When the time ends.
    pub end: Count64,
    /// How long a step is.
    pub step_ns: u64,
    /// By operation where they were asked for, then by time; steps without spans are left out.
    pub series: Vec<Step>,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

/// The numbers of one step of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When it begins.
    pub time: Count64,
    /// The operation; absent where all are counted together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its numbers.
    #[serde(flatten)]
    pub red: Red,
}

/// How long the spans of an operation took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// From, up to, and how many spans; ascending, empty ones are left out.
    pub buckets: Vec<[u64; 3]>,
    /// The part of the spans that took at most as long as the duration that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// The same in numbers.
    #[serde(flatten)]
    pub red: Red,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

pub(super) async fn services(
    State(api): State<Arc<Api>>,
    mut asked: Asked,
) -> Result<Json<Services>, Failed> {
    let is_entry = asked.truth("entry")?;
    let clock = api.faden.clock.as_ref();
    let mut scope = asked.scope(clock)?;
    if is_entry {
        scope = scope.and(entries());
    }
    let seconds = seconds(&scope, clock);
    let counted = count(&api, &scope, &[service_field()], None).await?;
    let service = |row: &store::Metric| ServiceRed {
        service: row.by[0].clone().unwrap_or_else(|| UNKNOWN_SERVICE.into()),
        red: Red::of(&row.sum, seconds),
    };
    Ok(Json(Services {
        services: counted.rows.iter().map(service).collect(),
        seconds,
        about: about(&counted),
    }))
}

pub(super) async fn operations(
    State(api): State<Arc<Api>>,
    Path(service): Path<String>,
    asked: Asked,
) -> Result<Json<Operations>, Failed> {
    let clock = api.faden.clock.as_ref();
    let scope = asked.scope(clock)?.and(Filter::service(&service));
    let seconds = seconds(&scope, clock);
    let by = [Named::Intrinsic(Intrinsic::Name), Named::Intrinsic(Intrinsic::Kind)];
    let counted = count(&api, &scope, &by, None).await?;
    let operation = |row: &store::Metric| OperationRed {
        name: row.by[0].clone().unwrap_or_default(),
        kind: row.by[1].clone().unwrap_or_default(),
        red: Red::of(&row.sum, seconds),
    };
    Ok(Json(Operations {
        operations: counted.rows.iter().map(operation).collect(),
        seconds,
        about: about(&counted),
    }))
}

pub(super) async fn over_time(
    State(api): State<Arc<Api>>,
    Path(service): Path<String>,
    mut asked: Asked,
) -> Result<Json<OverTime>, Failed> {
    let by = match asked.take("by").as_deref() {
        None => Vec::new(),
        Some("operation") => vec![Named::Intrinsic(Intrinsic::Name)],
        Some(_) => return Err(Failed::invalid("by: it is `operation`").remedy("or leave it out")),
    };
    let is_entry = asked.truth("entry")?;
    let step = asked.nanos("step")?;
    let mut scope = asked.timed_scope(api.faden.clock.as_ref())?.and(Filter::service(&service));
    if is_entry {
        scope = scope.and(entries());
    }
    let time = scope.search.time;
    let step = step_of(step, time.end.saturating_sub(time.start))?;
    let counted = count(&api, &scope, &by, Some(step)).await?;
    let seconds = Some(step as f64 / 1e9);
    let row = |row: &store::Metric| Step {
        time: Count64(row.time.unwrap_or(time.start)),
        name: row.by.first().cloned().flatten(),
        red: Red::of(&row.sum, seconds),
    };
    Ok(Json(OverTime {
        start: Count64(store::metrics::step_of(time.start, step)),
        end: Count64(time.end),
        step_ns: step,
        series: counted.rows.iter().map(row).collect(),
        about: about(&counted),
    }))
}

pub(super) async fn histogram(
    State(api): State<Arc<Api>>,
    mut asked: Asked,
) -> Result<Json<Histogram>, Failed> {
    let duration = asked.nanos("duration")?;
    let scope = asked.scope(api.faden.clock.as_ref())?;
    Ok(Json(histogram_of(&api, &scope, duration).await?))
}

/// How long the spans of a scope took, and which part of them took at most so long.
pub(super) async fn histogram_of(
    api: &Api,
    scope: &Scope,
    duration: Option<u64>,
) -> Result<Histogram, Failed> {
    let seconds = seconds(scope, api.faden.clock.as_ref());
    let counted = count(api, scope, &[], None).await?;
    let tally = counted.rows.first().map(|row| row.sum.clone()).unwrap_or_default();
    let buckets: Vec<[u64; 3]> = tally
        .durations
        .buckets()
        .map(|(low, count)| [low.min(analyze::EXACT_MAX), store::sketch::bucket_end(low), count])
        .collect();
    let at_most = |duration: u64| {
        let below = buckets.iter().filter(|[low, ..]| *low <= duration).map(|[.., count]| count).sum::<u64>();
        below as f64 / tally.spans().max(1) as f64
    };
    let percentile = duration.map(at_most);
    let red = Red::of(&tally, seconds);
    Ok(Histogram { percentile, red, about: about(&counted), buckets })
}

/// The step that is asked for, or a round one.
pub(super) fn step_of(asked: Option<u64>, length: u64) -> Result<u64, Failed> {
    let round = || (length / STEPS_DEFAULT).next_multiple_of(1_000_000_000).max(1_000_000_000);
    let step = asked.unwrap_or_else(round);
    let steps = length / step;
    if steps > STEPS_MAX {
        return Err(Failed::invalid(format!(
            "step: the time has {steps} such steps, {STEPS_MAX} are allowed"
        ))
        .remedy("ask for a longer step or less time"));
    }
    Ok(step)
}

/// The service of a span.
pub(super) fn service_field() -> Named {
    Named::Attribute { scope: Place::Resource, key: "service.name".into(), of_parent: false }
}

/// Spans by which requests enter a service.
pub(super) fn entries() -> Filter {
    let kind = |kind| Filter::equal(Field::Kind, Operand::Kind(kind));
    Filter::Or(vec![kind(Kind::Server), kind(Kind::Consumer)])
}

async fn count(api: &Api, scope: &Scope, by: &[Named], step: Option<u64>) -> Result<Counted, Failed> {
    Ok(scope.count(&api.faden.query, by, step.map(Duration::from_nanos), BOUNDS).await?)
}
