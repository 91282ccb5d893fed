//! A story: batches that are written, and questions with the answers they must get.

use model::{SpanId, Tenant, Trace};

use super::text::outline;
use super::{Draft, batch, describe, oracle, trace_id};
use crate::metrics::{Metric, Tally};
use crate::plan::{Ask, Filter, Plan, SPANS_MAX};
use crate::sketch::RELATIVE_ERROR;
use crate::uses::Target;
use crate::{Answer, Mark, ReadError, Reader, Rows, Writer};

/// What is written and what is asked then.
#[derive(Clone, Debug)]
pub struct Story {
    name: &'static str,
    writes: Vec<Vec<Draft>>,
    questions: Vec<Question>,
}

/// A plan and what it must find.
#[derive(Clone, Debug)]
pub struct Question {
    what: String,
    plan: Plan,
    expected: Expected,
}

/// What must come back.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Traces with these numbers, in this order, whether traces or summaries are asked, at once or page by page.
    Traces(Vec<u64>),
    /// One trace of exactly these spans, nothing lost.
    Whole(Vec<Draft>),
    /// Exactly these spans of one trace, or no row.
    Spans(Vec<Draft>),
    /// The marks of exactly these spans.
    Marks(Vec<Draft>),
    /// These names, as (name, kind, spans).
    Names(Vec<(String, String, u64)>),
    /// These edges, as (parent, child, calls, errors).
    Edges(Vec<(String, String, u64, u64)>),
    /// These uses, as (service, target, answered, spans, errors).
    Uses(Vec<(String, Target<String>, u64, u64, u64)>),
    /// These rows of metrics; quantiles may be off by the stated error.
    Metrics(Vec<Measured>),
    /// Some rows, and the remark that there are more.
    Partial(usize),
    /// A refusal of the question.
    Refused,
}

/// A row of metrics that must come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// What its spans have in common.
    pub by: Vec<Option<String>>,
    /// Where its step of time begins.
    pub time: Option<u64>,
    /// How many of them failed.
    pub errors: u64,
    /// How long each took.
    pub durations: Vec<u64>,
}

impl Story {
    /// A story without any word yet.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, writes: Vec::new(), questions: Vec::new() }
    }

    /// These spans are written as one batch.
    #[must_use]
    pub fn write(mut self, spans: impl IntoIterator<Item = Draft>) -> Self {
        self.writes.push(spans.into_iter().collect());
        self
    }

    /// The filter finds traces with these numbers, newest first.
    #[must_use]
    pub fn finds(self, what: &str, spans: Filter, numbers: &[u64]) -> Self {
        self.asks(what, Plan { spans, ..plan(Ask::Summaries) }, Expected::Traces(numbers.into()))
    }

    /// The plan is answered so. Its tenant is set when the story is played.
    #[must_use]
    pub fn asks(mut self, what: &str, plan: Plan, expected: Expected) -> Self {
        self.questions.push(Question { what: what.into(), plan, expected });
        self
    }

    /// Plays the story and says what went wrong.
    pub async fn play(self, writer: &dyn Writer, reader: &dyn Reader) -> Vec<String> {
        let tenant: String = self
            .name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let tenant = Tenant::parse(&tenant).expect("a story's name makes a tenant");
        let oracle = oracle();
        for spans in &self.writes {
            let batch = batch(&tenant, spans);
            oracle.write(batch.clone()).await.expect("a story fits into memory");
            if let Err(error) = writer.write(batch).await {
                return vec![format!("story: {}\n  write failed: {error}", self.name)];
            }
        }
        let mut failures = Vec::new();
        for question in self.questions {
            let Question { what, mut plan, expected } = question;
            plan.tenant = tenant.clone();
            for (who, reader) in [("the memory store", &oracle as &dyn Reader), ("this store", reader)] {
                if let Err(wrong) = check(reader, &plan, &expected).await {
                    failures.push(format!("story: {}\n  asked: {what}\n  {who}: {wrong}", self.name));
                }
            }
        }
        failures
    }
}

/// A plan whose tenant is set when the story is played.
pub(super) fn plan(ask: Ask) -> Plan {
    Plan { limit: 1_000, ..Plan::new(Tenant::default(), ask) }
}

async fn check(reader: &dyn Reader, plan: &Plan, expected: &Expected) -> Result<(), String> {
    match expected {
        Expected::Refused => match reader.run(plan).await {
            Err(ReadError::Invalid { .. }) => Ok(()),
            other => Err(format!("expected a refusal, got {other:?}")),
        },
        Expected::Partial(rows) => {
            let answer = reader.run(plan).await.map_err(|error| error.to_string())?;
            let got = answer.rows.len();
            same("rows, and a remark", &(*rows, true), &(got, answer.partial.is_some()))
        }
        Expected::Traces(numbers) => check_traces(reader, plan, numbers).await,
        Expected::Whole(spans) => check_whole(reader, plan, spans).await,
        Expected::Spans(spans) => check_spans(reader, plan, spans).await,
        Expected::Marks(spans) => {
            let Rows::Marks(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
            let batch = batch(&plan.tenant, spans);
            let mark = |span: model::Span<'_>| Mark { start: span.start(), span: span.span_id() };
            let mut expected: Vec<Mark> = batch.spans().map(mark).collect();
            expected.sort_unstable();
            expected.dedup();
            same("marks", &expected, &got)
        }
        Expected::Names(names) => {
            let Rows::Names(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
            let got: Vec<_> =
                got.into_iter().map(|name| (name.name, name.kind.to_owned(), name.spans)).collect();
            same("names", names, &got)
        }
        Expected::Edges(edges) => {
            let Rows::Edges(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
            let got: Vec<_> =
                got.into_iter().map(|edge| (edge.parent, edge.child, edge.calls, edge.errors)).collect();
            same("edges", edges, &got)
        }
        Expected::Uses(uses) => {
            let Rows::Uses(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
            let got: Vec<_> = got
                .into_iter()
                .map(|row| (row.service, row.target, row.answered, row.spans, row.errors))
                .collect();
            same("uses", uses, &got)
        }
        Expected::Metrics(rows) => {
            let Rows::Metrics(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
            let expected: Vec<_> = rows.iter().map(Metric::from).collect();
            same_metrics(&expected, &got)
        }
    }
}

impl From<&Measured> for Metric {
    fn from(row: &Measured) -> Self {
        let mut sum = Tally { errors: row.errors, ..Tally::default() };
        row.durations.iter().for_each(|duration| sum.durations.add(*duration));
        Self { by: row.by.clone(), time: row.time, sum }
    }
}

/// Holds everything but quantiles to be equal; of those, each may be off by the stated error.
pub(super) fn same_metrics(expected: &[Metric], got: &[Metric]) -> Result<(), String> {
    let exact = |rows: &[Metric]| -> Vec<_> {
        let row = |row: &Metric| {
            let Tally { errors, durations } = &row.sum;
            let extremes = (durations.min(), durations.max(), durations.sum());
            (row.by.clone(), row.time, durations.count(), *errors, extremes)
        };
        rows.iter().map(row).collect()
    };
    same("metrics", &exact(expected), &exact(got))?;
    for (expected, got) in expected.iter().zip(got) {
        for q in [0.5, 0.95, 0.99] {
            let quantile = |row: &Metric| row.sum.durations.quantile(q).unwrap_or(0);
            let (one, other) = (quantile(expected), quantile(got));
            let room = 2.0 * RELATIVE_ERROR * one.max(other) as f64;
            if one.abs_diff(other) as f64 > room {
                return Err(format!("quantile {q} of {:?} at {:?}: {one} and {other}", got.by, got.time));
            }
        }
    }
    Ok(())
}

async fn check_traces(reader: &dyn Reader, plan: &Plan, numbers: &[u64]) -> Result<(), String> {
    let expected: Vec<String> = numbers.iter().map(|number| trace_id(*number).to_string()).collect();
    for ask in [Ask::Summaries, Ask::Outlines(Vec::new()), Ask::Traces] {
        let plan = Plan { ask, ..plan.clone() };
        let answer = whole(reader, &plan).await?;
        same(&format!("ids of {:?}", plan.ask), &expected, &ids(&answer.rows))?;
        let mut paged = Vec::new();
        let mut page = Plan { limit: 1 + expected.len() / 16, ..plan.clone() };
        while paged.len() <= expected.len() {
            let answer = whole(reader, &page).await?;
            paged.extend(ids(&answer.rows));
            page.after = answer.next;
            if page.after.is_none() {
                break;
            }
        }
        same(&format!("ids of {:?}, page by page", plan.ask), &expected, &paged)?;
    }
    Ok(())
}

async fn check_whole(reader: &dyn Reader, plan: &Plan, spans: &[Draft]) -> Result<(), String> {
    let batch = batch(&plan.tenant, spans);
    let expected = Trace::join(spans[0].trace, vec![batch]).expect("a story names the trace of its spans");
    let Rows::Traces(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
    let got: Vec<_> = got.iter().flat_map(|trace| describe(trace)).collect();
    same("spans", &describe(&expected), &got)?;
    let plan = Plan { ask: Ask::Outlines(Vec::new()), ..plan.clone() };
    let Rows::Traces(got) = whole(reader, &plan).await?.rows else { return Err(wrong_kind(&plan)) };
    let got: Vec<_> = got.iter().flat_map(|trace| outline(trace, &[])).collect();
    same("outlines", &outline(&expected, &[]), &got)?;
    check_named(reader, &plan, spans).await
}

/// Asks for some spans of the trace by their ids: each second one, of at most [`SPANS_MAX`].
async fn check_named(reader: &dyn Reader, plan: &Plan, spans: &[Draft]) -> Result<(), String> {
    let named: Vec<SpanId> = spans.iter().step_by(2).map(|span| span.id).take(SPANS_MAX).collect();
    let wanted: Vec<Draft> = spans.iter().filter(|span| named.contains(&span.id)).cloned().collect();
    let plan = Plan { ids: Some(vec![spans[0].trace]), ask: Ask::Spans(named), ..plan.clone() };
    check_spans(reader, &plan, &wanted).await
}

async fn check_spans(reader: &dyn Reader, plan: &Plan, spans: &[Draft]) -> Result<(), String> {
    let expected = spans.first().and_then(|first| Trace::join(first.trace, vec![batch(&plan.tenant, spans)]));
    let Rows::Traces(got) = whole(reader, plan).await?.rows else { return Err(wrong_kind(plan)) };
    let lines: Vec<_> = got.iter().flat_map(|trace| describe(trace)).collect();
    let expected_lines: Vec<_> = expected.iter().flat_map(describe).collect();
    same("named spans", &expected_lines, &lines)?;
    same("rows", &usize::from(expected.is_some()), &got.len())
}

async fn whole(reader: &dyn Reader, plan: &Plan) -> Result<Answer, String> {
    let answer = reader.run(plan).await.map_err(|error| error.to_string())?;
    match answer.partial {
        Some(why) => Err(format!("the answer is partial: {why}")),
        None => Ok(answer),
    }
}

fn ids(rows: &Rows) -> Vec<String> {
    match rows {
        Rows::Traces(traces) => traces.iter().map(|trace| trace.id().to_string()).collect(),
        Rows::Summaries(summaries) => summaries.iter().map(|summary| summary.id.to_string()).collect(),
        Rows::Marks(_) | Rows::Names(_) | Rows::Edges(_) | Rows::Uses(_) | Rows::Metrics(_) => Vec::new(),
    }
}

fn wrong_kind(plan: &Plan) -> String {
    format!("rows of another kind than {:?}", plan.ask)
}

pub(super) fn same<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    expected: &T,
    got: &T,
) -> Result<(), String> {
    if expected == got {
        return Ok(());
    }
    Err(format!("{what} differ\n    expected: {expected:?}\n    answered: {got:?}"))
}
