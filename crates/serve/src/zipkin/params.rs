//! Reads the parameters of a request; what is wrong is named with what would be right.

use model::time::UnixNanos;
use model::{TimeRange, TraceId};

use super::reply::Refusal;
use crate::query_string;

/// How far back is looked where no lookback is given, in milliseconds: a day.
const LOOKBACK: u64 = 86_400_000;

/// Named values, in the order in which they were sent.
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads the part of a URL after `?`.
    pub(super) fn read(query: &str) -> Self {
        Self(query_string::pairs(query))
    }

    /// The first value of a name, without blanks around it and unless it is empty.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.first(name).ok_or_else(|| Refusal::bad_request(format!("{name} is missing")))
    }

    /// A whole number above zero.
    pub(super) fn positive(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.first(name) else { return Ok(None) };
        let number: i64 = text.parse().map_err(|_| {
            let shown: String = text.chars().take(100).collect();
            Refusal::bad_request(format!("{name}: {shown:?} is not a whole number"))
        })?;
        let positive = u64::try_from(number).ok().filter(|number| *number > 0);
        positive.map(Some).ok_or_else(|| Refusal::bad_request(format!("{name} <= 0")))
    }

    /// `endTs` and `lookback` in milliseconds: the time of the first span of a trace, both ends inside.
    pub(super) fn time(&self, now: UnixNanos) -> Result<TimeRange, Refusal> {
        let end = self.positive("endTs")?.unwrap_or(now / 1_000_000);
        let lookback = self.positive("lookback")?.unwrap_or(LOOKBACK);
        let start = end.saturating_sub(lookback).saturating_mul(1_000_000);
        // Zipkin compares microseconds: the last of them has a thousand nanoseconds.
        Ok(TimeRange { start, end: end.saturating_mul(1_000_000).saturating_add(1_000) })
    }
}

/// A trace id as Zipkin takes it: hexadecimal digits in lower case, padded with zeros or not.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Refusal> {
    const DIGITS_MAX: usize = 32;
    let text = text.trim();
    let is_hexadecimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let fault = if text.is_empty() {
        "traceId is empty".to_owned()
    } else if text.len() > DIGITS_MAX {
        "traceId.length > 32".to_owned()
    } else if !is_hexadecimal {
        let shown: String = text.chars().take(DIGITS_MAX).collect();
        format!("{shown} should be lower-hex encoded with no prefix")
    } else {
        let zero = || Refusal::bad_request("traceId is all zeros");
        return TraceId::parse(text).ok_or_else(zero);
    };
    Err(Refusal::bad_request(fault))
}
