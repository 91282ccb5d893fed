//! Reads the fields of protobuf messages, and writes single spans.

use model::Span;
use model::proto::{Cursor, Field, Message};

/// The fields of a message, up to the first that is broken.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = (u32, Field<'_>)> {
    let mut reader = Cursor::new(message);
    std::iter::from_fn(move || reader.next_field().ok().flatten())
}

/// The last field of a number.
fn last(message: &[u8], number: u32) -> Option<Field<'_>> {
    fields(message).filter(|(found, _)| *found == number).last().map(|(_, field)| field)
}

/// The message or bytes of a field.
pub(crate) fn bytes(message: &[u8], number: u32) -> Option<&[u8]> {
    last(message, number)?.bytes()
}

/// Every message of a repeated field.
pub(crate) fn every(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields(message).filter(move |(found, _)| *found == number).filter_map(|(_, field)| field.bytes())
}

/// A text; nothing where it is empty.
pub(crate) fn text(message: &[u8], number: u32) -> Option<&str> {
    bytes(message, number).and_then(|text| std::str::from_utf8(text).ok()).filter(|text| !text.is_empty())
}

pub(crate) fn number(message: &[u8], number: u32) -> i64 {
    last(message, number).and_then(Field::varint).map_or(0, |number| number as i64)
}

/// One span as OTLP's `ResourceSpans`, in field 1.
pub(crate) fn resource_span(span: Span<'_>, out: &mut Message) {
    out.message(1, |out| {
        out.bytes(1, span.resource().raw());
        out.message(2, |out| {
            out.bytes(1, span.scope().raw());
            out.bytes(2, span.raw());
            out.text(3, span.scope().schema_url());
        });
        out.text(3, span.resource().schema_url());
    });
}
