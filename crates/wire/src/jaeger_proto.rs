//! Spans as messages of Jaeger's `api_v2`.
//!
//! Source: `proto/jaeger/api_v2/model.proto`. What Jaeger has no field for becomes tags, as in its trace JSON, with which
//! this shares [`parts`](crate::jaeger_json).

use model::proto::Message;
use model::{Attribute, Span, Trace, Value};

use crate::jaeger_json::{Form, Reference, Structure, each_field, each_reference, each_tag};

/// Fields of `Span`.
mod span {
    pub(super) const TRACE_ID: u32 = 1;
    pub(super) const SPAN_ID: u32 = 2;
    pub(super) const OPERATION_NAME: u32 = 3;
    pub(super) const REFERENCES: u32 = 4;
    pub(super) const FLAGS: u32 = 5;
    pub(super) const START_TIME: u32 = 6;
    pub(super) const DURATION: u32 = 7;
    pub(super) const TAGS: u32 = 8;
    pub(super) const LOGS: u32 = 9;
    pub(super) const PROCESS: u32 = 10;
    pub(super) const WARNINGS: u32 = 12;
}

/// `SpansResponseChunk.spans`.
const SPANS: u32 = 1;

/// A chunk ends after the span with which it reaches so many bytes; clients take 4 MiB by default.
const CHUNK_BYTES: usize = 1 << 20;

/// The spans of a trace as messages `SpansResponseChunk`.
#[must_use]
pub fn chunks(trace: &Trace, form: Form) -> Vec<Vec<u8>> {
    let structure = Structure::of(trace, form);
    let mut chunks = Vec::new();
    let mut open = Message::new();
    for place in 0..trace.nodes().len() {
        open.message(SPANS, |out| write(trace, &structure, place, out));
        if open.as_bytes().len() >= CHUNK_BYTES {
            chunks.push(std::mem::replace(&mut open, Message::new()).into_bytes());
        }
    }
    if !open.as_bytes().is_empty() {
        chunks.push(open.into_bytes());
    }
    chunks
}

fn write(trace: &Trace, structure: &Structure<'_>, place: usize, out: &mut Message) {
    let span = trace.span(&trace.nodes()[place]);
    out.bytes(span::TRACE_ID, &span.trace_id().0);
    out.bytes(span::SPAN_ID, &structure.id(place).0);
    out.text(span::OPERATION_NAME, span.name());
    each_reference(span, structure.parent(place), &mut |found| reference(&found, out));
    if span.flags() & 0xff != 0 {
        out.varint(span::FLAGS, u64::from(span.flags() & 0xff));
    }
    out.message(span::START_TIME, |out| time(span.start(), out));
    out.message(span::DURATION, |out| time(span.duration(), out));
    each_tag(span, &mut |tag| out.message(span::TAGS, |out| key_value(tag, out)));
    for event in span.events() {
        out.message(span::LOGS, |out| {
            out.message(1, |out| time(event.time(), out));
            each_field(event, &mut |field| out.message(2, |out| key_value(field, out)));
        });
    }
    out.message(span::PROCESS, |out| process(span, out));
    structure.warnings(place).iter().for_each(|warning| out.text(span::WARNINGS, warning));
}

fn reference(found: &Reference, out: &mut Message) {
    out.message(span::REFERENCES, |out| {
        out.bytes(1, &found.trace.0);
        out.bytes(2, &found.span.0);
        if !found.is_child {
            out.varint(3, 1);
        }
    });
}

fn process(span: Span<'_>, out: &mut Message) {
    out.text(1, span.service());
    let others = span.resource().attributes().filter(|tag| tag.key != "service.name");
    others.for_each(|tag| out.message(2, |out| key_value(tag, out)));
}

fn key_value(tag: Attribute<'_>, out: &mut Message) {
    out.text(1, tag.key);
    let kind = |out: &mut Message, kind| out.varint(2, kind);
    match tag.value {
        Value::Bool(truth) => {
            kind(out, 1);
            out.varint(4, u64::from(truth));
        }
        Value::Int(number) => {
            kind(out, 2);
            out.varint(5, number as u64);
        }
        Value::Double(number) => {
            kind(out, 3);
            out.fixed64(6, number.to_bits());
        }
        Value::Bytes(bytes) => {
            kind(out, 4);
            out.bytes(7, bytes);
        }
        other => out.text(3, &other.to_text()),
    }
}

/// `google.protobuf.Timestamp` and `google.protobuf.Duration`.
fn time(nanos: u64, out: &mut Message) {
    out.varint(1, nanos / 1_000_000_000);
    out.varint(2, nanos % 1_000_000_000);
}
