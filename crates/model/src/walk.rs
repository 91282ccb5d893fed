//! The one walk over a request: finds every span, checks what later readers rely on, and allocates only the table.
//!
//! Checked are the protobuf format at every level, UTF-8 of every string, ids, and the depth of values. What can be
//! mended is only noted here; [`rewrite`](crate::rewrite) does it, since almost no request needs it.
//! Bounded by [`SPANS_PER_REQUEST_MAX`] rows and [`VALUE_DEPTH_MAX`] levels of recursion.

use crate::batch::{Batch, Part, ResourceRow, ScopeRow, SpanRow, Table};
use crate::proto::{Broken, Cursor, Field};
use crate::{SpanId, TraceId, otlp};

/// Spans of one request; those beyond are rejected and counted.
pub const SPANS_PER_REQUEST_MAX: usize = 1_000_000;

/// Levels of arrays and maps inside one attribute; a deeper value is replaced by [`TOO_DEEP`] and counted.
pub const VALUE_DEPTH_MAX: usize = 32;

/// What stands in place of a value that was nested too deep.
pub const TOO_DEEP: &str = "[faden: value nested deeper than 32 levels]";

/// The outcome of taking a request in.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The spans that were accepted; may be empty.
    pub batch: Batch,
    /// The spans that were not.
    pub rejected: Rejections,
    /// What was changed so that it could be accepted.
    pub mended: Mended,
}

/// Spans that were refused for good, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections {
    /// The trace id is missing or zero.
    pub no_trace_id: u64,
    /// The span id is missing or zero.
    pub no_span_id: u64,
    /// An id is longer than the specification allows.
    pub long_id: u64,
    /// The request held more than [`SPANS_PER_REQUEST_MAX`] spans.
    pub over_limit: u64,
}

impl Rejections {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.no_trace_id + self.no_span_id + self.long_id + self.over_limit
    }

    /// Each reason that occurred: a label, words that go on from "spans", and the count.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let all = [
            ("no_trace_id", "without a valid trace id", self.no_trace_id),
            ("no_span_id", "without a valid span id", self.no_span_id),
            ("long_id", "with an id that is too long", self.long_id),
            ("over_limit", "over the limit of 1000000 spans per request", self.over_limit),
        ];
        all.into_iter().filter(|(.., count)| *count > 0)
    }
}

impl std::fmt::Display for Rejections {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, (_, words, count)) in self.reasons().enumerate() {
            write!(out, "{}{count} {words}", if place > 0 { ", " } else { "rejected spans: " })?;
        }
        Ok(())
    }
}

/// What was mended, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// Ids that were padded with zeros on the left.
    pub short_ids: u64,
    /// Strings whose invalid UTF-8 became U+FFFD.
    pub invalid_utf8: u64,
    /// Attributes whose value became [`TOO_DEEP`].
    pub too_deep: u64,
}

/// The bytes are no OTLP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// The protobuf format is broken at this byte.
    Broken {
        /// Offset in the request.
        at: usize,
    },
    /// The request is longer than 4 GiB.
    TooLong,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken { at } => {
                write!(out, "the body is no ExportTraceServiceRequest: broken at byte {at}")
            }
            Self::TooLong => write!(out, "the body is longer than 4 GiB"),
        }
    }
}

impl std::error::Error for Malformed {}

/// What the walk found.
#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) table: Table,
    pub(crate) rejected: Rejections,
    pub(crate) mended: Mended,
    dirty: bool,
}

impl Walked {
    pub(crate) fn needs_rewrite(&self) -> bool {
        self.dirty || self.rejected.total() > 0
    }
}

pub(crate) fn walk(bytes: &[u8]) -> Result<Walked, Malformed> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(Malformed::TooLong);
    }
    let mut walker = Walker { base: bytes, found: Walked::default() };
    walker.request()?;
    Ok(walker.found)
}

struct Walker<'a> {
    base: &'a [u8],
    found: Walked,
}

impl<'a> Walker<'a> {
    fn request(&mut self) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(self.base);
        while let Some(field) = self.next(&mut cursor, self.base)? {
            if let (otlp::request::RESOURCE_SPANS, Field::Bytes(group)) = field {
                self.resource_spans(group)?;
            }
        }
        Ok(())
    }

    fn resource_spans(&mut self, group: &'a [u8]) -> Result<(), Malformed> {
        let index = self.found.table.resources.len();
        let spans_before = self.found.table.spans.len();
        let mut row = ResourceRow::default();
        let mut cursor = Cursor::new(group);
        while let Some(field) = self.next(&mut cursor, group)? {
            match field {
                (otlp::resource_spans::RESOURCE, Field::Bytes(message)) => {
                    row.message = self.part(message);
                    self.attributed(message, otlp::resource::ATTRIBUTES)?;
                }
                (otlp::resource_spans::SCOPE_SPANS, Field::Bytes(spans)) => {
                    self.scope_spans(spans, index as u32)?
                }
                (otlp::resource_spans::SCHEMA_URL, Field::Bytes(url)) => row.schema_url = self.text(url),
                _ => {}
            }
        }
        if self.found.table.spans.len() > spans_before {
            self.found.table.resources.push(row);
        }
        Ok(())
    }

    fn scope_spans(&mut self, group: &'a [u8], resource: u32) -> Result<(), Malformed> {
        let index = self.found.table.scopes.len();
        let spans_before = self.found.table.spans.len();
        let mut row = ScopeRow { resource, ..ScopeRow::default() };
        let mut cursor = Cursor::new(group);
        while let Some(field) = self.next(&mut cursor, group)? {
            match field {
                (otlp::scope_spans::SCOPE, Field::Bytes(message)) => {
                    row.message = self.part(message);
                    self.scope(message)?;
                }
                (otlp::scope_spans::SPANS, Field::Bytes(message)) => {
                    self.span(message, resource, index as u32)?
                }
                (otlp::scope_spans::SCHEMA_URL, Field::Bytes(url)) => row.schema_url = self.text(url),
                _ => {}
            }
        }
        if self.found.table.spans.len() > spans_before {
            self.found.table.scopes.push(row);
        }
        Ok(())
    }

    fn scope(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            match field {
                (otlp::scope::NAME | otlp::scope::VERSION, Field::Bytes(text)) => _ = self.text(text),
                (otlp::scope::ATTRIBUTES, Field::Bytes(pair)) => self.attribute(pair)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn span(&mut self, message: &'a [u8], resource: u32, scope: u32) -> Result<(), Malformed> {
        let mut row = SpanRow {
            trace_id: TraceId::default(),
            span_id: SpanId::default(),
            parent: SpanId::default(),
            start: 0,
            end: 0,
            resource,
            scope,
            message: self.part(message),
            name: Part::default(),
            kind: 0,
            status: 0,
        };
        let mut ids = Ids::default();
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            match field {
                (otlp::span::ATTRIBUTES, Field::Bytes(pair)) => self.attribute(pair)?,
                (otlp::span::TRACE_ID, Field::Bytes(id)) => row.trace_id = TraceId(ids.read(id)),
                (otlp::span::SPAN_ID, Field::Bytes(id)) => row.span_id = SpanId(ids.read(id)),
                (otlp::span::PARENT_SPAN_ID, Field::Bytes(id)) => row.parent = SpanId(ids.read(id)),
                (otlp::span::NAME, Field::Bytes(name)) => row.name = self.text(name),
                (otlp::span::KIND, Field::Varint(kind)) => row.kind = u8::try_from(kind).unwrap_or(0),
                (otlp::span::START_TIME_UNIX_NANO, Field::Fixed64(start)) => row.start = start,
                (otlp::span::END_TIME_UNIX_NANO, Field::Fixed64(end)) => row.end = end,
                (otlp::span::STATUS, Field::Bytes(status)) => row.status = self.status(status)?,
                (otlp::span::EVENTS, Field::Bytes(event)) => self.event(event)?,
                (otlp::span::LINKS, Field::Bytes(link)) => self.link(link)?,
                (otlp::span::TRACE_STATE, Field::Bytes(state)) => _ = self.text(state),
                _ => {}
            }
        }
        self.judge(row, ids);
        Ok(())
    }

    fn judge(&mut self, row: SpanRow, ids: Ids) {
        let rejected = &mut self.found.rejected;
        match () {
            () if ids.long => rejected.long_id += 1,
            () if row.trace_id.is_zero() => rejected.no_trace_id += 1,
            () if row.span_id.is_zero() => rejected.no_span_id += 1,
            () if self.found.table.spans.len() >= SPANS_PER_REQUEST_MAX => rejected.over_limit += 1,
            () => {
                self.found.dirty |= ids.short;
                self.found.table.spans.push(row);
            }
        }
    }

    fn status(&mut self, message: &'a [u8]) -> Result<u8, Malformed> {
        let mut code = 0;
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            match field {
                (otlp::status::CODE, Field::Varint(number)) => code = u8::try_from(number).unwrap_or(0),
                (otlp::status::MESSAGE, Field::Bytes(text)) => _ = self.text(text),
                _ => {}
            }
        }
        Ok(code)
    }

    fn event(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            match field {
                (otlp::event::NAME, Field::Bytes(name)) => _ = self.text(name),
                (otlp::event::ATTRIBUTES, Field::Bytes(pair)) => self.attribute(pair)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn link(&mut self, message: &'a [u8]) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            match field {
                (otlp::link::TRACE_ID, Field::Bytes(id)) => self.found.dirty |= (1..16).contains(&id.len()),
                (otlp::link::SPAN_ID, Field::Bytes(id)) => self.found.dirty |= (1..8).contains(&id.len()),
                (otlp::link::TRACE_STATE, Field::Bytes(state)) => _ = self.text(state),
                (otlp::link::ATTRIBUTES, Field::Bytes(pair)) => self.attribute(pair)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn attributed(&mut self, message: &'a [u8], number: u32) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(message);
        while let Some((found, field)) = self.next(&mut cursor, message)? {
            if let (true, Field::Bytes(pair)) = (found == number, field) {
                self.attribute(pair)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn attribute(&mut self, pair: &'a [u8]) -> Result<(), Malformed> {
        if is_plain_text(pair) { Ok(()) } else { self.key_value(pair, 0) }
    }

    fn key_value(&mut self, pair: &'a [u8], depth: usize) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(pair);
        while let Some(field) = self.next(&mut cursor, pair)? {
            match field {
                (otlp::key_value::KEY, Field::Bytes(key)) => _ = self.text(key),
                (otlp::key_value::VALUE, Field::Bytes(value)) => self.value(value, depth)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, value: &'a [u8], depth: usize) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(value);
        while let Some(field) = self.next(&mut cursor, value)? {
            match field {
                (otlp::any_value::STRING, Field::Bytes(text)) => _ = self.text(text),
                (otlp::any_value::ARRAY | otlp::any_value::MAP, Field::Bytes(_))
                    if depth >= VALUE_DEPTH_MAX =>
                {
                    self.found.dirty = true;
                }
                (otlp::any_value::ARRAY, Field::Bytes(values)) => {
                    self.values(values, |this, element| this.value(element, depth + 1))?
                }
                (otlp::any_value::MAP, Field::Bytes(pairs)) => {
                    self.values(pairs, |this, pair| this.key_value(pair, depth + 1))?
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn values(
        &mut self,
        message: &'a [u8],
        visit: impl Fn(&mut Self, &'a [u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let mut cursor = Cursor::new(message);
        while let Some(field) = self.next(&mut cursor, message)? {
            if let (otlp::values::VALUES, Field::Bytes(element)) = field {
                visit(self, element)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn text(&mut self, bytes: &'a [u8]) -> Part {
        if !bytes.is_ascii() && std::str::from_utf8(bytes).is_err() {
            self.found.dirty = true;
        }
        self.part(bytes)
    }

    #[inline(always)]
    fn next(
        &self,
        cursor: &mut Cursor<'a>,
        message: &'a [u8],
    ) -> Result<Option<(u32, Field<'a>)>, Malformed> {
        cursor.next_field().map_err(|Broken { at }| Malformed::Broken { at: self.offset(message) + at })
    }

    #[inline]
    fn part(&self, slice: &'a [u8]) -> Part {
        if slice.is_empty() {
            return Part::default();
        }
        Part { at: self.offset(slice) as u32, length: slice.len() as u32 }
    }

    #[inline]
    fn offset(&self, slice: &[u8]) -> usize {
        slice.as_ptr() as usize - self.base.as_ptr() as usize
    }
}

/// True for the canonical bytes of a short ASCII key with a short ASCII text, which most attributes are: tags and
/// lengths below 128 are ASCII as well, so one comparison of each length and one scan say that all is well.
#[inline]
fn is_plain_text(pair: &[u8]) -> bool {
    const KEY: u8 = (otlp::key_value::KEY << 3 | 2) as u8;
    const VALUE: u8 = (otlp::key_value::VALUE << 3 | 2) as u8;
    const STRING: u8 = (otlp::any_value::STRING << 3 | 2) as u8;
    let [KEY, key_length, rest @ ..] = pair else { return false };
    let Some([VALUE, value_length, STRING, text_length, text @ ..]) = rest.get(usize::from(*key_length)..)
    else {
        return false;
    };
    text.len() == usize::from(*text_length) && usize::from(*value_length) == text.len() + 2 && pair.is_ascii()
}

/// Whether the ids of one span are as long as they should be.
#[derive(Clone, Copy, Default)]
struct Ids {
    short: bool,
    long: bool,
}

impl Ids {
    #[inline]
    fn read<const N: usize>(&mut self, bytes: &[u8]) -> [u8; N] {
        let mut id = [0; N];
        match bytes.len() {
            length if length == N => id.copy_from_slice(bytes),
            0 => {}
            length if length < N => {
                self.short = true;
                id[N - length..].copy_from_slice(bytes);
            }
            _ => self.long = true,
        }
        id
    }
}

#[cfg(test)]
mod tests;
