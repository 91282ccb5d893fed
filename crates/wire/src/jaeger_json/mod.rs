//! The trace JSON of Jaeger's UI and of its `/api/traces`.
//!
//! Source: Jaeger's UI model, and the Collector's translation from OTLP to Jaeger: what Jaeger has no field for becomes
//! tags (`span.kind`, `error`, `otel.status_code`, `otel.status_description`, `otel.scope.*`, `w3c.tracestate`), events
//! become logs, links become references. Times are microseconds. A trace id of 64 bits is written with 16 digits.

mod read;
mod structure;
mod tag;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attribute, Event, Kind, Link, Span, SpanId, StatusCode, Trace, TraceId, Value};

use crate::json::Writer;
pub use read::{REQUEST_SPANS_MAX, read};
pub(crate) use structure::Structure;

/// The greatest whole number that a JavaScript reader keeps exactly; larger ones are written as strings.
pub const SAFE_INTEGER_MAX: i64 = (1 << 53) - 1;

/// Whether what Zipkin and clocks did to a trace is mended for display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Spans that share one id (client and server of Zipkin) get ids of their own, references follow; circles of
    /// parents are opened at their earliest span.
    Adjusted,
    /// As it was received.
    Raw,
}

/// Writes one trace.
pub fn trace(trace: &Trace, form: Form, out: &mut Writer) {
    let structure = Structure::of(trace, form);
    out.object(|out| {
        out.key("traceID").plain(ShortId(trace.id()));
        out.key("spans").array(|out| {
            for place in 0..trace.nodes().len() {
                span(trace, &structure, place, out);
            }
        });
        out.key("processes").object(|out| {
            for (number, process) in structure.processes.iter().enumerate() {
                out.key(&format!("p{}", number + 1)).object(|out| {
                    out.key("serviceName").text(process.service());
                    let others = process.attributes().filter(|tag| tag.key != "service.name");
                    out.key("tags").array(|out| others.for_each(|tag| attribute(tag, out)));
                });
            }
        });
        out.key("warnings").null();
    });
}

/// Displays a trace id as Jaeger does: 16 digits where the upper half is zero.
#[derive(Clone, Copy, Debug)]
pub struct ShortId(pub TraceId);

impl std::fmt::Display for ShortId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u128::from_be_bytes(self.0.0);
        if id >> 64 == 0 { write!(out, "{id:016x}") } else { write!(out, "{id:032x}") }
    }
}

fn span(trace: &Trace, structure: &Structure<'_>, place: usize, out: &mut Writer) {
    let span = trace.span(&trace.nodes()[place]);
    out.object(|out| {
        out.key("traceID").plain(ShortId(trace.id()));
        out.key("spanID").plain(structure.id(place));
        if span.flags() & 0xff != 0 {
            out.key("flags").int(span.flags() & 0xff);
        }
        out.key("operationName").text(span.name());
        out.key("references").array(|out| references(span, structure.parent(place), out));
        out.key("startTime").int(span.start() / 1000);
        out.key("duration").int(span.duration() / 1000);
        out.key("tags").array(|out| each_tag(span, &mut |tag| attribute(tag, out)));
        out.key("logs").array(|out| span.events().for_each(|event| log(event, out)));
        out.key("processID").plain(format_args!("p{}", structure.process(place) + 1));
        out.key("warnings");
        warnings(structure.warnings(place), out);
    });
}

/// A span that another one refers to.
pub(crate) struct Reference {
    pub(crate) trace: TraceId,
    pub(crate) span: SpanId,
    /// `CHILD_OF`, else `FOLLOWS_FROM`.
    pub(crate) is_child: bool,
}

/// The parent first, then the links; a link to the parent itself only says of which type that reference is.
pub(crate) fn each_reference(span: Span<'_>, parent: Option<SpanId>, see: &mut dyn FnMut(Reference)) {
    let is_parent =
        |link: &Link<'_>| link.trace_id() == span.trace_id() && Some(link.span_id()) == span.parent();
    if let Some(parent) = parent {
        let is_child = span.links().filter(is_parent).last().is_none_or(is_child);
        see(Reference { trace: span.trace_id(), span: parent, is_child });
    }
    for link in span.links().filter(|link| parent.is_none() || !is_parent(link)) {
        if !link.trace_id().is_zero() && !link.span_id().is_zero() {
            see(Reference { trace: link.trace_id(), span: link.span_id(), is_child: is_child(link) });
        }
    }
}

fn is_child(link: Link<'_>) -> bool {
    matches!(link.attributes().get("opentracing.ref_type"), Some(Value::Text("child_of")))
}

fn references(span: Span<'_>, parent: Option<SpanId>, out: &mut Writer) {
    each_reference(span, parent, &mut |found| {
        out.object(|out| {
            out.key("refType").text(if found.is_child { "CHILD_OF" } else { "FOLLOWS_FROM" });
            out.key("traceID").plain(ShortId(found.trace));
            out.key("spanID").plain(found.span);
        });
    });
}

/// The tags of a span: its attributes, and what Jaeger has no field for.
pub(crate) fn each_tag<'a>(span: Span<'a>, see: &mut dyn FnMut(Attribute<'a>)) {
    let scope = span.scope();
    texts([("otel.scope.name", scope.name()), ("otel.scope.version", scope.version())], see);
    scope.attributes().for_each(&mut *see);
    span.attributes().for_each(&mut *see);
    if span.kind() != Kind::Unspecified {
        texts([("span.kind", span.kind().as_str())], see);
    }
    match span.status() {
        StatusCode::Unset => {}
        StatusCode::Ok => texts([("otel.status_code", "OK")], see),
        StatusCode::Error => {
            texts([("otel.status_code", "ERROR")], see);
            see(Attribute { key: "error", value: Value::Bool(true) });
        }
    }
    texts([("otel.status_description", span.status_message()), ("w3c.tracestate", span.trace_state())], see);
}

/// The fields of a log: the name of the event and its attributes.
pub(crate) fn each_field<'a>(event: Event<'a>, see: &mut dyn FnMut(Attribute<'a>)) {
    if event.attributes().get("event").is_none() {
        texts([("event", event.name())], see);
    }
    event.attributes().for_each(see);
}

fn texts<'a, const N: usize>(tags: [(&'a str, &'a str); N], see: &mut dyn FnMut(Attribute<'a>)) {
    for (key, value) in tags.into_iter().filter(|(_, value)| !value.is_empty()) {
        see(Attribute { key, value: Value::Text(value) });
    }
}

fn log(event: Event<'_>, out: &mut Writer) {
    out.object(|out| {
        out.key("timestamp").int(event.time() / 1000);
        out.key("fields").array(|out| each_field(event, &mut |field| attribute(field, out)));
    });
}

fn attribute(tag: Attribute<'_>, out: &mut Writer) {
    let type_name = match tag.value {
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Double(_) => "float64",
        Value::Bytes(_) => "binary",
        Value::Empty | Value::Text(_) | Value::Array(_) | Value::Map(_) => "string",
    };
    out.object(|out| {
        out.key("key").text(tag.key);
        out.key("type").text(type_name);
        out.key("value");
        match tag.value {
            Value::Bool(truth) => out.boolean(truth),
            Value::Int(number) if number.unsigned_abs() > SAFE_INTEGER_MAX as u64 => out.plain(number),
            Value::Int(number) => out.int(number),
            Value::Double(number) => out.double(number),
            Value::Bytes(bytes) => out.plain(STANDARD.encode(bytes)),
            other => out.text(&other.to_text()),
        }
    });
}

fn warnings(warnings: Vec<String>, out: &mut Writer) {
    if warnings.is_empty() {
        return out.null();
    }
    out.array(|out| warnings.iter().for_each(|warning| out.text(warning)));
}

#[cfg(test)]
mod tests;
