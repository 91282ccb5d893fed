//! Numbers that are asked for without regard to how a program wrote them: `500` and `"500"`.

use std::cmp::Ordering;

use model::Value;

/// The longest text that is read as a number, in bytes; no number is written longer.
const TEXT_BYTES_MAX: usize = 64;

/// A number as a query or an attribute writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Numeral {
    /// A whole number, compared exactly with others.
    Int(i64),
    /// Any other number.
    Double(f64),
}

impl Numeral {
    /// The number that a text is, if it is nothing but a finite one in decimal digits: `500`, `-0.5`, `1e3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain =
            |letter: u8| letter.is_ascii_digit() || matches!(letter, b'+' | b'-' | b'.' | b'e' | b'E');
        if text.len() > TEXT_BYTES_MAX || !text.bytes().all(is_plain) {
            return None;
        }
        if let Ok(int) = text.parse() {
            return Some(Self::Int(int));
        }
        text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Self::Double)
    }

    /// The number that a value is or is written as; `None` for what is none.
    #[must_use]
    pub fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Int(int) => Some(Self::Int(int)),
            Value::Double(double) => Some(Self::Double(double)),
            Value::Text(text) => Self::parse(text),
            _ => None,
        }
    }

    /// The order of two numbers; `None` beside what is not a number.
    #[must_use]
    pub fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(&right)),
            (left, right) => left.double().partial_cmp(&right.double()),
        }
    }

    fn double(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Double(double) => double,
        }
    }
}

impl From<Numeral> for Value<'_> {
    fn from(number: Numeral) -> Self {
        match number {
            Numeral::Int(int) => Self::Int(int),
            Numeral::Double(double) => Self::Double(double),
        }
    }
}
