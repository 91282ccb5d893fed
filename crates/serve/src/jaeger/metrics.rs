//! `/api/metrics/{calls,errors,latencies}`: what Jaeger's monitor page shows, from the counts and durations of the store.
//!
//! Each point looks back over `ratePer`: calls each second, the part of them that failed, or a quantile of their durations in
//! milliseconds. Digests are kept by the minute, so points lie on the borders of buckets of at least [`BUCKET_MIN_NS`], and
//! `step` and `ratePer` are rounded up to whole buckets; the last point is that of the end, and looks back to such a border.
//! Bounded by [`POINTS_MAX`] and [`BUCKETS_MAX`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use model::{Kind, TimeRange};
use query::moment;
use store::metrics::Tally;
use store::plan::LIMIT_MAX;
use store::{Ask, Field, Filter, Operand, Plan, Rows};
use wire::json::Writer;

use super::legacy::Enveloped;
use super::params::{self, Params};
use super::reply::{self, Refusal};
use super::{Asked, Jaeger};

/// The points of one line; a question for more is refused.
const POINTS_MAX: u64 = 10_000;

/// The buckets of time that a question may need; one for more is refused.
const BUCKETS_MAX: u64 = 20_000;

/// The shortest bucket.
const BUCKET_MIN_NS: u64 = 60_000_000_000;

/// Buckets that the store is asked for at once.
const BUCKETS_AT_ONCE: u64 = 100;

const MILLIS: &str = "a number of milliseconds above zero";

/// What is asked for.
struct Wanted {
    measure: Measure,
    services: Vec<String>,
    kinds: Vec<Kind>,
    by_operation: bool,
    end: u64,
    lookback: u64,
    step: u64,
    rate_per: u64,
    /// How long the buckets are.
    bucket: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Calls,
    Errors,
    Latencies(f64),
}

/// The smallest step that makes sense, in milliseconds.
pub(super) async fn min_step(asked: Asked) -> Result<Response, Enveloped> {
    Ok(reply::short(asked.params.is_pretty(), |out| {
        out.object(|out| {
            out.key("data").int(1);
            out.key("total").int(0);
            out.key("limit").int(0);
            out.key("offset").int(0);
            out.key("errors").null();
        });
    }))
}

pub(super) async fn metrics(
    State(api): State<Arc<Jaeger>>,
    Path(what): Path<String>,
    asked: Asked,
) -> Result<Response, Enveloped> {
    let wanted = Wanted::read(&what, &asked.params, api.clock.now())?;
    let bucket = wanted.bucket;
    let mut partial = None;
    let mut lines: BTreeMap<Vec<String>, BTreeMap<u64, Tally>> = BTreeMap::new();
    let mut start =
        wanted.end.saturating_sub(wanted.lookback.saturating_add(wanted.rate_per)) / bucket * bucket;
    while start < wanted.end {
        let time = TimeRange { start, end: wanted.end.min(start.saturating_add(bucket * BUCKETS_AT_ONCE)) };
        let by = if wanted.by_operation { vec![Field::Service, Field::Name] } else { vec![Field::Service] };
        let ask = Ask::Metrics { by, step: Some(Duration::from_nanos(bucket)) };
        let plan =
            Plan { time, spans: wanted.filter(), limit: LIMIT_MAX, ..Plan::new(asked.tenant.clone(), ask) };
        let answer = api.query.run(&plan).await?;
        partial = partial.or(answer.partial);
        let Rows::Metrics(rows) = answer.rows else {
            return Err(Refusal::failed("the store answered a question for numbers with other rows").into());
        };
        for row in rows {
            let names = row.by.into_iter().map(Option::unwrap_or_default).collect();
            lines.entry(names).or_default().entry(row.time.unwrap_or(0)).or_default().merge(&row.sum);
        }
        start = time.end;
    }
    let written = reply::short(asked.params.is_pretty(), |out| wanted.write(&lines, out));
    Ok(reply::said(partial.as_deref(), written))
}

impl Wanted {
    fn read(what: &str, params: &Params, now: u64) -> Result<Self, Refusal> {
        let measure = match what {
            "calls" => Measure::Calls,
            "errors" => Measure::Errors,
            "latencies" => {
                let read = |text: &str| text.parse().ok().filter(|part: &f64| 0.0 < *part && *part <= 1.0);
                let part = params.get(&["quantile"], read, "a number above 0, at most 1")?;
                Measure::Latencies(
                    part.ok_or_else(|| Refusal::bad_request("parameter 'quantile' is required"))?,
                )
            }
            _ => return Err(Refusal::not_found("404 page not found")),
        };
        let services: Vec<String> =
            params.all("service").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if services.is_empty() {
            return Err(Refusal::bad_request("parameter 'service' is required"));
        }
        let kind = |text: &str| {
            let known = Kind::parse(text);
            known.ok_or_else(|| {
                params.malformed("spanKind", text, "server, client, producer, consumer or internal")
            })
        };
        let kinds: Vec<Kind> =
            params.all("spanKind").filter(|kind| !kind.is_empty()).map(kind).collect::<Result<_, _>>()?;
        let millis = |name: &'static str, standard: u64| {
            let read = |text: &str| params::millis(text).filter(|nanos| *nanos > 0);
            Ok::<u64, Refusal>(params.get(&[name], read, MILLIS)?.unwrap_or(standard * 1_000_000_000))
        };
        let (lookback, step, rate_per) =
            (millis("lookback", 3_600)?, millis("step", 5)?, millis("ratePer", 600)?);
        let bucket = step.min(rate_per).max(BUCKET_MIN_NS);
        if lookback / step > POINTS_MAX || lookback.saturating_add(rate_per) / bucket > BUCKETS_MAX {
            let message = format!(
                "the step is too short: a line has at most {POINTS_MAX} points and {BUCKETS_MAX} buckets"
            );
            return Err(Refusal { status: StatusCode::BAD_REQUEST, message });
        }
        Ok(Self {
            measure,
            services,
            kinds: if kinds.is_empty() { vec![Kind::Server] } else { kinds },
            by_operation: params.boolean(&["groupByOperation"])?,
            end: params.get(&["endTs"], params::millis, "a time in milliseconds since 1970")?.unwrap_or(now),
            lookback,
            step: step.next_multiple_of(bucket),
            rate_per: rate_per.next_multiple_of(bucket),
            bucket,
        })
    }

    /// The border of buckets that follows the end.
    fn border(&self) -> u64 {
        self.end.checked_next_multiple_of(self.bucket).unwrap_or(self.end)
    }

    fn filter(&self) -> Filter {
        let any = |filters: Vec<Filter>| Filter::Or(filters);
        let services = self.services.iter().map(|name| Filter::service(name)).collect();
        let kinds = self.kinds.iter().map(|kind| Filter::equal(Field::Kind, Operand::Kind(*kind))).collect();
        Filter::And(vec![any(services), any(kinds)])
    }

    fn write(&self, lines: &BTreeMap<Vec<String>, BTreeMap<u64, Tally>>, out: &mut Writer) {
        let of = if self.by_operation { "service_operation" } else { "service" };
        let (name, help) = match self.measure {
            Measure::Calls => ("call_rate", "calls/sec, grouped by"),
            Measure::Errors => {
                ("error_rate", "error rate, computed as a fraction of errors/sec over calls/sec, grouped by")
            }
            Measure::Latencies(_) => ("latencies", "quantile of latencies in milliseconds, grouped by"),
        };
        let grouped = if self.by_operation { "service & operation" } else { "service" };
        out.object(|out| {
            out.key("name").text(&format!("{of}_{name}"));
            out.key("type").text("GAUGE");
            out.key("help").text(&format!("{help} {grouped}"));
            out.key("metrics")
                .array(|out| lines.iter().for_each(|(names, buckets)| self.line(names, buckets, out)));
        });
    }

    fn line(&self, names: &[String], buckets: &BTreeMap<u64, Tally>, out: &mut Writer) {
        out.object(|out| {
            out.key("labels").array(|out| {
                for (key, value) in ["service_name", "operation"].iter().zip(names) {
                    out.object(|out| {
                        out.key("name").text(key);
                        out.key("value").text(value);
                    });
                }
            });
            out.key("metricPoints").array(|out| {
                for back in (0..=self.lookback / self.step).rev() {
                    let at = self.border().saturating_sub(back * self.step);
                    let Some(value) = self.value(buckets, at) else { continue };
                    out.object(|out| {
                        out.key("gaugeValue").object(|out| out.key("doubleValue").double(value));
                        out.key("timestamp").text(&moment::write(at.min(self.end)));
                    });
                }
            });
        });
    }

    /// The value at a border: of the buckets in the while before it.
    fn value(&self, buckets: &BTreeMap<u64, Tally>, at: u64) -> Option<f64> {
        let mut sum = Tally::default();
        let start = at.saturating_sub(self.rate_per);
        let before = buckets.range(start..at);
        before.for_each(|(_, bucket)| sum.merge(bucket));
        let calls = sum.spans() as f64;
        match self.measure {
            _ if sum.spans() == 0 => None,
            Measure::Calls => Some(calls * 1e9 / at.min(self.end).saturating_sub(start).max(1) as f64),
            Measure::Errors => Some(sum.errors as f64 / calls),
            Measure::Latencies(part) => sum.durations.quantile(part).map(|nanos| nanos as f64 / 1e6),
        }
    }
}
