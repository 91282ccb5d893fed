//! Reads spans lazily from the bytes of a [`Batch`].
//!
//! Views borrow and allocate nothing. The walk that made the batch has checked format, UTF-8 and depth, so views never
//! fail; on bytes that were not walked they end early rather than panic.

use std::borrow::Cow;

use crate::batch::{Batch, ScopeRow, SpanRow};
use crate::proto::{Field, Fields, fields};
use crate::time::UnixNanos;
use crate::{SpanId, TraceId, otlp};

/// The service name of a resource that names none.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// One span of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    batch: &'a Batch,
    row: &'a SpanRow,
}

/// The role of a span in its trace (`SpanKind`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub enum Kind {
    Unspecified,
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// Whether the operation failed (`Status.StatusCode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the specification's own")]
pub enum StatusCode {
    Unset,
    Ok,
    Error,
}

impl<'a> Span<'a> {
    pub(crate) fn new(batch: &'a Batch, row: &'a SpanRow) -> Self {
        Self { batch, row }
    }

    /// The id of the whole trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.row.trace_id
    }

    /// The id of this span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.row.span_id
    }

    /// The id of the span that caused this one; a root has none.
    #[must_use]
    pub fn parent(&self) -> Option<SpanId> {
        (!self.row.parent.is_zero()).then_some(self.row.parent)
    }

    /// The name of the operation.
    #[must_use]
    pub fn name(&self) -> &'a str {
        text(self.batch.slice(self.row.name))
    }

    /// The role; numbers that the specification does not know read as unspecified.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::from_number(self.row.kind)
    }

    /// Whether it failed.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_number(self.row.status)
    }

    /// Why it failed, or nothing.
    #[must_use]
    pub fn status_message(&self) -> &'a str {
        let message = |status| fields(status).filter(|(number, _)| *number == otlp::status::MESSAGE).last();
        let status = self.fields().filter(|(number, _)| *number == otlp::span::STATUS).last();
        status
            .and_then(|(_, field)| message(field.bytes()?))
            .and_then(|(_, field)| field.bytes())
            .map_or("", text)
    }

    /// When it began.
    #[must_use]
    pub fn start(&self) -> UnixNanos {
        self.row.start
    }

    /// When it ended, as it was sent: clocks lie, so it may lie before the start.
    #[must_use]
    pub fn end(&self) -> UnixNanos {
        self.row.end
    }

    /// How long it took, in nanoseconds; 0 where the end lies before the start.
    #[must_use]
    pub fn duration(&self) -> u64 {
        self.row.end.saturating_sub(self.row.start)
    }

    /// The W3C tracestate.
    #[must_use]
    pub fn trace_state(&self) -> &'a str {
        self.find(otlp::span::TRACE_STATE).and_then(Field::bytes).map_or("", text)
    }

    /// W3C trace flags and OTLP's remote bits, as sent.
    #[must_use]
    pub fn flags(&self) -> u32 {
        if let Some(Field::Fixed32(flags)) = self.find(otlp::span::FLAGS) { flags } else { 0 }
    }

    /// The span's own attributes, in the order in which they were sent, duplicates included.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { fields: self.fields(), number: otlp::span::ATTRIBUTES, raw: self.raw() }
    }

    /// What happened inside.
    pub fn events(&self) -> impl Iterator<Item = Event<'a>> + use<'a> {
        repeated(self.raw(), otlp::span::EVENTS).map(|raw| Event { raw })
    }

    /// Spans that this one refers to.
    pub fn links(&self) -> impl Iterator<Item = Link<'a>> + use<'a> {
        repeated(self.raw(), otlp::span::LINKS).map(|raw| Link { raw })
    }

    /// Attributes, events and links that the sender dropped.
    #[must_use]
    pub fn dropped(&self) -> [u32; 3] {
        let count = |number| count(self.find(number));
        [
            count(otlp::span::DROPPED_ATTRIBUTES_COUNT),
            count(otlp::span::DROPPED_EVENTS_COUNT),
            count(otlp::span::DROPPED_LINKS_COUNT),
        ]
    }

    /// What produced the span.
    #[must_use]
    pub fn resource(&self) -> Resource<'a> {
        self.batch.resource(self.row.resource)
    }

    /// The library that recorded the span.
    #[must_use]
    pub fn scope(&self) -> Scope<'a> {
        self.batch.scope(self.row.scope)
    }

    /// The service that the resource names, else [`UNKNOWN_SERVICE`].
    #[must_use]
    pub fn service(&self) -> &'a str {
        self.resource().service()
    }

    /// The span's own protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.batch.slice(self.row.message)
    }

    /// The row of the table that the walk made.
    #[must_use]
    pub fn row(&self) -> &'a SpanRow {
        self.row
    }

    fn fields(&self) -> Fields<'a> {
        fields(self.raw())
    }

    fn find(&self, number: u32) -> Option<Field<'a>> {
        self.fields().filter(|(found, _)| *found == number).last().map(|(_, field)| field)
    }
}

/// What produced spans: a process, a pod, a host.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    raw: &'a [u8],
    schema_url: &'a [u8],
}

impl<'a> Resource<'a> {
    pub(crate) fn new(raw: &'a [u8], schema_url: &'a [u8]) -> Self {
        Self { raw, schema_url }
    }

    /// The resource's attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { fields: fields(self.raw), number: otlp::resource::ATTRIBUTES, raw: self.raw }
    }

    /// `service.name`, else [`UNKNOWN_SERVICE`].
    #[must_use]
    pub fn service(&self) -> &'a str {
        match self.attributes().get("service.name") {
            Some(Value::Text(name)) if !name.is_empty() => name,
            _ => UNKNOWN_SERVICE,
        }
    }

    /// The schema of the attributes, or nothing.
    #[must_use]
    pub fn schema_url(&self) -> &'a str {
        text(self.schema_url)
    }

    /// Attributes that the sender dropped.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        last_count(self.raw, otlp::resource::DROPPED_ATTRIBUTES_COUNT)
    }

    /// The protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

/// The library that recorded spans.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    raw: &'a [u8],
    schema_url: &'a [u8],
}

impl<'a> Scope<'a> {
    pub(crate) fn new(batch: &'a Batch, row: &ScopeRow) -> Self {
        Self { raw: batch.slice(row.message), schema_url: batch.slice(row.schema_url) }
    }

    /// The library's name, or nothing.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.text(otlp::scope::NAME)
    }

    /// The library's version, or nothing.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.text(otlp::scope::VERSION)
    }

    /// The scope's attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { fields: fields(self.raw), number: otlp::scope::ATTRIBUTES, raw: self.raw }
    }

    /// The schema of the spans, or nothing.
    #[must_use]
    pub fn schema_url(&self) -> &'a str {
        text(self.schema_url)
    }

    /// Attributes that the sender dropped.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        last_count(self.raw, otlp::scope::DROPPED_ATTRIBUTES_COUNT)
    }

    /// The protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    fn text(&self, number: u32) -> &'a str {
        repeated(self.raw, number).last().map_or("", text)
    }
}

/// Something that happened inside a span.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    raw: &'a [u8],
}

impl<'a> Event<'a> {
    /// When.
    #[must_use]
    pub fn time(&self) -> UnixNanos {
        let time = fields(self.raw).filter(|(number, _)| *number == otlp::event::TIME_UNIX_NANO).last();
        if let Some((_, Field::Fixed64(time))) = time { time } else { 0 }
    }

    /// What.
    #[must_use]
    pub fn name(&self) -> &'a str {
        repeated(self.raw, otlp::event::NAME).last().map_or("", text)
    }

    /// The event's attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { fields: fields(self.raw), number: otlp::event::ATTRIBUTES, raw: self.raw }
    }

    /// Attributes that the sender dropped.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        last_count(self.raw, otlp::event::DROPPED_ATTRIBUTES_COUNT)
    }
}

/// A reference to another span, often of another trace.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    raw: &'a [u8],
}

impl<'a> Link<'a> {
    /// The trace that is referred to; zero where the sender gave no valid id.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        let id = repeated(self.raw, otlp::link::TRACE_ID).last().and_then(|id| id.try_into().ok());
        TraceId(id.unwrap_or_default())
    }

    /// The span that is referred to; zero where the sender gave no valid id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        let id = repeated(self.raw, otlp::link::SPAN_ID).last().and_then(|id| id.try_into().ok());
        SpanId(id.unwrap_or_default())
    }

    /// The W3C tracestate of the linked span.
    #[must_use]
    pub fn trace_state(&self) -> &'a str {
        repeated(self.raw, otlp::link::TRACE_STATE).last().map_or("", text)
    }

    /// The link's attributes.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { fields: fields(self.raw), number: otlp::link::ATTRIBUTES, raw: self.raw }
    }

    /// W3C trace flags of the linked span.
    #[must_use]
    pub fn flags(&self) -> u32 {
        let flags = fields(self.raw).filter(|(number, _)| *number == otlp::link::FLAGS).last();
        if let Some((_, Field::Fixed32(flags))) = flags { flags } else { 0 }
    }

    /// Attributes that the sender dropped.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        last_count(self.raw, otlp::link::DROPPED_ATTRIBUTES_COUNT)
    }
}

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    /// The key, as sent.
    pub key: &'a str,
    /// The value.
    pub value: Value<'a>,
}

/// The key-values of one message, in the order in which they were sent.
#[derive(Clone)]
pub struct Attributes<'a> {
    fields: Fields<'a>,
    number: u32,
    raw: &'a [u8],
}

impl<'a> Attributes<'a> {
    /// The first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.clone().find(|attribute| attribute.key == key).map(|attribute| attribute.value)
    }

    /// The bytes of the message that the key-values are fields of.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl std::fmt::Debug for Attributes<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_map().entries(self.clone().map(|attribute| (attribute.key, attribute.value))).finish()
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (number, field) = self.fields.next()?;
            if number == self.number {
                return Some(attribute(field.bytes()?));
            }
        }
    }
}

fn attribute(raw: &[u8]) -> Attribute<'_> {
    let mut attribute = Attribute { key: "", value: Value::Empty };
    for (number, field) in fields(raw) {
        match (number, field) {
            (otlp::key_value::KEY, Field::Bytes(key)) => attribute.key = text(key),
            (otlp::key_value::VALUE, Field::Bytes(value)) => attribute.value = Value::read(value),
            _ => {}
        }
    }
    attribute
}

/// The value of an attribute (`AnyValue`).
#[derive(Clone, Debug, Copy)]
pub enum Value<'a> {
    /// No value was given.
    Empty,
    /// A string.
    Text(&'a str),
    /// A truth value.
    Bool(bool),
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit floating-point number.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Several values.
    Array(Values<'a>),
    /// Nested key-values.
    Map(Pairs<'a>),
}

impl<'a> Value<'a> {
    /// Reads the content of an `AnyValue`.
    #[must_use]
    pub fn read(raw: &'a [u8]) -> Self {
        let mut value = Value::Empty;
        for (number, field) in fields(raw) {
            value = match (number, field) {
                (otlp::any_value::STRING, Field::Bytes(bytes)) => Value::Text(text(bytes)),
                (otlp::any_value::BOOL, Field::Varint(truth)) => Value::Bool(truth != 0),
                (otlp::any_value::INT, Field::Varint(number)) => Value::Int(number as i64),
                (otlp::any_value::DOUBLE, Field::Fixed64(bits)) => Value::Double(f64::from_bits(bits)),
                (otlp::any_value::BYTES, Field::Bytes(bytes)) => Value::Bytes(bytes),
                (otlp::any_value::ARRAY, Field::Bytes(raw)) => Value::Array(Values { raw }),
                (otlp::any_value::MAP, Field::Bytes(raw)) => Value::Map(Pairs { raw }),
                _ => value,
            };
        }
        value
    }

    /// The value as people and query parameters write it: numbers in decimal, bytes as hexadecimal, nested values as
    /// JSON.
    #[must_use]
    pub fn to_text(&self) -> Cow<'a, str> {
        match self {
            Value::Empty => Cow::Borrowed(""),
            Value::Text(text) => Cow::Borrowed(text),
            Value::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
            other => {
                let mut written = String::new();
                other.write_json(&mut written);
                Cow::Owned(written)
            }
        }
    }

    fn write_json(&self, out: &mut String) {
        use std::fmt::Write as _;
        let written = match self {
            Value::Empty => write!(out, "null"),
            Value::Text(text) => {
                json_text(text, out);
                Ok(())
            }
            Value::Bool(truth) => write!(out, "{truth}"),
            Value::Int(number) => write!(out, "{number}"),
            Value::Double(number) => write!(out, "{number}"),
            Value::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}")),
            Value::Array(values) => {
                out.push('[');
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    value.write_json(out);
                }
                out.push(']');
                Ok(())
            }
            Value::Map(pairs) => {
                out.push('{');
                for (place, pair) in pairs.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    json_text(pair.key, out);
                    out.push(':');
                    pair.value.write_json(out);
                }
                out.push('}');
                Ok(())
            }
        };
        written.expect("a string takes whatever is written to it");
    }
}

fn json_text(text: &str, out: &mut String) {
    use std::fmt::Write as _;
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                write!(out, "\\u{:04x}", u32::from(control))
                    .expect("a string takes whatever is written to it");
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// The elements of an array value.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    raw: &'a [u8],
}

impl<'a> Values<'a> {
    /// Reads the content of an `ArrayValue`.
    #[must_use]
    pub fn read(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        repeated(self.raw, otlp::values::VALUES).map(Value::read)
    }

    /// The protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

/// The key-values of a map value.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    raw: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// Reads the content of a `KeyValueList`.
    #[must_use]
    pub fn read(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// The key-values in order.
    #[must_use]
    pub fn iter(&self) -> Attributes<'a> {
        Attributes { fields: fields(self.raw), number: otlp::values::VALUES, raw: self.raw }
    }

    /// The protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl Kind {
    /// Reads OTLP's number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Internal,
            2 => Self::Server,
            3 => Self::Client,
            4 => Self::Producer,
            5 => Self::Consumer,
            _ => Self::Unspecified,
        }
    }

    /// The lower-case word that query languages use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// Reads the word of [`as_str`](Self::as_str), in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        (0..=5).map(Self::from_number).find(|kind| kind.as_str().eq_ignore_ascii_case(word))
    }
}

impl StatusCode {
    /// Reads OTLP's number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Ok,
            2 => Self::Error,
            _ => Self::Unset,
        }
    }

    /// The lower-case word that query languages use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// Reads the word of [`as_str`](Self::as_str), in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        (0..=2).map(Self::from_number).find(|code| code.as_str().eq_ignore_ascii_case(word))
    }
}

#[inline]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

fn repeated(raw: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields(raw).filter(move |(found, _)| *found == number).filter_map(|(_, field)| field.bytes())
}

fn last_count(raw: &[u8], number: u32) -> u32 {
    count(fields(raw).filter(|(found, _)| *found == number).last().map(|(_, field)| field))
}

fn count(field: Option<Field<'_>>) -> u32 {
    field.and_then(Field::varint).map_or(0, |number| number as u32)
}
