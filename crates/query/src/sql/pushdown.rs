//! What a store can do of a statement: a filter on single spans that no row fails which is in the answer.
//!
//! The filter may let spans through that make no row, unless it is exact; it never leaves one out.

use model::{StatusCode, TimeRange, TraceId};
use store::{Compare, Condition, Field, Filter, Level, Numeral, Operand, TraceFilter};

use super::ast::{Expr, Statement};
use super::{Column, Table};
use crate::traceql::Part;
use crate::traceql::ast::Comparison;
use crate::traceql::eval::Value;

/// What a store looks for.
pub(super) struct Pushed {
    /// What one span of every row passes.
    pub(super) spans: Filter,
    /// True where exactly those spans make rows, but for `of_trace`.
    pub(super) is_exact: bool,
    /// When those spans start.
    pub(super) time: TimeRange,
    /// What the trace passes.
    pub(super) trace: TraceFilter,
    /// The only traces that can be there.
    pub(super) ids: Option<Vec<TraceId>>,
    /// Conditions on the whole trace.
    pub(super) of_trace: Vec<Expr>,
}

/// What becomes of the conditions of a statement, asked over some time.
pub(super) fn push(statement: &Statement, time: TimeRange) -> Pushed {
    let table = statement.table;
    let mut pushed = Pushed {
        spans: Filter::All,
        is_exact: matches!(table, Table::Traces | Table::Spans),
        time,
        trace: TraceFilter::default(),
        ids: None,
        of_trace: Vec::new(),
    };
    let mut parts = Vec::new();
    statement.filter.iter().for_each(|filter| flatten(filter, &mut parts));
    let mut all = Part::EVERY;
    let mut bounds = Vec::new();
    for part in parts {
        let columns = part.columns();
        if !columns.is_empty() && columns.iter().all(|column| column.is_of_trace()) {
            of_trace(part, &mut pushed);
            bounds.push(part);
            pushed.of_trace.push(part.clone());
        } else if !of_time(table, part, &mut pushed.time) {
            all = all.and(of_expr(table, part));
        }
    }
    pushed.is_exact &= all.is_exact();
    pushed.spans = all.into_filter();
    if table == Table::Traces {
        bounds.into_iter().for_each(|part| of_start(part, &mut pushed));
    }
    pushed
}

fn flatten<'e>(expr: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expr {
        Expr::And(all) => all.iter().for_each(|one| flatten(one, into)),
        other => into.push(other),
    }
}

/// Narrows what a condition on the whole trace says.
fn of_trace(part: &Expr, pushed: &mut Pushed) {
    match part {
        Expr::Compare(left, Comparison::Equal, right) => match (&**left, &**right) {
            (Expr::Column(Column::TraceId), Expr::Value(value)) => {
                narrow(std::slice::from_ref(value), pushed)
            }
            (Expr::Column(Column::TraceDuration), Expr::Value(value)) => {
                bound(Comparison::Equal, value, &mut pushed.trace);
            }
            _ => {}
        },
        Expr::Compare(left, comparison, right) => {
            if let (Expr::Column(Column::TraceDuration), Expr::Value(value)) = (&**left, &**right) {
                bound(*comparison, value, &mut pushed.trace);
            }
        }
        Expr::In(inside, values, false) if matches!(**inside, Expr::Column(Column::TraceId)) => {
            narrow(values, pushed);
        }
        _ => {}
    }
}

fn narrow(values: &[Value<'static>], pushed: &mut Pushed) {
    let mut ids: Vec<TraceId> = values.iter().filter_map(|value| TraceId::parse(&value.to_text())).collect();
    if let Some(before) = &pushed.ids {
        ids.retain(|id| before.contains(id));
    }
    ids.sort_unstable();
    ids.dedup();
    pushed.ids = Some(ids);
}

fn bound(comparison: Comparison, value: &Value<'_>, filter: &mut TraceFilter) {
    let (Value::Int(nanos) | Value::Duration(nanos)) = value else { return };
    let nanos = u64::try_from(*nanos).unwrap_or(0);
    if matches!(comparison, Comparison::Equal | Comparison::Greater | Comparison::AtLeast) {
        filter.duration_min = filter.duration_min.max(Some(nanos));
    }
    if matches!(comparison, Comparison::Equal | Comparison::Less | Comparison::AtMost) {
        filter.duration_max = [filter.duration_max, Some(nanos)].into_iter().flatten().min();
    }
}

/// Narrows the time by a condition on the start of a trace: no span of it starts earlier; and where any span will do,
/// its first one does.
fn of_start(part: &Expr, pushed: &mut Pushed) {
    let mut time = pushed.time;
    if matches!(compared(part), Some((Column::TraceStart, ..))) && range(part, &mut time) {
        pushed.time.start = pushed.time.start.max(time.start);
        if matches!(pushed.spans, Filter::All) {
            pushed.time.end = pushed.time.end.min(time.end);
        }
    }
}

/// Narrows the time by a condition on the start of spans; true where nothing is left of the condition.
fn of_time(table: Table, part: &Expr, time: &mut TimeRange) -> bool {
    let is_start = matches!(compared(part), Some((Column::Start, ..)));
    is_start && table == Table::Spans && range(part, time)
}

fn range(part: &Expr, time: &mut TimeRange) -> bool {
    let Some((_, comparison, at)) = compared(part) else { return false };
    let at = u64::try_from(at).unwrap_or(0);
    match comparison {
        Comparison::Greater => time.start = time.start.max(at.saturating_add(1)),
        Comparison::AtLeast => time.start = time.start.max(at),
        Comparison::Less => time.end = time.end.min(at),
        Comparison::AtMost => time.end = time.end.min(at.saturating_add(1)),
        Comparison::Equal => {
            time.start = time.start.max(at);
            time.end = time.end.min(at.saturating_add(1));
        }
        Comparison::Unequal => return false,
    }
    true
}

fn compared(part: &Expr) -> Option<(&Column, Comparison, i64)> {
    let Expr::Compare(left, comparison, right) = part else { return None };
    match (&**left, &**right) {
        (Expr::Column(column), Expr::Value(Value::Int(at))) => Some((column, *comparison, *at)),
        _ => None,
    }
}

/// A filter that every span passes for which the condition is true.
fn of_expr(table: Table, expr: &Expr) -> Part {
    match expr {
        Expr::And(all) => all.iter().fold(Part::EVERY, |part, one| part.and(of_expr(table, one))),
        Expr::Or(all) => {
            let mut parts = all.iter().map(|one| of_expr(table, one));
            let first = parts.next().unwrap_or(Part::UNKNOWN);
            parts.fold(first, Part::or)
        }
        Expr::Value(Value::Bool(true)) => Part::EVERY,
        Expr::Column(Column::Error) => of_error(Comparison::Equal, "true"),
        Expr::Compare(left, comparison, right) => match (&**left, &**right) {
            (Expr::Column(Column::Error), Expr::Value(value)) => of_error(*comparison, &value.to_text()),
            (Expr::Column(column), Expr::Value(value)) => {
                of_column(table, column, compare(*comparison), value)
            }
            _ => Part::UNKNOWN,
        },
        Expr::In(inside, values, is_negated) => match &**inside {
            Expr::Column(column) if *column != Column::Error => {
                let each =
                    |comparison| move |value: &Value<'static>| of_column(table, column, comparison, value);
                if *is_negated {
                    values.iter().map(each(Compare::Unequal)).fold(Part::EVERY, Part::and)
                } else {
                    let mut parts = values.iter().map(each(Compare::Equal));
                    let first = parts.next().unwrap_or(Part::UNKNOWN);
                    parts.fold(first, Part::or)
                }
            }
            _ => Part::UNKNOWN,
        },
        Expr::Match(inside, pattern, is_negated) => match &**inside {
            Expr::Column(column) => {
                let compare = if *is_negated { Compare::MatchesNot } else { Compare::Matches };
                is(table, column, compare, Operand::Pattern(pattern.clone()))
            }
            _ => Part::UNKNOWN,
        },
        Expr::IsNull(inside, is_negated) => match &**inside {
            Expr::Column(column) => {
                let compare = if *is_negated { Compare::Exists } else { Compare::Missing };
                is(table, column, compare, Operand::None)
            }
            _ => Part::UNKNOWN,
        },
        _ => Part::UNKNOWN,
    }
}

/// Spans that failed or say so.
fn of_error(comparison: Comparison, text: &str) -> Part {
    let attribute = Field::Attribute { level: Level::Any, key: "error".into() };
    let says = |text: &str| Filter::equal(attribute.clone(), Operand::Text(text.into()));
    let failed =
        || Filter::Or(vec![Filter::equal(Field::Status, Operand::Status(StatusCode::Error)), says("true")]);
    match (comparison, text) {
        (Comparison::Equal, "true") => Part::exactly(failed()),
        (Comparison::Equal, "false") => Part::roughly_as(Filter::Not(Box::new(failed()))),
        (Comparison::Equal, text) => Part::roughly_as(says(text)),
        _ => Part::UNKNOWN,
    }
}

fn of_column(table: Table, column: &Column, compare: Compare, value: &Value<'static>) -> Part {
    let is_equality = matches!(compare, Compare::Equal | Compare::Unequal);
    let operand = match value {
        Value::Text(text) => Operand::Text(text.clone().into_owned()),
        Value::Int(int) | Value::Duration(int) if *column == Column::Duration => Operand::Int(*int),
        Value::Float(float) if *column == Column::Duration => Operand::Number(*float),
        Value::Int(_) | Value::Duration(_) | Value::Float(_) | Value::Bool(_) if is_equality => {
            Operand::Text(value.to_text())
        }
        Value::Int(int) | Value::Duration(int) => Operand::Numeral(Numeral::Int(*int)),
        Value::Float(float) => Operand::Numeral(Numeral::Double(*float)),
        Value::Bool(bool) => Operand::Bool(*bool),
        Value::Status(status) => Operand::Status(*status),
        Value::Kind(kind) => Operand::Kind(*kind),
        Value::Nil | Value::Many(_) => return Part::UNKNOWN,
    };
    is(table, column, compare, operand)
}

fn is(table: Table, column: &Column, compare: Compare, operand: Operand) -> Part {
    let Some(field) = column.field() else { return Part::UNKNOWN };
    // Durations are no texts, and the words of statuses and kinds no numbers.
    if matches!(
        (&field, &operand),
        (Field::Duration, Operand::Pattern(_) | Operand::Text(_) | Operand::Bool(_))
    ) {
        return Part::UNKNOWN;
    }
    let filter = Filter::Is(Condition { field, compare, operand });
    if !column.is_of_part(table) {
        return Part::exactly(filter);
    }
    // One event may pass where another one does not.
    match compare {
        Compare::Unequal | Compare::MatchesNot | Compare::Missing => Part::UNKNOWN,
        _ => Part::roughly_as(filter),
    }
}

fn compare(comparison: Comparison) -> Compare {
    match comparison {
        Comparison::Equal => Compare::Equal,
        Comparison::Unequal => Compare::Unequal,
        Comparison::Less => Compare::Less,
        Comparison::AtMost => Compare::AtMost,
        Comparison::Greater => Compare::Greater,
        Comparison::AtLeast => Compare::AtLeast,
    }
}
