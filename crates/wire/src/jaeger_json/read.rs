//! One trace of Jaeger's JSON to OTLP bytes, in two passes over the text and without a tree.
//!
//! The tags that stand for OTLP's own fields become these fields again (see [`super`]); all other tags stay attributes
//! with their types. The first `CHILD_OF` of the same trace is the parent; without one it is the first reference, if
//! that is of the same trace, since Jaeger's UI draws it so. Unknown keys are skipped. Nothing recurses.

use std::borrow::Cow;
use std::collections::HashMap;

use model::proto::Message;
use model::{Kind, SpanId, StatusCode, TraceId, Value, otlp};

use super::tag::{Cell, Tag, read_tag};
use crate::json::scalar::{hexadecimal, whole};
use crate::json::{JsonError, Outcome, Reader, shown};

/// A request that is handed over has at most so many spans.
pub const REQUEST_SPANS_MAX: usize = 10_000;

/// Reads one element of `data`, and hands over requests in OTLP's protobuf form.
///
/// # Errors
/// [`JsonError`] where the text is no JSON, or a known key has a value that can't be meant; what was handed over
/// before is right.
pub fn read(json: &[u8], take: &mut dyn FnMut(Vec<u8>)) -> Result<(), JsonError> {
    let outcome = trace(json, take);
    outcome.map_err(|fault| fault.located(json))
}

fn trace(json: &[u8], take: &mut dyn FnMut(Vec<u8>)) -> Outcome {
    let processes = processes(json)?;
    let mut gathered =
        Gathered { processes: &processes, places: HashMap::new(), groups: Vec::new(), spans: 0 };
    let mut reader = Reader::new(json);
    reader.object(|json, key| match key {
        b"spans" => json.array(|json| {
            gathered.span(json)?;
            if gathered.spans == REQUEST_SPANS_MAX {
                take(gathered.request());
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    reader.end()?;
    if gathered.spans > 0 {
        take(gathered.request());
    }
    Ok(())
}

/// The resources, by the name that spans use for them.
type Processes<'a> = HashMap<Cow<'a, [u8]>, Vec<u8>>;

fn processes(json: &[u8]) -> Outcome<Processes<'static>> {
    let mut processes = Processes::new();
    Reader::new(json).object(|json, key| match key {
        b"processes" => json.object(|json, name| {
            processes.insert(Cow::Owned(name.to_vec()), resource(json)?);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    Ok(processes)
}

fn resource(json: &mut Reader<'_>) -> Outcome<Vec<u8>> {
    let (mut service, mut tags) = (Message::new(), Message::new());
    json.object(|json, key| match key {
        b"serviceName" => {
            let name = json.string()?;
            if !name.is_empty() {
                let tag = Tag { key: b"service.name".into(), cell: Cell::Text(name) };
                tag.write(&mut service, otlp::resource::ATTRIBUTES);
            }
            Ok(())
        }
        b"tags" => json.array(|json| {
            read_tag(json)?.write(&mut tags, otlp::resource::ATTRIBUTES);
            Ok(())
        }),
        _ => json.skip(),
    })?;
    service.raw(tags.as_bytes());
    Ok(service.into_bytes())
}

/// Spans by their process and scope.
struct Gathered<'a> {
    processes: &'a Processes<'a>,
    places: HashMap<(Vec<u8>, Vec<u8>), usize>,
    groups: Vec<Group>,
    spans: usize,
}

struct Group {
    process: Vec<u8>,
    scope: Vec<u8>,
    spans: Message,
}

impl Gathered<'_> {
    fn span(&mut self, json: &mut Reader<'_>) -> Outcome {
        let at = json.position();
        let span = span(json)?;
        if !self.processes.contains_key(span.process.as_slice()) {
            let name = shown(&span.process);
            return json.fault_at(at, format!("the span's processID is {name:?}, which `processes` has not"));
        }
        let next = self.groups.len();
        let place = *self.places.entry((span.process, span.scope)).or_insert_with_key(|(process, scope)| {
            self.groups.push(Group { process: process.clone(), scope: scope.clone(), spans: Message::new() });
            next
        });
        self.groups[place].spans.bytes(otlp::scope_spans::SPANS, span.message.as_bytes());
        self.spans += 1;
        Ok(())
    }

    fn request(&mut self) -> Vec<u8> {
        let mut request = Message::new();
        for group in self.groups.drain(..) {
            request.message(otlp::request::RESOURCE_SPANS, |out| {
                out.bytes(otlp::resource_spans::RESOURCE, &self.processes[group.process.as_slice()]);
                out.message(otlp::resource_spans::SCOPE_SPANS, |out| {
                    out.bytes(otlp::scope_spans::SCOPE, &group.scope);
                    out.raw(group.spans.as_bytes());
                });
            });
        }
        self.places.clear();
        self.spans = 0;
        request.into_bytes()
    }
}

#[derive(Default)]
struct Draft {
    process: Vec<u8>,
    scope: Vec<u8>,
    message: Message,
}

/// What tags say about the span itself.
#[derive(Default)]
struct Said {
    scope: [Vec<u8>; 2],
    kind: Option<Kind>,
    status: Option<StatusCode>,
    is_error: bool,
    status_message: Vec<u8>,
    trace_state: Vec<u8>,
}

fn span(json: &mut Reader<'_>) -> Outcome<Draft> {
    let mut draft = Draft::default();
    let out = &mut draft.message;
    let (mut said, mut references) = (Said::default(), Vec::new());
    let (mut trace, mut start, mut duration, mut old_parent) = (TraceId::default(), 0, 0, None);
    json.object(|json, key| match key {
        b"traceID" => {
            trace = TraceId(id(json)?);
            Ok(())
        }
        b"spanID" => {
            out.bytes(otlp::span::SPAN_ID, &id::<8>(json)?);
            Ok(())
        }
        b"parentSpanID" => {
            old_parent = Some(SpanId(id(json)?)).filter(|id| !id.is_zero());
            Ok(())
        }
        b"operationName" => {
            out.bytes(otlp::span::NAME, &json.string()?);
            Ok(())
        }
        b"flags" => {
            out.fixed32(otlp::span::FLAGS, whole(json, "flags (0 to 2^32 - 1)")?);
            Ok(())
        }
        b"references" => json.array(|json| {
            references.push(reference(json)?);
            Ok(())
        }),
        b"startTime" => nanoseconds(json, &mut start),
        b"duration" => nanoseconds(json, &mut duration),
        b"tags" => json.array(|json| {
            let tag = read_tag(json)?;
            if !said.hears(&tag) {
                tag.write(out, otlp::span::ATTRIBUTES);
            }
            Ok(())
        }),
        b"logs" => json.array(|json| event(json, out)),
        b"processID" => {
            draft.process = json.string()?.into_owned();
            Ok(())
        }
        _ => json.skip(),
    })?;
    out.bytes(otlp::span::TRACE_ID, &trace.0);
    out.fixed64(otlp::span::START_TIME_UNIX_NANO, start);
    out.fixed64(otlp::span::END_TIME_UNIX_NANO, start.saturating_add(duration));
    related(out, trace, &references, old_parent);
    said.write(out);
    draft.scope = said.scope();
    Ok(draft)
}

struct Reference {
    is_child: bool,
    trace: TraceId,
    span: SpanId,
}

fn reference(json: &mut Reader<'_>) -> Outcome<Reference> {
    let mut reference = Reference { is_child: true, trace: TraceId::default(), span: SpanId::default() };
    json.object(|json, key| match key {
        b"refType" => {
            reference.is_child = json.string()?.as_ref() == b"CHILD_OF";
            Ok(())
        }
        b"traceID" => {
            reference.trace = TraceId(id(json)?);
            Ok(())
        }
        b"spanID" => {
            reference.span = SpanId(id(json)?);
            Ok(())
        }
        _ => json.skip(),
    })?;
    Ok(reference)
}

/// Writes the parent and the links.
fn related(out: &mut Message, trace: TraceId, references: &[Reference], old_parent: Option<SpanId>) {
    let is_here = |reference: &Reference| reference.trace == trace;
    let child = references.iter().position(|reference| reference.is_child && is_here(reference));
    let parent = child.or_else(|| references.first().filter(|first| is_here(first)).map(|_| 0));
    let parent_id = parent.map(|at| references[at].span).or(old_parent);
    if let Some(id) = parent_id {
        out.bytes(otlp::span::PARENT_SPAN_ID, &id.0);
    }
    for reference in references.iter().enumerate().filter(|(at, _)| child != Some(*at)).map(|(_, one)| one) {
        out.message(otlp::span::LINKS, |link| {
            link.bytes(otlp::link::TRACE_ID, &reference.trace.0);
            link.bytes(otlp::link::SPAN_ID, &reference.span.0);
            if reference.is_child {
                let kind = Value::Text("child_of");
                otlp::attribute(link, otlp::link::ATTRIBUTES, "opentracing.ref_type", kind);
            }
        });
    }
}

impl Said {
    /// Takes what stands for a field of OTLP; false where the tag is an attribute.
    fn hears(&mut self, tag: &Tag<'_>) -> bool {
        let text = match &tag.cell {
            Cell::Text(text) => text.as_ref(),
            Cell::Bool(true) if tag.key.as_ref() == b"error" => {
                self.is_error = true;
                return true;
            }
            _ => return false,
        };
        match tag.key.as_ref() {
            b"span.kind" => {
                let kind = std::str::from_utf8(text).ok().and_then(Kind::parse);
                self.kind = kind.or(self.kind);
                return kind.is_some();
            }
            b"otel.status_code" => {
                let status = std::str::from_utf8(text).ok().and_then(StatusCode::parse);
                self.status = status.or(self.status);
                return status.is_some();
            }
            b"error" if text.eq_ignore_ascii_case(b"true") => self.is_error = true,
            b"otel.status_description" => self.status_message = text.to_vec(),
            b"w3c.tracestate" => self.trace_state = text.to_vec(),
            b"otel.scope.name" | b"otel.library.name" => self.scope[0] = text.to_vec(),
            b"otel.scope.version" | b"otel.library.version" => self.scope[1] = text.to_vec(),
            _ => return false,
        }
        true
    }

    fn write(&self, out: &mut Message) {
        if let Some(kind) = self.kind {
            out.varint(otlp::span::KIND, kind as u64);
        }
        if !self.trace_state.is_empty() {
            out.bytes(otlp::span::TRACE_STATE, &self.trace_state);
        }
        let status = self.status.unwrap_or(match self.is_error {
            true => StatusCode::Error,
            false => StatusCode::Unset,
        });
        if status != StatusCode::Unset || !self.status_message.is_empty() {
            out.message(otlp::span::STATUS, |out| {
                if !self.status_message.is_empty() {
                    out.bytes(otlp::status::MESSAGE, &self.status_message);
                }
                out.varint(otlp::status::CODE, status as u64);
            });
        }
    }

    fn scope(&self) -> Vec<u8> {
        let mut scope = Message::new();
        for (number, text) in [otlp::scope::NAME, otlp::scope::VERSION].into_iter().zip(&self.scope) {
            if !text.is_empty() {
                scope.bytes(number, text);
            }
        }
        scope.into_bytes()
    }
}

/// The field `event` names it; the other fields are its attributes.
fn event(json: &mut Reader<'_>, out: &mut Message) -> Outcome {
    let mut event = Message::new();
    let mut is_named = false;
    json.object(|json, key| match key {
        b"timestamp" => {
            let mut time = 0;
            nanoseconds(json, &mut time)?;
            event.fixed64(otlp::event::TIME_UNIX_NANO, time);
            Ok(())
        }
        b"fields" => json.array(|json| {
            let tag = read_tag(json)?;
            match &tag.cell {
                Cell::Text(name) if tag.key.as_ref() == b"event" && !is_named => {
                    is_named = true;
                    event.bytes(otlp::event::NAME, name);
                }
                _ => tag.write(&mut event, otlp::event::ATTRIBUTES),
            }
            Ok(())
        }),
        _ => json.skip(),
    })?;
    out.bytes(otlp::span::EVENTS, event.as_bytes());
    Ok(())
}

fn nanoseconds(json: &mut Reader<'_>, into: &mut u64) -> Outcome {
    const EXPECTED: &str = "microseconds (0 to 18446744073709551)";
    let at = json.position();
    let micros: u64 = whole(json, EXPECTED)?;
    match micros.checked_mul(1_000) {
        Some(nanos) => *into = nanos,
        None => return json.fault_at(at, format!("expected {EXPECTED}, found {micros}")),
    }
    Ok(())
}

/// An id; leading zeros may be missing.
fn id<const N: usize>(json: &mut Reader<'_>) -> Outcome<[u8; N]> {
    let at = json.position();
    let written = json.string()?;
    let mut id = [0; N];
    match hexadecimal(&written).filter(|bytes| bytes.len() <= N) {
        Some(bytes) => id[N - bytes.len()..].copy_from_slice(&bytes),
        None => {
            let found = shown(&written);
            return json
                .fault_at(at, format!("expected at most {} hexadecimal digits, found {found:?}", 2 * N));
        }
    }
    Ok(id)
}
