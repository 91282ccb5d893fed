//! Reads the parameters of a request; what is wrong is named with what would be right.

use std::time::Duration;

use model::TimeRange;
use model::time::UnixNanos;
use query::{duration, moment};

use super::reply::Refusal;
use crate::query_string;

/// How long an answer may take.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The answer to a search has so many traces, unless it is told otherwise.
const TRACES_DEFAULT: usize = 20;

/// A search may ask for so many traces, as in Tempo; more is refused.
const TRACES_ASKED_MAX: usize = 262_144;

/// So many of them are answered at once; where there are more, the answer is partial.
pub(super) const TRACES_MAX: usize = 10_000;

/// A spanset shows so many spans, unless it is told otherwise.
const SPANS_DEFAULT: usize = 3;

/// A spanset shows at most so many spans.
const SPANS_MAX: usize = 100;

/// Named values, in the order in which they were sent.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the part of a URL after `?`.
    pub(super) fn read(query: &str) -> Self {
        Self(query_string::pairs(query))
    }

    pub(super) fn of(values: Vec<(String, String)>) -> Self {
        Self(values)
    }

    /// The first value of a name, unless it is empty.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(found, _)| found == name);
        values.next().map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The names that are none of these, with their values.
    pub(super) fn others<'a>(&'a self, known: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(|(name, _)| !known.contains(&name.as_str()))
            .map(|(name, value)| (&name[..], &value[..]))
    }

    /// From `start` to `end`, Unix seconds each; all time without them.
    pub(super) fn time(&self) -> Result<TimeRange, Refusal> {
        let seconds = |name: &str| self.get(name, |text| text.parse::<u32>().ok(), "a Unix time in seconds");
        let nanos = |seconds: u32| u64::from(seconds) * 1_000_000_000;
        let start = seconds("start")?.map_or(TimeRange::ALL.start, nanos);
        let end = seconds("end")?.filter(|end| *end > 0).map_or(TimeRange::ALL.end, nanos);
        if start > end {
            return Err(Refusal::bad_request("`start` lies after `end`: exchange the two"));
        }
        Ok(TimeRange { start, end })
    }

    /// How many traces are asked for.
    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let read = |text: &str| text.parse().ok().filter(|limit| (1..=TRACES_ASKED_MAX).contains(limit));
        let expected = format!("a number from 1 to {TRACES_ASKED_MAX}");
        Ok(self.get("limit", read, &expected)?.unwrap_or(TRACES_DEFAULT))
    }

    /// How many names an answer may have, of keys those of each scope; 0 stands for all, as in Tempo.
    pub(super) fn names_max(&self) -> Result<usize, Refusal> {
        self.count("limit")
    }

    /// How many series an answer may have; 0 stands for as many as there may be.
    pub(super) fn series_max(&self) -> Result<usize, Refusal> {
        self.count("maxSeries")
    }

    fn count(&self, name: &str) -> Result<usize, Refusal> {
        let count = self.get(name, |text| text.parse().ok(), "a whole number")?;
        Ok(count.filter(|count| *count > 0).unwrap_or(usize::MAX))
    }

    /// How many spans a spanset shows; 0 asks for as many as there may be.
    pub(super) fn spans_per_set(&self) -> Result<usize, Refusal> {
        let read = |text: &str| text.parse().ok().filter(|count| *count <= SPANS_MAX);
        let asked =
            self.get("spss", read, &format!("a number from 0 to {SPANS_MAX}"))?.unwrap_or(SPANS_DEFAULT);
        Ok(if asked == 0 { SPANS_MAX } else { asked })
    }

    /// How many levels of a trace; -1 stands for all of them, which is `None`.
    pub(super) fn levels(&self, name: &str) -> Result<Option<Option<u32>>, Refusal> {
        let read = |text: &str| match text {
            "-1" => Some(None),
            text => text.parse().ok().map(Some),
        };
        self.get(name, read, "a number of levels, or -1 for all")
    }

    pub(super) fn boolean(&self, name: &str) -> Result<bool, Refusal> {
        Ok(self.get(name, |text| text.parse().ok(), "true or false")?.unwrap_or(false))
    }

    /// How many traces that stand for numbers are asked for; more than there may be are as many as there may be.
    pub(super) fn exemplars(&self) -> Result<Option<usize>, Refusal> {
        self.get("exemplars", |text| text.parse().ok(), "a whole number")
    }

    /// A duration in nanoseconds.
    pub(super) fn duration(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let read = |text: &str| duration::parse(text).and_then(|nanos| i64::try_from(nanos).ok());
        self.get(name, read, "a duration, such as 250ms")
    }

    /// A duration in nanoseconds; a bare number is in seconds.
    pub(super) fn duration_or_seconds(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let seconds = |text: &str| text.parse::<f64>().ok().map(|seconds| (seconds * 1e9) as u64);
        let read = |text: &str| seconds(text).or_else(|| duration::parse(text)).filter(|nanos| *nanos > 0);
        self.get(name, read, "a duration, such as 30s")
    }

    /// A moment: Unix seconds, Unix nanoseconds, or RFC 3339.
    pub(super) fn moment(&self, name: &str, now: UnixNanos) -> Result<Option<UnixNanos>, Refusal> {
        self.get(name, |text| moment::parse(text, now), &format!("a time; {}", moment::FORMS))
    }

    fn get<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.first(name) else { return Ok(None) };
        let shown: String = value.chars().take(100).collect();
        let fault = || Refusal::bad_request(format!("invalid {name}: {shown:?} is not {expected}"));
        read(value).map(Some).ok_or_else(fault)
    }
}
