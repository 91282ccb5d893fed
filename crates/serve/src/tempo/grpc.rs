//! `tempopb.StreamingQuerier`: what the HTTP API answers, over gRPC, as Grafana asks when it streams.
//!
//! A request becomes the parameters of the HTTP API and is answered by the same code. The answer is one message, which
//! is the whole result; Tempo's streams end with such a message.

use std::sync::Arc;

use axum::body::Body as HttpBody;
use axum::extract::State;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use model::Tenant;
use model::proto::Message;
use net::collect::CollectLimits;
use net::{Body, Situation, Status, grpc};
use query::traceql::ast::{Field, Intrinsic};
use query::traceql::eval::{Subject, Value};
use query::traceql::metrics::{Exemplar, Series};
use query::traceql::search::{Match, Spans};
use store::Work;

use super::params::Params;
use super::search::{self, Found};
use super::{Asked, Tempo, metrics, names};
use crate::message::{bytes, every, number, text};
use crate::refusal::{Refusal, said};

/// Where the service answers.
pub(crate) const SERVICE: &str = "tempopb.StreamingQuerier";

/// The longest question.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// Takes in a call on the port of the HTTP API and answers it.
pub(super) async fn called(State(api): State<Arc<Tempo>>, request: Request<HttpBody>) -> Response<HttpBody> {
    let tenant = request.extensions().get::<Tenant>().cloned().unwrap_or_default();
    let method = request.uri().path().to_owned();
    let limits = CollectLimits { bytes_max: REQUEST_BYTES_MAX, ..CollectLimits::default() };
    let response = match grpc::receive(request, &api.budget, &limits).await {
        Ok(call) => match answer(&api, tenant, &method, &call.message).await {
            Ok((message, partial)) => streamed(message, partial),
            Err(status) => grpc::refuse(&status),
        },
        Err(status) => grpc::refuse(&status),
    };
    response.map(HttpBody::new)
}

/// A stream of one message.
fn streamed(message: Message, partial: Option<String>) -> Response<Body> {
    let whole = stream::iter([Ok(Bytes::from(message.into_bytes()))]);
    said(partial.as_deref(), grpc::stream(whole.boxed()))
}

type Answered = Result<(Message, Option<String>), Status>;

/// Answers one method.
pub(crate) async fn answer(api: &Tempo, tenant: Tenant, method: &str, message: &[u8]) -> Answered {
    let asked = |values| Asked { tenant, params: Params::of(values), wants_protobuf: true };
    let answered = match method.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE)) {
        Some("/Search") => traces(api, &asked(of_search(message))).await,
        Some("/SearchTags") => tags(api, &asked(of_tags(message)), false).await,
        Some("/SearchTagsV2") => tags(api, &asked(of_tags(message)), true).await,
        Some("/SearchTagValues") => values(api, message, &asked(of_values(message)), false).await,
        Some("/SearchTagValuesV2") => values(api, message, &asked(of_values(message)), true).await,
        Some("/MetricsQueryRange") => range(api, &asked(of_metrics(message))).await,
        Some("/MetricsQueryInstant") => instant(api, &asked(of_metrics(message))).await,
        _ => {
            let method: String = method.chars().take(100).collect();
            return Err(Situation::UnknownMethod.status(format!("unknown method {method}"), None));
        }
    };
    answered.map_err(Refusal::status)
}

type Written = Result<(Message, Option<String>), Refusal>;

/// Parameters by name; numbers that are zero and texts that are empty were not sent.
struct Named(Vec<(String, String)>);

impl Named {
    fn text(mut self, name: &str, message: &[u8], field: u32) -> Self {
        self.0.extend(text(message, field).map(|text| (name.to_owned(), text.to_owned())));
        self
    }

    fn number(mut self, name: &str, message: &[u8], field: u32, unit: &str) -> Self {
        let number = number(message, field);
        if number > 0 {
            self.0.push((name.to_owned(), format!("{number}{unit}")));
        }
        self
    }
}

fn of_search(message: &[u8]) -> Vec<(String, String)> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let tags = every(message, 1).filter_map(|tag| {
        Some(format!("{}=\"{}\"", text(tag, 1)?, quoted(text(tag, 2).unwrap_or_default())))
    });
    let tags: Vec<String> = tags.collect();
    Named(vec![("tags".to_owned(), tags.join(" "))])
        .number("minDuration", message, 2, "ms")
        .number("maxDuration", message, 3, "ms")
        .number("limit", message, 4, "")
        .number("start", message, 5, "")
        .number("end", message, 6, "")
        .text("q", message, 8)
        .number("spss", message, 9, "")
        .0
}

fn of_tags(message: &[u8]) -> Vec<(String, String)> {
    Named(Vec::new())
        .text("scope", message, 1)
        .text("q", message, 2)
        .number("start", message, 3, "")
        .number("end", message, 4, "")
        .number("limit", message, 5, "")
        .0
}

fn of_values(message: &[u8]) -> Vec<(String, String)> {
    Named(Vec::new())
        .text("q", message, 2)
        .number("start", message, 4, "")
        .number("end", message, 5, "")
        .number("limit", message, 6, "")
        .0
}

fn of_metrics(message: &[u8]) -> Vec<(String, String)> {
    Named(Vec::new())
        .text("q", message, 1)
        .number("start", message, 2, "")
        .number("end", message, 3, "")
        .number("step", message, 4, "ns")
        .number("exemplars", message, 16, "")
        .number("maxSeries", message, 17, "")
        .0
}

async fn traces(api: &Tempo, asked: &Asked) -> Written {
    let found = search::answered(api, asked).await?;
    let mut out = Message::new();
    found.answer.traces.iter().for_each(|matched| out.message(1, |out| trace(matched, &found, out)));
    out.message(2, |out| about(&found.answer.work, found.answer.candidates as u64, out));
    Ok((out, found.answer.partial))
}

fn about(work: &Work, traces: u64, out: &mut Message) {
    for (field, number) in [(1, traces), (2, work.bytes_read), (4, 1), (5, 1), (7, work.spans_seen)] {
        out.varint(field, number);
    }
}

fn trace(matched: &Match, found: &Found, out: &mut Message) {
    let subject = Subject::new(&matched.trace);
    let summary = subject.summary();
    out.text(1, &summary.id.to_string());
    out.text(2, &summary.root_service);
    out.text(3, &summary.root_name);
    out.varint(4, summary.start);
    out.varint(5, summary.duration() / 1_000_000);
    let mut set = |field, set: &Spans| out.message(field, |out| spanset(set, &subject, found, out));
    set(6, &matched.sets[0]);
    matched.sets.iter().for_each(|found| set(7, found));
    for service in &summary.services {
        out.message(8, |out| {
            out.text(1, &service.name);
            out.message(2, |out| {
                out.varint(1, service.spans);
                out.varint(2, service.errors);
            });
        });
    }
}

fn spanset(set: &Spans, subject: &Subject<'_>, found: &Found, out: &mut Message) {
    for at in search::places(set, subject, found.spans_max) {
        let span = subject.span(at);
        out.message(1, |out| {
            out.text(1, &span.span_id().to_string());
            if found.shown.contains(&Field::Intrinsic(Intrinsic::Name)) {
                out.text(2, span.name());
            }
            out.varint(3, span.start());
            out.varint(4, span.duration());
            for (key, value) in search::values(at, subject, &found.shown) {
                attribute(5, key, |out| any_value(&value, out), out);
            }
        });
    }
    out.varint(2, set.spans.len() as u64);
    set.values.iter().for_each(|(name, value)| attribute(3, name, |out| out.text(1, value), out));
}

/// OTLP's `KeyValue`.
fn attribute(field: u32, key: &str, value: impl FnOnce(&mut Message), out: &mut Message) {
    out.message(field, |out| {
        out.text(1, key);
        out.message(2, value);
    });
}

/// OTLP's `AnyValue`.
fn any_value(value: &Value<'_>, out: &mut Message) {
    match value {
        Value::Bool(bool) => out.varint(2, (*bool).into()),
        Value::Int(int) => out.varint(3, int.cast_unsigned()),
        Value::Float(float) => out.fixed64(4, float.to_bits()),
        Value::Many(values) => out.message(5, |out| {
            values.iter().for_each(|value| out.message(1, |out| any_value(value, out)));
        }),
        other => out.bytes(1, other.to_text().as_bytes()),
    }
}

async fn tags(api: &Tempo, asked: &Asked, by_scope: bool) -> Written {
    let scopes = names::scopes(api, asked).await?;
    let mut out = Message::new();
    if by_scope {
        for (name, keys) in scopes.iter().filter(|(_, keys)| !keys.is_empty()) {
            out.message(1, |out| {
                out.text(1, name);
                keys.iter().for_each(|key| out.text(2, key));
            });
        }
    } else {
        names::of_all_scopes(&scopes, asked)?.into_iter().for_each(|key| out.text(1, key));
    }
    Ok((out, None))
}

async fn values(api: &Tempo, message: &[u8], asked: &Asked, is_typed: bool) -> Written {
    let tag = bytes(message, 1).and_then(|tag| std::str::from_utf8(tag).ok()).unwrap_or_default();
    let mut out = Message::new();
    if is_typed {
        for value in names::typed_values_of(api, asked, tag).await? {
            out.message(1, |out| {
                out.text(1, value.kind);
                out.text(2, &value.text);
            });
        }
    } else {
        let found = names::untyped_values_of(api, asked, tag).await?;
        names::texts(&found).into_iter().for_each(|value| out.bytes(1, value.as_bytes()));
    }
    Ok((out, None))
}

async fn range(api: &Tempo, asked: &Asked) -> Written {
    let (answer, examples) = metrics::ranged(api, asked).await?;
    let mut out = Message::new();
    for (at, series) in answer.series.iter().enumerate() {
        out.message(1, |out| {
            labels(&series.labels, out);
            for (time, value) in &series.samples {
                out.message(2, |out| {
                    out.fixed64(1, value.to_bits());
                    out.varint(2, time / 1_000_000);
                });
            }
            out.text(3, &metrics::prometheus(series));
            let of_series = examples.iter().filter(|(place, _)| *place == at);
            of_series.for_each(|(_, example)| out.message(4, |out| exemplar(example, out)));
        });
    }
    finished(out, &answer.work, answer.partial)
}

fn exemplar(example: &Exemplar, out: &mut Message) {
    labels(&example.labels, out);
    out.fixed64(2, example.value.to_bits());
    out.varint(3, example.time / 1_000_000);
}

async fn instant(api: &Tempo, asked: &Asked) -> Written {
    let answer = metrics::instantly(api, asked).await?;
    let mut out = Message::new();
    let write = |series: &Series, out: &mut Message| {
        labels(&series.labels, out);
        out.fixed64(2, metrics::total(series).to_bits());
        out.text(3, &metrics::prometheus(series));
    };
    answer.series.iter().for_each(|series| out.message(1, |out| write(series, out)));
    finished(out, &answer.work, answer.partial)
}

fn finished(mut out: Message, work: &Work, partial: Option<String>) -> Written {
    out.message(2, |out| about(work, 0, out));
    if let Some(reason) = &partial {
        out.varint(3, 1);
        out.text(4, reason);
    }
    Ok((out, partial))
}

fn labels(labels: &[(String, String)], out: &mut Message) {
    for (name, value) in labels {
        let write = |out: &mut Message| match metrics::number(name, value) {
            Some(number) => out.fixed64(4, number.to_bits()),
            None => out.bytes(1, value.as_bytes()),
        };
        attribute(1, name, write, out);
    }
}
