//! When to send again: exponential back-off as the Collector's `retry_on_failure` does it.
//!
//! Values in, values out: the time that has passed and the chance are handed in, waiting is the
//! caller's. A server's own hint is a lower bound.

use std::time::Duration;

/// How often and how long a failed request is repeated.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// False: a failure is final.
    pub enabled: bool,
    /// The first pause.
    pub initial_interval: Duration,
    /// Each pause is stretched or shortened by up to this share, by chance.
    pub randomization_factor: f64,
    /// Each pause is this many times as long as the one before.
    pub multiplier: f64,
    /// No pause is longer, chance apart.
    pub interval_max: Duration,
    /// No further attempt once this has passed since the first; zero: for ever.
    pub elapsed_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            enabled: true,
            initial_interval: Duration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            interval_max: Duration::from_secs(30),
            elapsed_max: Duration::from_secs(300),
        }
    }
}

/// The pauses between the attempts of one request.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: RetryPolicy,
    interval: Duration,
}

impl Backoff {
    /// Starts with the first pause.
    pub fn new(policy: RetryPolicy) -> Backoff {
        let interval = policy.initial_interval;
        Backoff { policy, interval }
    }

    /// How long to wait before the next attempt; None: give up.
    ///
    /// `elapsed` is the time since the first attempt, `hint` what the server asked for, `chance` in 0..1.
    pub fn pause(&mut self, elapsed: Duration, hint: Option<Duration>, chance: f64) -> Option<Duration> {
        let policy = &self.policy;
        if !policy.enabled {
            return None;
        }
        let spread = policy.randomization_factor * (2.0 * chance - 1.0);
        let pause = scaled(self.interval, 1.0 + spread).max(hint.unwrap_or(Duration::ZERO));
        let is_over = elapsed.saturating_add(pause) > policy.elapsed_max;
        if is_over && !policy.elapsed_max.is_zero() {
            return None;
        }
        self.interval = scaled(self.interval, policy.multiplier).min(policy.interval_max);
        Some(pause)
    }
}

/// Reads `Retry-After` in its form of seconds.
pub fn parse_retry_after(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

fn scaled(interval: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(interval.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
