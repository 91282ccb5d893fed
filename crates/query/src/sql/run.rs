//! Answers a statement: the store finds what may match, and what it could not do is done here.
//!
//! Counts and durations of spans come from the digests of the store, rows of `traces` from its summaries, where the
//! conditions allow it; else whole traces are read. Bounded by the time limit, by the rows that are asked for, by
//! [`BYTES_MAX`] and by [`GROUPS_MAX`]; an answer that a limit cut says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{StatusCode, Tenant, TimeRange};
use store::plan::LIMIT_MAX;
use store::{Ask, Field, Order, Plan, Rows, Work};

use super::aggregate::{Kind, of_sketch};
use super::ast::{Expr, Statement};
use super::call::Call;
use super::explain::explained;
use super::kinds::kind_of;
use super::pushdown::{Pushed, push};
use super::sink::Sink;
use super::{Column, Table, Type};
use crate::apart::apart;
use crate::candidates::Candidates;
use crate::traceql::ast::Comparison;
use crate::traceql::eval::Value;
use crate::{Error, Query};

/// The bytes that the rows of an answer may have; then it is partial.
pub const BYTES_MAX: usize = 64 << 20;

/// So many groups are made; then the answer is partial.
pub const GROUPS_MAX: usize = 100_000;

/// Whole traces that are asked for at once.
const TRACES_AT_ONCE: usize = 64;

/// Summaries that are asked for at once.
const SUMMARIES_AT_ONCE: usize = 1_000;

/// What is asked besides the statement.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose spans.
    pub tenant: Tenant,
    /// When the spans start that rows are made of.
    pub time: TimeRange,
    /// At most so many rows, where the statement names no `LIMIT`.
    pub limit: usize,
    /// How long it may take; then the answer is partial.
    pub time_limit: Duration,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The names of its columns, and what stands in them.
    pub columns: Vec<(String, Type)>,
    /// Its rows.
    pub rows: Vec<Vec<Value<'static>>>,
    /// Why rows may be missing; `None` where the answer is whole.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Source {
    /// Counts and durations that the store keeps, by these fields and steps.
    Digests(Vec<Field>, Option<Duration>),
    /// What lists show of traces.
    Summaries,
    /// Whole traces.
    Traces,
}

/// Runs a statement.
///
/// # Errors
/// [`Error`].
pub async fn run(query: &Query, statement: Statement, request: &Request) -> Result<Answer, Error> {
    let began = Instant::now();
    let pushed = push(&statement, request.time);
    let source = source(&statement, &pushed);
    let statement = Arc::new(statement);
    let (order, is_sorted) = order(&statement);
    let plan = Plan {
        time: pushed.time,
        ids: pushed.ids.clone(),
        spans: pushed.spans.clone(),
        trace: pushed.trace.clone(),
        order,
        time_limit: request.time_limit,
        ..Plan::new(request.tenant.clone(), Ask::Traces)
    };
    let limit = statement.limit.unwrap_or(request.limit);
    let sink = Sink::new(Arc::clone(&statement), plan.time, limit, is_sorted);
    let (sink, partial, work) = match &source {
        Source::Digests(by, step) => digests(query, &statement, (plan, sink), (by, *step)).await?,
        Source::Summaries => summaries(query, plan, sink, pushed.of_trace.clone()).await?,
        Source::Traces => traces(query, plan, sink).await?,
    };
    let (rows, full) = sink.finish();
    let partial = full.or(partial);
    if statement.is_explained {
        let rows = explained(&statement, (&pushed, &source), (&work, began.elapsed(), rows.len()));
        return Ok(Answer { columns: vec![("plan".into(), Type::Any)], rows, partial, work });
    }
    let groups: Vec<&Expr> = statement.group.iter().flatten().collect();
    let kind = |expr: &Expr| kind_of(expr, &groups, &statement.aggregates);
    let columns = statement.outputs.iter().map(|output| (output.name.clone(), kind(&output.expr)));
    Ok(Answer { columns: columns.collect(), rows, partial, work })
}

/// The order in which the store hands traces over, and whether it is that of the answer.
fn order(statement: &Statement) -> (Order, bool) {
    if statement.table != Table::Traces || statement.group.is_some() {
        return (Order::Newest, false);
    }
    match &statement.order[..] {
        [(Expr::Column(Column::TraceStart), true)] => (Order::Newest, true),
        [(Expr::Column(Column::TraceStart), false)] => (Order::Oldest, true),
        [(Expr::Column(Column::TraceDuration), true)] => (Order::Longest, true),
        _ => (Order::Newest, false),
    }
}

fn source(statement: &Statement, pushed: &Pushed) -> Source {
    if !pushed.is_exact || pushed.ids.is_some() {
        return Source::Traces;
    }
    let inside = statement.group.iter().flatten().chain(statement.outputs.iter().map(|output| &output.expr));
    let inside = inside.chain(statement.order.iter().map(|(expr, _)| expr));
    let inside = inside.chain(statement.aggregates.iter().filter_map(|aggregate| aggregate.of.as_ref()));
    let is_of_traces = inside.flat_map(Expr::columns).all(|column| column.is_of_trace());
    match statement.table {
        Table::Traces if is_of_traces => Source::Summaries,
        Table::Spans if pushed.of_trace.is_empty() && statement.aggregates.iter().all(is_digested) => {
            by_digests(statement).unwrap_or(Source::Traces)
        }
        _ => Source::Traces,
    }
}

/// The fields and the step that rows are grouped by, where a store groups by them.
fn by_digests(statement: &Statement) -> Option<Source> {
    if statement.aggregates.is_empty() {
        return None;
    }
    let (mut by, mut step) = (Vec::new(), None);
    for expr in statement.group.as_deref()? {
        match (expr, bucket(expr)) {
            (_, Some(nanos)) if step.is_none() => step = Some(Duration::from_nanos(nanos)),
            (Expr::Column(column), None) if *column != Column::Duration => by.push(column.field()?),
            _ => return None,
        }
    }
    (by.len() <= store::metrics::FIELDS_MAX).then_some(Source::Digests(by, step))
}

/// The nanoseconds of the steps into which an expression cuts the starts of spans.
fn bucket(expr: &Expr) -> Option<u64> {
    let Expr::Call(Call::Bucket, of) = expr else { return None };
    match &of[..] {
        [Expr::Column(Column::Start), Expr::Value(Value::Int(step))] => u64::try_from(*step).ok(),
        _ => None,
    }
}

fn is_digested(aggregate: &super::aggregate::Aggregate) -> bool {
    match (&aggregate.kind, &aggregate.of) {
        (Kind::Count, None) => true,
        (Kind::CountIf, Some(of)) => is_failed(of),
        (Kind::Distinct | Kind::CountIf, _) => false,
        (_, of) => matches!(of, Some(Expr::Column(Column::Duration))),
    }
}

/// `status = 'error'`
fn is_failed(condition: &Expr) -> bool {
    let Expr::Compare(left, Comparison::Equal, right) = condition else { return false };
    matches!(**left, Expr::Column(Column::Status))
        && matches!(**right, Expr::Value(Value::Status(StatusCode::Error)))
}

type Done = (Sink, Option<String>, Work);

async fn digests(
    query: &Query,
    statement: &Statement,
    (plan, mut sink): (Plan, Sink),
    (by, step): (&[Field], Option<Duration>),
) -> Result<Done, Error> {
    let plan = Plan { ask: Ask::Metrics { by: by.to_vec(), step }, limit: LIMIT_MAX, ..plan };
    let answer = query.run(&plan).await?;
    let Rows::Metrics(rows) = answer.rows else {
        return Err(Error::Failed("the store answered a question for numbers with other rows".into()));
    };
    let is_one = statement.group.as_ref().is_some_and(Vec::is_empty);
    let nothing = store::Metric { by: Vec::new(), time: None, sum: store::metrics::Tally::default() };
    let none = (is_one && rows.is_empty()).then_some(nothing);
    for row in rows.into_iter().chain(none) {
        let mut texts = row.by.iter();
        let key = statement.group.iter().flatten().map(|expr| match bucket(expr) {
            Some(_) => row.time.map_or(Value::Nil, |at| Value::Int(i64::try_from(at).unwrap_or(i64::MAX))),
            None => texts.next().cloned().flatten().map_or(Value::Nil, |text| Value::Text(text.into())),
        });
        let aggregates = statement.aggregates.iter().map(|aggregate| match aggregate.kind {
            Kind::CountIf => Value::Int(i64::try_from(row.sum.errors).unwrap_or(i64::MAX)),
            kind => of_sketch(kind, &row.sum.durations),
        });
        sink.group(key.collect(), aggregates.collect());
    }
    Ok((sink.without_groups(), answer.partial, answer.work))
}

async fn summaries(query: &Query, plan: Plan, mut sink: Sink, left: Vec<Expr>) -> Result<Done, Error> {
    let plan = Plan { ask: Ask::Summaries, limit: SUMMARIES_AT_ONCE, ..plan };
    let mut candidates = Candidates::new(query, plan);
    while let Some(rows) = candidates.next_summaries().await? {
        rows.iter().for_each(|summary| sink.summary(summary, &left));
        if sink.is_done() {
            return Ok((sink, None, candidates.work));
        }
    }
    Ok((sink, candidates.partial, candidates.work))
}

async fn traces(query: &Query, plan: Plan, mut sink: Sink) -> Result<Done, Error> {
    let plan = Plan { limit: TRACES_AT_ONCE, ..plan };
    let mut candidates = Candidates::new(query, plan);
    while let Some(traces) = candidates.next().await? {
        sink = apart(move |asker| {
            traces.iter().take_while(|_| !asker.is_gone()).for_each(|trace| sink.trace(trace));
            sink
        })
        .await?;
        if sink.is_done() {
            return Ok((sink, None, candidates.work));
        }
    }
    Ok((sink, candidates.partial, candidates.work))
}
