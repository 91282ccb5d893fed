//! One measured number, and what is made of many.

use std::time::Duration;

use serde::Serialize;

/// A number with its name and unit.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
}

pub(crate) fn figure(name: impl Into<String>, value: f64, unit: &'static str) -> Figure {
    Figure { name: name.into(), value, unit }
}

impl Figure {
    /// The number as people read it: whole where it is large, three digits where it is small.
    pub(crate) fn shown(&self) -> String {
        let value = self.value;
        if value.abs() < 100.0 {
            let digits = if value.abs() < 1.0 { 3 } else { 2 };
            return format!("{value:.digits$}");
        }
        let whole = format!("{:.0}", value.abs());
        let grouped: Vec<&str> =
            whole.as_bytes().rchunks(3).rev().map(|three| std::str::from_utf8(three).unwrap_or("")).collect();
        format!("{}{}", if value < 0.0 { "-" } else { "" }, grouped.join(","))
    }
}

/// Times of many equal things.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of them did not exceed, in milliseconds.
    pub(crate) fn quantile_ms(&mut self, share: f64) -> f64 {
        self.0.sort_unstable();
        let place = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(place.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_rounded() {
        let shown = |value| figure("", value, "").shown();
        assert_eq!(
            [shown(1_234_567.8), shown(100.4), shown(12.345), shown(0.12345)],
            ["1,234,568", "100", "12.35", "0.123"]
        );
    }

    #[test]
    fn a_quantile_is_the_smallest_time_that_enough_stay_within() {
        let mut times = Times::default();
        (1..=100).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!(
            [times.quantile_ms(0.5), times.quantile_ms(0.99), times.quantile_ms(1.0)],
            [50.0, 99.0, 100.0]
        );
    }
}
