//! Time as an argument: nanoseconds since 1970, read from a [`Clock`] that is handed in.

use std::time::UNIX_EPOCH;

/// Nanoseconds since 1970-01-01 UTC, as OTLP counts them.
pub type UnixNanos = u64;

/// Where "now" comes from, so that a run can be replayed.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> UnixNanos;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the machine's clock is read")]
    fn now(&self) -> UnixNanos {
        let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Span starts from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First nanosecond inside.
    pub start: UnixNanos,
    /// First nanosecond after.
    pub end: UnixNanos,
}

impl TimeRange {
    /// Everything that OTLP can express.
    pub const ALL: Self = Self { start: 0, end: u64::MAX };

    /// True when `at` lies inside; `u64::MAX` as the end includes the last nanosecond.
    #[must_use]
    pub fn contains(&self, at: UnixNanos) -> bool {
        self.start <= at && (at < self.end || self.end == u64::MAX)
    }

    /// True when some nanosecond of `first..=last` lies inside.
    #[must_use]
    pub fn overlaps(&self, first: UnixNanos, last: UnixNanos) -> bool {
        self.start <= last && (first < self.end || self.end == u64::MAX)
    }
}
