//! Jaeger's structured filters (`jaeger.expression.v1`), from protobuf or JSON to a filter of spans.
//!
//! What cannot be answered exactly is refused, with what would be right: conditions on one event or link (`some`), text
//! search, comparisons of two references, and fields that no filter of a store knows. Bounded by [`DEPTH_MAX`],
//! [`TERMS_MAX`] and [`PATTERN_BYTES_MAX`].

mod read;
#[cfg(test)]
mod tests;

use model::{Kind, StatusCode};
use regex::bytes::{Regex, RegexBuilder};
use store::{Compare, Condition, Field, Filter, Level, Numeral, Operand};

pub(super) use read::{of_json, of_message};

/// Calls inside of calls.
pub(super) const DEPTH_MAX: usize = 32;

/// Terms of one filter, values of lists included.
pub(super) const TERMS_MAX: usize = 10_000;

/// What a pattern may take in memory.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The levels that conditions may name.
pub(super) const LEVELS: [&str; 5] = ["span", "resource", "scope", "event", "link"];

/// What may be called.
pub(super) const OPERATORS: [&str; 13] =
    ["and", "or", "not", "eq", "ne", "gt", "lt", "gte", "lte", "regex", "exists", "in", "not_in"];

/// An operator and what it is applied to.
#[derive(Debug, PartialEq)]
pub(super) struct Call {
    op: String,
    args: Vec<Term>,
}

/// What a call is applied to.
#[derive(Debug, PartialEq)]
enum Term {
    Attribute { level: String, key: String },
    Field { level: String, name: String },
    Nested,
    Scalar(Constant),
    List(Vec<Constant>),
    Call(Call),
}

/// A value as text, and the type that it was given.
#[derive(Clone, Debug, PartialEq)]
struct Constant {
    text: String,
    kind: String,
}

/// The filter that a call means; else what is wrong with it.
pub(super) fn compile(call: &Call) -> Result<Filter, String> {
    let op = call.op.as_str();
    match (op, &call.args[..]) {
        ("and" | "or", args) if args.len() >= 2 => {
            let all = args.iter().map(|arg| inner(op, arg)).collect::<Result<_, _>>()?;
            Ok(if op == "and" { Filter::And(all) } else { Filter::Or(all) })
        }
        ("not", [arg]) => Ok(Filter::Not(Box::new(inner(op, arg)?))),
        ("exists", [of]) => Ok(exists(&reference(op, of)?)),
        ("regex", [of, Term::Scalar(pattern)]) => {
            let of = reference(op, of)?;
            Ok(any(&of, Compare::Matches, &Operand::Pattern(regex(&pattern.text)?)))
        }
        ("in" | "not_in", [of, Term::List(values)]) if !values.is_empty() => {
            let of = reference(op, of)?;
            let one = values.iter().map(|value| equal(&of, value)).collect::<Result<_, _>>()?;
            Ok(if op == "in" { Filter::Or(one) } else { there_and_not(&of, Filter::Or(one)) })
        }
        ("eq" | "ne" | "gt" | "lt" | "gte" | "lte", [left, right]) => compared(op, left, right),
        ("some" | "phrase" | "fulltext", _) => {
            Err(format!("the operator {op} is not supported: use one of {}", OPERATORS.join(", ")))
        }
        _ if OPERATORS.contains(&op) => Err(format!("the operator {op} has the wrong operands")),
        _ => Err(format!("there is no operator {op:?}: use one of {}", OPERATORS.join(", "))),
    }
}

fn inner(op: &str, term: &Term) -> Result<Filter, String> {
    match term {
        Term::Call(call) => compile(call),
        _ => Err(format!("the operator {op} takes calls")),
    }
}

/// The fields that a reference may mean: an attribute without a level is one of the span or of its resource.
fn reference(op: &str, term: &Term) -> Result<Vec<Field>, String> {
    let attribute = |level, key: &str| Field::Attribute { level, key: key.to_owned() };
    match term {
        Term::Attribute { key, .. } if key.is_empty() => Err("an attribute has no key".into()),
        Term::Attribute { level, key } if level.is_empty() => {
            Ok(vec![attribute(Level::Span, key), attribute(Level::Resource, key)])
        }
        Term::Attribute { level, key } => {
            let found = Level::EACH.into_iter().find(|found| found.as_str() == level);
            let fault = || format!("there is no level {level:?}: use one of {}", LEVELS.join(", "));
            Ok(vec![attribute(found.ok_or_else(fault)?, key)])
        }
        Term::Field { level, name } => Ok(vec![field(level, name)?]),
        _ => Err(format!("the operator {op} takes an attribute or a field first")),
    }
}

fn field(level: &str, name: &str) -> Result<Field, String> {
    match (level, name) {
        ("span", "name") => Ok(Field::Name),
        ("span", "kind") => Ok(Field::Kind),
        ("span", "status") => Ok(Field::Status),
        ("span", "statusMessage") => Ok(Field::StatusMessage),
        ("span", "duration") => Ok(Field::Duration),
        ("resource", "service") => Ok(Field::Service),
        ("scope", "name") => Ok(Field::ScopeName),
        ("scope", "version") => Ok(Field::ScopeVersion),
        ("event", "name") => Ok(Field::EventName),
        ("link", "traceID") => Ok(Field::LinkTraceId),
        ("link", "spanID") => Ok(Field::LinkSpanId),
        _ => Err(format!(
            "the field {level}.{name} is not supported: use span.name, span.kind, span.status, span.statusMessage, \
             span.duration, resource.service, scope.name, scope.version, event.name, link.traceID, link.spanID, or an \
             attribute"
        )),
    }
}

fn compared(op: &str, left: &Term, right: &Term) -> Result<Filter, String> {
    let (of, constant, is_turned) = match (left, right) {
        (of, Term::Scalar(constant)) => (of, constant, false),
        (Term::Scalar(constant), of) => (of, constant, true),
        _ => return Err(format!("the operator {op} compares an attribute or a field with a constant")),
    };
    let of = reference(op, of)?;
    let compare = match (op, is_turned) {
        ("eq", _) => return equal(&of, constant),
        ("ne", _) => return Ok(there_and_not(&of, equal(&of, constant)?)),
        ("gt", false) | ("lt", true) => Compare::Greater,
        ("lt", false) | ("gt", true) => Compare::Less,
        ("gte", false) | ("lte", true) => Compare::AtLeast,
        _ => Compare::AtMost,
    };
    if matches!(of[0], Field::Kind | Field::Status) || constant.kind == "bool" {
        return Err(format!("the operator {op} needs values that have an order"));
    }
    Ok(any(&of, compare, &ordered(&of[0], constant)?))
}

/// What an ordered comparison compares with: without a type, a number where the constant is written as one.
fn ordered(field: &Field, constant: &Constant) -> Result<Operand, String> {
    let Constant { text, kind } = constant;
    match (field, kind.as_str()) {
        (Field::Duration, _) => duration(text),
        (_, "int") => int(text),
        (Field::Attribute { .. }, "double") => double(text),
        (Field::Attribute { .. }, "") => {
            Ok(Numeral::parse(text).map_or_else(|| Operand::Text(text.clone()), Operand::Numeral))
        }
        _ => Ok(Operand::Text(text.clone())),
    }
}

fn equal(of: &[Field], constant: &Constant) -> Result<Filter, String> {
    let Constant { text, kind } = constant;
    let is = |operand: Operand| any(of, Compare::Equal, &operand);
    let words = |known: bool, what: &str| {
        let fault = || format!("{text:?} is no {what}");
        known.then_some(()).ok_or_else(fault)
    };
    match (&of[0], kind.as_str()) {
        (Field::Duration, _) => Ok(is(duration(text)?)),
        (Field::Kind, _) => {
            let kind = Kind::parse(&text.to_lowercase());
            words(kind.is_some(), "kind of a span")?;
            Ok(kind.map_or(Filter::All, |kind| is(Operand::Kind(kind))))
        }
        (Field::Status, _) => {
            let status = StatusCode::parse(&text.to_lowercase());
            words(status.is_some(), "status of a span")?;
            Ok(status.map_or(Filter::All, |status| is(Operand::Status(status))))
        }
        (_, "int") => Ok(is(int(text)?)),
        (_, "double") => Ok(is(double(text)?)),
        (_, "bool") => Ok(is(Operand::Bool(text.parse().map_err(|_| format!("{text:?} is no bool"))?))),
        // Text compares with values of other types as they are written; these are not meant here.
        (_, "string") => {
            let others = double(text).ok().into_iter().chain(text.parse().ok().map(Operand::Bool));
            let others = others.map(|other| Filter::Not(Box::new(is(other))));
            Ok(Filter::And(std::iter::once(is(Operand::Text(text.clone()))).chain(others).collect()))
        }
        (_, "") => {
            let number = double(text).ok().map(&is);
            Ok(Filter::Or(std::iter::once(is(Operand::Text(text.clone()))).chain(number).collect()))
        }
        (_, kind) => Err(format!("there is no type {kind:?}: use string, int, double or bool")),
    }
}

fn duration(text: &str) -> Result<Operand, String> {
    let nanos = query::duration::parse(text).or_else(|| text.parse().ok());
    let nanos = nanos.and_then(|nanos| i64::try_from(nanos).ok());
    nanos.map(Operand::Int).ok_or_else(|| format!("{text:?} is no duration, such as 2s or 150ms"))
}

fn int(text: &str) -> Result<Operand, String> {
    text.parse().map(Operand::Int).map_err(|_| format!("{text:?} is no whole number"))
}

fn double(text: &str) -> Result<Operand, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Operand::Number).ok_or_else(|| format!("{text:?} is no number"))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).dot_matches_new_line(true).build();
    built.map_err(|error| format!("{pattern:?} is no regular expression: {error}"))
}

/// One of the fields fulfils the comparison.
fn any(of: &[Field], compare: Compare, operand: &Operand) -> Filter {
    let one =
        |field: &Field| Filter::Is(Condition { field: field.clone(), compare, operand: operand.clone() });
    Filter::Or(of.iter().map(one).collect())
}

fn exists(of: &[Field]) -> Filter {
    any(of, Compare::Exists, &Operand::None)
}

fn there_and_not(of: &[Field], filter: Filter) -> Filter {
    Filter::And(vec![exists(of), Filter::Not(Box::new(filter))])
}
