//! What is computed of many rows.

use std::collections::HashSet;

use store::sketch::Sketch;

use super::ast::Expr;
use crate::traceql::eval::Value;

/// Different values that one `COUNT(DISTINCT …)` tells apart, and numbers of which one percentile is computed exactly; more
/// make the answer partial. Percentiles of durations have no such limit: they are within 1.6 %.
pub(super) const VALUES_MAX: usize = 1_000_000;

/// One aggregate of a statement.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// What becomes of the values.
    pub kind: Kind,
    /// Of what; `None` for whole rows.
    pub of: Option<Expr>,
}

/// How many values become one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// How many there are.
    Count,
    /// How many hold.
    CountIf,
    /// How many different ones there are.
    Distinct,
    /// All together.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value below which this part of them lies.
    Quantile(f64),
}

impl Kind {
    /// Reads a name, such as `avg` or `p95`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "count" => Self::Count,
            "count_if" | "countif" => Self::CountIf,
            "approx_distinct" | "count_distinct" => Self::Distinct,
            "sum" => Self::Sum,
            "avg" | "mean" => Self::Avg,
            "min" => Self::Min,
            "max" => Self::Max,
            "median" => Self::Quantile(0.5),
            _ => {
                let digits = name.strip_prefix('p').filter(|digits| (2..=4).contains(&digits.len()))?;
                let number: u32 = digits.parse().ok()?;
                Self::Quantile(f64::from(number) / 10_f64.powi(digits.len() as i32))
            }
        })
    }
}

/// The values of one group so far.
#[derive(Clone, Debug)]
pub(super) enum State {
    Count(u64),
    Distinct(HashSet<String>),
    Sum(Sum),
    Best(Value<'static>),
    Durations(Sketch),
    Numbers(Vec<f64>),
}

impl State {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Count | Kind::CountIf => Self::Count(0),
            Kind::Distinct => Self::Distinct(HashSet::new()),
            Kind::Sum | Kind::Avg => Self::Sum(Sum::default()),
            Kind::Min | Kind::Max => Self::Best(Value::Nil),
            Kind::Quantile(_) => Self::Numbers(Vec::new()),
        }
    }

    /// Takes in the value of a row; false where there is no room for it.
    pub(super) fn add(&mut self, kind: Kind, value: Value<'_>) -> bool {
        if value == Value::Nil {
            return true;
        }
        match self {
            Self::Count(count) => *count += u64::from(kind == Kind::Count || value == Value::Bool(true)),
            Self::Distinct(seen) => {
                let text = value.to_text();
                if seen.len() >= VALUES_MAX && !seen.contains(&text) {
                    return false;
                }
                seen.insert(text);
            }
            Self::Sum(sum) => sum.add(&value),
            Self::Best(best) => {
                let order = value.order(best);
                let is_better = if kind == Kind::Min { order.is_lt() } else { order.is_gt() };
                if *best == Value::Nil || is_better {
                    *best = value.into_owned();
                }
            }
            Self::Durations(sketch) => {
                if let Value::Duration(nanos) = value {
                    sketch.add(u64::try_from(nanos).unwrap_or(0));
                }
            }
            Self::Numbers(numbers) => match value {
                Value::Duration(nanos) if numbers.is_empty() => {
                    let mut sketch = Sketch::default();
                    sketch.add(u64::try_from(nanos).unwrap_or(0));
                    *self = Self::Durations(sketch);
                }
                value if numbers.len() < VALUES_MAX => numbers.extend(value.number()),
                _ => return false,
            },
        }
        true
    }

    pub(super) fn finish(self, kind: Kind) -> Value<'static> {
        match self {
            Self::Count(count) => Value::Int(i64::try_from(count).unwrap_or(i64::MAX)),
            Self::Distinct(seen) => Value::Int(seen.len() as i64),
            Self::Sum(sum) if kind == Kind::Avg => mean(&sum.value(), sum.count),
            Self::Sum(sum) => sum.value(),
            Self::Best(best) => best,
            Self::Durations(sketch) => match kind {
                Kind::Quantile(q) => sketch.quantile(q).map_or(Value::Nil, duration),
                _ => Value::Nil,
            },
            Self::Numbers(mut numbers) => {
                let Kind::Quantile(q) = kind else { return Value::Nil };
                numbers.sort_by(f64::total_cmp);
                let place = (q * numbers.len() as f64).ceil() as usize;
                numbers.get(place.saturating_sub(1)).map_or(Value::Nil, |number| Value::Float(*number))
            }
        }
    }
}

/// Numbers added up: whole ones exactly.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    whole: i128,
    float: f64,
    has_floats: bool,
    has_durations: bool,
    count: u64,
}

impl Sum {
    fn add(&mut self, value: &Value<'_>) {
        match value {
            Value::Int(number) => self.whole += i128::from(*number),
            Value::Duration(nanos) => {
                self.whole += i128::from(*nanos);
                self.has_durations = true;
            }
            Value::Float(number) => {
                self.float += number;
                self.has_floats = true;
            }
            Value::Many(values) => return values.iter().for_each(|value| self.add(value)),
            _ => return,
        }
        self.count += 1;
    }

    fn value(&self) -> Value<'static> {
        let whole = || i64::try_from(self.whole).unwrap_or(i64::MAX);
        match (self.count, self.has_floats, self.has_durations) {
            (0, ..) => Value::Nil,
            (_, true, _) => Value::Float(self.whole as f64 + self.float),
            (_, _, true) => Value::Duration(whole()),
            _ => Value::Int(whole()),
        }
    }
}

/// What an aggregate of durations is, from a digest of them.
pub(super) fn of_sketch(kind: Kind, sketch: &Sketch) -> Value<'static> {
    match kind {
        Kind::Count => Value::Int(i64::try_from(sketch.count()).unwrap_or(i64::MAX)),
        Kind::Sum if sketch.count() == 0 => Value::Nil,
        Kind::Sum => Value::Duration(i64::try_from(sketch.sum()).unwrap_or(i64::MAX)),
        Kind::Avg => {
            let sum = Value::Duration(i64::try_from(sketch.sum()).unwrap_or(i64::MAX));
            mean(&sum, sketch.count())
        }
        Kind::Min => sketch.min().map_or(Value::Nil, duration),
        Kind::Max => sketch.max().map_or(Value::Nil, duration),
        Kind::Quantile(q) => sketch.quantile(q).map_or(Value::Nil, duration),
        Kind::CountIf | Kind::Distinct => Value::Nil,
    }
}

fn mean(sum: &Value<'_>, count: u64) -> Value<'static> {
    if count == 0 {
        return Value::Nil;
    }
    match sum {
        Value::Duration(nanos) => Value::Duration(nanos / i64::try_from(count).unwrap_or(i64::MAX)),
        sum => sum.number().map_or(Value::Nil, |number| Value::Float(number / count as f64)),
    }
}

fn duration(nanos: u64) -> Value<'static> {
    Value::Duration(i64::try_from(nanos).unwrap_or(i64::MAX))
}
