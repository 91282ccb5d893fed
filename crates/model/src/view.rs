//! Reads spans lazily from the bytes of a [`Batch`].
//!
//! Views borrow and allocate nothing. The walk that made the batch has checked format, UTF-8 and depth, so views never
//! fail; on bytes that were not walked they end early rather than panic.

mod value;

use crate::batch::{Batch, ScopeRow, SpanRow};
use crate::proto::{Field, Fields, fields};
use crate::time::UnixNanos;
use crate::{SpanId, TraceId, otlp};

pub use value::{Attribute, Attributes, Pairs, Value, Values};

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
        Attributes::of(self.raw(), otlp::span::ATTRIBUTES)
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
        Attributes::of(self.raw, otlp::resource::ATTRIBUTES)
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
        Attributes::of(self.raw, otlp::scope::ATTRIBUTES)
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
        Attributes::of(self.raw, otlp::event::ATTRIBUTES)
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
        Attributes::of(self.raw, otlp::link::ATTRIBUTES)
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
