//! Durations as people write them: `1.5s`, `1h30m`, `250us`, `7d`.
//!
//! Go's units and, as Prometheus has them, days, weeks and years of 365 days.

/// The units and their nanoseconds, longest word first.
const UNITS: [(&str, u64); 11] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
    ("y", 31_536_000_000_000_000),
];

/// Reads a duration in nanoseconds; `None` where the text is none, is negative, or is longer than 584 years. A bare
/// number has no unit and is no duration, but for `0`.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, after) = rest.split_at(digits);
        let word = after.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(word);
        let (_, nanos) = UNITS.iter().find(|(word, _)| *word == unit)?;
        sum = sum.checked_add(scaled(number, *nanos)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(sum)
}

/// `number` units of `nanos`, exact as far as nanoseconds go.
fn scaled(number: &str, nanos: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.checked_mul(nanos)? };
    let fraction = &fraction[..fraction.len().min(18)];
    let part = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? };
    let part = u128::from(part) * u128::from(nanos) / 10_u128.pow(fraction.len() as u32);
    whole.checked_add(u64::try_from(part).ok()?)
}

/// Writes a duration with three significant digits or more: `0s`, `850ns`, `1.5ms`, `2.35s`, `1m30s`, `3h5m`.
#[must_use]
pub fn write(nanos: u64) -> String {
    let trimmed = |value: f64, unit: &str| {
        let digits = if value < 10.0 {
            2
        } else if value < 100.0 {
            1
        } else {
            0
        };
        let text = format!("{value:.digits$}");
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        format!("{text}{unit}")
    };
    let seconds = nanos / 1_000_000_000;
    let pair = |high: u64, unit: &str, low: u64, small: &str| {
        if low == 0 { format!("{high}{unit}") } else { format!("{high}{unit}{low}{small}") }
    };
    match nanos {
        0 => "0s".into(),
        1..1_000 => format!("{nanos}ns"),
        1_000..999_500 => trimmed(nanos as f64 / 1e3, "µs"),
        999_500..999_500_000 => trimmed(nanos as f64 / 1e6, "ms"),
        999_500_000..60_000_000_000 => trimmed(nanos as f64 / 1e9, "s"),
        _ if seconds < 3_600 => pair(seconds / 60, "m", seconds % 60, "s"),
        _ if seconds < 86_400 => pair(seconds / 3_600, "h", seconds % 3_600 / 60, "m"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests;
