//! From views to OTLP JSON, in the exact form of the specification: ids in hexadecimal, 64-bit integers as strings,
//! enums as numbers, lowerCamelCase keys.
//!
//! Spans of one resource and scope stand together, in the order in which their first span comes. Unknown fields of
//! the protobuf form have no place in JSON and are left out.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Attributes, Batch, Event, Link, Span, Trace, Value};

use crate::json::Writer;

/// One batch as an `ExportTraceServiceRequest`.
pub fn batch(batch: &Batch, out: &mut Writer) {
    request(batch.spans(), out);
}

/// One trace as `TracesData`.
pub fn trace(trace: &Trace, out: &mut Writer) {
    request(trace.spans(), out);
}

fn request<'a>(spans: impl Iterator<Item = Span<'a>>, out: &mut Writer) {
    out.object(|out| {
        out.key("resourceSpans").array(|out| resource_spans(spans, out));
    });
}

/// How the bytes of ids are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// As the OpenTelemetry Protocol says.
    Hexadecimal,
    /// As protobuf's own JSON mapping says, which Tempo's API keeps to.
    Base64,
}

impl Ids {
    fn write(self, id: &[u8], out: &mut Writer) {
        match self {
            Self::Hexadecimal => out.hexadecimal(id),
            Self::Base64 => out.plain(STANDARD.encode(id)),
        }
    }
}

/// Writes the elements of `resourceSpans` into an open array.
pub fn resource_spans<'a>(spans: impl Iterator<Item = Span<'a>>, out: &mut Writer) {
    resource_spans_with(Ids::Hexadecimal, spans, out);
}

/// Writes the elements of `resourceSpans` into an open array, ids in this form.
pub fn resource_spans_with<'a>(ids: Ids, spans: impl Iterator<Item = Span<'a>>, out: &mut Writer) {
    for resource in &grouped(spans) {
        let view = resource.scopes[0].spans[0].resource();
        out.object(|out| {
            out.key("resource").object(|out| {
                attributes(view.attributes(), out);
                count("droppedAttributesCount", view.dropped(), out);
            });
            out.key("scopeSpans")
                .array(|out| resource.scopes.iter().for_each(|scope| scope_spans(ids, scope, out)));
            optional("schemaUrl", view.schema_url(), out);
        });
    }
}

fn scope_spans(ids: Ids, scope: &Scope<'_>, out: &mut Writer) {
    let view = scope.spans[0].scope();
    out.object(|out| {
        out.key("scope").object(|out| {
            optional("name", view.name(), out);
            optional("version", view.version(), out);
            attributes(view.attributes(), out);
            count("droppedAttributesCount", view.dropped(), out);
        });
        out.key("spans").array(|out| scope.spans.iter().for_each(|view| span(ids, *view, out)));
        optional("schemaUrl", view.schema_url(), out);
    });
}

struct Resource<'a> {
    scopes: Vec<Scope<'a>>,
}

struct Scope<'a> {
    spans: Vec<Span<'a>>,
}

/// What is equal where two resources (or scopes) are: content and schema.
type Identity<'a> = (&'a [u8], &'a str);

fn grouped<'a>(spans: impl Iterator<Item = Span<'a>>) -> Vec<Resource<'a>> {
    let mut places: HashMap<(Identity<'a>, Identity<'a>), (usize, usize)> = HashMap::new();
    let mut of_resource: HashMap<Identity<'a>, usize> = HashMap::new();
    let mut groups: Vec<Resource<'a>> = Vec::new();
    let mut last: Option<(Identity<'a>, Identity<'a>, (usize, usize))> = None;
    for span in spans {
        let (resource, scope) = (span.resource(), span.scope());
        let resource = (resource.raw(), resource.schema_url());
        let scope = (scope.raw(), scope.schema_url());
        let (at, within) = match last {
            Some((left, right, place)) if is_one(left, resource) && is_one(right, scope) => place,
            _ => *places.entry((resource, scope)).or_insert_with(|| {
                let at = *of_resource.entry(resource).or_insert_with(|| {
                    groups.push(Resource { scopes: Vec::new() });
                    groups.len() - 1
                });
                groups[at].scopes.push(Scope { spans: Vec::new() });
                (at, groups[at].scopes.len() - 1)
            }),
        };
        groups[at].scopes[within].spans.push(span);
        last = Some((resource, scope, (at, within)));
    }
    groups
}

/// True where both are the same bytes in memory, which spares comparing them.
fn is_one(left: Identity<'_>, right: Identity<'_>) -> bool {
    std::ptr::eq(left.0, right.0) && std::ptr::eq(left.1, right.1)
}

fn span(ids: Ids, span: Span<'_>, out: &mut Writer) {
    let [attributes_dropped, events_dropped, links_dropped] = span.dropped();
    out.object(|out| {
        ids.write(&span.trace_id().0, out.key("traceId"));
        ids.write(&span.span_id().0, out.key("spanId"));
        optional("traceState", span.trace_state(), out);
        if let Some(parent) = span.parent() {
            ids.write(&parent.0, out.key("parentSpanId"));
        }
        out.key("name").text(span.name());
        out.key("kind").int(span.kind() as i32);
        out.key("startTimeUnixNano").plain(span.start());
        out.key("endTimeUnixNano").plain(span.end());
        attributes(span.attributes(), out);
        count("droppedAttributesCount", attributes_dropped, out);
        list("events", span.events(), event, out);
        count("droppedEventsCount", events_dropped, out);
        list("links", span.links(), |view, out| link(ids, view, out), out);
        count("droppedLinksCount", links_dropped, out);
        out.key("status").object(|out| {
            optional("message", span.status_message(), out);
            if span.status() as i32 != 0 {
                out.key("code").int(span.status() as i32);
            }
        });
        count("flags", span.flags(), out);
    });
}

fn event(event: Event<'_>, out: &mut Writer) {
    out.object(|out| {
        out.key("timeUnixNano").plain(event.time());
        optional("name", event.name(), out);
        attributes(event.attributes(), out);
        count("droppedAttributesCount", event.dropped(), out);
    });
}

fn link(ids: Ids, link: Link<'_>, out: &mut Writer) {
    out.object(|out| {
        ids.write(&link.trace_id().0, out.key("traceId"));
        ids.write(&link.span_id().0, out.key("spanId"));
        optional("traceState", link.trace_state(), out);
        attributes(link.attributes(), out);
        count("droppedAttributesCount", link.dropped(), out);
        count("flags", link.flags(), out);
    });
}

fn attributes(attributes: Attributes<'_>, out: &mut Writer) {
    list("attributes", attributes, |attribute, out| pair(attribute.key, attribute.value, out), out);
}

fn pair(key: &str, content: Value<'_>, out: &mut Writer) {
    out.object(|out| {
        out.key("key").text(key);
        out.key("value");
        value(content, out);
    });
}

fn value(value: Value<'_>, out: &mut Writer) {
    out.object(|out| match value {
        Value::Empty => {}
        Value::Text(text) => out.key("stringValue").text(text),
        Value::Bool(truth) => out.key("boolValue").boolean(truth),
        Value::Int(number) => out.key("intValue").plain(number),
        Value::Double(number) => out.key("doubleValue").double(number),
        Value::Bytes(bytes) => out.key("bytesValue").plain(STANDARD.encode(bytes)),
        Value::Array(elements) => out.key("arrayValue").object(|out| {
            list("values", elements.iter(), self::value, out);
        }),
        Value::Map(pairs) => out.key("kvlistValue").object(|out| {
            list("values", pairs.iter(), |member, out| pair(member.key, member.value, out), out);
        }),
    });
}

fn list<T>(key: &str, items: impl Iterator<Item = T>, write: impl Fn(T, &mut Writer), out: &mut Writer) {
    let mut items = items.peekable();
    if items.peek().is_some() {
        out.key(key).array(|out| items.for_each(|item| write(item, out)));
    }
}

fn optional(key: &str, text: &str, out: &mut Writer) {
    if !text.is_empty() {
        out.key(key).text(text);
    }
}

fn count(key: &str, count: u32, out: &mut Writer) {
    if count > 0 {
        out.key(key).int(count);
    }
}
