//! Expressions on one span.

use super::super::ast::{Expr, ExprKind};
use super::Subject;
use super::value::Value;

/// The value of an expression on the span at this place.
pub(super) fn eval<'a>(expr: &'a Expr, at: usize, subject: &Subject<'a>) -> Value<'a> {
    let of = |expr: &'a Expr| eval(expr, at, subject);
    let is_true = |expr: &'a Expr| of(expr) == Value::Bool(true);
    match &expr.kind {
        ExprKind::Literal(literal) => Value::of(literal),
        ExprKind::Field(field) => subject.field(field, at),
        ExprKind::Negative(inside) => of(inside).negative(),
        ExprKind::Not(inside) => match of(inside) {
            Value::Bool(bool) => Value::Bool(!bool),
            _ => Value::Nil,
        },
        ExprKind::Math(left, math, right) => of(left).math(*math, &of(right)),
        ExprKind::Compare(left, comparison, right) => Value::Bool(of(left).holds(*comparison, &of(right))),
        ExprKind::Match(inside, pattern, is_negated) => Value::Bool(of(inside).matches(pattern, *is_negated)),
        ExprKind::And(left, right) => Value::Bool(is_true(left) && is_true(right)),
        ExprKind::Or(left, right) => Value::Bool(is_true(left) || is_true(right)),
    }
}
