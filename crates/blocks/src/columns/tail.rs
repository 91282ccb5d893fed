//! How a value of any type is kept as text, and read back exactly.
//!
//! The tail of a level is a map of text to text, so that every Parquet reader can use it, beside a string with one
//! letter per entry that says its type. Text, whole numbers, truth values and most doubles are written as people write
//! them; what text can't carry exactly is hexadecimal.

use std::fmt::Write as _;

use model::proto::Message;
use model::view::{Pairs, Values};
use model::{Value, otlp};

/// The letter of text: a string of types that has only this letter is left out.
pub(crate) const TEXT: u8 = b's';

/// Writes a value as text and answers its letter.
pub(crate) fn write(value: Value<'_>, out: &mut String) -> u8 {
    out.clear();
    match value {
        Value::Empty => b'n',
        Value::Text(text) => {
            out.push_str(text);
            TEXT
        }
        Value::Bool(truth) => {
            out.push_str(if truth { "true" } else { "false" });
            b'b'
        }
        Value::Int(number) => {
            write!(out, "{number}").expect("a string takes whatever is written to it");
            b'i'
        }
        Value::Double(number) if number.is_nan() => {
            write!(out, "{:016x}", number.to_bits()).expect("a string takes whatever is written to it");
            b'x'
        }
        Value::Double(number) => {
            write!(out, "{number}").expect("a string takes whatever is written to it");
            b'd'
        }
        Value::Bytes(bytes) => hex(bytes, out, b'y'),
        Value::Array(values) => hex(values.raw(), out, b'a'),
        Value::Map(pairs) => hex(pairs.raw(), out, b'm'),
    }
}

fn hex(bytes: &[u8], out: &mut String, letter: u8) -> u8 {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    letter
}

/// Reads a value back and hands it over; text that its letter does not fit is handed over as text.
pub(crate) fn read<R>(letter: u8, text: &str, with: impl FnOnce(Value<'_>) -> R) -> R {
    match letter {
        b'n' => with(Value::Empty),
        b'b' => with(Value::Bool(text == "true")),
        b'i' => with(text.parse().map_or(Value::Text(text), Value::Int)),
        b'd' => with(text.parse().map_or(Value::Text(text), Value::Double)),
        b'x' => {
            let bits = u64::from_str_radix(text, 16);
            with(bits.map_or(Value::Text(text), |bits| Value::Double(f64::from_bits(bits))))
        }
        b'y' => with(Value::Bytes(&unhex(text))),
        b'a' => with(Value::Array(Values::read(&unhex(text)))),
        b'm' => with(Value::Map(Pairs::read(&unhex(text)))),
        _ => with(Value::Text(text)),
    }
}

/// Writes an attribute of the tail as field `number` of an open message.
pub(crate) fn restore(message: &mut Message, number: u32, key: &str, (letter, text): (u8, &str)) {
    read(letter, text, |value| otlp::attribute(message, number, key, value));
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |letter: u8| char::from(letter).to_digit(16).unwrap_or(0) as u8;
    text.as_bytes().chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}
