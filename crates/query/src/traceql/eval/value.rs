//! Values of fields, and what can be done with them.
//!
//! Numbers compare whatever their type. A text in a query equals a value of any type that is written so, and a pattern
//! matches values of any type as they are written: `500` and `"500"` are often the same attribute from two libraries.
//! A field of several values (an array, the attributes of events) holds where one of them does; `!=` and `!~` hold where
//! there is a value and none is equal or matches. So [`store::eval`] compares as well.

use std::borrow::Cow;
use std::cmp::Ordering;

use model::{Kind, StatusCode};
use regex::bytes::Regex;

use super::super::ast::{Comparison, Literal, Math};

/// What a field or an expression is on one span.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not there.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    /// Text.
    Text(Cow<'a, str>),
    /// Whether a span failed.
    Status(StatusCode),
    /// A span's role.
    Kind(Kind),
    /// Two or more.
    Many(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// The value of a literal.
    #[must_use]
    pub fn of(literal: &'a Literal) -> Self {
        match literal {
            Literal::Text(text) => Self::Text(Cow::Borrowed(text)),
            Literal::Int(int) => Self::Int(*int),
            Literal::Float(float) => Self::Float(*float),
            Literal::Duration(nanos) => Self::Duration(*nanos),
            Literal::Bool(bool) => Self::Bool(*bool),
            Literal::Status(status) => Self::Status(*status),
            Literal::Kind(kind) => Self::Kind(*kind),
            Literal::Nil => Self::Nil,
        }
    }

    /// The value of an attribute; bytes and maps are compared as text.
    #[must_use]
    pub fn of_attribute(value: model::Value<'a>) -> Self {
        match value {
            model::Value::Empty => Self::Nil,
            model::Value::Text(text) => Self::Text(Cow::Borrowed(text)),
            model::Value::Bool(bool) => Self::Bool(bool),
            model::Value::Int(int) => Self::Int(int),
            model::Value::Double(float) => Self::Float(float),
            model::Value::Array(values) => Self::all(values.iter().map(Self::of_attribute)),
            other => Self::Text(other.to_text()),
        }
    }

    /// One value of several: nothing, the only one, or many.
    #[must_use]
    pub fn all(values: impl Iterator<Item = Self>) -> Self {
        let mut flat = Vec::new();
        for value in values {
            match value {
                Self::Nil => {}
                Self::Many(more) => flat.extend(more),
                value => flat.push(value),
            }
        }
        match flat.len() {
            0 => Self::Nil,
            1 => flat.remove(0),
            _ => Self::Many(flat),
        }
    }

    /// The value apart from its trace.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Many(values) => Value::Many(values.into_iter().map(Self::into_owned).collect()),
            Self::Nil => Value::Nil,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Int(int) => Value::Int(int),
            Self::Float(float) => Value::Float(float),
            Self::Duration(nanos) => Value::Duration(nanos),
            Self::Status(status) => Value::Status(status),
            Self::Kind(kind) => Value::Kind(kind),
        }
    }

    /// The number it is; a duration in nanoseconds.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(int) | Self::Duration(int) => Some(*int as f64),
            Self::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value as people read it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Nil => "nil".into(),
            Self::Bool(bool) => bool.to_string(),
            Self::Int(int) => int.to_string(),
            Self::Float(float) => float.to_string(),
            Self::Duration(nanos) => {
                let text = crate::duration::write(nanos.unsigned_abs());
                if *nanos < 0 { format!("-{text}") } else { text }
            }
            Self::Text(text) => text.to_string(),
            Self::Status(status) => status.as_str().into(),
            Self::Kind(kind) => kind.as_str().into(),
            Self::Many(values) => values.iter().map(Self::to_text).collect::<Vec<_>>().join(", "),
        }
    }

    /// A total order: by type, then by value.
    #[must_use]
    pub fn order(&self, other: &Self) -> Ordering {
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.to_text().cmp(&other.to_text()),
        }
    }

    /// True where the comparison holds.
    #[must_use]
    pub fn holds(&self, comparison: Comparison, other: &Self) -> bool {
        match (self, comparison, other) {
            (Self::Nil, Comparison::Equal, Self::Nil) => true,
            (value, Comparison::Unequal, Self::Nil) | (Self::Nil, Comparison::Unequal, value) => {
                // One side says `nil`, so this asks whether the other is there; a field that is missing equals nothing.
                *value != Self::Nil && *other == Self::Nil
            }
            (Self::Nil, ..) | (.., Self::Nil) => false,
            (left, Comparison::Unequal, right) => !left.holds(Comparison::Equal, right),
            (Self::Many(values), comparison, other) => {
                values.iter().any(|value| value.holds(comparison, other))
            }
            (value, comparison, Self::Many(others)) => {
                others.iter().any(|other| value.holds(comparison, other))
            }
            (left, comparison, right) => left.compared(right).is_some_and(|order| suits(order, comparison)),
        }
    }

    /// The same where one side was written as a number or a truth value: no text equals that, and all differ from it.
    #[must_use]
    pub fn holds_as_number(&self, comparison: Comparison, other: &Self) -> bool {
        match (self, comparison, other) {
            (Self::Text(_), comparison, _) | (_, comparison, Self::Text(_)) => {
                *self != Self::Nil && *other != Self::Nil && comparison == Comparison::Unequal
            }
            (Self::Many(values), Comparison::Unequal, other) => {
                *other != Self::Nil
                    && !values.iter().any(|value| value.holds_as_number(Comparison::Equal, other))
            }
            (Self::Many(values), comparison, other) => {
                values.iter().any(|value| value.holds_as_number(comparison, other))
            }
            (value, comparison, Self::Many(_)) => other.holds_as_number(comparison.mirrored(), value),
            (left, comparison, right) => left.holds(comparison, right),
        }
    }

    /// True where the whole of one of its texts matches, or, negated, where none does.
    #[must_use]
    pub fn matches(&self, pattern: &Regex, is_negated: bool) -> bool {
        let any = match self {
            Self::Nil => return false,
            Self::Text(text) => pattern.is_match(text.as_bytes()),
            Self::Many(values) => values.iter().any(|value| value.matches(pattern, false)),
            Self::Duration(nanos) => pattern.is_match(nanos.to_string().as_bytes()),
            other => pattern.is_match(other.to_text().as_bytes()),
        };
        any != is_negated
    }

    /// Computes with two numbers; [`Nil`](Self::Nil) where one is none.
    #[must_use]
    pub fn math(&self, math: Math, other: &Self) -> Self {
        if let (Self::Int(left), Self::Int(right)) = (self, other)
            && let Some(exact) = whole(*left, math, *right)
        {
            return Self::Int(exact);
        }
        let (Some(left), Some(right)) = (self.number(), other.number()) else { return Self::Nil };
        let number = compute(left, math, right);
        let spans_of_time = [self, other].map(|value| matches!(value, Self::Duration(_)));
        let is_time = match math {
            Math::Divide => spans_of_time == [true, false],
            Math::Power => false,
            _ => spans_of_time.contains(&true),
        };
        if is_time && number.is_finite() { Self::Duration(number as i64) } else { Self::Float(number) }
    }

    /// The same with the other sign.
    #[must_use]
    pub fn negative(&self) -> Self {
        match self {
            Self::Int(int) => int.checked_neg().map_or(Self::Float(-(*int as f64)), Self::Int),
            Self::Float(float) => Self::Float(-float),
            Self::Duration(nanos) => Self::Duration(nanos.saturating_neg()),
            _ => Self::Nil,
        }
    }

    fn compared(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(left) | Self::Duration(left), Self::Int(right) | Self::Duration(right)) => {
                Some(left.cmp(right))
            }
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Status(left), Self::Status(right)) => Some(left.as_str().cmp(right.as_str())),
            (Self::Kind(left), Self::Kind(right)) => Some(left.as_str().cmp(right.as_str())),
            // `{ .level = error }`: the bare word is meant as the text.
            (Self::Text(text), other) | (other, Self::Text(text)) => {
                (other.to_text() == text.as_ref()).then_some(Ordering::Equal)
            }
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }
}

/// Computes with two numbers.
#[must_use]
pub(crate) fn compute(left: f64, math: Math, right: f64) -> f64 {
    match math {
        Math::Add => left + right,
        Math::Subtract => left - right,
        Math::Multiply => left * right,
        Math::Divide if right == 0.0 => f64::NAN,
        Math::Divide => left / right,
        Math::Modulo => left % right,
        Math::Power => left.powf(right),
    }
}

/// True where two values in this order satisfy the comparison.
#[must_use]
pub(crate) fn suits(order: Ordering, comparison: Comparison) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

/// The exact whole number, where there is one.
fn whole(left: i64, math: Math, right: i64) -> Option<i64> {
    match math {
        Math::Add => left.checked_add(right),
        Math::Subtract => left.checked_sub(right),
        Math::Multiply => left.checked_mul(right),
        Math::Divide => (left.checked_rem(right)? == 0).then(|| left.checked_div(right)).flatten(),
        Math::Modulo => left.checked_rem(right),
        Math::Power => left.checked_pow(u32::try_from(right).ok()?),
    }
}
