//! Writes a request anew without what can't be kept: the slow path of [`Batch::admit`](crate::Batch::admit).
//!
//! Spans that the walk rejects are left out, short ids are padded, invalid UTF-8 becomes U+FFFD, values nested too deep
//! become a marker; every other field, known or not, is written as it came.

use crate::proto::{Field, Message, fields};
use crate::walk::{Mended, SPANS_PER_REQUEST_MAX, TOO_DEEP, VALUE_DEPTH_MAX};
use crate::{Value, otlp};

/// The request without what the walk refuses, and what was mended.
pub(crate) fn rewrite(request: &[u8]) -> (Vec<u8>, Mended) {
    let mut out = Message::with_capacity(request.len());
    let mut writer = Rewriter { mended: Mended::default(), spans: 0 };
    writer.message(request, request_rule, &mut out);
    (out.into_bytes(), writer.mended)
}

/// What to do with a field, by its number.
enum Rule {
    Copy,
    Text,
    Id(usize),
    Span,
    Attribute,
    Nested(fn(u32) -> Rule),
}

fn request_rule(number: u32) -> Rule {
    if number == otlp::request::RESOURCE_SPANS { Rule::Nested(resource_spans_rule) } else { Rule::Copy }
}

fn resource_spans_rule(number: u32) -> Rule {
    match number {
        otlp::resource_spans::RESOURCE => Rule::Nested(resource_rule),
        otlp::resource_spans::SCOPE_SPANS => Rule::Nested(scope_spans_rule),
        otlp::resource_spans::SCHEMA_URL => Rule::Text,
        _ => Rule::Copy,
    }
}

fn resource_rule(number: u32) -> Rule {
    if number == otlp::resource::ATTRIBUTES { Rule::Attribute } else { Rule::Copy }
}

fn scope_spans_rule(number: u32) -> Rule {
    match number {
        otlp::scope_spans::SCOPE => Rule::Nested(scope_rule),
        otlp::scope_spans::SPANS => Rule::Span,
        otlp::scope_spans::SCHEMA_URL => Rule::Text,
        _ => Rule::Copy,
    }
}

fn scope_rule(number: u32) -> Rule {
    match number {
        otlp::scope::NAME | otlp::scope::VERSION => Rule::Text,
        otlp::scope::ATTRIBUTES => Rule::Attribute,
        _ => Rule::Copy,
    }
}

fn span_rule(number: u32) -> Rule {
    match number {
        otlp::span::TRACE_ID => Rule::Id(16),
        otlp::span::SPAN_ID | otlp::span::PARENT_SPAN_ID => Rule::Id(8),
        otlp::span::NAME | otlp::span::TRACE_STATE => Rule::Text,
        otlp::span::ATTRIBUTES => Rule::Attribute,
        otlp::span::EVENTS => Rule::Nested(event_rule),
        otlp::span::LINKS => Rule::Nested(link_rule),
        otlp::span::STATUS => Rule::Nested(status_rule),
        _ => Rule::Copy,
    }
}

fn status_rule(number: u32) -> Rule {
    if number == otlp::status::MESSAGE { Rule::Text } else { Rule::Copy }
}

fn event_rule(number: u32) -> Rule {
    match number {
        otlp::event::NAME => Rule::Text,
        otlp::event::ATTRIBUTES => Rule::Attribute,
        _ => Rule::Copy,
    }
}

fn link_rule(number: u32) -> Rule {
    match number {
        otlp::link::TRACE_ID => Rule::Id(16),
        otlp::link::SPAN_ID => Rule::Id(8),
        otlp::link::TRACE_STATE => Rule::Text,
        otlp::link::ATTRIBUTES => Rule::Attribute,
        _ => Rule::Copy,
    }
}

fn pair_rule(number: u32) -> Rule {
    match number {
        otlp::key_value::KEY => Rule::Text,
        otlp::key_value::VALUE => Rule::Nested(value_rule),
        _ => Rule::Copy,
    }
}

fn value_rule(number: u32) -> Rule {
    match number {
        otlp::any_value::STRING => Rule::Text,
        otlp::any_value::ARRAY => Rule::Nested(array_rule),
        otlp::any_value::MAP => Rule::Nested(map_rule),
        _ => Rule::Copy,
    }
}

fn array_rule(number: u32) -> Rule {
    if number == otlp::values::VALUES { Rule::Nested(value_rule) } else { Rule::Copy }
}

fn map_rule(number: u32) -> Rule {
    if number == otlp::values::VALUES { Rule::Nested(pair_rule) } else { Rule::Copy }
}

struct Rewriter {
    mended: Mended,
    spans: usize,
}

impl Rewriter {
    fn message(&mut self, bytes: &[u8], rule: fn(u32) -> Rule, out: &mut Message) {
        for (number, field) in fields(bytes) {
            let Field::Bytes(value) = field else {
                copy(number, field, out);
                continue;
            };
            match rule(number) {
                Rule::Copy => out.bytes(number, value),
                Rule::Text => self.text(number, value, out),
                Rule::Id(length) => self.id(number, value, length, out),
                Rule::Nested(rule) => out.message(number, |nested| self.message(value, rule, nested)),
                Rule::Attribute => self.attribute(number, value, out),
                Rule::Span if self.keeps(value) => {
                    self.spans += 1;
                    out.message(number, |span| self.message(value, span_rule, span));
                }
                Rule::Span => {}
            }
        }
    }

    fn keeps(&self, span: &[u8]) -> bool {
        let (mut has_trace, mut has_id, mut is_long) = (false, false, false);
        let is_set = |id: &[u8]| id.iter().any(|byte| *byte != 0);
        for (number, field) in fields(span) {
            match (number, field) {
                (otlp::span::TRACE_ID, Field::Bytes(id)) => {
                    has_trace = is_set(id);
                    is_long |= id.len() > 16;
                }
                (otlp::span::SPAN_ID, Field::Bytes(id)) => {
                    has_id = is_set(id);
                    is_long |= id.len() > 8;
                }
                (otlp::span::PARENT_SPAN_ID, Field::Bytes(id)) => is_long |= id.len() > 8,
                _ => {}
            }
        }
        has_trace && has_id && !is_long && self.spans < SPANS_PER_REQUEST_MAX
    }

    fn text(&mut self, number: u32, value: &[u8], out: &mut Message) {
        let text = String::from_utf8_lossy(value);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            self.mended.invalid_utf8 += 1;
        }
        out.bytes(number, text.as_bytes());
    }

    fn id(&mut self, number: u32, value: &[u8], length: usize, out: &mut Message) {
        if value.is_empty() || value.len() >= length {
            return out.bytes(number, value);
        }
        self.mended.short_ids += 1;
        let mut padded = vec![0; length - value.len()];
        padded.extend_from_slice(value);
        out.bytes(number, &padded);
    }

    fn attribute(&mut self, number: u32, pair: &[u8], out: &mut Message) {
        if !pair_is_deeper(pair, VALUE_DEPTH_MAX) {
            return out.message(number, |nested| self.message(pair, pair_rule, nested));
        }
        self.mended.too_deep += 1;
        let key = fields(pair).filter(|(number, _)| *number == otlp::key_value::KEY).last();
        let key = key.and_then(|(_, field)| field.bytes()).unwrap_or_default();
        otlp::attribute(out, number, &String::from_utf8_lossy(key), Value::Text(TOO_DEEP));
    }
}

fn copy(number: u32, field: Field<'_>, out: &mut Message) {
    match field {
        Field::Varint(value) => out.varint(number, value),
        Field::Fixed64(value) => out.fixed64(number, value),
        Field::Fixed32(value) => out.fixed32(number, value),
        Field::Bytes(value) => out.bytes(number, value),
    }
}

fn pair_is_deeper(pair: &[u8], left: usize) -> bool {
    let values = fields(pair).filter(|(number, _)| *number == otlp::key_value::VALUE);
    values.filter_map(|(_, field)| field.bytes()).any(|value| value_is_deeper(value, left))
}

fn value_is_deeper(value: &[u8], left: usize) -> bool {
    fields(value).filter_map(|(number, field)| Some((number, field.bytes()?))).any(|(number, nested)| {
        let is_map = number == otlp::any_value::MAP;
        if !is_map && number != otlp::any_value::ARRAY {
            return false;
        }
        let deeper = if is_map { pair_is_deeper } else { value_is_deeper };
        let elements = fields(nested).filter(|(number, _)| *number == otlp::values::VALUES);
        left == 0 || elements.filter_map(|(_, field)| field.bytes()).any(|element| deeper(element, left - 1))
    })
}
