//! How many spans are due when: a steady rate, or one with spikes.
//!
//! Plain data. Whoever sends asks [`Rate::due`] how many spans should have gone out by now, and keeps to it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Spans per second over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// The same all the time.
    Constant(f64),
    /// A base rate that jumps to a peak at the end of every period.
    Spike(Spike),
}

/// A rate that jumps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Spans per second outside of spikes.
    pub base: f64,
    /// Spans per second within one.
    pub peak: f64,
    /// How long a spike lasts; at most `every`.
    pub lasting: Duration,
    /// From the start of one spike to the start of the next.
    pub every: Duration,
}

impl Rate {
    /// Spans per second at this time after the start.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Spike(spike) if spike.within(elapsed) >= spike.calm() => spike.peak,
            Self::Spike(spike) => spike.base,
        }
    }

    /// How many spans should have been sent by this time after the start.
    #[must_use]
    pub fn due(&self, elapsed: Duration) -> u64 {
        let spans = match self {
            Self::Constant(rate) => rate * elapsed.as_secs_f64(),
            Self::Spike(spike) => spike.due(elapsed),
        };
        spans as u64
    }
}

impl Spike {
    fn calm(&self) -> f64 {
        (self.every.as_secs_f64() - self.lasting.as_secs_f64()).max(0.0)
    }

    fn within(&self, elapsed: Duration) -> f64 {
        elapsed.as_secs_f64() % self.every.as_secs_f64()
    }

    fn due(&self, elapsed: Duration) -> f64 {
        let part = |seconds: f64| {
            self.base * seconds.min(self.calm()) + self.peak * (seconds - self.calm()).max(0.0)
        };
        let periods = (elapsed.as_secs_f64() / self.every.as_secs_f64()).floor();
        periods * part(self.every.as_secs_f64()) + part(self.within(elapsed))
    }
}

/// Why a rate can't be read, and what would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateProblem(String);

impl fmt::Display for RateProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "rate `{}`: write spans per second, as 500, or 500 spike 5000 for 10s every 60s", self.0)
    }
}

impl std::error::Error for RateProblem {}

impl FromStr for Rate {
    type Err = RateProblem;

    /// Reads `500` and `500 spike 5000 for 10s every 60s`.
    fn from_str(text: &str) -> Result<Self, RateProblem> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let rate = match words[..] {
            [rate] => spans(rate).map(Self::Constant),
            [base, "spike", peak, "for", lasting, "every", every] => {
                spike([base, peak], [lasting, every]).map(Self::Spike)
            }
            _ => None,
        };
        rate.ok_or_else(|| RateProblem(text.to_owned()))
    }
}

fn spike([base, peak]: [&str; 2], [lasting, every]: [&str; 2]) -> Option<Spike> {
    let spike = Spike {
        base: spans(base)?,
        peak: spans(peak)?,
        lasting: duration(lasting)?,
        every: duration(every)?,
    };
    (spike.lasting <= spike.every && spike.every >= Duration::from_millis(1)).then_some(spike)
}

fn spans(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|rate| (0.0..=1e9).contains(rate))
}

/// Reads `300ms`, `2s`, `1.5m`, `1h`, `250us`; a year at most.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let total = number.parse::<f64>().ok()? * seconds;
    (total <= 31_536_000.0).then(|| Duration::from_secs_f64(total))
}

#[cfg(test)]
mod tests;
