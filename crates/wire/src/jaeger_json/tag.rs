//! A tag: `{"key":…,"type":…,"value":…}`, its members in any order.

use std::borrow::Cow;

use model::proto::Message;
use model::{Value, otlp};

use crate::json::scalar::{base64, integer};
use crate::json::{Outcome, Reader};

pub(super) struct Tag<'a> {
    pub(super) key: Cow<'a, [u8]>,
    pub(super) cell: Cell<'a>,
}

/// The value in its type. Text stays bytes, since the walk over the result mends and counts what is no UTF-8.
pub(super) enum Cell<'a> {
    Text(Cow<'a, [u8]>),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Vec<u8>),
}

/// A value as it is written, before its type is known.
enum Written<'a> {
    Text(Cow<'a, [u8]>),
    Number(&'a str),
    Bool(bool),
}

pub(super) fn read_tag<'a>(json: &mut Reader<'a>) -> Outcome<Tag<'a>> {
    let (mut key, mut kind, mut value): (Cow<'a, [u8]>, Cow<'a, [u8]>, _) =
        (b"".into(), b"".into(), Written::Text(b"".into()));
    json.object(|json, name| {
        match name {
            b"key" => key = json.string()?,
            b"type" => kind = json.string()?,
            b"value" => {
                value = match json.peek() {
                    Some(b'"') => Written::Text(json.string()?),
                    Some(b't' | b'f') => Written::Bool(json.boolean()?),
                    Some(b'-' | b'0'..=b'9') => Written::Number(json.number()?),
                    _ => return json.fault("expected a text, a number, true or false"),
                }
            }
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(Tag { key, cell: typed(&kind, value) })
}

/// What does not fit its type stays the text that it is.
fn typed<'a>(kind: &[u8], value: Written<'a>) -> Cell<'a> {
    let text = match &value {
        Written::Text(text) => std::str::from_utf8(text).ok(),
        Written::Number(text) => Some(*text),
        Written::Bool(_) => None,
    };
    let int = || text.and_then(integer).and_then(|number| i64::try_from(number).ok()).map(Cell::Int);
    let double = || text.and_then(double).map(Cell::Double);
    let fitting = match (kind, &value) {
        (_, Written::Bool(truth)) => Some(Cell::Bool(*truth)),
        (b"bool", _) => text.and_then(|text| text.parse().ok()).map(Cell::Bool),
        (b"int64", _) => int(),
        (b"float64", _) => double(),
        (b"binary", Written::Text(text)) => base64(text).map(Cell::Bytes),
        (_, Written::Number(_)) => int().or_else(double),
        _ => None,
    };
    fitting.unwrap_or_else(|| match value {
        Written::Text(text) => Cell::Text(text),
        Written::Number(text) => Cell::Text(text.as_bytes().into()),
        Written::Bool(truth) => Cell::Bool(truth),
    })
}

fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Inf" => Some(f64::INFINITY),
        "-Infinity" | "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

impl Tag<'_> {
    /// Writes it as an attribute, field `number` of the open message.
    pub(super) fn write(&self, out: &mut Message, number: u32) {
        out.message(number, |pair| {
            pair.bytes(otlp::key_value::KEY, &self.key);
            pair.message(otlp::key_value::VALUE, |out| match &self.cell {
                Cell::Text(text) => out.bytes(otlp::any_value::STRING, text),
                Cell::Bool(truth) => otlp::write_value(out, Value::Bool(*truth)),
                Cell::Int(number) => otlp::write_value(out, Value::Int(*number)),
                Cell::Double(number) => otlp::write_value(out, Value::Double(*number)),
                Cell::Bytes(bytes) => otlp::write_value(out, Value::Bytes(bytes)),
            });
        });
    }
}
