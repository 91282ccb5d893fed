//! Takes in rows, keeps those that the answer needs, and brings them into order.
//!
//! Bounded by [`BYTES_MAX`](super::BYTES_MAX) and [`GROUPS_MAX`](super::GROUPS_MAX): what comes after is left out, and
//! the answer says so.

use std::cmp::Ordering;
use std::sync::Arc;

use model::{Summary, TimeRange, Trace};

use super::Table;
use super::ast::{Expr, Statement};
use super::eval::Scope;
use super::group::Groups;
use super::row::{Of, Row};
use super::run::BYTES_MAX;
use crate::traceql::eval::Value;

/// A row of the answer with what it is sorted by.
struct Kept {
    keys: Vec<Value<'static>>,
    cells: Vec<Value<'static>>,
}

/// Rows so far.
pub(super) struct Sink {
    statement: Arc<Statement>,
    time: TimeRange,
    /// Rows that the answer has at most, those that it leaves out included.
    rows_max: usize,
    /// True where rows come in the order of the answer.
    is_sorted: bool,
    rows: Vec<Kept>,
    groups: Option<Groups>,
    bytes: usize,
    /// Why rows are missing.
    pub(super) full: Option<String>,
}

/// Rows beyond those that are needed are sorted out when there are so many.
const SLACK_ROWS: usize = 4_096;

impl Sink {
    pub(super) fn new(statement: Arc<Statement>, time: TimeRange, limit: usize, is_sorted: bool) -> Self {
        let groups = statement.group.as_ref().map(|_| Groups::default());
        let rows_max = limit.saturating_add(statement.offset);
        let is_sorted = is_sorted || statement.order.is_empty();
        Self { statement, time, rows_max, is_sorted, rows: Vec::new(), groups, bytes: 0, full: None }
    }

    /// True where no further row changes the answer.
    pub(super) fn is_done(&self) -> bool {
        self.full.is_some() || self.groups.is_none() && self.is_sorted && self.rows_max <= self.rows.len()
    }

    /// Takes in what a trace makes of rows.
    pub(super) fn trace(&mut self, trace: &Trace) {
        let of = Of::trace(trace);
        let statement = Arc::clone(&self.statement);
        let filter = statement.filter.as_ref();
        let passes = |row: &Row<'_>| filter.is_none_or(|filter| Scope::of(*row).holds(filter));
        let mut inside = trace.spans().filter(|span| self.time.contains(span.start()));
        if statement.table == Table::Traces {
            let found = inside.map(|span| Row::of(&of, Some(span))).find(passes);
            found.iter().for_each(|row| self.row(*row));
            return;
        }
        let spans: Vec<_> = inside.by_ref().collect();
        for span in spans {
            Row::each(statement.table, &of, span, &mut |row| {
                if !self.is_done() && passes(&row) {
                    self.row(row);
                }
            });
        }
    }

    /// Takes in a trace of which only the conditions on the whole are left to be looked at.
    pub(super) fn summary(&mut self, summary: &Summary, left: &[Expr]) {
        let of = Of::Summary(summary);
        let row = Row::of(&of, None);
        if left.iter().all(|condition| Scope::of(row).holds(condition)) {
            self.row(row);
        }
    }

    /// The same, of groups that were finished elsewhere.
    pub(super) fn without_groups(self) -> Self {
        Self { groups: None, ..self }
    }

    /// Takes in a group that the store made.
    pub(super) fn group(&mut self, key: Vec<Value<'static>>, aggregates: Vec<Value<'static>>) {
        self.finished(&key, &aggregates);
    }

    fn row(&mut self, row: Row<'_>) {
        if self.is_done() {
            return;
        }
        let statement = Arc::clone(&self.statement);
        match &mut self.groups {
            Some(groups) => self.full = groups.add(&statement, row).err(),
            None => self.keep(Scope::of(row)),
        }
    }

    /// Makes a row of the answer of a group.
    fn finished(&mut self, groups: &[Value<'static>], aggregates: &[Value<'static>]) {
        let statement = Arc::clone(&self.statement);
        let scope = Scope { row: None, groups, aggregates };
        if statement.having.as_ref().is_none_or(|having| scope.holds(having)) {
            self.keep(scope);
        }
    }

    fn keep(&mut self, scope: Scope<'_>) {
        let statement = Arc::clone(&self.statement);
        // A statement without aggregates has groups where it is `DISTINCT`: then the outputs are what is grouped by.
        let is_distinct = statement.group.is_some() && scope.row.is_none() && self.is_by_outputs();
        let cells: Vec<Value<'static>> = if is_distinct {
            scope.groups.to_vec()
        } else {
            let eval = |output: &super::ast::Output| scope.eval(&output.expr).into_owned();
            statement.outputs.iter().map(eval).collect()
        };
        let key = |(expr, _): &(Expr, bool)| match is_distinct {
            true => distinct_key(&statement, expr, &cells),
            false => scope.eval(expr).into_owned(),
        };
        let keys: Vec<Value<'static>> = statement.order.iter().map(key).collect();
        self.bytes += cells.iter().chain(&keys).map(size).sum::<usize>();
        self.rows.push(Kept { keys, cells });
        if !self.is_sorted && self.rows.len() > self.rows_max.saturating_mul(2).saturating_add(SLACK_ROWS) {
            self.sort();
        }
        if self.bytes > BYTES_MAX {
            self.full =
                Some(format!("the rows have more than {BYTES_MAX} bytes; ask for fewer rows or columns"));
        }
    }

    fn is_by_outputs(&self) -> bool {
        let columns = |expr: &Expr| !expr.columns().is_empty();
        self.statement.aggregates.is_empty()
            && self.statement.outputs.iter().any(|output| columns(&output.expr))
    }

    fn sort(&mut self) {
        let order = &self.statement.order;
        self.rows.sort_by(|left, right| {
            let pairs = left.keys.iter().zip(&right.keys).zip(order);
            let orders =
                pairs.map(|((left, right), (_, is_descending))| ordered(left, right, *is_descending));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        self.rows.truncate(self.rows_max);
        self.bytes = self.rows.iter().flat_map(|row| row.cells.iter().chain(&row.keys)).map(size).sum();
    }

    /// The rows of the answer.
    pub(super) fn finish(mut self) -> (Vec<Vec<Value<'static>>>, Option<String>) {
        if let Some(groups) = self.groups.take() {
            for (key, aggregates) in groups.finish(&self.statement) {
                self.finished(&key, &aggregates);
            }
        }
        if !self.is_sorted || self.statement.group.is_some() {
            self.sort();
        }
        self.rows.truncate(self.rows_max);
        let skipped = self.statement.offset.min(self.rows.len());
        (self.rows.drain(skipped..).map(|row| row.cells).collect(), self.full)
    }
}

/// What is ordered by of a distinct row: one of its outputs.
fn distinct_key(statement: &Statement, expr: &Expr, cells: &[Value<'static>]) -> Value<'static> {
    let wanted = format!("{expr:?}");
    let place = statement.outputs.iter().position(|output| format!("{:?}", output.expr) == wanted);
    place.and_then(|place| cells.get(place)).cloned().unwrap_or(Value::Nil)
}

/// What is missing comes last.
fn ordered(left: &Value<'_>, right: &Value<'_>, is_descending: bool) -> Ordering {
    let known = (*left == Value::Nil).cmp(&(*right == Value::Nil));
    let order = left.order(right);
    known.then(if is_descending { order.reverse() } else { order })
}

fn size(value: &Value<'_>) -> usize {
    const OF_NUMBER: usize = 16;
    match value {
        Value::Text(text) => OF_NUMBER + text.len(),
        Value::Many(values) => values.iter().map(size).sum(),
        _ => OF_NUMBER,
    }
}
