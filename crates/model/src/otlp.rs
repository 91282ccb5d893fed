//! The field numbers of OTLP's trace messages and small writers for them.
//!
//! Source: opentelemetry-proto 1.x, `trace/v1/trace.proto`, `common/v1/common.proto`, `resource/v1/resource.proto`.
//! Every receiver that speaks another protocol, the traffic generator and the readers of stores write spans with these
//! functions, so that inside there is one form only.

use crate::proto::Message;
use crate::{SpanId, TraceId, Value};

/// `ExportTraceServiceRequest` and `TracesData`.
pub mod request {
    /// `repeated ResourceSpans`
    pub const RESOURCE_SPANS: u32 = 1;
}
/// `ResourceSpans`.
pub mod resource_spans {
    /// `Resource`
    pub const RESOURCE: u32 = 1;
    /// `repeated ScopeSpans`
    pub const SCOPE_SPANS: u32 = 2;
    /// `string`
    pub const SCHEMA_URL: u32 = 3;
}
/// `Resource`.
pub mod resource {
    /// `repeated KeyValue`
    pub const ATTRIBUTES: u32 = 1;
    /// `uint32`
    pub const DROPPED_ATTRIBUTES_COUNT: u32 = 2;
}
/// `ScopeSpans`.
pub mod scope_spans {
    /// `InstrumentationScope`
    pub const SCOPE: u32 = 1;
    /// `repeated Span`
    pub const SPANS: u32 = 2;
    /// `string`
    pub const SCHEMA_URL: u32 = 3;
}
/// `InstrumentationScope`.
pub mod scope {
    /// `string`
    pub const NAME: u32 = 1;
    /// `string`
    pub const VERSION: u32 = 2;
    /// `repeated KeyValue`
    pub const ATTRIBUTES: u32 = 3;
    /// `uint32`
    pub const DROPPED_ATTRIBUTES_COUNT: u32 = 4;
}
/// `Span`.
pub mod span {
    /// `bytes`, 16
    pub const TRACE_ID: u32 = 1;
    /// `bytes`, 8
    pub const SPAN_ID: u32 = 2;
    /// `string`
    pub const TRACE_STATE: u32 = 3;
    /// `bytes`, 8 or none
    pub const PARENT_SPAN_ID: u32 = 4;
    /// `string`
    pub const NAME: u32 = 5;
    /// `enum SpanKind`
    pub const KIND: u32 = 6;
    /// `fixed64`
    pub const START_TIME_UNIX_NANO: u32 = 7;
    /// `fixed64`
    pub const END_TIME_UNIX_NANO: u32 = 8;
    /// `repeated KeyValue`
    pub const ATTRIBUTES: u32 = 9;
    /// `uint32`
    pub const DROPPED_ATTRIBUTES_COUNT: u32 = 10;
    /// `repeated Event`
    pub const EVENTS: u32 = 11;
    /// `uint32`
    pub const DROPPED_EVENTS_COUNT: u32 = 12;
    /// `repeated Link`
    pub const LINKS: u32 = 13;
    /// `uint32`
    pub const DROPPED_LINKS_COUNT: u32 = 14;
    /// `Status`
    pub const STATUS: u32 = 15;
    /// `fixed32`
    pub const FLAGS: u32 = 16;
}
/// `Status`.
pub mod status {
    /// `string`
    pub const MESSAGE: u32 = 2;
    /// `enum StatusCode`
    pub const CODE: u32 = 3;
}
/// `Span.Event`.
pub mod event {
    /// `fixed64`
    pub const TIME_UNIX_NANO: u32 = 1;
    /// `string`
    pub const NAME: u32 = 2;
    /// `repeated KeyValue`
    pub const ATTRIBUTES: u32 = 3;
    /// `uint32`
    pub const DROPPED_ATTRIBUTES_COUNT: u32 = 4;
}
/// `Span.Link`.
pub mod link {
    /// `bytes`, 16
    pub const TRACE_ID: u32 = 1;
    /// `bytes`, 8
    pub const SPAN_ID: u32 = 2;
    /// `string`
    pub const TRACE_STATE: u32 = 3;
    /// `repeated KeyValue`
    pub const ATTRIBUTES: u32 = 4;
    /// `uint32`
    pub const DROPPED_ATTRIBUTES_COUNT: u32 = 5;
    /// `fixed32`
    pub const FLAGS: u32 = 6;
}
/// `KeyValue`.
pub mod key_value {
    /// `string`
    pub const KEY: u32 = 1;
    /// `AnyValue`
    pub const VALUE: u32 = 2;
}
/// `AnyValue`.
pub mod any_value {
    /// `string`
    pub const STRING: u32 = 1;
    /// `bool`
    pub const BOOL: u32 = 2;
    /// `int64`
    pub const INT: u32 = 3;
    /// `double`
    pub const DOUBLE: u32 = 4;
    /// `ArrayValue`
    pub const ARRAY: u32 = 5;
    /// `KeyValueList`
    pub const MAP: u32 = 6;
    /// `bytes`
    pub const BYTES: u32 = 7;
}
/// `ArrayValue` and `KeyValueList`.
pub mod values {
    /// `repeated AnyValue` or `repeated KeyValue`
    pub const VALUES: u32 = 1;
}

/// Writes one attribute as field `number` of the open message.
pub fn attribute(message: &mut Message, number: u32, key: &str, value: Value<'_>) {
    message.message(number, |pair| {
        pair.text(key_value::KEY, key);
        pair.message(key_value::VALUE, |open| write_value(open, value));
    });
}

/// Writes the content of an `AnyValue`.
pub fn write_value(message: &mut Message, value: Value<'_>) {
    match value {
        Value::Empty => {}
        Value::Text(text) => message.bytes(any_value::STRING, text.as_bytes()),
        Value::Bool(truth) => message.varint(any_value::BOOL, u64::from(truth)),
        Value::Int(number) => message.varint(any_value::INT, number as u64),
        Value::Double(number) => message.fixed64(any_value::DOUBLE, number.to_bits()),
        Value::Bytes(bytes) => message.bytes(any_value::BYTES, bytes),
        Value::Array(values) => message.bytes(any_value::ARRAY, values.raw()),
        Value::Map(pairs) => message.bytes(any_value::MAP, pairs.raw()),
    }
}

/// Writes the ids of a span; a zero parent is left out.
pub fn span_ids(message: &mut Message, trace: TraceId, span: SpanId, parent: SpanId) {
    message.bytes(span::TRACE_ID, &trace.0);
    message.bytes(span::SPAN_ID, &span.0);
    if !parent.is_zero() {
        message.bytes(span::PARENT_SPAN_ID, &parent.0);
    }
}
