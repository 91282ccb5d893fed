//! Time as an argument: nanoseconds since 1970, read from a [`Clock`] that is handed in.

use std::time::UNIX_EPOCH;

/// Nanoseconds since 1970-01-01 UTC, as OTLP counts them.
pub type UnixNanos = u64;

/// Where "now" comes from, so that a run can be replayed.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> UnixNanos;

    /// How long the machine has been up, where that is known: unlike the wall clock nobody sets it.
    fn uptime(&self) -> Option<Uptime> {
        None
    }
}

/// How long a machine has been up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Another number each time the machine is started.
    pub boot: u64,
    /// Nanoseconds since then, those asleep included.
    pub up_ns: u64,
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

    /// As Linux tells it; unknown elsewhere.
    fn uptime(&self) -> Option<Uptime> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let boot = u64::from_str_radix(id.replace('-', "").get(..16)?, 16).ok()?;
        let up = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds: f64 = up.split_whitespace().next()?.parse().ok()?;
        Some(Uptime { boot, up_ns: (seconds * 1e9) as u64 })
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
