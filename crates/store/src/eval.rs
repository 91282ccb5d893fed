//! Compares one span with a filter: the meaning of every comparison, which faster evaluators must equal.

use model::{Attributes, Span, Value};

use crate::plan::{Compare, Condition, Field, Filter, Level, Numeral, Operand};

/// True where the span passes.
#[must_use]
pub fn passes(filter: &Filter, span: Span<'_>) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => holds(condition, span),
        Filter::And(all) => all.iter().all(|filter| passes(filter, span)),
        Filter::Or(any) => any.iter().any(|filter| passes(filter, span)),
        Filter::Not(filter) => !passes(filter, span),
    }
}

/// True where the comparison holds on the span.
///
/// A field of several values (an attribute key on several levels, an array, event names) holds where one of them does;
/// [`Compare::Unequal`] and [`Compare::MatchesNot`] hold where there is a value and none is equal or matches.
#[must_use]
pub fn holds(condition: &Condition, span: Span<'_>) -> bool {
    fulfils(condition, &|test| any_value(&condition.field, span, test))
}

/// True where a field of this one value fulfils the condition.
#[must_use]
pub fn holds_of(condition: &Condition, value: Value<'_>) -> bool {
    fulfils(condition, &|test| test(value))
}

/// What one value is asked.
type Test<'a> = dyn Fn(Value<'_>) -> bool + 'a;

fn fulfils(condition: &Condition, any: &dyn Fn(&Test<'_>) -> bool) -> bool {
    let exists = || any(&|_| true);
    let has = |compare| any(&|value| compares(compare, value, &condition.operand));
    match condition.compare {
        Compare::Exists => exists(),
        Compare::Missing => !exists(),
        Compare::Unequal => exists() && !has(Compare::Equal),
        Compare::MatchesNot => exists() && !has(Compare::Matches),
        compare => has(compare),
    }
}

fn any_value(field: &Field, span: Span<'_>, test: &Test<'_>) -> bool {
    let text = |text: &str| !text.is_empty() && test(Value::Text(text));
    match field {
        Field::Service => test(Value::Text(span.service())),
        Field::Name => test(Value::Text(span.name())),
        Field::Kind => test(Value::Text(span.kind().as_str())),
        Field::Status => test(Value::Text(span.status().as_str())),
        Field::StatusMessage => text(span.status_message()),
        Field::Duration => test(Value::Int(i64::try_from(span.duration()).unwrap_or(i64::MAX))),
        Field::ScopeName => text(span.scope().name()),
        Field::ScopeVersion => text(span.scope().version()),
        Field::EventName => span.events().any(|event| test(Value::Text(event.name()))),
        Field::LinkTraceId => span.links().any(|link| test(Value::Text(&link.trace_id().to_string()))),
        Field::LinkSpanId => span.links().any(|link| test(Value::Text(&link.span_id().to_string()))),
        Field::Attribute { level, key } => {
            any_attribute(*level, span, &mut |attributes| any_of(attributes, key, test))
        }
    }
}

/// True where one of the attribute lists of a level passes; later ones are not looked at then.
pub fn any_attribute<'a>(level: Level, span: Span<'a>, test: &mut dyn FnMut(Attributes<'a>) -> bool) -> bool {
    let at = |here| level == Level::Any || level == here;
    at(Level::Span) && test(span.attributes())
        || at(Level::Resource) && test(span.resource().attributes())
        || at(Level::Scope) && test(span.scope().attributes())
        || at(Level::Event) && span.events().any(|event| test(event.attributes()))
        || at(Level::Link) && span.links().any(|link| test(link.attributes()))
}

fn any_of(attributes: Attributes<'_>, key: &str, test: &Test<'_>) -> bool {
    attributes.values_of(key).any(|value| match value {
        Value::Array(values) => values.iter().any(test) || test(value),
        value => test(value),
    })
}

/// The word for the type of a value, as [`Ask::Values`](crate::Ask::Values) answers it.
#[must_use]
pub fn type_word(value: Value<'_>) -> &'static str {
    match value {
        Value::Empty => "empty",
        Value::Text(_) => "string",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Double(_) => "double",
        Value::Bytes(_) => "bytes",
        Value::Array(_) => "array",
        Value::Map(_) => "map",
    }
}

/// Compares one value; never with [`Compare::Unequal`], [`Compare::MatchesNot`] or existence, which ask for all values.
#[must_use]
pub fn compares(compare: Compare, value: Value<'_>, operand: &Operand) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (value, operand) {
        (value, Operand::Pattern(pattern)) => {
            return compare == Compare::Matches && pattern.is_match(value.to_text().as_bytes());
        }
        (Value::Text(left), Operand::Text(right)) => Some(left.cmp(right.as_str())),
        (value, Operand::Text(right)) => (value.to_text() == right.as_str()).then_some(Equal),
        (Value::Text(left), Operand::Kind(right)) => (left == right.as_str()).then_some(Equal),
        (Value::Text(left), Operand::Status(right)) => (left == right.as_str()).then_some(Equal),
        (Value::Bool(left), Operand::Bool(right)) => Some(left.cmp(right)),
        (Value::Int(left), Operand::Int(right)) => Some(left.cmp(right)),
        (Value::Int(left), Operand::Number(right)) => (left as f64).partial_cmp(right),
        (Value::Double(left), Operand::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Value::Double(left), Operand::Number(right)) => left.partial_cmp(right),
        (value, Operand::Numeral(right)) => Numeral::of(value).and_then(|left| left.order(*right)),
        _ => None,
    };
    match compare {
        Compare::Equal => order == Some(Equal),
        Compare::Less => order == Some(Less),
        Compare::AtMost => matches!(order, Some(Less | Equal)),
        Compare::Greater => order == Some(Greater),
        Compare::AtLeast => matches!(order, Some(Greater | Equal)),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
