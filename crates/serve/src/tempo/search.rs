//! Traces that match.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use query::traceql::ast::{Field, Intrinsic, Pipeline, Root};
use query::traceql::eval::{Subject, Value};
use query::traceql::search::{Answer, Match, Request, Spans, fields, search as found};
use query::traceql::{loose, parse};
use wire::json::Writer;

use super::params::{Params, TIME_LIMIT, TRACES_MAX};
use super::reply::{Refusal, about, json};
use super::{Asked, Tempo};

/// Every parameter; others are tags, as in Tempo.
const KNOWN: &[&str] = &[
    "q",
    "tags",
    "minDuration",
    "maxDuration",
    "limit",
    "start",
    "end",
    "spss",
    "skip_ast_transformations",
    "debug",
];

pub(super) async fn search(State(api): State<Arc<Tempo>>, asked: Asked) -> Result<Response, Refusal> {
    let found = answered(&api, &asked).await?;
    Ok(json(|out| write(&found, out)))
}

/// Traces, and what is shown of them.
pub(super) struct Found {
    pub(super) answer: Answer,
    pub(super) shown: Vec<Field>,
    pub(super) spans_max: usize,
}

pub(super) async fn answered(api: &Tempo, asked: &Asked) -> Result<Found, Refusal> {
    let pipeline = pipeline(&asked.params)?;
    let spans_max = asked.params.spans_per_set()?;
    let limit = asked.params.limit()?;
    let request = Request {
        time: asked.params.time()?,
        limit: limit.min(TRACES_MAX),
        after: None,
        time_limit: TIME_LIMIT,
        tenant: asked.tenant.clone(),
    };
    let shown = fields(&pipeline);
    let mut answer = found(&api.query, Arc::new(pipeline), &request).await?;
    if limit > TRACES_MAX && answer.traces.len() == TRACES_MAX {
        let cut = || format!("an answer has at most {TRACES_MAX} traces: narrow the time range or the query");
        answer.partial.get_or_insert_with(cut);
    }
    Ok(Found { answer, shown, spans_max })
}

/// What is asked: a query, or the tags and durations of an older search.
fn pipeline(params: &Params) -> Result<Pipeline, Refusal> {
    let text = match params.first("q") {
        Some(text) => text.to_owned(),
        None => older(params)?,
    };
    match parse(&text)?.root {
        Root::Spansets(pipeline) => Ok(pipeline),
        Root::Metrics(_) => Err(Refusal::bad_request(
            "the query asks for metrics: send it to /api/metrics/query_range, or take the last stage away",
        )),
    }
}

fn older(params: &Params) -> Result<String, Refusal> {
    let tags = params.first("tags").unwrap_or_default();
    let mut pairs = loose::logfmt(tags).map_err(|at| {
        Refusal::bad_request(format!(
            "invalid tags: byte {at} begins no key=value; write tags=key=value other=\"two words\""
        ))
    })?;
    pairs.extend(params.others(KNOWN).map(|(name, value)| (name.to_owned(), value.to_owned())));
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (&name[..], &value[..])).collect();
    let bounds = (params.duration("minDuration")?, params.duration("maxDuration")?);
    Ok(loose::of_tags(&pairs, bounds))
}

fn write(Found { answer, shown, spans_max }: &Found, out: &mut Writer) {
    out.object(|out| {
        out.key("traces")
            .array(|out| answer.traces.iter().for_each(|found| trace(found, shown, *spans_max, out)));
        about(&answer.work, Some(answer.candidates as u64), answer.partial.as_deref(), out);
    });
}

fn trace(found: &Match, shown: &[Field], spans_max: usize, out: &mut Writer) {
    let subject = Subject::new(&found.trace);
    let summary = subject.summary();
    out.object(|out| {
        out.key("traceID").plain(summary.id);
        out.key("rootServiceName").text(&summary.root_service);
        out.key("rootTraceName").text(&summary.root_name);
        out.key("startTimeUnixNano").plain(summary.start);
        out.key("durationMs").int(summary.duration() / 1_000_000);
        let set = |set: &Spans, out: &mut Writer| spanset(set, &subject, (shown, spans_max), out);
        out.key("spanSet");
        set(&found.sets[0], out);
        out.key("spanSets").array(|out| found.sets.iter().for_each(|found| set(found, out)));
        out.key("serviceStats").object(|out| {
            for service in &summary.services {
                out.key(&service.name).object(|out| {
                    out.key("spanCount").int(service.spans);
                    if service.errors > 0 {
                        out.key("errorCount").int(service.errors);
                    }
                });
            }
        });
    });
}

fn spanset(set: &Spans, subject: &Subject<'_>, (shown, spans_max): (&[Field], usize), out: &mut Writer) {
    let places = places(set, subject, spans_max);
    out.object(|out| {
        out.key("spans").array(|out| places.iter().for_each(|at| span(*at, subject, shown, out)));
        out.key("matched").int(set.spans.len() as u64);
        if !set.values.is_empty() {
            out.key("attributes").array(|out| {
                for (name, value) in &set.values {
                    attribute(name, |out| out.key("stringValue").text(value), out);
                }
            });
        }
    });
}

/// The spans of a set that are shown, earliest first.
pub(super) fn places(set: &Spans, subject: &Subject<'_>, spans_max: usize) -> Vec<usize> {
    let mut places: Vec<usize> = set.spans.iter().map(|at| *at as usize).collect();
    places.sort_by_key(|at| subject.span(*at).start());
    places.truncate(spans_max);
    places
}

/// The values of a span that are listed.
pub(super) fn values<'a>(
    at: usize,
    subject: &'a Subject<'_>,
    shown: &'a [Field],
) -> Vec<(&'a str, Value<'a>)> {
    let values = shown.iter().filter(|field| is_listed(field)).map(|field| (field, subject.field(field, at)));
    values.filter(|(_, value)| *value != Value::Nil).map(|(field, value)| (label(field), value)).collect()
}

fn span(at: usize, subject: &Subject<'_>, shown: &[Field], out: &mut Writer) {
    let span = subject.span(at);
    out.object(|out| {
        out.key("spanID").plain(span.span_id());
        if shown.contains(&Field::Intrinsic(Intrinsic::Name)) {
            out.key("name").text(span.name());
        }
        out.key("startTimeUnixNano").plain(span.start());
        out.key("durationNanos").plain(span.duration());
        let values = values(at, subject, shown);
        if !values.is_empty() {
            out.key("attributes").array(|out| {
                values.iter().for_each(|(key, value)| attribute(key, |out| any_value(value, out), out));
            });
        }
    });
}

/// The name and the duration of a span have keys of their own.
fn is_listed(field: &Field) -> bool {
    !matches!(field, Field::Intrinsic(Intrinsic::Name | Intrinsic::Duration))
}

/// What Tempo calls a field in an answer: the key of an attribute without its scope.
fn label(field: &Field) -> &str {
    match field {
        Field::Attribute { key, .. } => key,
        Field::Intrinsic(intrinsic) => intrinsic.word(),
    }
}

fn attribute(key: &str, value: impl FnOnce(&mut Writer), out: &mut Writer) {
    out.object(|out| {
        out.key("key").text(key);
        out.key("value").object(value);
    });
}

fn any_value(value: &Value<'_>, out: &mut Writer) {
    match value {
        Value::Bool(bool) => out.key("boolValue").boolean(*bool),
        Value::Int(int) => out.key("intValue").plain(int),
        Value::Float(float) => out.key("doubleValue").double(*float),
        Value::Many(values) => out.key("arrayValue").object(|out| {
            out.key("values")
                .array(|out| values.iter().for_each(|value| out.object(|out| any_value(value, out))));
        }),
        other => out.key("stringValue").text(&other.to_text()),
    }
}
