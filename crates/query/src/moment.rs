//! Points in time as people write them.
//!
//! `2026-01-31T12:00:00Z` (RFC 3339, fraction and offset welcome, also a bare date), a Unix time in seconds,
//! milliseconds, microseconds or nanoseconds (told apart by size), `now`, `now-15m`, or `-15m`.

use model::time::UnixNanos;

use crate::duration;

/// What the advice says.
pub const FORMS: &str =
    "write RFC 3339 (2026-01-31T12:00:00Z), a Unix time, or a time before now (-15m, now-1h)";

/// Reads a point in time; `None` where the text is none, or lies outside what OTLP can express.
#[must_use]
pub fn parse(text: &str, now: UnixNanos) -> Option<UnixNanos> {
    if text == "now" {
        return Some(now);
    }
    let relative = text.strip_prefix("now").unwrap_or(text);
    if let Some(ago) = relative.strip_prefix('-') {
        return now.checked_sub(duration::parse(ago)?);
    }
    if let Some(ahead) = text.strip_prefix("now+") {
        return now.checked_add(duration::parse(ahead)?);
    }
    unix(text).or_else(|| rfc3339(text))
}

/// Up to the year 5138 as seconds, and so on down: the smallest nanoseconds that are told apart are of March 1973.
fn unix(text: &str) -> Option<UnixNanos> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = whole.parse().ok()?;
    let scale = match number {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    };
    number.checked_mul(scale)?.checked_add(fraction_of(fraction, scale)?)
}

/// The digits after a point, as a part of `scale`.
fn fraction_of(digits: &str, scale: u64) -> Option<u64> {
    let mut worth = scale;
    let mut sum = 0;
    for digit in digits.bytes() {
        worth /= 10;
        sum += u64::from(digit.is_ascii_digit().then(|| digit - b'0')?) * worth;
    }
    Some(sum)
}

fn rfc3339(text: &str) -> Option<UnixNanos> {
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (date, clock),
        None => (text, "00:00:00Z"),
    };
    let days = days_since_1970(date)?;
    let zone = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(zone);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let seconds = seconds_of_day(clock)?;
    let whole = i64::from(days) * 86_400 + i64::from(seconds) - offset(zone)?;
    u64::try_from(whole).ok()?.checked_mul(1_000_000_000)?.checked_add(fraction_of(fraction, 1_000_000_000)?)
}

fn digits(text: &str, length: usize, most: u32) -> Option<u32> {
    let fits = text.len() == length && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|number| fits && *number <= most)
}

fn days_since_1970(date: &str) -> Option<i32> {
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4, 9999)?;
    let month = digits(parts.next()?, 2, 12)?;
    let day = digits(parts.next()?, 2, 31)?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if parts.next().is_some() || month == 0 || day == 0 || day > longest {
        return None;
    }
    // Years begin in March here, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year as i32, month - 3) } else { (year as i32 - 1, month + 9) };
    let days_before_year = year * 365 + year / 4 - year / 100 + year / 400;
    let days_before_month = (153 * month as i32 + 2) / 5;
    Some(days_before_year + days_before_month + day as i32 - 1 - 719_468)
}

fn seconds_of_day(clock: &str) -> Option<u32> {
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2, 23)?;
    let minute = digits(parts.next()?, 2, 59)?;
    let second = parts.next().map_or(Some(0), |second| digits(second, 2, 60))?;
    parts.next().is_none().then_some(hour * 3_600 + minute * 60 + second)
}

fn offset(zone: &str) -> Option<i64> {
    let (sign, clock) = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(0),
        ("+", clock) => (1, clock),
        ("-", clock) => (-1, clock),
        _ => return None,
    };
    Some(sign * i64::from(seconds_of_day(clock)?))
}

/// Writes a point in time as RFC 3339 in UTC with all its nanoseconds.
#[must_use]
pub fn write(at: UnixNanos) -> String {
    let (seconds, nanos) = (at / 1_000_000_000, at % 1_000_000_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

#[cfg(test)]
mod tests;
