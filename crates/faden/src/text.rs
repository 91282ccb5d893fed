//! Words for the terminal: times, counts and names from strangers, fitted into columns.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// What came from outside, harmless on a terminal: control and direction characters are written as escapes.
pub fn harmless(text: &str) -> String {
    if !text.chars().any(is_dangerous) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for one in text.chars() {
        match one {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            one if is_dangerous(one) => {
                write!(out, "\\u{{{:x}}}", one as u32).expect("a String takes every text")
            }
            one => out.push(one),
        }
    }
    out
}

/// The same for several lines.
pub fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// Control characters, and those that turn the direction of writing or take no room.
fn is_dangerous(one: char) -> bool {
    one.is_control()
        || matches!(one, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// How many columns the text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// The text in at most so many columns; what is cut off is shown as `…`.
pub fn cut(text: &str, columns_max: usize) -> String {
    if columns(text) <= columns_max {
        return text.to_owned();
    }
    let mut room = columns_max.saturating_sub(1);
    let kept = text.chars().take_while(|one| {
        let fits = char_columns(*one) <= room;
        room = room.saturating_sub(char_columns(*one));
        fits
    });
    let mut out: String = kept.collect();
    if columns_max > 0 {
        out.push('…');
    }
    out
}

/// Nanoseconds in three digits and a unit: `850ns`, `1.25ms`, `12.5s`, `3m05s`, `2h10m`.
pub fn duration(ns: u64) -> String {
    const MINUTE: u64 = 60_000_000_000;
    match ns {
        0 => "0".to_owned(),
        1..1_000 => format!("{ns}ns"),
        1_000..999_500 => three_digits(ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => three_digits(ns as f64 / 1e6, "ms"),
        999_500_000..MINUTE => three_digits(ns as f64 / 1e9, "s"),
        MINUTE..3_600_000_000_000 => format!("{}m{:02}s", ns / MINUTE, ns % MINUTE / 1_000_000_000),
        _ => format!("{}h{:02}m", ns / (60 * MINUTE), ns / MINUTE % 60),
    }
}

/// What it means that the wall clock jumped so many seconds ahead, or back where negative.
pub fn clock_jumped(ahead_s: i64, left_s: u64) -> String {
    let far = duration(ahead_s.unsigned_abs().saturating_mul(1_000_000_000));
    let way = if ahead_s < 0 { "back by" } else { "ahead by" };
    let left = duration(left_s.saturating_mul(1_000_000_000));
    format!(
        "it jumped {way} {far}: for {left}, or until it comes back, nothing goes by age that was not to go before"
    )
}

fn three_digits(value: f64, unit: &str) -> String {
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    let digits = format!("{value:.decimals$}");
    let digits = if decimals > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{unit}")
}

/// A number with separated thousands: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 span`, `2 spans`.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// Bytes in three digits and a unit: `12.5 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = [" B", " KiB", " MiB", " GiB", " TiB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    three_digits(value, UNITS[unit])
}

/// A moment in UTC, to the millisecond: `2026-11-20 20:41:07.123`.
pub fn moment(unix_ns: u64) -> String {
    let seconds = unix_ns / 1_000_000_000;
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let ms = unix_ns / 1_000_000 % 1_000;
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{ms:03}")
}

/// The date of a day since 1970 in the Gregorian calendar (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

fn char_columns(one: char) -> usize {
    one.width().unwrap_or(0)
}

#[cfg(test)]
mod tests;
