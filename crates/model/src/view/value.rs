//! Attributes and their values, read lazily.

use std::borrow::Cow;

use super::{repeated, text};
use crate::otlp;
use crate::proto::{Field, Fields, fields};

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
    /// The key-values that are field `number` of a message.
    pub(super) fn of(raw: &'a [u8], number: u32) -> Self {
        Self { fields: fields(raw), number, raw }
    }

    /// The first value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.values_of(key).next()
    }

    /// Every value of a key, in order; values of other keys are not read.
    pub fn values_of<'k>(&self, key: &'k str) -> impl Iterator<Item = Value<'a>> + use<'a, 'k> {
        let number = self.number;
        let pairs =
            self.fields.filter(move |(found, _)| *found == number).filter_map(|(_, field)| field.bytes());
        pairs.filter(move |pair| has_key(pair, key)).map(|pair| attribute(pair).value)
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

fn has_key(pair: &[u8], key: &str) -> bool {
    let keys = fields(pair).filter(|(number, _)| *number == otlp::key_value::KEY);
    keys.last().and_then(|(_, field)| field.bytes()).unwrap_or_default() == key.as_bytes()
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
        Attributes::of(self.raw, otlp::values::VALUES)
    }

    /// The protobuf message.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }
}
