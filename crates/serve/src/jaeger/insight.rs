//! `/api/deep-dependencies` and `/api/quality-metrics`: what Jaeger's pages of these names show, computed from traces.
//!
//! Both look at the newest [`TRACES_MAX`] traces of the time that is asked for; where there are more, the answer says so.

use std::sync::Arc;

use analyze::paths::{PATHS_MAX, Path, Paths};
use analyze::quality::{Check, Example, Outcome, quality};
use axum::extract::State;
use axum::response::Response;
use model::{Tenant, TimeRange, Trace};
use query::candidates::Candidates;
use store::{Ask, Filter, Plan};
use wire::json::Writer;

use super::legacy::Enveloped;
use super::params::{self, Params};
use super::reply::{self, Refusal};
use super::{Asked, Jaeger};

/// Traces that are looked at.
const TRACES_MAX: usize = 1_000;

/// Traces that are asked for at once.
const TRACES_AT_ONCE: usize = 64;

const HOUR: u64 = 3_600_000_000_000;

type Reply = Result<Response, Enveloped>;

/// The ways that lead through a service, each with a trace that took it.
pub(super) async fn deep_dependencies(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let time = time(&asked.params, &api, 24)?;
    let service = asked.params.first("service").map(str::to_owned);
    let operation = asked.params.first("operation").map(str::to_owned);
    let work = (Paths::default(), |paths: &mut Paths, trace: &Trace| paths.add(trace));
    let (paths, partial) = over(&api, (asked.tenant, service.as_deref(), time), work).await?;
    let cut = || format!("there are more than {PATHS_MAX} ways: ask for a shorter time");
    let partial = partial.or_else(|| paths.is_cut().then(cut));
    let found = paths.through(service.as_deref(), operation.as_deref());
    let written = reply::short(asked.params.is_pretty(), |out| {
        out.object(|out| out.key("dependencies").array(|out| found.iter().for_each(|path| way(path, out))));
    });
    Ok(reply::said(partial.as_deref(), written))
}

fn way(path: &Path, out: &mut Writer) {
    out.object(|out| {
        out.key("path").array(|out| {
            for step in &path.steps {
                out.object(|out| {
                    out.key("service").text(&step.service);
                    out.key("operation").text(&step.operation);
                });
            }
        });
        out.key("attributes").array(|out| {
            let values = [("exemplar_trace_id", path.example.to_string()), ("count", path.count.to_string())];
            for (key, value) in values {
                out.object(|out| {
                    out.key("key").text(key);
                    out.key("value").text(&value);
                });
            }
        });
    });
}

/// How good the traces of a service are.
pub(super) async fn quality_metrics(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let time = time(&asked.params, &api, 1)?;
    let service = asked.params.first("service").map(str::to_owned);
    let none: Vec<Outcome> = Vec::new();
    let of = service.clone();
    let add = move |sum: &mut Vec<Outcome>, trace: &Trace| merge(sum, quality([trace], of.as_deref()));
    let (outcomes, partial) = over(&api, (asked.tenant, service.as_deref(), time), (none, add)).await?;
    let outcomes = if outcomes.is_empty() { quality([], None) } else { outcomes };
    let written = reply::short(asked.params.is_pretty(), |out| report(&outcomes, out));
    Ok(reply::said(partial.as_deref(), written))
}

fn merge(sum: &mut Vec<Outcome>, more: Vec<Outcome>) {
    if sum.is_empty() {
        *sum = more;
        return;
    }
    for (sum, more) in sum.iter_mut().zip(more) {
        sum.passed += more.passed;
        sum.failed += more.failed;
        sum.passing.extend(more.passing);
        sum.failing.extend(more.failing);
        sum.passing.truncate(analyze::quality::EXAMPLES_MAX);
        sum.failing.truncate(analyze::quality::EXAMPLES_MAX);
    }
}

/// Name, category and description of a check.
fn words(check: Check) -> (&'static str, &'static str, &'static str) {
    match check {
        Check::Parents => ("Parents arrive", "completeness", "The parent that a span names is in its trace"),
        Check::Callees => {
            ("Callees report", "completeness", "The service that is called has a span of the call")
        }
        Check::Clocks => ("Clocks agree", "quality", "A span does not start before its parent"),
        Check::Names => {
            ("Names are few", "quality", "The name of a span holds no id, which belongs in an attribute")
        }
        Check::Errors => (
            "Errors are explained",
            "quality",
            "A span that failed has a message, an exception or error.type",
        ),
    }
}

fn report(outcomes: &[Outcome], out: &mut Writer) {
    const DOCUMENTATION: &str = "https://opentelemetry.io/docs/specs/semconv/general/trace/";
    out.object(|out| {
        out.key("traceQualityDocumentationLink").text(DOCUMENTATION);
        out.key("scores").array(|out| {
            for (key, label) in [("completeness", "Completeness"), ("quality", "Quality")] {
                let of: Vec<&Outcome> =
                    outcomes.iter().filter(|outcome| words(outcome.check).1 == key).collect();
                let share = of.iter().map(|outcome| outcome.share()).sum::<f64>() / of.len().max(1) as f64;
                out.object(|out| {
                    out.key("key").text(key);
                    out.key("label").text(label);
                    out.key("max").int(100);
                    out.key("value").int((share * 100.0).round() as u64);
                });
            }
        });
        out.key("metrics").array(|out| outcomes.iter().for_each(|outcome| metric(outcome, out)));
    });
}

fn metric(outcome: &Outcome, out: &mut Writer) {
    let (name, category, description) = words(outcome.check);
    out.object(|out| {
        out.key("name").text(name);
        out.key("category").text(category);
        out.key("description").text(description);
        out.key("metricDocumentationLink").text("https://opentelemetry.io/docs/specs/semconv/general/trace/");
        out.key("metricWeight").double(1.0 / Check::ALL.len() as f64);
        out.key("passCount").int(outcome.passed);
        out.key("passExamples").array(|out| outcome.passing.iter().for_each(|found| example(found, out)));
        out.key("failureCount").int(outcome.failed);
        out.key("failureExamples").array(|out| outcome.failing.iter().for_each(|found| example(found, out)));
    });
}

fn example((trace, span): &Example, out: &mut Writer) {
    out.object(|out| {
        out.key("traceID").plain(trace);
        out.key("spanIDs").array(|out| out.text(&span.to_string()));
    });
}

/// From `start` to `end` in microseconds; else so many `hours` before now.
fn time(params: &Params, api: &Jaeger, hours: u64) -> Result<TimeRange, Refusal> {
    const MICROS: &str = "a time in microseconds since 1970";
    let whole = |text: &str| text.parse::<u64>().ok().filter(|hours| (1..=24 * 366).contains(hours));
    let hours = params.get(&["hours"], whole, "a number of hours")?.unwrap_or(hours);
    let end = params.get(&["end"], params::micros, MICROS)?.unwrap_or_else(|| api.clock.now());
    let start = params.get(&["start"], params::micros, MICROS)?;
    let start = start.unwrap_or_else(|| end.saturating_sub(hours.saturating_mul(HOUR)));
    if end < start {
        return Err(Refusal::bad_request("invalid parameter: start time must be before end time"));
    }
    Ok(TimeRange { start, end: end.saturating_add(1) })
}

/// Takes in the newest traces of a service, or of all.
async fn over<S: Send + 'static>(
    api: &Jaeger,
    (tenant, service, time): (Tenant, Option<&str>, TimeRange),
    (mut sum, add): (S, impl Fn(&mut S, &Trace) + Send + Sync + 'static),
) -> Result<(S, Option<String>), Refusal> {
    let spans = service.map_or(Filter::All, Filter::service);
    let plan = Plan { time, spans, limit: TRACES_AT_ONCE, ..Plan::new(tenant, Ask::Traces) };
    let mut candidates = Candidates::new(&api.query, plan).at_most(TRACES_MAX);
    let add = Arc::new(add);
    while let Some(traces) = candidates.next().await? {
        let add = Arc::clone(&add);
        let added = tokio::task::spawn_blocking(move || {
            traces.iter().for_each(|trace| add(&mut sum, trace));
            sum
        });
        sum = added.await.map_err(|error| Refusal::failed(error.to_string()))?;
    }
    Ok((sum, candidates.partial))
}
