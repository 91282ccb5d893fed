//! Spans for tests: written down plainly, encoded as OTLP, grouped as an SDK groups them.

use model::proto::Message;
use model::time::UnixNanos;
use model::{Batch, Kind, SpanId, StatusCode, Tenant, TraceId, otlp};

use super::NOW;

/// A span to be written.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub struct Draft {
    pub resource: Pairs,
    pub scope: (String, String),
    pub scope_attributes: Pairs,
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: SpanId,
    pub name: String,
    pub kind: Kind,
    pub start: UnixNanos,
    pub end: UnixNanos,
    pub status: StatusCode,
    pub message: String,
    pub attributes: Pairs,
    pub events: Vec<(UnixNanos, String, Pairs)>,
    pub links: Vec<(TraceId, SpanId, Pairs)>,
    pub state: String,
    pub flags: u32,
}

/// Attributes, in order.
pub type Pairs = Vec<(String, Any)>;

/// A value of an attribute, owned.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names are those of `model::Value`")]
pub enum Any {
    Empty,
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Array(Vec<Any>),
    Map(Pairs),
}

impl From<&str> for Any {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Any {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Any {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for Any {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl Draft {
    /// A plain span of the service `shop`: named `work`, 1 ms long, `trace` seconds before [`NOW`] (and `span` ms later).
    #[must_use]
    pub fn new(trace: u64, span: u64) -> Self {
        let start = NOW - trace * 1_000_000_000 + span * 1_000_000;
        Self {
            resource: vec![("service.name".into(), "shop".into())],
            scope: ("tests".into(), "1.0".into()),
            scope_attributes: Vec::new(),
            trace: trace_id(trace),
            id: span_id(span),
            parent: SpanId::default(),
            name: "work".into(),
            kind: Kind::Internal,
            start,
            end: start + 1_000_000,
            status: StatusCode::Unset,
            message: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            state: String::new(),
            flags: 0,
        }
    }

    /// Of this service, and of no other resource attribute.
    #[must_use]
    pub fn service(mut self, name: &str) -> Self {
        self.resource = vec![("service.name".into(), name.into())];
        self
    }

    /// With this operation.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// With this role.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// With this status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Below this span of the same trace.
    #[must_use]
    pub fn under(mut self, parent: u64) -> Self {
        self.parent = span_id(parent);
        self
    }

    /// From this time, so many nanoseconds long.
    #[must_use]
    pub fn at(mut self, start: UnixNanos, duration: u64) -> Self {
        (self.start, self.end) = (start, start.saturating_add(duration));
        self
    }

    /// So many nanoseconds long.
    #[must_use]
    pub fn lasting(self, duration: u64) -> Self {
        let start = self.start;
        self.at(start, duration)
    }

    /// With one more attribute.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Any>) -> Self {
        self.attributes.push((key.into(), value.into()));
        self
    }

    /// With one more attribute of its resource.
    #[must_use]
    pub fn with_resource(mut self, key: &str, value: impl Into<Any>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// With one more event, at the span's start.
    #[must_use]
    pub fn with_event(mut self, name: &str, attributes: &[(&str, Any)]) -> Self {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        self.events.push((self.start, name.into(), attributes));
        self
    }
}

/// The trace id with this number; 1 is the smallest.
#[must_use]
pub fn trace_id(number: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    TraceId(id)
}

/// The span id with this number.
#[must_use]
pub fn span_id(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

/// The spans as one batch; neighbours with the same resource and scope share them.
///
/// # Panics
/// Where a span has a zero id: tests mean to have them kept.
#[must_use]
pub fn batch(tenant: &Tenant, spans: &[Draft]) -> Batch {
    let mut request = Message::new();
    let of_one_resource = |left: &Draft, right: &Draft| {
        (&left.resource, &left.scope, &left.scope_attributes)
            == (&right.resource, &right.scope, &right.scope_attributes)
    };
    for group in spans.chunk_by(of_one_resource) {
        request.message(otlp::request::RESOURCE_SPANS, |out| {
            out.message(otlp::resource_spans::RESOURCE, |resource| {
                attributes(resource, otlp::resource::ATTRIBUTES, &group[0].resource);
            });
            out.message(otlp::resource_spans::SCOPE_SPANS, |scope_spans| {
                scope_spans.message(otlp::scope_spans::SCOPE, |scope| {
                    scope.text(otlp::scope::NAME, &group[0].scope.0);
                    scope.text(otlp::scope::VERSION, &group[0].scope.1);
                    attributes(scope, otlp::scope::ATTRIBUTES, &group[0].scope_attributes);
                });
                for span in group {
                    scope_spans.message(otlp::scope_spans::SPANS, |out| write(out, span));
                }
            });
        });
    }
    let batch = Batch::read(request.into_bytes().into(), tenant.clone()).expect("what was written is OTLP");
    assert_eq!(batch.len(), spans.len(), "every span of a test has valid ids");
    batch
}

fn write(out: &mut Message, span: &Draft) {
    otlp::span_ids(out, span.trace, span.id, span.parent);
    out.text(otlp::span::TRACE_STATE, &span.state);
    out.text(otlp::span::NAME, &span.name);
    out.varint(otlp::span::KIND, span.kind as u64);
    out.fixed64(otlp::span::START_TIME_UNIX_NANO, span.start);
    out.fixed64(otlp::span::END_TIME_UNIX_NANO, span.end);
    attributes(out, otlp::span::ATTRIBUTES, &span.attributes);
    for (time, name, pairs) in &span.events {
        out.message(otlp::span::EVENTS, |event| {
            event.fixed64(otlp::event::TIME_UNIX_NANO, *time);
            event.text(otlp::event::NAME, name);
            attributes(event, otlp::event::ATTRIBUTES, pairs);
        });
    }
    for (trace, id, pairs) in &span.links {
        out.message(otlp::span::LINKS, |link| {
            link.bytes(otlp::link::TRACE_ID, &trace.0);
            link.bytes(otlp::link::SPAN_ID, &id.0);
            attributes(link, otlp::link::ATTRIBUTES, pairs);
        });
    }
    if span.status != StatusCode::Unset || !span.message.is_empty() {
        out.message(otlp::span::STATUS, |status| {
            status.text(otlp::status::MESSAGE, &span.message);
            status.varint(otlp::status::CODE, span.status as u64);
        });
    }
    if span.flags != 0 {
        out.fixed32(otlp::span::FLAGS, span.flags);
    }
}

fn attributes(out: &mut Message, number: u32, pairs: &[(String, Any)]) {
    for (key, value) in pairs {
        out.message(number, |pair| {
            pair.text(otlp::key_value::KEY, key);
            pair.message(otlp::key_value::VALUE, |open| write_any(open, value));
        });
    }
}

fn write_any(out: &mut Message, value: &Any) {
    match value {
        Any::Empty => {}
        Any::Text(text) => out.bytes(otlp::any_value::STRING, text.as_bytes()),
        Any::Bool(truth) => out.varint(otlp::any_value::BOOL, u64::from(*truth)),
        Any::Int(number) => out.varint(otlp::any_value::INT, *number as u64),
        Any::Double(number) => out.fixed64(otlp::any_value::DOUBLE, number.to_bits()),
        Any::Bytes(bytes) => out.bytes(otlp::any_value::BYTES, bytes),
        Any::Array(values) => out.message(otlp::any_value::ARRAY, |array| {
            for value in values {
                array.message(otlp::values::VALUES, |open| write_any(open, value));
            }
        }),
        Any::Map(pairs) => {
            out.message(otlp::any_value::MAP, |map| attributes(map, otlp::values::VALUES, pairs))
        }
    }
}
