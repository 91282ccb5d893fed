//! Reads the parameters that say which spans a question is about: `q` in TraceQL, and those of a search.

use std::sync::Arc;

use model::Clock;
use query::answer::{About, Work};
use query::scope::{Bounds, Counted};
use query::{Scope, duration};
use serde::{Deserialize, Serialize};

use super::matching::spansets;
use super::{Asked, Failed};

/// The time of charts that name none.
pub(super) const SINCE_DEFAULT: u64 = 3_600_000_000_000;

/// What a side question of a page may cost.
pub(super) const BOUNDS: Bounds =
    Bounds { time_limit: std::time::Duration::from_secs(15), traces_max: 20_000 };

/// Parameters of lists of traces, which mean nothing where spans are counted.
const OF_LISTS: [&str; 3] = ["order", "limit", "cursor"];

impl Asked {
    /// The spans that the remaining parameters name.
    pub(super) fn scope(mut self, clock: &dyn Clock) -> Result<Scope, Failed> {
        if let Some(name) = OF_LISTS.into_iter().find(|name| self.names(name)) {
            return Err(Failed::invalid(format!("{name}: it has no meaning where spans are counted"))
                .remedy("leave it out"));
        }
        let text = self.take("q");
        let pipeline = text.map(|text| spansets(&text)).transpose()?.map(Arc::new);
        if self.names("q") {
            return Err(Failed::invalid("q: it is given twice").remedy("join the conditions with &&"));
        }
        Ok(Scope { search: self.search(clock)?, tenant: self.tenant, pipeline })
    }

    /// The same with a time that has two ends: without a start, the hour before the end.
    pub(super) fn timed_scope(self, clock: &dyn Clock) -> Result<Scope, Failed> {
        let mut scope = self.scope(clock)?;
        let time = &mut scope.search.time;
        time.end = time.end.min(clock.now());
        if time.start == 0 {
            time.start = time.end.saturating_sub(SINCE_DEFAULT);
        }
        Ok(scope)
    }

    /// A whole number in bounds.
    pub(super) fn number(&mut self, name: &str, default: usize, max: usize) -> Result<usize, Failed> {
        let Some(text) = self.take(name) else { return Ok(default) };
        let fault = || {
            Failed::invalid(format!("{name}: `{}` is not such a number", shown(&text)))
                .remedy(format!("it is a number from 1 to {max}"))
        };
        text.parse().ok().filter(|number| (1..=max).contains(number)).ok_or_else(fault)
    }

    /// A duration that is not 0, in nanoseconds.
    pub(super) fn nanos(&mut self, name: &str) -> Result<Option<u64>, Failed> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let fault = || {
            Failed::invalid(format!("{name}: `{}` is not a duration", shown(&text))).remedy("write 30s or 5m")
        };
        duration::parse(&text).filter(|nanos| *nanos > 0).map(Some).ok_or_else(fault)
    }

    /// Yes or no; no where it is not given.
    pub(super) fn truth(&mut self, name: &str) -> Result<bool, Failed> {
        match self.take(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => {
                let message = format!("{name}: `{}` is neither true nor false", shown(text));
                Err(Failed::invalid(message).remedy("write true or false"))
            }
        }
    }
}

/// How long the time of a scope is, where it has two ends.
pub(super) fn seconds(scope: &Scope, clock: &dyn Clock) -> Option<f64> {
    let time = scope.search.time;
    let length = time.end.min(clock.now()).saturating_sub(time.start);
    (time.start > 0 && length > 0).then_some(length as f64 / 1e9)
}

/// The beginning of a text that was sent.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

/// How counts came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutCounts {
    /// Traces that were looked at, where the store could not count by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<usize>,
    /// What every answer tells.
    #[serde(flatten)]
    pub answer: About,
}

/// How numbers came about.
pub(super) fn about(counted: &Counted) -> AboutCounts {
    let answer = About { next: None, partial: counted.partial.clone(), work: Work::from(counted.work) };
    AboutCounts { looked_at: counted.looked_at, answer }
}
