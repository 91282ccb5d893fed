//! What the values of an expression are, as far as it can be known without a row.

use super::Type;
use super::aggregate::{Aggregate, Kind};
use super::ast::Expr;
use super::call::Call;
use crate::traceql::ast::Math;
use crate::traceql::eval::Value;

/// The kind of the values.
pub(super) fn kind_of(expr: &Expr, groups: &[&Expr], aggregates: &[Aggregate]) -> Type {
    let of = |expr: &Expr| kind_of(expr, groups, aggregates);
    match expr {
        Expr::Column(column) => column.kind(),
        Expr::Group(at) => groups.get(*at).map_or(Type::Any, |expr| kind_of(expr, &[], aggregates)),
        Expr::Aggregate(at) => match aggregates.get(*at) {
            Some(Aggregate { kind: Kind::Count | Kind::CountIf | Kind::Distinct, .. }) => Type::Number,
            Some(Aggregate { of: Some(inside), .. }) => of(inside),
            _ => Type::Number,
        },
        Expr::Value(Value::Duration(_)) => Type::Duration,
        Expr::Value(Value::Int(_) | Value::Float(_)) => Type::Number,
        Expr::Negative(inside) => of(inside),
        Expr::Math(left, math, right) => match (of(left), math, of(right)) {
            (Type::Time, Math::Subtract, Type::Time) => Type::Duration,
            (Type::Time, ..) | (.., Type::Time) => Type::Time,
            (Type::Duration, Math::Divide, Type::Duration) => Type::Number,
            (Type::Duration, ..) | (.., Type::Duration) => Type::Duration,
            _ => Type::Number,
        },
        Expr::Call(Call::Bucket, _) => Type::Time,
        Expr::Call(Call::Length | Call::Epoch | Call::Number | Call::Whole, _) => Type::Number,
        Expr::Call(
            Call::Abs | Call::Round | Call::Floor | Call::Ceil | Call::Coalesce | Call::NullIf,
            values,
        ) => of(&values[0]),
        Expr::Case(pairs, _) => pairs.first().map_or(Type::Any, |(_, result)| of(result)),
        _ => Type::Any,
    }
}
