//! Counts what becomes of every span: made = acknowledged + rejected + refused (+ unanswered, after Ctrl-C).

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use pipeline::Outcome;

use crate::deliver::Tally;
use crate::progress;
use crate::term::{Ink, Paint};
use crate::text;

/// Counts while requests are under way.
#[derive(Default)]
pub struct Ledger(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
struct Counts {
    made: r#gen::Summary,
    acknowledged: u64,
    rejected: u64,
    refused: u64,
    retries: u64,
    last_reason: String,
    times: Times,
}

/// What it came to.
#[derive(Debug)]
pub struct Report {
    counts: Counts,
    elapsed: Duration,
    is_sent: bool,
}

impl Ledger {
    /// Notes what was made so far.
    pub fn note_made(&self, made: r#gen::Summary) {
        self.counts().made = made;
    }

    /// What was made so far.
    pub fn made(&self) -> r#gen::Summary {
        self.counts().made
    }

    /// The end of a run over the network.
    pub fn report(&self, made: r#gen::Summary, elapsed: Duration) -> Report {
        Report { counts: Counts { made, ..self.counts().clone() }, elapsed, is_sent: true }
    }

    /// The end of a run into a file.
    pub fn written(&self, made: r#gen::Summary, elapsed: Duration) -> Report {
        Report { counts: Counts { made, ..Counts::default() }, elapsed, is_sent: false }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally for Ledger {
    fn note_retry(&self, reason: &str) {
        let mut counts = self.counts();
        counts.retries += 1;
        reason.clone_into(&mut counts.last_reason);
    }

    fn settle(&self, spans: u64, outcome: &Outcome, took: Duration) {
        let mut counts = self.counts();
        match outcome {
            Outcome::Stored => counts.acknowledged += spans,
            Outcome::Rejected { spans: rejected, reason } => {
                let rejected = spans.min(*rejected);
                counts.rejected += rejected;
                counts.acknowledged += spans - rejected;
                reason.text().clone_into(&mut counts.last_reason);
            }
            Outcome::Retry { reason, .. } => {
                counts.refused += spans;
                reason.text().clone_into(&mut counts.last_reason);
                return;
            }
        }
        counts.times.add(took);
    }
}

impl Report {
    /// Whether every span that was made was acknowledged.
    pub fn is_all_taken(&self) -> bool {
        !self.is_sent || self.counts.acknowledged == self.counts.made.spans
    }

    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        let Counts { made, acknowledged, rejected, refused, retries, last_reason, times } = &self.counts;
        let mut out = String::new();
        let mut line = |name: &str, words: String| {
            writeln!(out, "{} {words}", paint.ink(Ink::Dim, &format!("{name:<13}")))
                .expect("a String takes all");
        };
        line(
            "made",
            format!(
                "{} in {}, {}, {}",
                text::counted(made.spans, "span"),
                text::counted(made.traces, "trace"),
                text::counted(made.requests, "request"),
                text::bytes(made.bytes)
            ),
        );
        let rate = made.spans as f64 / self.elapsed.as_secs_f64().max(1e-9);
        let elapsed = text::duration(u64::try_from(self.elapsed.as_nanos()).unwrap_or(u64::MAX));
        line("rate", format!("{} spans/s over {elapsed}", text::count(rate as u64)));
        if !self.is_sent {
            return out;
        }
        let bad = |count: u64| paint.ink(if count > 0 { Ink::Red } else { Ink::Plain }, &text::count(count));
        let good = if self.is_all_taken() { Ink::Green } else { Ink::Plain };
        line("acknowledged", paint.ink(good, &text::count(*acknowledged)));
        line("rejected", bad(*rejected));
        line("refused", bad(*refused));
        let unanswered = made.spans.saturating_sub(acknowledged + rejected + refused);
        if unanswered > 0 {
            line("unanswered", bad(unanswered));
        }
        line("retries", text::count(*retries));
        let [p50, p99, max] = [times.quantile(0.5), times.quantile(0.99), times.max_us];
        let [p50, p99, max] = [p50, p99, max].map(|us| text::duration(us * 1_000));
        line("answered in", format!("p50 {p50} · p99 {p99} · max {max}"));
        if !last_reason.is_empty() {
            line("last reason", text::harmless(last_reason));
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> String {
        let Counts { made, acknowledged, rejected, refused, retries, last_reason, times } = &self.counts;
        let report = serde_json::json!({
            "spans": made.spans,
            "traces": made.traces,
            "requests": made.requests,
            "bytes": made.bytes,
            "seconds": self.elapsed.as_secs_f64(),
            "acknowledged": acknowledged,
            "rejected": rejected,
            "refused": refused,
            "retries": retries,
            "answer_p50_us": times.quantile(0.5),
            "answer_p99_us": times.quantile(0.99),
            "answer_max_us": times.max_us,
            "last_reason": last_reason,
        });
        format!("{report}\n")
    }
}

/// Times in buckets an eighth of their size apart.
#[derive(Clone, Debug, Default)]
struct Times {
    buckets: Vec<u64>,
    count: u64,
    max_us: u64,
}

impl Times {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = bucket(us);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        self.count += 1;
        self.max_us = self.max_us.max(us);
    }

    /// The upper edge of the bucket in which this share of the times ends.
    fn quantile(&self, share: f64) -> u64 {
        let wanted = (share * self.count as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return edge(bucket).min(self.max_us);
            }
        }
        self.max_us
    }
}

fn bucket(us: u64) -> usize {
    if us < 8 {
        return us as usize;
    }
    let power = us.ilog2();
    (power as usize - 2) * 8 + ((us >> (power - 3)) & 7) as usize
}

fn edge(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let power = bucket / 8 + 2;
    let eighths = (bucket % 8) as u64 + 8;
    let after = u128::from(eighths + 1) << (power - 3);
    u64::try_from(after - 1).unwrap_or(u64::MAX)
}

/// What is shown while it runs: a bar on a terminal, nothing elsewhere.
pub struct Progress {
    bar: ProgressBar,
    is_by_spans: bool,
}

impl Progress {
    /// The end is known by spans, by time, or not at all.
    pub fn new(duration: Option<Duration>, spans: Option<u64>) -> Self {
        let (length, template) = match (duration, spans) {
            (_, Some(spans)) => (Some(spans), "{wide_bar} {human_pos}/{human_len} spans · {msg}"),
            (Some(duration), None) => (Some(duration.as_millis() as u64), "{wide_bar} {elapsed} · {msg}"),
            (None, None) => (None, "{spinner} {elapsed} · {msg}"),
        };
        Self { bar: progress::bar(length, template), is_by_spans: spans.is_some() }
    }

    /// Moves the bar on.
    pub fn advance(&self, ledger: &Ledger, elapsed: Duration) {
        if self.bar.is_hidden() {
            return;
        }
        let Counts { made, acknowledged, retries, .. } = ledger.counts().clone();
        let rate = acknowledged as f64 / elapsed.as_secs_f64().max(0.001);
        self.bar.set_position(if self.is_by_spans { made.spans } else { elapsed.as_millis() as u64 });
        self.bar
            .set_message(format!("{} spans/s acknowledged · {retries} retries", text::count(rate as u64)));
    }

    /// Makes room for the result.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_within_an_eighth() {
        let mut times = Times::default();
        for us in 1..=10_000 {
            times.add(Duration::from_micros(us));
        }
        for (share, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let found = times.quantile(share) as f64;
            assert!((exact..=exact * 1.125).contains(&found), "{share}: {found}");
        }
        assert_eq!(Times::default().quantile(0.5), 0);
    }

    #[test]
    fn buckets_and_edges_agree() {
        for us in (0..100_000).chain([u64::MAX / 2, u64::MAX]) {
            assert!(us <= edge(bucket(us)), "{us}");
            assert!(bucket(us) == 0 || us > edge(bucket(us) - 1), "{us}");
        }
    }

    #[test]
    fn every_span_is_counted_once() {
        let ledger = Ledger::default();
        ledger.settle(10, &Outcome::Stored, Duration::from_millis(1));
        ledger.settle(10, &Outcome::rejected(4, "x", "late"), Duration::from_millis(1));
        ledger.settle(10, &Outcome::retry(None, "x", "busy"), Duration::from_millis(1));
        let made = r#gen::Summary { spans: 30, ..Default::default() };
        let report = ledger.report(made, Duration::from_secs(1));
        assert!(!report.is_all_taken());
        let json: serde_json::Value = serde_json::from_str(&report.json()).expect("it is JSON");
        assert_eq!(
            (json["acknowledged"].as_u64(), json["rejected"].as_u64(), json["refused"].as_u64()),
            (Some(16), Some(4), Some(10))
        );
        assert!(report.text(Paint::OFF).contains("acknowledged  16\n"), "{}", report.text(Paint::OFF));
    }
}
