//! Expressions on one span.

use super::super::ast::{Expr, ExprKind, Literal};
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
        ExprKind::Compare(left, comparison, right) if is_number(left) || is_number(right) => {
            Value::Bool(of(left).holds_as_number(*comparison, &of(right)))
        }
        ExprKind::Compare(left, comparison, right) => {
            let asks_for_nil = is_nil(left) || is_nil(right);
            let (left, right) = (of(left), of(right));
            let is_missing = left == Value::Nil || right == Value::Nil;
            Value::Bool((asks_for_nil || !is_missing) && left.holds(*comparison, &right))
        }
        ExprKind::Match(inside, pattern, is_negated) => Value::Bool(of(inside).matches(pattern, *is_negated)),
        ExprKind::And(left, right) => Value::Bool(is_true(left) && is_true(right)),
        ExprKind::Or(left, right) => Value::Bool(is_true(left) || is_true(right)),
    }
}

/// True for the word `nil`; a field that is missing equals nothing else, not even another one that is.
fn is_nil(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Literal(Literal::Nil))
}

/// True for what was written as a number, a duration or a truth value: no text equals it, as in a store.
fn is_number(expr: &Expr) -> bool {
    use Literal::{Bool, Duration, Float, Int};
    matches!(&expr.kind, ExprKind::Literal(Int(_) | Float(_) | Duration(_) | Bool(_)))
}
