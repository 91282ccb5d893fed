//! What `faden store` says for people: figures in columns, with small pictures.

use std::fmt::Write as _;

use serve::keep::{Archive, BlockSums, Erasure, Next, Room, RulePart, StoreStat};

use crate::term::{Ink, Paint};
use crate::text;

/// How wide a bar is.
const BAR: usize = 20;
/// Eighths of a column, from the left and from below.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
const LEVELS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Tenants that are shown, the largest first.
const TENANTS_MAX: usize = 10;

/// What is kept.
pub fn stat(stat: &StoreStat, paint: Paint) -> String {
    let mut out = format!("{}\n", paint.ink(Ink::Bold, &text::harmless(&stat.location)));
    let blocks = text::counted(stat.blocks, "block");
    line(
        &mut out,
        "kept",
        &format!("{} in {blocks}, {}", text::counted(stat.spans, "span"), text::bytes(stat.bytes)),
    );
    if let Some((first, last)) = stat.time {
        line(&mut out, "", &format!("from {} to {} UTC", text::moment(first.0), text::moment(last.0)));
    }
    let waiting = text::counted(stat.uncommitted_spans, "span");
    line(&mut out, "on the way", &format!("{waiting}; the journal has {}", text::bytes(stat.journal_bytes)));
    parts(&mut out, stat, paint);
    ages(&mut out, stat, paint);
    room(&mut out, stat, paint);
    rules(&mut out, &stat.rules);
    next(&mut out, stat);
    gone(&mut out, stat);
    if let Some(jump) = stat.clock {
        line(&mut out, "clock", &paint.ink(Ink::Red, &text::clock_jumped(jump.ahead_s, jump.left_s)));
    }
    if let Some(why) = &stat.refusing {
        line(&mut out, "refusing", &paint.ink(Ink::Red, &text::harmless(why)));
    }
    out
}

fn line(out: &mut String, name: &str, words: &str) {
    writeln!(out, "  {name:<12} {words}").expect("a String takes every text");
}

fn parts(out: &mut String, stat: &StoreStat, paint: Paint) {
    let most = stat.parts.iter().map(|part| part.bytes).max().unwrap_or(0);
    for part in &stat.parts {
        let before = part.bytes_before.map(|before| format!("  of {} before", text::bytes(before)));
        let words = format!(
            "{:<5} {:>12} {:>18} {:>10}  {}{}",
            part.tier,
            text::counted(part.blocks, "block"),
            text::counted(part.spans, "span"),
            text::bytes(part.bytes),
            paint.ink(Ink::Dim, bar(part.bytes, most).trim_end()),
            before.unwrap_or_default(),
        );
        line(out, &format!("level {}", part.level), words.trim_end());
    }
    if stat.cooling.blocks > 0 {
        let blocks = text::counted(stat.cooling.blocks, "block");
        line(out, "", &format!("{blocks} with {} are due to become cold", text::bytes(stat.cooling.bytes)));
    }
    if stat.tenants.len() < 2 {
        return;
    }
    let mut tenants: Vec<_> = stat.tenants.iter().collect();
    tenants.sort_by(|left, right| right.bytes.cmp(&left.bytes).then(left.tenant.cmp(&right.tenant)));
    let most = tenants.first().map_or(0, |tenant| tenant.bytes);
    for (place, tenant) in tenants.iter().take(TENANTS_MAX).enumerate() {
        let words = format!(
            "{:<18} {:>18} {:>10}  {}",
            text::cut(&tenant.tenant, 18),
            text::counted(tenant.spans, "span"),
            text::bytes(tenant.bytes),
            paint.ink(Ink::Dim, bar(tenant.bytes, most).trim_end()),
        );
        line(out, if place == 0 { "tenants" } else { "" }, words.trim_end());
    }
    if tenants.len() > TENANTS_MAX {
        line(out, "", &format!("and {} more", tenants.len() - TENANTS_MAX));
    }
}

fn ages(out: &mut String, stat: &StoreStat, paint: Paint) {
    let (Some((first, _)), Some(most)) = (stat.time, stat.ages.iter().max()) else { return };
    let column = |bytes: &u64| LEVELS[eighths(*bytes, *most, 1).min(8)];
    let picture: String = stat.ages.iter().map(column).collect();
    let ago = long(stat.now.0.saturating_sub(first.0));
    line(out, "by age", &format!("{ago} ago {} now", paint.ink(Ink::Green, &picture)));
}

fn room(out: &mut String, stat: &StoreStat, paint: Paint) {
    let Room { bytes_max, bytes_waiting, bytes_per_s, full_at, bytes_steady } = &stat.room;
    if let Some(bytes_max) = bytes_max {
        let picture = paint.ink(Ink::Green, &bar(stat.bytes, *bytes_max));
        let words = format!("{} of {}  |{picture}|", text::bytes(stat.bytes), text::bytes(*bytes_max));
        line(out, "room", &words);
    }
    if *bytes_waiting > 0 {
        line(out, "", &format!("{} more wait to be deleted", text::bytes(*bytes_waiting)));
    }
    let a_day = (bytes_per_s * 86_400.0) as u64;
    let steady = format!("levels off at {} by age", text::bytes(*bytes_steady));
    let outlook = match full_at {
        Some(at) => {
            let days = at.0.saturating_sub(stat.now.0) as f64 / 86_400e9;
            format!("the limit is reached in {days:.1} days, on {} UTC", text::moment(at.0))
        }
        None if bytes_max.is_some() => format!("the limit is never reached: it {steady}"),
        None => steady,
    };
    line(out, "growth", &format!("{} a day; {outlook}", text::bytes(a_day)));
}

fn rules(out: &mut String, rules: &[RulePart]) {
    for (place, rule) in rules.iter().enumerate() {
        let time = long(rule.time_s.saturating_mul(1_000_000_000));
        let tenant = match rule.tenant.as_str() {
            "" => String::new(),
            tenant => format!(" of tenant {tenant}"),
        };
        let words = match rule.filter.as_str() {
            "" => format!("{time:<8} what no rule matches{tenant}"),
            filter => format!(
                "{time:<8} {}: {}{tenant} ({} kept so far)",
                text::harmless(&rule.name),
                text::harmless(filter),
                text::counted(rule.traces_kept, "trace")
            ),
        };
        line(out, if place == 0 { "kept for" } else { "" }, &words);
    }
}

fn next(out: &mut String, stat: &StoreStat) {
    for (place, Next { block, at, by, tenant, spans, bytes, is_whole }) in
        stat.next.iter().take(5).enumerate()
    {
        let wait = match at.0.checked_sub(stat.now.0) {
            None | Some(0) => "now".to_owned(),
            Some(wait) => format!("in {}", long(wait)),
        };
        let whole = if *is_whole { "" } else { " but what rules keep" };
        let tenant = if tenant == "default" { String::new() } else { format!(", tenant {tenant}") };
        let words = format!(
            "{wait:<12} {}, {}{whole} (by {by}{tenant}; block {block})",
            text::counted(*spans, "span"),
            text::bytes(*bytes)
        );
        line(out, if place == 0 { "goes next" } else { "" }, &text::harmless(&words));
    }
}

fn gone(out: &mut String, stat: &StoreStat) {
    for (place, dropped) in stat.dropped.iter().enumerate() {
        let spans = text::counted(dropped.spans, "span");
        let words = format!("{:<12} {spans} of {}", dropped.why, text::counted(dropped.blocks, "block"));
        line(out, if place == 0 { "gone so far" } else { "" }, &text::harmless(&words));
    }
    if stat.archived > 0 {
        line(out, "archived", &text::counted(stat.archived, "trace"));
    }
}

/// The archive.
pub fn archive(archive: &Archive, paint: Paint) -> String {
    if archive.traces.is_empty() {
        return "no trace is archived\n".to_owned();
    }
    let lines = archive.traces.iter().map(|trace| {
        let since = paint.ink(Ink::Dim, &format!("since {} UTC", text::moment(trace.since.0)));
        format!("{}  {since}\n", text::harmless(&trace.trace_id))
    });
    lines.collect()
}

/// What an erasure did, and the proof.
pub fn erasure(erasure: &Erasure, paint: Paint) -> String {
    let mut out = String::new();
    let spans = text::counted(erasure.spans, "span");
    let blocks = text::counted(erasure.blocks.len() as u64, "block");
    if erasure.dry_run {
        writeln!(out, "{spans} would be erased; {blocks} would be written again")
            .expect("a String takes every text");
    } else {
        writeln!(out, "{} from {blocks}", paint.ink(Ink::Bold, &format!("{spans} erased")))
            .expect("a String takes every text");
    }
    for block in &erasure.blocks {
        line(&mut out, "block", &sums(&block.before));
        match &block.after {
            Some(after) => line(&mut out, "  is now", &sums(after)),
            None if erasure.dry_run => line(&mut out, "  has", &text::counted(block.spans, "such span")),
            None => line(&mut out, "  is gone", "no span was left in it"),
        }
    }
    if erasure.dry_run {
        return out;
    }
    let verified = &erasure.verified;
    let looked = format!(
        "{} with {} and {} that are as old as the erasure: {} found",
        text::counted(verified.blocks, "block"),
        text::counted(verified.spans, "span"),
        text::counted(verified.journal_frames, "journal frame"),
        verified.blocks_found + verified.journal_found,
    );
    line(&mut out, "looked at", &looked);
    for id in &erasure.unreadable {
        line(&mut out, "unreadable", &paint.ink(Ink::Red, &text::harmless(id)));
    }
    let files = match erasure.files_gone_at {
        Some(at) => {
            format!("the old ones are deleted by {} UTC, copies in the cache included", text::moment(at.0))
        }
        None => "the old ones are deleted".to_owned(),
    };
    line(&mut out, "files", &files);
    if erasure.unarchived > 0 {
        line(&mut out, "archive", &format!("{} taken out", text::counted(erasure.unarchived, "trace")));
    }
    let verdict = match erasure.is_proven {
        true => paint.ink(Ink::Green, "nothing is left of what was acknowledged before"),
        false => paint.ink(Ink::Red, "it is not proven that nothing is left; see above, then try again"),
    };
    out + &format!("{verdict}\n")
}

fn sums(block: &BlockSums) -> String {
    format!(
        "{}: {}, spans.parquet {}, spans.idx {}",
        text::harmless(&block.block),
        text::counted(block.spans, "span"),
        block.data_crc32c,
        block.index_crc32c
    )
}

/// A duration, in days and hours where it is long.
fn long(ns: u64) -> String {
    let hours = ns / 3_600_000_000_000;
    match (hours / 24, hours % 24) {
        (0..2, _) => text::duration(ns),
        (days, 0) => format!("{days}d"),
        (days, hours) => format!("{days}d{hours:02}h"),
    }
}

/// A bar for a part of the whole.
fn bar(part: u64, whole: u64) -> String {
    let eighths = eighths(part, whole, BAR);
    let mut bar: String = std::iter::repeat_n('█', eighths / 8).collect();
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    format!("{bar:<BAR$}")
}

/// How many eighths of so many columns a part takes; something takes at least one.
fn eighths(part: u64, whole: u64, columns: usize) -> usize {
    if part == 0 || whole == 0 {
        return 0;
    }
    let share = (part as f64 / whole as f64).min(1.0);
    ((share * (columns * 8) as f64).round() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use query::answer::Count64;
    use serve::keep::{self, Dropped, Part};

    use super::*;

    const HOUR: u64 = 3_600_000_000_000;
    const NOW: u64 = 1_790_000_000_000_000_000;

    #[test]
    fn bars_show_parts_of_a_whole() {
        assert_eq!(bar(1, 1), "█".repeat(20));
        assert_eq!(bar(0, 1), " ".repeat(20));
        assert_eq!(bar(1, 1_000_000).trim_end(), "▏");
        assert_eq!(bar(9, 16).trim_end(), "███████████▎");
    }

    /// A store with a bit of everything.
    fn sample() -> StoreStat {
        StoreStat {
            location: "./faden-data".into(),
            now: Count64(NOW),
            blocks: 14,
            spans: 1_234_567,
            bytes: 60 << 20,
            time: Some((Count64(NOW - 50 * HOUR), Count64(NOW))),
            parts: vec![
                Part {
                    level: 0,
                    tier: "hot".into(),
                    blocks: 14,
                    spans: 1_234_567,
                    bytes: 60 << 20,
                    bytes_before: None,
                },
                Part {
                    level: 2,
                    tier: "cold".into(),
                    blocks: 1,
                    spans: 1_000,
                    bytes: 15 << 20,
                    bytes_before: Some(16 << 20),
                },
            ],
            cooling: keep::Cooling { blocks: 2, bytes: 3 << 20 },
            ages: vec![1, 0, 8, 4],
            room: Room {
                bytes_max: Some(120 << 20),
                bytes_waiting: 1 << 20,
                bytes_per_s: 364.0,
                full_at: Some(Count64(NOW + 48 * HOUR)),
                bytes_steady: 300 << 20,
            },
            rules: vec![
                RulePart { name: "time".into(), time_s: 604_800, ..RulePart::default() },
                RulePart {
                    name: "errors".into(),
                    filter: "status = error".into(),
                    time_s: 2_592_000,
                    traces_kept: 7,
                    ..RulePart::default()
                },
            ],
            next: vec![Next {
                block: "b-1".into(),
                at: Count64(NOW + 2 * HOUR),
                by: "time".into(),
                tenant: "default".into(),
                spans: 9,
                bytes: 1024,
                is_whole: false,
            }],
            dropped: vec![Dropped { why: "time".into(), blocks: 3, spans: 42 }],
            archived: 2,
            clock: Some(keep::ClockJump { ahead_s: -90 * 60, left_s: 23 * 3600 }),
            ..StoreStat::default()
        }
    }

    #[test]
    fn what_is_kept_is_told_with_what_goes_next_and_when_the_room_is_used_up() {
        let said = stat(&sample(), Paint::OFF);
        let expected = "\
./faden-data
  kept         1,234,567 spans in 14 blocks, 60 MiB
               from 2026-09-19 12:13:20.000 to 2026-09-21 14:13:20.000 UTC
  on the way   0 spans; the journal has 0 B
  level 0      hot      14 blocks    1,234,567 spans     60 MiB  ████████████████████
  level 2      cold       1 block        1,000 spans     15 MiB  █████  of 16 MiB before
               2 blocks with 3 MiB are due to become cold
  by age       2d02h ago ▁ █▄ now
  room         60 MiB of 120 MiB  |██████████          |
               1 MiB more wait to be deleted
  growth       30 MiB a day; the limit is reached in 2.0 days, on 2026-09-23 14:13:20.000 UTC
  kept for     7d       what no rule matches
               30d      errors: status = error (7 traces kept so far)
  goes next    in 2h00m     9 spans, 1 KiB but what rules keep (by time; block b-1)
  gone so far  time         42 spans of 3 blocks
  archived     2 traces
  clock        it jumped back by 1h30m: for 23h00m, or until it comes back, nothing goes by age that was not to go before
";
        assert_eq!(said, expected, "\n{said}");
    }
}
