//! Numbers over time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use model::TimeRange;
use query::traceql::ast::{Hint, Literal, Metrics, Root};
use query::traceql::metrics::{
    Answer, EXEMPLARS_MAX, Exemplar, Request, Series, exemplars, range as computed,
};
use query::traceql::parse;
use wire::json::Writer;

use super::params::{Params, TIME_LIMIT};
use super::reply::{Refusal, about, json};
use super::{Asked, Tempo};

/// The time of a question that names none.
const SINCE_DEFAULT: u64 = 3_600_000_000_000;

/// A chart that names no step has at most about so many.
const STEPS_DEFAULT: u64 = 200;

/// Steps that people read easily, in seconds.
const STEPS_S: [u64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200];

/// One value for each step.
pub(super) async fn range(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let (answer, examples) = ranged(&api, &asked).await?;
    let write = |at: usize, series: &Series, out: &mut Writer| {
        out.key("samples").array(|out| {
            for (time, value) in &series.samples {
                out.object(|out| {
                    out.key("timestampMs").plain(time / 1_000_000);
                    out.key("value").double(*value);
                });
            }
        });
        let mut of_series = examples.iter().filter(|(place, _)| *place == at).peekable();
        if of_series.peek().is_some() {
            out.key("exemplars").array(|out| of_series.for_each(|(_, example)| exemplar(example, out)));
        }
    };
    Ok(replied(&answer, write))
}

fn exemplar(example: &Exemplar, out: &mut Writer) {
    out.object(|out| {
        out.key("labels").array(|out| labels(&example.labels, out));
        out.key("value").double(example.value);
        out.key("timestampMs").plain(example.time / 1_000_000);
    });
}

/// The series, and the traces that stand for their numbers, each with the place of its series.
pub(super) async fn ranged(api: &Tempo, asked: &Asked) -> Result<(Answer, Vec<(usize, Exemplar)>), Refusal> {
    let (metrics, hints) = metrics(&asked.params)?;
    let time = time(api, &asked.params)?;
    let step = asked.params.duration_or_seconds("step")?.unwrap_or_else(|| step_of(time));
    let request = Request {
        tenant: asked.tenant.clone(),
        time,
        step: Some(Duration::from_nanos(step)),
        time_limit: TIME_LIMIT,
    };
    let max = asked.params.exemplars()?.or_else(|| hinted(&hints)).unwrap_or(0);
    let series_max = asked.params.series_max()?;
    let mut answer = computed(&api.query, &metrics, &request).await?;
    if answer.series.len() > series_max {
        answer.series.truncate(series_max);
        answer.partial = Some(format!("there are more series than maxSeries allows, which is {series_max}"));
    }
    let examples = exemplars(&api.query, &metrics, &request, (&answer.series, max)).await?;
    Ok((answer, examples))
}

/// How many examples the hint `exemplars` asks for.
fn hinted(hints: &[Hint]) -> Option<usize> {
    let hint = hints.iter().rev().find(|hint| hint.name == "exemplars")?;
    match &hint.value {
        Literal::Bool(wanted) => Some(if *wanted { EXEMPLARS_MAX } else { 0 }),
        Literal::Int(count) => usize::try_from(*count).ok(),
        _ => None,
    }
}

/// One value for all time.
pub(super) async fn instant(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let answer = instantly(&api, &asked).await?;
    let write = |_: usize, series: &Series, out: &mut Writer| {
        out.key("value").double(total(series));
    };
    Ok(replied(&answer, write))
}

pub(super) async fn instantly(api: &Tempo, asked: &Asked) -> Result<Answer, Refusal> {
    let (metrics, _) = metrics(&asked.params)?;
    let time = time(api, &asked.params)?;
    let request = Request { tenant: asked.tenant.clone(), time, step: None, time_limit: TIME_LIMIT };
    Ok(computed(&api.query, &metrics, &request).await?)
}

/// The one value of a series without steps.
pub(super) fn total(series: &Series) -> f64 {
    series.samples.first().map_or(0.0, |(_, value)| *value)
}

fn metrics(params: &Params) -> Result<(Metrics, Vec<Hint>), Refusal> {
    let text = params.first("q").or_else(|| params.first("query"));
    let text = text.ok_or_else(|| Refusal::bad_request("`q` is missing: send q={ } | rate()"))?;
    let parsed = parse(text)?;
    match parsed.root {
        Root::Metrics(metrics) => Ok((metrics, parsed.hints)),
        Root::Spansets(_) => Err(Refusal::bad_request(
            "the query asks for spans: send it to /api/search, or end it with a metric, as in { } | rate()",
        )),
    }
}

/// From `start` to `end`, or the time that `since` names before now.
fn time(api: &Tempo, params: &Params) -> Result<TimeRange, Refusal> {
    let now = api.clock.now();
    let since = params.duration_or_seconds("since")?.unwrap_or(SINCE_DEFAULT);
    let end = params.moment("end", now)?.unwrap_or(now);
    let start = params.moment("start", now)?.unwrap_or_else(|| end.saturating_sub(since));
    if start >= end {
        return Err(Refusal::bad_request("`start` does not lie before `end`: exchange the two"));
    }
    Ok(TimeRange { start, end })
}

fn step_of(time: TimeRange) -> u64 {
    let least = (time.end - time.start) / STEPS_DEFAULT / 1_000_000_000;
    let step =
        STEPS_S.into_iter().find(|step| *step >= least).unwrap_or_else(|| least.next_multiple_of(3_600));
    step * 1_000_000_000
}

fn replied(answer: &Answer, values: impl Fn(usize, &Series, &mut Writer)) -> Response {
    json(|out| {
        out.object(|out| {
            out.key("series").array(|out| {
                for (at, series) in answer.series.iter().enumerate() {
                    out.object(|out| {
                        out.key("labels").array(|out| labels(&series.labels, out));
                        values(at, series, out);
                        out.key("promLabels").text(&prometheus(series));
                    });
                }
            });
            about(&answer.work, None, answer.partial.as_deref(), out);
        });
    })
}

fn labels(labels: &[(String, String)], out: &mut Writer) {
    for (name, value) in labels {
        out.object(|out| {
            out.key("key").text(name);
            out.key("value").object(|out| match number(name, value) {
                Some(number) => out.key("doubleValue").double(number),
                None => out.key("stringValue").text(value),
            });
        });
    }
}

/// The value of a label that is a number.
pub(super) fn number(name: &str, value: &str) -> Option<f64> {
    matches!(name, "p" | "__bucket").then(|| value.parse().ok()).flatten()
}

/// The labels as Prometheus writes them.
pub(super) fn prometheus(series: &Series) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pair = |(name, value): &(String, String)| format!("{name}=\"{}\"", quoted(value));
    format!("{{{}}}", series.labels.iter().map(pair).collect::<Vec<_>>().join(", "))
}
