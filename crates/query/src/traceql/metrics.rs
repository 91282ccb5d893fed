//! Numbers over time: `{ … } | rate() by(…)` and what follows.
//!
//! Where the store answers the whole question ([`Prefilter::is_exact`](super::Prefilter)) it counts by itself, from what it
//! has counted before where it can; otherwise every trace that may match is evaluated whole. Both fill the same
//! [`Cells`]. Steps are counted from 1970, so that two requests share theirs. Bounded by [`STEPS_MAX`], [`SERIES_MAX`]
//! and the time limit; an answer that is cut says so.

mod after;
mod cells;
mod compare;
mod exemplars;
mod gather;

use std::time::Duration;

use model::{Tenant, TimeRange};
use store::Work;

use self::cells::Cells;
pub use self::exemplars::{EXEMPLARS_MAX, Exemplar, exemplars};
use super::ast::Metrics;
use crate::{Error, Query};

/// An answer has so many steps; a shorter step is refused.
pub const STEPS_MAX: u64 = 11_000;

/// An answer has so many series; the rest are left out, and the answer says so.
pub const SERIES_MAX: usize = 1_000;

/// What a question asks for besides its text.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose spans.
    pub tenant: Tenant,
    /// Spans that start inside; both ends are known.
    pub time: TimeRange,
    /// How much time one value covers; `None` for one value of all.
    pub step: Option<Duration>,
    /// How long it may take; then the answer is partial.
    pub time_limit: Duration,
}

impl Request {
    /// Nanoseconds that a step covers.
    fn step_ns(&self) -> u64 {
        let whole = self.time.end.saturating_sub(self.time.start).max(1);
        self.step.map_or(whole, |step| u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1))
    }

    /// Where the step begins in which a time lies.
    fn step_of(&self, time: u64) -> u64 {
        if self.step.is_none() { self.time.start } else { store::metrics::step_of(time, self.step_ns()) }
    }

    /// Where every step begins.
    fn steps(&self) -> Vec<u64> {
        let first = self.step_of(self.time.start);
        let step = usize::try_from(self.step_ns()).unwrap_or(usize::MAX);
        (first..self.time.end.max(first + 1)).step_by(step).collect()
    }

    fn check(&self) -> Result<(), Error> {
        let steps = self.time.end.saturating_sub(self.time.start) / self.step_ns();
        if steps <= STEPS_MAX {
            return Ok(());
        }
        let reason =
            format!("the time range has {steps} steps, and {STEPS_MAX} are allowed: ask for a longer step");
        Err(Error::Invalid(reason))
    }
}

/// Numbers over time.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// In the order of their labels.
    pub series: Vec<Series>,
    /// Why numbers may be too low; `None` where the answer is whole.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What its spans have in common; empty for all spans.
    pub labels: Vec<(String, String)>,
    /// Where a step begins, Unix nanoseconds, and the value in it; ascending.
    pub samples: Vec<(u64, f64)>,
}

/// Computes the numbers.
///
/// # Errors
/// [`Error`].
pub async fn range(query: &Query, metrics: &Metrics, request: &Request) -> Result<Answer, Error> {
    request.check()?;
    let mut parts = Vec::new();
    after::series_of(metrics, &mut parts);
    let mut answer = Answer::default();
    let mut computed = Vec::new();
    for part in parts {
        let found = gather::gather(query, part, request).await?;
        answer.work += found.work;
        answer.partial = answer.partial.or(found.partial);
        computed.push(found.series);
    }
    answer.series = after::combined(metrics, &mut computed.into_iter());
    if answer.series.len() > SERIES_MAX {
        answer.series.truncate(SERIES_MAX);
        let reason = format!("there are more than {SERIES_MAX} series: name fewer labels, or add topk(…)");
        answer.partial.get_or_insert(reason);
    }
    Ok(answer)
}
