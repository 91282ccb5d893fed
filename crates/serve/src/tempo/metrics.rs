//! Numbers over time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use model::TimeRange;
use query::traceql::ast::{Metrics, Root};
use query::traceql::metrics::{Answer, Request, Series, range as computed};
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
    let metrics = metrics(&asked.params)?;
    let time = time(&api, &asked.params)?;
    let step = asked.params.duration_or_seconds("step")?.unwrap_or_else(|| step_of(time));
    let request = Request {
        tenant: asked.tenant,
        time,
        step: Some(Duration::from_nanos(step)),
        time_limit: TIME_LIMIT,
    };
    let answer = computed(&api.query, &metrics, &request).await?;
    let write = |series: &Series, out: &mut Writer| {
        out.key("samples").array(|out| {
            for (time, value) in &series.samples {
                out.object(|out| {
                    out.key("timestampMs").plain(time / 1_000_000);
                    out.key("value").double(*value);
                });
            }
        });
    };
    Ok(replied(&answer, write))
}

/// One value for all time.
pub(super) async fn instant(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let metrics = metrics(&asked.params)?;
    let time = time(&api, &asked.params)?;
    let request = Request { tenant: asked.tenant, time, step: None, time_limit: TIME_LIMIT };
    let answer = computed(&api.query, &metrics, &request).await?;
    let write = |series: &Series, out: &mut Writer| {
        out.key("value").double(series.samples.first().map_or(0.0, |(_, value)| *value));
    };
    Ok(replied(&answer, write))
}

fn metrics(params: &Params) -> Result<Metrics, Refusal> {
    let text = params.first("q").or_else(|| params.first("query"));
    let text = text.ok_or_else(|| Refusal::bad_request("`q` is missing: send q={ } | rate()"))?;
    match parse(text)?.root {
        Root::Metrics(metrics) => Ok(metrics),
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

fn replied(answer: &Answer, values: impl Fn(&Series, &mut Writer)) -> Response {
    json(|out| {
        out.object(|out| {
            out.key("series").array(|out| {
                for series in &answer.series {
                    out.object(|out| {
                        out.key("labels").array(|out| labels(series, out));
                        values(series, out);
                        out.key("promLabels").text(&prometheus(series));
                    });
                }
            });
            about(&answer.work, None, answer.partial.as_deref(), out);
        });
    })
}

fn labels(series: &Series, out: &mut Writer) {
    for (name, value) in &series.labels {
        out.object(|out| {
            out.key("key").text(name);
            out.key("value").object(|out| match value.parse::<f64>() {
                Ok(number) if matches!(name.as_str(), "p" | "__bucket") => {
                    out.key("doubleValue").double(number)
                }
                _ => out.key("stringValue").text(value),
            });
        });
    }
}

/// The labels as Prometheus writes them.
fn prometheus(series: &Series) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pair = |(name, value): &(String, String)| format!("{name}=\"{}\"", quoted(value));
    format!("{{{}}}", series.labels.iter().map(pair).collect::<Vec<_>>().join(", "))
}
