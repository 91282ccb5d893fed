//! Numbers of whole spansets.

use super::super::ast::{Aggregate, Comparison, Math, Scalar};
use super::value::Value;
use super::{Found, Subject};

/// True where the comparison of a spanset's numbers holds; the numbers are noted in it.
pub(super) fn keeps<'a>(
    (left, comparison, right): (&'a Scalar, Comparison, &'a Scalar),
    set: &mut Found<'a>,
    subject: &Subject<'a>,
) -> bool {
    let values = [left, right].map(|scalar| eval(scalar, &set.spans, subject));
    let holds = values[0].holds(comparison, &values[1]);
    for (scalar, value) in [left, right].into_iter().zip(values) {
        if !matches!(scalar, Scalar::Literal(_)) {
            set.numbers.push((scalar.to_string(), value));
        }
    }
    holds
}

fn eval<'a>(scalar: &'a Scalar, spans: &[u32], subject: &Subject<'a>) -> Value<'a> {
    match scalar {
        Scalar::Literal(literal) => Value::of(literal),
        Scalar::Math(left, math, right) => {
            eval(left, spans, subject).math(*math, &eval(right, spans, subject))
        }
        Scalar::Aggregate(Aggregate::Count, _) => Value::Int(spans.len() as i64),
        Scalar::Aggregate(aggregate, of) => {
            let values = spans.iter().filter_map(|at| Some(subject.eval(of.as_ref()?, *at as usize)));
            combine(*aggregate, values.filter(|value| value.number().is_some()))
        }
    }
}

fn combine<'a>(aggregate: Aggregate, mut values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
    let found = match aggregate {
        Aggregate::Count => Some(Value::Int(values.count() as i64)),
        Aggregate::Min => values.min_by(Value::order),
        Aggregate::Max => values.max_by(Value::order),
        Aggregate::Sum => values.reduce(|sum, value| sum.math(Math::Add, &value)),
        Aggregate::Avg => {
            let first = values.next();
            first.map(|first| {
                let (mut sum, mut count) = (first, 1);
                for value in values {
                    sum = sum.math(Math::Add, &value);
                    count += 1;
                }
                sum.math(Math::Divide, &Value::Int(count))
            })
        }
    };
    found.unwrap_or(Value::Nil)
}
