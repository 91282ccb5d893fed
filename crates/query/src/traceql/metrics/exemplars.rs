//! Traces that stand for the numbers of a series.
//!
//! The time is cut into slices, and of each the newest matching traces are taken, so that examples lie all over a
//! chart. They cost a search of their own: none is made where none is asked for. Bounded by [`EXEMPLARS_MAX`].

use std::sync::Arc;

use model::TimeRange;

use super::super::ast::{Measure, Metrics, Series as Asked};
use super::super::eval::Subject;
use super::super::search::{self, Match, search};
use super::gather::{label_text, measure};
use super::{Request, Series};
use crate::{Error, Query};

/// An answer has at most so many examples.
pub const EXEMPLARS_MAX: usize = 100;

/// The parts of the time of which each has its own examples.
const SLICES: u64 = 10;

/// A trace that stands for a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// The trace and the span, and what the span's series is of.
    pub labels: Vec<(String, String)>,
    /// What was measured of the span; the number of its step where spans are counted.
    pub value: f64,
    /// When the span starts, Unix nanoseconds.
    pub time: u64,
}

/// At most so many examples, each with the place of the series that it stands for. What is computed of several
/// series, and a comparison, has none.
///
/// # Errors
/// [`Error`].
pub async fn exemplars(
    query: &Query,
    metrics: &Metrics,
    request: &Request,
    (series, max): (&[Series], usize),
) -> Result<Vec<(usize, Exemplar)>, Error> {
    let Metrics::Series(asked) = metrics else { return Ok(Vec::new()) };
    let max = max.min(EXEMPLARS_MAX);
    if max == 0 || matches!(asked.measure, Measure::Compare(_)) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for time in slices(request.time) {
        let limit = (max - found.len()).min(max.div_ceil(SLICES as usize));
        if limit == 0 {
            break;
        }
        let asked_for = search::Request {
            tenant: request.tenant.clone(),
            time,
            limit,
            after: None,
            time_limit: request.time_limit,
        };
        let answer = search(query, Arc::new(asked.spans.clone()), &asked_for).await?;
        found.extend(answer.traces.iter().filter_map(|found| example(asked, found, request, series)));
    }
    Ok(found)
}

fn slices(time: TimeRange) -> impl Iterator<Item = TimeRange> {
    let step = (time.end.saturating_sub(time.start) / SLICES).max(1);
    let start = move |at: u64| time.start.saturating_add(step.saturating_mul(at));
    let slice = move |at| TimeRange {
        start: start(at),
        end: if at + 1 == SLICES { time.end } else { start(at + 1) },
    };
    (0..SLICES).map(slice).filter(move |slice| slice.start < slice.end.min(time.end))
}

fn example(asked: &Asked, found: &Match, request: &Request, series: &[Series]) -> Option<(usize, Exemplar)> {
    let at = *found.sets.first()?.spans.first()? as usize;
    let subject = Subject::new(&found.trace);
    let span = subject.span(at);
    let measured = match &asked.measure {
        Measure::Rate | Measure::Count | Measure::Compare(_) => None,
        Measure::Over(_, field) | Measure::Quantiles(field, _) | Measure::Histogram(field) => {
            Some(measure(&subject.field(field, at))?)
        }
    };
    let value = |field| (format!("{field}"), label_text(&subject.field(field, at)));
    let labels: Vec<(String, String)> = asked.by.iter().map(value).collect();
    let step = request.step_of(span.start());
    let place = place(asked, &labels, (measured, step), series)?;
    let value = match (&asked.measure, measured) {
        (Measure::Over(..) | Measure::Quantiles(..), Some(measured)) => measured,
        _ => sample(&series[place], step)?,
    };
    let ids = [
        ("trace:id".to_owned(), span.trace_id().to_string()),
        ("span:id".to_owned(), span.span_id().to_string()),
    ];
    let labels = ids.into_iter().chain(labels).collect();
    Some((place, Exemplar { labels, value, time: span.start() }))
}

fn sample(series: &Series, step: u64) -> Option<f64> {
    series.samples.iter().find(|(time, _)| *time == step).map(|(_, value)| *value)
}

/// The series that a span belongs to: of quantiles the nearest, of buckets the least that holds it.
fn place(
    asked: &Asked,
    labels: &[(String, String)],
    (measured, step): (Option<f64>, u64),
    series: &[Series],
) -> Option<usize> {
    let of_labels = |series: &Series| labels.iter().all(|label| series.labels.contains(label));
    let same = series.iter().enumerate().filter(|(_, series)| of_labels(series));
    let number = |series: &Series, name: &str| {
        series.labels.iter().find(|(found, _)| found == name).and_then(|(_, text)| text.parse::<f64>().ok())
    };
    match (&asked.measure, measured) {
        (Measure::Quantiles(..), Some(measured)) => {
            let distances =
                same.filter_map(|(at, series)| Some((at, (sample(series, step)? - measured).abs())));
            distances.min_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(at, _)| at)
        }
        (Measure::Histogram(_), Some(measured)) => {
            let buckets = same.filter_map(|(at, series)| Some((at, number(series, "__bucket")?)));
            let holding = buckets.filter(|(_, upper)| measured <= *upper);
            holding.min_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(at, _)| at)
        }
        _ => same.map(|(at, _)| at).next(),
    }
}
