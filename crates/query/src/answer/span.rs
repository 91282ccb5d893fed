//! One span of an answer.

use std::collections::HashMap;

use model::Value;
use serde::{Deserialize, Serialize, Serializer};

use super::number::{Count64, Double, Hex, parsed};

/// One span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Its id, hexadecimal.
    pub span_id: String,
    /// The id of its parent; absent for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Its place in the tree; absent where only the span is known.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The service that it is of.
    pub service: String,
    /// The operation.
    pub name: String,
    /// `server`, `client`, `producer`, `consumer`, `internal` or `unspecified`.
    pub kind: String,
    /// `error`, `ok` or `unset`.
    pub status: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status_message: String,
    /// When it began, in nanoseconds since 1970.
    pub start: Count64,
    /// How long it took, in nanoseconds.
    pub duration: Count64,
    /// The W3C tracestate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_state: String,
    /// W3C trace flags and OTLP's remote bits.
    pub flags: u32,
    /// Its attributes, as they were sent.
    pub attributes: Vec<Attribute>,
    /// What happened inside.
    pub events: Vec<Event>,
    /// Spans that it refers to.
    pub links: Vec<Link>,
    /// The library that recorded it.
    pub scope: Scope,
    /// Attributes, events and links that the sender dropped.
    pub dropped: [u32; 3],
}

/// A span's place in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Levels below its root.
    pub depth: u32,
    /// How many spans name it as their parent.
    pub children: u32,
    /// True where its parent is missing.
    pub is_orphan: bool,
    /// Nanoseconds in which no child of it ran.
    pub self_time: Count64,
    /// Place of its resource among the trace's.
    pub resource: u32,
}

/// What produced spans.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// The schema of the attributes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema_url: String,
}

/// The library that recorded a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its attributes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// Something that happened inside a span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in nanoseconds since 1970.
    pub time: Count64,
    /// What.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// A reference to another span.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The other trace.
    pub trace_id: String,
    /// The other span.
    pub span_id: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value with its type.
    #[serde(flatten)]
    pub value: AnyValue,
}

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum AnyValue {
    /// No value was given.
    Empty,
    /// A text.
    String(String),
    /// A truth value.
    Bool(bool),
    /// A 64-bit integer.
    Int(#[serde(serialize_with = "as_text", deserialize_with = "parsed")] i64),
    /// A floating-point number.
    Double(Double),
    /// Raw bytes.
    Bytes(Hex),
    /// Several values.
    Array(Vec<AnyValue>),
    /// Nested attributes.
    Map(Vec<Attribute>),
}

fn as_text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

impl Span {
    /// The span of a node, with its place.
    #[must_use]
    pub fn of(trace: &model::Trace, node: &model::Node, resource: u32) -> Self {
        let place = Place {
            depth: node.depth,
            children: node.children,
            is_orphan: node.is_orphan,
            self_time: Count64(node.self_time),
            resource,
        };
        Self { place: Some(place), ..Self::alone(trace.span(node)) }
    }

    /// A span without a trace around it.
    #[must_use]
    pub fn alone(span: model::Span<'_>) -> Self {
        Self {
            span_id: span.span_id().to_string(),
            parent_id: span.parent().map(|id| id.to_string()),
            place: None,
            service: span.service().into(),
            name: span.name().into(),
            kind: span.kind().as_str().into(),
            status: span.status().as_str().into(),
            status_message: span.status_message().into(),
            start: Count64(span.start()),
            duration: Count64(span.duration()),
            trace_state: span.trace_state().into(),
            flags: span.flags(),
            attributes: attributes(span.attributes()),
            events: span.events().map(event).collect(),
            links: span.links().map(link).collect(),
            scope: scope(span.scope()),
            dropped: span.dropped(),
        }
    }
}

/// The distinct resources of a trace, and for each node the place of its own.
#[must_use]
pub fn resources(trace: &model::Trace) -> (Vec<Resource>, Vec<u32>) {
    let mut by_bytes = HashMap::new();
    let mut resources = Vec::new();
    let places = trace.nodes().iter().map(|node| {
        let found = trace.span(node).resource();
        *by_bytes.entry((found.raw(), found.schema_url())).or_insert_with(|| {
            let schema_url = found.schema_url().into();
            resources.push(Resource { attributes: attributes(found.attributes()), schema_url });
            resources.len() as u32 - 1
        })
    });
    let places = places.collect();
    (resources, places)
}

fn attributes(attributes: model::Attributes<'_>) -> Vec<Attribute> {
    attributes.map(|pair| Attribute { key: pair.key.into(), value: pair.value.into() }).collect()
}

fn event(event: model::Event<'_>) -> Event {
    Event {
        time: Count64(event.time()),
        name: event.name().into(),
        attributes: attributes(event.attributes()),
    }
}

fn link(link: model::Link<'_>) -> Link {
    Link {
        trace_id: link.trace_id().to_string(),
        span_id: link.span_id().to_string(),
        attributes: attributes(link.attributes()),
    }
}

fn scope(scope: model::Scope<'_>) -> Scope {
    Scope {
        name: scope.name().into(),
        version: scope.version().into(),
        attributes: attributes(scope.attributes()),
    }
}

impl From<Value<'_>> for AnyValue {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Empty => Self::Empty,
            Value::Text(text) => Self::String(text.into()),
            Value::Bool(truth) => Self::Bool(truth),
            Value::Int(number) => Self::Int(number),
            Value::Double(number) => Self::Double(Double(number)),
            Value::Bytes(bytes) => Self::Bytes(Hex(bytes.into())),
            Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            Value::Map(pairs) => Self::Map(attributes(pairs.iter())),
        }
    }
}
