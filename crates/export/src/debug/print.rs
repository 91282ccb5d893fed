//! A batch as text, in the three verbosities of the Collector's debug exporter.

use std::fmt::Write as _;

use model::time::UnixNanos;
use model::{Attributes, Batch, Kind, Span, StatusCode, Value};

/// One line with counts.
pub(super) fn basic(batch: &Batch) -> String {
    format!("Traces {{\"resource spans\": {}, \"spans\": {}}}", batch.resource_count(), batch.len())
}

/// One line per span: name, ids and attributes.
pub(super) fn normal(batch: &Batch) -> String {
    let mut out = String::new();
    for span in batch.spans() {
        let name = escaped(span.name());
        line(
            &mut out,
            format_args!("{name} {} {}{}", span.trace_id(), span.span_id(), pairs(span.attributes())),
        );
    }
    out
}

/// Everything.
pub(super) fn detailed(batch: &Batch) -> String {
    let mut out = String::new();
    let (mut resource, mut scope, mut number) = (None, None, 0);
    for span in batch.spans() {
        let row = span.row();
        if resource != Some(row.resource) {
            line(&mut out, format_args!("ResourceSpans #{}", row.resource));
            line(&mut out, format_args!("Resource SchemaURL: {}", escaped(span.resource().schema_url())));
            attributes(&mut out, "Resource attributes:", "     ", span.resource().attributes());
            resource = Some(row.resource);
        }
        if scope != Some(row.scope) {
            line(&mut out, format_args!("ScopeSpans #{}", row.scope));
            line(&mut out, format_args!("ScopeSpans SchemaURL: {}", escaped(span.scope().schema_url())));
            let (name, version) = (escaped(span.scope().name()), escaped(span.scope().version()));
            line(&mut out, format_args!("InstrumentationScope {name} {version}"));
            attributes(&mut out, "InstrumentationScope attributes:", "     ", span.scope().attributes());
            (scope, number) = (Some(row.scope), 0);
        }
        one(&mut out, number, span);
        number += 1;
    }
    out
}

fn one(out: &mut String, number: usize, span: Span<'_>) {
    let parent = span.parent().map_or(String::new(), |id| id.to_string());
    line(out, format_args!("Span #{number}"));
    line(out, format_args!("    Trace ID       : {}", span.trace_id()));
    line(out, format_args!("    Parent ID      : {parent}"));
    line(out, format_args!("    ID             : {}", span.span_id()));
    line(out, format_args!("    Name           : {}", escaped(span.name())));
    line(out, format_args!("    Kind           : {}", kind(span.kind())));
    if !span.trace_state().is_empty() {
        line(out, format_args!("    TraceState     : {}", escaped(span.trace_state())));
    }
    line(out, format_args!("    Start time     : {}", moment(span.start())));
    line(out, format_args!("    End time       : {}", moment(span.end())));
    line(out, format_args!("    Status code    : {}", status(span.status())));
    line(out, format_args!("    Status message : {}", escaped(span.status_message())));
    attributes(out, "Attributes:", "     ", span.attributes());
    for (number, event) in span.events().enumerate() {
        if number == 0 {
            line(out, format_args!("Events:"));
        }
        line(out, format_args!("SpanEvent #{number}"));
        line(out, format_args!("     -> Name: {}", escaped(event.name())));
        line(out, format_args!("     -> Timestamp: {}", moment(event.time())));
        line(out, format_args!("     -> DroppedAttributesCount: {}", event.dropped()));
        attributes(out, "     -> Attributes::", "         ", event.attributes());
    }
    for (number, link) in span.links().enumerate() {
        if number == 0 {
            line(out, format_args!("Links:"));
        }
        line(out, format_args!("SpanLink #{number}"));
        line(out, format_args!("     -> Trace ID: {}", link.trace_id()));
        line(out, format_args!("     -> ID: {}", link.span_id()));
        line(out, format_args!("     -> TraceState: {}", escaped(link.trace_state())));
        line(out, format_args!("     -> DroppedAttributesCount: {}", link.dropped()));
        attributes(out, "     -> Attributes::", "         ", link.attributes());
    }
}

fn attributes(out: &mut String, title: &str, indent: &str, attributes: Attributes<'_>) {
    for (number, attribute) in attributes.enumerate() {
        if number == 0 {
            line(out, format_args!("{title}"));
        }
        let value = escaped(&attribute.value.to_text());
        line(out, format_args!("{indent}-> {}: {}({value})", escaped(attribute.key), word(attribute.value)));
    }
}

fn pairs(attributes: Attributes<'_>) -> String {
    let mut out = String::new();
    for attribute in attributes {
        write!(out, " {}={}", escaped(attribute.key), escaped(&attribute.value.to_text()))
            .expect("a String takes every text");
    }
    out
}

fn word(value: Value<'_>) -> &'static str {
    match value {
        Value::Empty => "Empty",
        Value::Text(_) => "Str",
        Value::Bool(_) => "Bool",
        Value::Int(_) => "Int",
        Value::Double(_) => "Double",
        Value::Bytes(_) => "Bytes",
        Value::Array(_) => "Slice",
        Value::Map(_) => "Map",
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "Unspecified",
        Kind::Internal => "Internal",
        Kind::Server => "Server",
        Kind::Client => "Client",
        Kind::Producer => "Producer",
        Kind::Consumer => "Consumer",
    }
}

fn status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "Unset",
        StatusCode::Ok => "Ok",
        StatusCode::Error => "Error",
    }
}

/// Nanoseconds since 1970, as seconds with all nine decimals: exact, and free of calendars.
fn moment(at: UnixNanos) -> String {
    format!("{}.{:09}", at / 1_000_000_000, at % 1_000_000_000)
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, one| {
        if one.is_control() {
            out.extend(one.escape_default())
        } else {
            out.push(one)
        }
        out
    })
}

fn line(out: &mut String, words: std::fmt::Arguments<'_>) {
    writeln!(out, "{words}").expect("a String takes every text");
}
