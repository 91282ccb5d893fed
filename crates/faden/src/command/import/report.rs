//! What an import came to: read = kept + rejected + refused.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pipeline::Outcome;

use crate::deliver::Tally;
use crate::term::{Ink, Paint};
use crate::text;

/// Counts while batches are under way.
#[derive(Default)]
pub struct Count(Mutex<Counts>);

#[derive(Clone, Debug, Default)]
struct Counts {
    files: u64,
    read: u64,
    invalid: u64,
    mended: u64,
    kept: u64,
    rejected: u64,
    refused: u64,
    retries: u64,
    last_reason: String,
}

/// What it came to.
pub struct Report {
    counts: Counts,
    is_dry: bool,
}

impl Count {
    /// A file was read to its end.
    pub fn note_file(&self) {
        self.counts().files += 1;
    }

    /// Spans were found in a file: so many, of which some were no valid spans and some values were mended.
    pub fn note_read(&self, read: u64, invalid: (u64, String), mended: u64) {
        let mut counts = self.counts();
        counts.read += read;
        counts.invalid += invalid.0;
        counts.mended += mended;
        if invalid.0 > 0 {
            counts.last_reason = invalid.1;
        }
    }

    /// Spans found so far.
    pub fn read(&self) -> u64 {
        self.counts().read
    }

    /// The end.
    pub fn report(&self, is_dry: bool) -> Report {
        Report { counts: self.counts().clone(), is_dry }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally for Count {
    fn note_retry(&self, reason: &str) {
        let mut counts = self.counts();
        counts.retries += 1;
        reason.clone_into(&mut counts.last_reason);
    }

    fn settle(&self, spans: u64, outcome: &Outcome, _: Duration) {
        let mut counts = self.counts();
        match outcome {
            Outcome::Stored => counts.kept += spans,
            Outcome::Rejected { spans: rejected, reason } => {
                let rejected = spans.min(*rejected);
                counts.rejected += rejected;
                counts.kept += spans - rejected;
                reason.text().clone_into(&mut counts.last_reason);
            }
            Outcome::Retry { reason, .. } => {
                counts.refused += spans;
                reason.text().clone_into(&mut counts.last_reason);
            }
        }
    }
}

impl Report {
    /// Whether every span that was read was kept.
    pub fn is_all_kept(&self) -> bool {
        self.counts.kept == self.counts.read
    }

    /// For people.
    pub fn text(&self, paint: Paint) -> String {
        let Counts { files, read, invalid, mended, kept, rejected, refused, last_reason, .. } = &self.counts;
        let mut out = String::new();
        let mut line = |name: &str, words: String| {
            writeln!(out, "{} {words}", paint.ink(Ink::Dim, &format!("{name:<9}")))
                .expect("a String takes all");
        };
        line("read", format!("{} in {}", text::counted(*read, "span"), text::counted(*files, "file")));
        if *mended > 0 {
            line("mended", text::counted(*mended, "value"));
        }
        let good = if self.is_all_kept() { Ink::Green } else { Ink::Plain };
        if !self.is_dry {
            line("kept", paint.ink(good, &text::count(*kept)));
        }
        for (name, count) in [("invalid", *invalid), ("rejected", *rejected), ("refused", *refused)] {
            if count > 0 {
                line(name, paint.ink(Ink::Red, &text::count(count)));
            }
        }
        let unanswered = read.saturating_sub(kept + invalid + rejected + refused);
        if unanswered > 0 && !self.is_dry {
            line("unknown", paint.ink(Ink::Red, &text::count(unanswered)));
        }
        if !last_reason.is_empty() {
            line("reason", text::harmless(last_reason));
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> String {
        let Counts { files, read, invalid, mended, kept, rejected, refused, retries, last_reason } =
            &self.counts;
        let report = serde_json::json!({
            "files": files, "read": read, "mended": mended, "kept": kept, "invalid": invalid, "rejected": rejected,
            "refused": refused, "retries": retries, "last_reason": last_reason,
        });
        format!("{report}\n")
    }
}
