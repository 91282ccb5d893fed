//! Counts, errors and durations of many spans, by what they have in common.
//!
//! In: the field texts of spans and the steps of time. Out: [`Metric`] rows by group and time. Bounded by the rows of the
//! answer: of more groups the first are kept, in the order of the answer, so that a cut answer is the same from every
//! store.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use model::time::UnixNanos;
use model::{Span, StatusCode};

use crate::ReadError;
use crate::eval;
use crate::plan::{Field, Level};
use crate::sketch::Sketch;

/// By how many fields spans may be grouped at once; more is refused.
pub const FIELDS_MAX: usize = 8;

/// What the spans of one group have in common, and what they add up to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The texts of the fields, in the order in which the plan names them; see [`text_of`].
    pub by: Vec<Option<String>>,
    /// Where the step of time begins in which the spans start; `None` where the plan has no steps.
    pub time: Option<UnixNanos>,
    /// What they add up to.
    pub sum: Tally,
}

/// What spans add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Spans with status error.
    pub errors: u64,
    /// How long the spans took; its count is that of the spans.
    pub durations: Sketch,
}

impl Tally {
    /// How many spans.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.durations.count()
    }

    /// Counts a span.
    pub fn add(&mut self, duration: u64, failed: bool) {
        self.durations.add(duration);
        self.errors += u64::from(failed);
    }

    /// Takes a span out that was counted; see [`Sketch::remove`].
    pub fn remove(&mut self, duration: u64, failed: bool, has_equal: bool) -> bool {
        let is_out = self.durations.remove(duration, has_equal);
        self.errors -= u64::from(is_out && failed);
        is_out
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        self.durations.merge(&other.durations);
        self.errors += other.errors;
    }
}

/// The group of a span: the texts of its fields and its step of time.
pub type Group = (Vec<Option<String>>, Option<UnixNanos>);

/// Groups with what their spans add up to.
#[derive(Clone, Debug)]
pub struct Table {
    rows: BTreeMap<Group, Tally>,
    rows_max: usize,
    has_more: bool,
}

impl Table {
    /// A table that keeps at most so many groups, the first in their order.
    #[must_use]
    pub fn new(rows_max: usize) -> Self {
        Self { rows: BTreeMap::new(), rows_max, has_more: false }
    }

    /// Where the spans of a group add up; `None` where the group comes after all that are kept.
    pub fn tally(&mut self, group: Group) -> Option<&mut Tally> {
        if self.rows.len() == self.rows_max && !self.rows.contains_key(&group) {
            self.has_more = true;
            let last = self.rows.last_entry()?;
            if *last.key() < group {
                return None;
            }
            last.remove();
        }
        Some(self.rows.entry(group).or_default())
    }

    /// Counts a span in its group.
    pub fn add(&mut self, by: &[Field], step: Option<u64>, span: Span<'_>) {
        let texts = by.iter().map(|field| text_of(field, span).map(Cow::into_owned)).collect();
        if let Some(tally) = self.tally((texts, step.map(|step| step_of(span.start(), step)))) {
            tally.add(span.duration(), span.status() == StatusCode::Error);
        }
    }

    /// Takes a span out of its group that another one equals which stays there.
    pub fn take_out(&mut self, group: &Group, duration: u64, failed: bool) {
        if let Some(tally) = self.rows.get_mut(group) {
            tally.remove(duration, failed, true);
        }
    }

    /// The rows, by group and time, and whether there were more groups.
    #[must_use]
    pub fn finish(self) -> (Vec<Metric>, bool) {
        let metric = |((by, time), sum)| Metric { by, time, sum };
        (self.rows.into_iter().map(metric).collect(), self.has_more)
    }
}

/// Where the step begins in which a time lies: steps are counted from 1970.
#[must_use]
pub fn step_of(time: UnixNanos, step: u64) -> UnixNanos {
    time - time % step
}

/// The nanoseconds of a step.
///
/// # Errors
/// Where there are none, or too many to count.
pub fn step_ns(step: Option<Duration>) -> Result<Option<u64>, ReadError> {
    let Some(step) = step else { return Ok(None) };
    let ns = u64::try_from(step.as_nanos()).ok().filter(|ns| *ns > 0);
    let wrong = || ReadError::Invalid {
        reason: format!("the step of time is {step:?}: give at least a nanosecond and less than 500 years"),
    };
    ns.map(Some).ok_or_else(wrong)
}

/// The text by which a span is grouped: the value of the field as [`Value::to_text`](model::Value::to_text) writes it.
///
/// An attribute that is asked for on any level is taken from the span, else its resource, scope, events, links; of several
/// values there, the least text counts. `None` where the span has no value.
#[must_use]
pub fn text_of<'a>(field: &Field, span: Span<'a>) -> Option<Cow<'a, str>> {
    let some = |text: &'a str| (!text.is_empty()).then_some(Cow::Borrowed(text));
    match field {
        Field::Service => Some(span.service().into()),
        Field::Name => Some(span.name().into()),
        Field::Kind => Some(span.kind().as_str().into()),
        Field::Status => Some(span.status().as_str().into()),
        Field::StatusMessage => some(span.status_message()),
        Field::Duration => Some(i64::try_from(span.duration()).unwrap_or(i64::MAX).to_string().into()),
        Field::ScopeName => some(span.scope().name()),
        Field::ScopeVersion => some(span.scope().version()),
        Field::EventName => span.events().map(|event| event.name().into()).min(),
        Field::LinkTraceId => span.links().map(|link| link.trace_id().to_string().into()).min(),
        Field::LinkSpanId => span.links().map(|link| link.span_id().to_string().into()).min(),
        Field::Attribute { level: Level::Any, key } => {
            INWARDS.iter().find_map(|level| least(*level, key, span))
        }
        Field::Attribute { level, key } => least(*level, key, span),
    }
}

/// Where an attribute of any level is looked for, first to last.
pub const INWARDS: [Level; 5] = [Level::Span, Level::Resource, Level::Scope, Level::Event, Level::Link];

fn least<'a>(level: Level, key: &str, span: Span<'a>) -> Option<Cow<'a, str>> {
    let mut least: Option<Cow<'a, str>> = None;
    eval::any_attribute(level, span, &mut |attributes| {
        let texts = attributes.values_of(key).map(|value| value.to_text());
        least = texts.chain(least.take()).min();
        false
    });
    least
}

#[cfg(test)]
mod tests;
