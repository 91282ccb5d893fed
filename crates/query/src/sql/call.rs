//! Functions over the values of one row.

use std::borrow::Cow;

use crate::traceql::eval::Value;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Lower,
    Upper,
    Length,
    Trim,
    Concat,
    Substring,
    Replace,
    StartsWith,
    EndsWith,
    Contains,
    Coalesce,
    NullIf,
    Abs,
    Round,
    Floor,
    Ceil,
    /// The start of the step of so many nanoseconds in which a time lies.
    Bucket,
    /// Seconds since 1970.
    Epoch,
    Text,
    Number,
    Whole,
}

/// Names, with the least and the most arguments.
const NAMES: &[(&str, Call, usize, usize)] = &[
    ("lower", Call::Lower, 1, 1),
    ("upper", Call::Upper, 1, 1),
    ("length", Call::Length, 1, 1),
    ("char_length", Call::Length, 1, 1),
    ("trim", Call::Trim, 1, 1),
    ("concat", Call::Concat, 1, 16),
    ("substring", Call::Substring, 2, 3),
    ("substr", Call::Substring, 2, 3),
    ("replace", Call::Replace, 3, 3),
    ("starts_with", Call::StartsWith, 2, 2),
    ("ends_with", Call::EndsWith, 2, 2),
    ("contains", Call::Contains, 2, 2),
    ("coalesce", Call::Coalesce, 1, 16),
    ("ifnull", Call::Coalesce, 2, 2),
    ("nullif", Call::NullIf, 2, 2),
    ("abs", Call::Abs, 1, 1),
    ("round", Call::Round, 1, 2),
    ("floor", Call::Floor, 1, 1),
    ("ceil", Call::Ceil, 1, 1),
    ("to_unixtime", Call::Epoch, 1, 1),
];

/// Every name, for advice.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(name, ..)| *name)
}

impl Call {
    /// The function of a name, with how many arguments it takes.
    pub(super) fn parse(name: &str) -> Option<(Self, std::ops::RangeInclusive<usize>)> {
        let found = NAMES.iter().find(|(known, ..)| *known == name);
        found.map(|(_, call, least, most)| (*call, *least..=*most))
    }

    /// What it makes of these values: of nothing, nothing.
    pub(super) fn apply<'a>(self, values: Vec<Value<'a>>) -> Value<'a> {
        if self == Self::Coalesce {
            return values.into_iter().find(|value| *value != Value::Nil).unwrap_or(Value::Nil);
        }
        if self == Self::NullIf {
            return if values[0].holds(crate::traceql::ast::Comparison::Equal, &values[1]) {
                Value::Nil
            } else {
                values.into_iter().next().unwrap_or(Value::Nil)
            };
        }
        if values.contains(&Value::Nil) {
            return Value::Nil;
        }
        match self {
            Self::Abs
            | Self::Round
            | Self::Floor
            | Self::Ceil
            | Self::Bucket
            | Self::Epoch
            | Self::Number
            | Self::Whole => self.number(&values),
            _ => self.text(&values),
        }
    }

    fn text<'a>(self, values: &[Value<'a>]) -> Value<'a> {
        let texts: Vec<String> = values.iter().map(Value::to_text).collect();
        let first = texts[0].as_str();
        let made = match self {
            Self::Lower => first.to_lowercase(),
            Self::Upper => first.to_uppercase(),
            Self::Length => return Value::Int(first.chars().count() as i64),
            Self::Trim => first.trim().to_owned(),
            Self::Concat => texts.concat(),
            Self::Substring => substring(first, values),
            Self::Replace if texts[1].is_empty() => first.to_owned(),
            Self::Replace => replaced(first, &texts[1], &texts[2]),
            Self::StartsWith => return Value::Bool(first.starts_with(&texts[1])),
            Self::EndsWith => return Value::Bool(first.ends_with(&texts[1])),
            Self::Contains => return Value::Bool(first.contains(&texts[1])),
            _ => first.to_owned(),
        };
        Value::Text(Cow::Owned(made))
    }

    fn number<'a>(self, values: &[Value<'a>]) -> Value<'a> {
        let first = &values[0];
        let parsed = || first.to_text().trim().parse::<f64>().ok();
        let Some(number) = first.number().or_else(parsed) else { return Value::Nil };
        let (value, is_whole) = match self {
            Self::Abs => (number.abs(), matches!(first, Value::Int(_))),
            Self::Floor => (number.floor(), true),
            Self::Ceil => (number.ceil(), true),
            Self::Round => {
                let digits = values.get(1).and_then(Value::number).unwrap_or(0.0).clamp(-18.0, 18.0);
                let scale = 10_f64.powi(digits as i32);
                ((number * scale).round() / scale, digits <= 0.0)
            }
            Self::Whole => (number.trunc(), true),
            Self::Epoch => (number / 1e9, false),
            Self::Bucket => {
                let (Value::Int(at), Some(step)) = (first, values.get(1).and_then(Value::number)) else {
                    return Value::Nil;
                };
                let step = step as i64;
                return if step > 0 { Value::Int(at - at.rem_euclid(step)) } else { Value::Nil };
            }
            _ => (number, false),
        };
        match first {
            Value::Duration(_) if !matches!(self, Self::Number | Self::Whole) => {
                Value::Duration(value as i64)
            }
            _ if is_whole && value.abs() < 9e18 => Value::Int(value as i64),
            _ => Value::Float(value),
        }
    }
}

/// From a letter, counted from 1, so many or all.
fn substring(text: &str, values: &[Value<'_>]) -> String {
    let from = values.get(1).and_then(Value::number).unwrap_or(1.0).max(1.0) as usize - 1;
    let length = values.get(2).and_then(Value::number).map_or(usize::MAX, |length| length.max(0.0) as usize);
    text.chars().skip(from).take(length).collect()
}

/// The text with every `from` replaced, but no longer than a value may be.
fn replaced(text: &str, from: &str, to: &str) -> String {
    const BYTES_MAX: usize = 1 << 20;
    let longest = text.len().saturating_add(text.matches(from).count().saturating_mul(to.len()));
    if longest > BYTES_MAX { text.to_owned() } else { text.replace(from, to) }
}
