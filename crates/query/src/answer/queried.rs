//! The answer to a query: traces with the spans that matched, numbers over time, or a table.

use model::Span;
use serde::{Deserialize, Serialize};

use super::{About, Cell, Column, Count64, Double, Summary, Work, table};
use crate::sql;
use crate::traceql::ast::{Field, Intrinsic};
use crate::traceql::eval::{Subject, Value};
use crate::traceql::{metrics, search};

/// What a query answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Queried {
    /// Traces, in the asked order.
    Traces {
        /// The traces.
        traces: Vec<Matched>,
        /// How the answer came about.
        #[serde(flatten)]
        about: About,
    },
    /// Numbers over time.
    Series {
        /// The lines of a chart, by their labels.
        series: Vec<Line>,
        /// How the answer came about.
        #[serde(flatten)]
        about: About,
    },
    /// Rows, of a statement of SQL.
    Table {
        /// What stands in each column.
        columns: Vec<Column>,
        /// The rows, a cell for each column.
        rows: Vec<Vec<Cell>>,
        /// How the answer came about.
        #[serde(flatten)]
        about: About,
    },
}

/// A trace with the spans that matched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matched {
    /// What a list shows of the trace.
    pub summary: Summary,
    /// Spans that matched together.
    pub sets: Vec<MatchedSpans>,
}

/// Spans that matched together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchedSpans {
    /// How many there are.
    pub matched: u64,
    /// What they have in common, such as `by(…)` and `count()`.
    pub values: Vec<(String, String)>,
    /// The first of them by start.
    pub spans: Vec<MatchedSpan>,
}

/// A span that matched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MatchedSpan {
    /// Its id, hexadecimal.
    pub span_id: String,
    /// Its service.
    pub service: String,
    /// Its operation.
    pub name: String,
    /// Its start, in nanoseconds since 1970.
    pub start: Count64,
    /// From start to end, in nanoseconds.
    pub duration: Count64,
    /// The fields that the query names, as people read them.
    pub values: Vec<(String, String)>,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What its spans have in common.
    pub labels: Vec<(String, String)>,
    /// Where each step begins, in nanoseconds since 1970, and the value in it.
    pub samples: Vec<(Count64, Double)>,
}

impl Queried {
    /// What a search found; at most so many spans of each set are told.
    #[must_use]
    pub fn traces(answer: &search::Answer, shown: &[Field], spans_max: usize) -> Self {
        let traces = answer.traces.iter().map(|found| matched(found, shown, spans_max));
        let next = answer.next.map(|next| next.to_string());
        let about = About { next, partial: answer.partial.clone(), work: Work::from(answer.work) };
        Self::Traces { traces: traces.collect(), about }
    }

    /// What a statement found.
    #[must_use]
    pub fn table(answer: &sql::Answer) -> Self {
        let (columns, rows, about) = table::table(answer);
        Self::Table { columns, rows, about }
    }

    /// What was computed.
    #[must_use]
    pub fn series(answer: &metrics::Answer) -> Self {
        let line = |series: &metrics::Series| Line {
            labels: series.labels.clone(),
            samples: series.samples.iter().map(|(step, value)| (Count64(*step), Double(*value))).collect(),
        };
        let about = About { next: None, partial: answer.partial.clone(), work: Work::from(answer.work) };
        Self::Series { series: answer.series.iter().map(line).collect(), about }
    }
}

fn matched(found: &search::Match, shown: &[Field], spans_max: usize) -> Matched {
    let subject = Subject::new(&found.trace);
    let sets = found.sets.iter().map(|set| {
        let mut places: Vec<usize> = set.spans.iter().map(|at| *at as usize).collect();
        places.sort_by_key(|at| subject.span(*at).start());
        let span = |at: &usize| matched_span(subject.span(*at), &values(&subject, *at, shown));
        MatchedSpans {
            matched: places.len() as u64,
            values: set.values.clone(),
            spans: places.iter().take(spans_max).map(span).collect(),
        }
    });
    Matched { summary: subject.summary().into(), sets: sets.collect() }
}

fn matched_span(span: Span<'_>, values: &[(String, String)]) -> MatchedSpan {
    MatchedSpan {
        span_id: span.span_id().to_string(),
        service: span.service().into(),
        name: span.name().into(),
        start: Count64(span.start()),
        duration: Count64(span.duration()),
        values: values.to_vec(),
    }
}

/// The fields that the query names, but for those that every span tells.
fn values(subject: &Subject<'_>, at: usize, shown: &[Field]) -> Vec<(String, String)> {
    let told = |field: &&Field| !matches!(field, Field::Intrinsic(Intrinsic::Name | Intrinsic::Duration));
    let value = |field: &Field| match subject.field(field, at) {
        Value::Nil => None,
        value => Some((field.to_string(), value.to_text())),
    };
    shown.iter().filter(told).filter_map(value).collect()
}
