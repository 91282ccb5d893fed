//! The value of an expression: on a row, or on a group with what was computed of it.
//!
//! As in SQL, what is missing is unknown: a comparison with it is neither true nor false, and only what is true passes. A
//! column of several values (`tags.x` of events) holds where one of them does, as everywhere in Faden.

use store::Numeral;

use super::ast::Expr;
use super::row::Row;
use crate::traceql::ast::Comparison;
use crate::traceql::eval::Value;

/// What expressions are evaluated over.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) row: Option<Row<'a>>,
    pub(super) groups: &'a [Value<'static>],
    pub(super) aggregates: &'a [Value<'static>],
}

impl<'a> Scope<'a> {
    pub(super) fn of(row: Row<'a>) -> Self {
        Self { row: Some(row), groups: &[], aggregates: &[] }
    }

    /// True where the condition is.
    pub(super) fn holds(&self, condition: &'a Expr) -> bool {
        self.eval(condition) == Value::Bool(true)
    }

    pub(super) fn eval(&self, expr: &'a Expr) -> Value<'a> {
        match expr {
            Expr::Value(value) => value.clone(),
            Expr::Column(column) => self.row.map_or(Value::Nil, |row| row.value(column)),
            Expr::Group(at) => self.groups.get(*at).cloned().unwrap_or(Value::Nil),
            Expr::Aggregate(at) => self.aggregates.get(*at).cloned().unwrap_or(Value::Nil),
            Expr::And(all) => self.joined(all, false),
            Expr::Or(all) => self.joined(all, true),
            Expr::Not(inside) => match self.eval(inside) {
                Value::Bool(truth) => Value::Bool(!truth),
                _ => Value::Nil,
            },
            Expr::Compare(left, comparison, right) => {
                let is_quoted = matches!(**right, Expr::Value(Value::Text(_)));
                compare(&self.eval(left), *comparison, (&self.eval(right), is_quoted))
            }
            Expr::In(inside, values, is_negated) => match self.eval(inside) {
                Value::Nil => Value::Nil,
                value => {
                    let is_one = values.iter().any(|other| value.holds(Comparison::Equal, other));
                    Value::Bool(is_one != *is_negated)
                }
            },
            Expr::Match(inside, pattern, is_negated) => match self.eval(inside) {
                Value::Nil => Value::Nil,
                value => Value::Bool(value.matches(pattern, *is_negated)),
            },
            Expr::IsNull(inside, is_negated) => Value::Bool((self.eval(inside) == Value::Nil) != *is_negated),
            Expr::Negative(inside) => self.eval(inside).negative(),
            Expr::Math(left, math, right) => self.eval(left).math(*math, &self.eval(right)),
            Expr::Call(call, of) => call.apply(of.iter().map(|one| self.eval(one)).collect()),
            Expr::Case(pairs, otherwise) => {
                let found = pairs.iter().find(|(condition, _)| self.holds(condition));
                let result = found.map(|(_, result)| result).or(otherwise.as_deref());
                result.map_or(Value::Nil, |result| self.eval(result))
            }
        }
    }

    /// `OR` is decided by what is true, `AND` by what is false; else it is unknown where a part is.
    fn joined(&self, all: &'a [Expr], decides: bool) -> Value<'a> {
        let mut is_known = true;
        for one in all {
            match self.eval(one) {
                Value::Bool(truth) if truth == decides => return Value::Bool(decides),
                Value::Bool(_) => {}
                _ => is_known = false,
            }
        }
        if is_known { Value::Bool(!decides) } else { Value::Nil }
    }
}

/// As a store compares: a text that is written as a number has an order beside numbers, unless it stands in quotes in the
/// statement; any other has one only beside texts.
fn compare<'a>(
    left: &Value<'_>,
    comparison: Comparison,
    (right, is_quoted): (&Value<'_>, bool),
) -> Value<'a> {
    if *left == Value::Nil || *right == Value::Nil {
        return Value::Nil;
    }
    if matches!(comparison, Comparison::Equal | Comparison::Unequal) {
        return Value::Bool(left.holds(comparison, right));
    }
    let is_true = |left: &Value<'_>, right: &Value<'_>| {
        compare(left, comparison, (right, is_quoted)) == Value::Bool(true)
    };
    Value::Bool(match (left, right) {
        (Value::Many(values), right) => values.iter().any(|value| is_true(value, right)),
        (left, Value::Many(values)) => values.iter().any(|value| is_true(left, value)),
        (left, Value::Text(_)) if is_quoted || matches!(left, Value::Text(_)) => {
            left.holds(comparison, right)
        }
        (Value::Text(text), right) => number(text).is_some_and(|left| orders(&left, comparison, right)),
        (left, Value::Text(text)) => number(text).is_some_and(|right| orders(left, comparison, &right)),
        (left, right) => left.holds(comparison, right),
    })
}

fn orders(left: &Value<'_>, comparison: Comparison, right: &Value<'_>) -> bool {
    left.number().is_some() && right.number().is_some() && left.holds(comparison, right)
}

fn number(text: &str) -> Option<Value<'static>> {
    Some(match Numeral::parse(text)? {
        Numeral::Int(int) => Value::Int(int),
        Numeral::Double(double) => Value::Float(double),
    })
}
