//! From OTLP JSON to OTLP protobuf bytes, in one pass and without a tree.
//!
//! Read are lowerCamelCase and snake_case keys, ids as hexadecimal of any case (or as the base64 of senders that follow
//! plain protobuf JSON), 64-bit integers as strings or numbers, enums by number or name, and the `instrumentationLibrary`
//! names of 2021. `null` is absent, unknown keys are skipped; of a key that comes twice the last one counts, but lists
//! are joined. An array or map nested deeper than [`VALUE_DEPTH_MAX`] is cut there, so that the walk over the result
//! puts its marker in place of the attribute. Recursion ends at that depth, and the result is no longer than the text.

use model::proto::Message;
use model::walk::VALUE_DEPTH_MAX;
use model::{Kind, StatusCode, otlp};

use crate::json::scalar::{base64, hexadecimal, whole};
use crate::json::{JsonError, Outcome, Reader, shown};

/// Reads an `ExportTraceServiceRequest` and writes its protobuf form, for `model::Batch::admit`.
///
/// # Errors
/// [`JsonError`] where the text is no JSON, or a known key has a value that can't be meant.
pub fn decode(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Message::with_capacity(json.len() / 2);
    let mut reader = Reader::new(json);
    let read = request(&mut reader, &mut out).and_then(|()| reader.end());
    read.map_err(|fault| fault.located(json))?;
    Ok(out.into_bytes())
}

/// Reads one element of `resourceSpans`, and writes a request that holds it alone.
///
/// # Errors
/// As [`decode`]; the place is that inside the element.
pub fn decode_resource_spans(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Message::with_capacity(json.len() / 2);
    let mut reader = Reader::new(json);
    let read = message(&mut reader, &mut out, otlp::request::RESOURCE_SPANS, resource_spans);
    read.and_then(|()| reader.end()).map_err(|fault| fault.located(json))?;
    Ok(out.into_bytes())
}

type Read = fn(&mut Reader<'_>, &mut Message) -> Outcome;

fn request(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    json.object(|json, key| match key {
        b"resourceSpans" | b"resource_spans" => {
            messages(json, out, otlp::request::RESOURCE_SPANS, resource_spans)
        }
        _ => json.skip(),
    })
}

fn resource_spans(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::resource_spans::{RESOURCE, SCHEMA_URL, SCOPE_SPANS};
    json.object(|json, key| match key {
        b"resource" => message(json, out, RESOURCE, resource),
        b"scopeSpans"
        | b"scope_spans"
        | b"instrumentationLibrarySpans"
        | b"instrumentation_library_spans" => messages(json, out, SCOPE_SPANS, scope_spans),
        b"schemaUrl" | b"schema_url" => text(json, out, SCHEMA_URL),
        _ => json.skip(),
    })
}

fn resource(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::resource::{ATTRIBUTES, DROPPED_ATTRIBUTES_COUNT};
    json.object(|json, key| match key {
        b"attributes" => messages(json, out, ATTRIBUTES, attribute),
        b"droppedAttributesCount" | b"dropped_attributes_count" => count(json, out, DROPPED_ATTRIBUTES_COUNT),
        _ => json.skip(),
    })
}

fn scope_spans(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::scope_spans::{SCHEMA_URL, SCOPE, SPANS};
    json.object(|json, key| match key {
        b"scope" | b"instrumentationLibrary" | b"instrumentation_library" => message(json, out, SCOPE, scope),
        b"spans" => messages(json, out, SPANS, span),
        b"schemaUrl" | b"schema_url" => text(json, out, SCHEMA_URL),
        _ => json.skip(),
    })
}

fn scope(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::scope::{ATTRIBUTES, DROPPED_ATTRIBUTES_COUNT, NAME, VERSION};
    json.object(|json, key| match key {
        b"name" => text(json, out, NAME),
        b"version" => text(json, out, VERSION),
        b"attributes" => messages(json, out, ATTRIBUTES, attribute),
        b"droppedAttributesCount" | b"dropped_attributes_count" => count(json, out, DROPPED_ATTRIBUTES_COUNT),
        _ => json.skip(),
    })
}

fn span(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::span::*;
    json.object(|json, key| match key {
        b"traceId" | b"trace_id" => id(json, out, TRACE_ID, 16),
        b"spanId" | b"span_id" => id(json, out, SPAN_ID, 8),
        b"traceState" | b"trace_state" => text(json, out, TRACE_STATE),
        b"parentSpanId" | b"parent_span_id" => id(json, out, PARENT_SPAN_ID, 8),
        b"name" => text(json, out, NAME),
        b"kind" => kind(json, out),
        b"startTimeUnixNano" | b"start_time_unix_nano" => time(json, out, START_TIME_UNIX_NANO),
        b"endTimeUnixNano" | b"end_time_unix_nano" => time(json, out, END_TIME_UNIX_NANO),
        b"attributes" => messages(json, out, ATTRIBUTES, attribute),
        b"droppedAttributesCount" | b"dropped_attributes_count" => count(json, out, DROPPED_ATTRIBUTES_COUNT),
        b"events" => messages(json, out, EVENTS, event),
        b"droppedEventsCount" | b"dropped_events_count" => count(json, out, DROPPED_EVENTS_COUNT),
        b"links" => messages(json, out, LINKS, link),
        b"droppedLinksCount" | b"dropped_links_count" => count(json, out, DROPPED_LINKS_COUNT),
        b"status" => message(json, out, STATUS, status),
        b"flags" => flags(json, out, FLAGS),
        _ => json.skip(),
    })
}

fn event(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::event::{ATTRIBUTES, DROPPED_ATTRIBUTES_COUNT, NAME, TIME_UNIX_NANO};
    json.object(|json, key| match key {
        b"timeUnixNano" | b"time_unix_nano" => time(json, out, TIME_UNIX_NANO),
        b"name" => text(json, out, NAME),
        b"attributes" => messages(json, out, ATTRIBUTES, attribute),
        b"droppedAttributesCount" | b"dropped_attributes_count" => count(json, out, DROPPED_ATTRIBUTES_COUNT),
        _ => json.skip(),
    })
}

fn link(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    use otlp::link::*;
    json.object(|json, key| match key {
        b"traceId" | b"trace_id" => id(json, out, TRACE_ID, 16),
        b"spanId" | b"span_id" => id(json, out, SPAN_ID, 8),
        b"traceState" | b"trace_state" => text(json, out, TRACE_STATE),
        b"attributes" => messages(json, out, ATTRIBUTES, attribute),
        b"droppedAttributesCount" | b"dropped_attributes_count" => count(json, out, DROPPED_ATTRIBUTES_COUNT),
        b"flags" => flags(json, out, FLAGS),
        _ => json.skip(),
    })
}

fn status(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    json.object(|json, key| match key {
        b"message" => text(json, out, otlp::status::MESSAGE),
        b"code" => status_code(json, out),
        _ => json.skip(),
    })
}

fn attribute(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    pair(json, out, 0)
}

fn pair(json: &mut Reader<'_>, out: &mut Message, depth: usize) -> Outcome {
    json.object(|json, key| match key {
        b"key" => text(json, out, otlp::key_value::KEY),
        b"value" => nested(out, otlp::key_value::VALUE, |out| value(json, out, depth)),
        _ => json.skip(),
    })
}

fn value(json: &mut Reader<'_>, out: &mut Message, depth: usize) -> Outcome {
    use otlp::any_value::{ARRAY, BOOL, BYTES, DOUBLE, INT, MAP, STRING};
    json.object(|json, key| match key {
        b"stringValue" | b"string_value" => text(json, out, STRING),
        b"boolValue" | b"bool_value" => {
            out.varint(BOOL, u64::from(json.boolean()?));
            Ok(())
        }
        b"intValue" | b"int_value" => {
            let number: i64 = whole(json, "a 64-bit integer")?;
            out.varint(INT, number as u64);
            Ok(())
        }
        b"doubleValue" | b"double_value" => {
            out.fixed64(DOUBLE, double(json)?.to_bits());
            Ok(())
        }
        b"bytesValue" | b"bytes_value" => bytes(json, out, BYTES),
        b"arrayValue" | b"array_value" => nested(out, ARRAY, |out| elements(json, out, depth, value)),
        b"kvlistValue" | b"kvlist_value" => nested(out, MAP, |out| elements(json, out, depth, pair)),
        _ => json.skip(),
    })
}

/// The elements of an array or a map; one that is too deep stays empty, which the walk then notices.
fn elements(
    json: &mut Reader<'_>,
    out: &mut Message,
    depth: usize,
    read: fn(&mut Reader<'_>, &mut Message, usize) -> Outcome,
) -> Outcome {
    if depth >= VALUE_DEPTH_MAX {
        return json.skip();
    }
    json.object(|json, key| match key {
        b"values" => json.array(|json| {
            if json.null()? {
                out.message(otlp::values::VALUES, |_| {});
                return Ok(());
            }
            nested(out, otlp::values::VALUES, |out| read(json, out, depth + 1))
        }),
        _ => json.skip(),
    })
}

fn nested(out: &mut Message, number: u32, write: impl FnOnce(&mut Message) -> Outcome) -> Outcome {
    let mut outcome = Ok(());
    out.message(number, |out| outcome = write(out));
    outcome
}

fn message(json: &mut Reader<'_>, out: &mut Message, number: u32, read: Read) -> Outcome {
    nested(out, number, |out| read(json, out))
}

fn messages(json: &mut Reader<'_>, out: &mut Message, number: u32, read: Read) -> Outcome {
    json.array(|json| if json.null()? { Ok(()) } else { message(json, out, number, read) })
}

fn text(json: &mut Reader<'_>, out: &mut Message, number: u32) -> Outcome {
    out.bytes(number, &json.string()?);
    Ok(())
}

fn time(json: &mut Reader<'_>, out: &mut Message, number: u32) -> Outcome {
    out.fixed64(number, whole(json, "nanoseconds since 1970 (0 to 2^64 - 1)")?);
    Ok(())
}

fn count(json: &mut Reader<'_>, out: &mut Message, number: u32) -> Outcome {
    let count: u32 = whole(json, "a count (0 to 2^32 - 1)")?;
    out.varint(number, u64::from(count));
    Ok(())
}

fn flags(json: &mut Reader<'_>, out: &mut Message, number: u32) -> Outcome {
    out.fixed32(number, whole(json, "flags (0 to 2^32 - 1)")?);
    Ok(())
}

fn double(json: &mut Reader<'_>) -> Outcome<f64> {
    let at = json.position();
    if json.peek() != Some(b'"') {
        return Ok(json.number()?.parse().unwrap_or(f64::NAN));
    }
    let written = json.string()?;
    match written.as_ref() {
        b"NaN" => Ok(f64::NAN),
        b"Infinity" => Ok(f64::INFINITY),
        b"-Infinity" => Ok(f64::NEG_INFINITY),
        _ => match std::str::from_utf8(&written).unwrap_or_default().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => json.fault_at(at, "expected a number, \"NaN\", \"Infinity\" or \"-Infinity\""),
        },
    }
}

fn kind(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    let read =
        |name: &str| Kind::parse(name.strip_prefix("SPAN_KIND_").unwrap_or(name)).map(|kind| kind as i32);
    enumeration(json, out, otlp::span::KIND, read, "SPAN_KIND_INTERNAL, SERVER, CLIENT, PRODUCER or CONSUMER")
}

fn status_code(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    let read = |name: &str| {
        StatusCode::parse(name.strip_prefix("STATUS_CODE_").unwrap_or(name)).map(|code| code as i32)
    };
    enumeration(json, out, otlp::status::CODE, read, "STATUS_CODE_UNSET, OK or ERROR")
}

fn enumeration(
    json: &mut Reader<'_>,
    out: &mut Message,
    number: u32,
    named: impl Fn(&str) -> Option<i32>,
    names: &str,
) -> Outcome {
    let at = json.position();
    let found = if json.peek() == Some(b'"') {
        let written = json.string()?;
        let name = std::str::from_utf8(&written).unwrap_or_default();
        named(name).or_else(|| name.parse().ok())
    } else {
        Some(whole(json, "a number or a name")?)
    };
    match found {
        Some(found) => out.varint(number, i64::from(found) as u64),
        None => return json.fault_at(at, format!("expected a number or one of {names}")),
    }
    Ok(())
}

fn bytes(json: &mut Reader<'_>, out: &mut Message, number: u32) -> Outcome {
    let at = json.position();
    match base64(&json.string()?) {
        Some(decoded) => out.bytes(number, &decoded),
        None => return json.fault_at(at, "expected base64"),
    }
    Ok(())
}

/// An id: hexadecimal, else base64 of just the right length. Short and long ones are left to the walk.
fn id(json: &mut Reader<'_>, out: &mut Message, number: u32, length: usize) -> Outcome {
    let at = json.position();
    let written = json.string()?;
    let decoded = hexadecimal(&written).or_else(|| base64(&written).filter(|id| id.len() == length));
    match decoded {
        Some(id) if id.is_empty() => {}
        Some(id) => out.bytes(number, &id),
        None => {
            let found = shown(&written);
            return json.fault_at(at, format!("expected {} hexadecimal digits, found {found:?}", 2 * length));
        }
    }
    Ok(())
}
