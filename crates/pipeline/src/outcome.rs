//! What became of a batch, and how outcomes combine where batches fan out, split and merge.
//!
//! An outcome is exact: the spans that were rejected are counted, whatever happened to the batch on
//! its way, and nothing is `Stored` that one of its destinations did not take.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every destination has it, as durably as that destination keeps anything.
    Stored,
    /// Some spans will never be taken, however often they are sent; the others are stored.
    Rejected {
        /// How many.
        spans: u64,
        /// Why.
        reason: Reason,
    },
    /// It was not taken now and should be sent again, as a whole.
    Retry {
        /// How long to wait before, if that is known.
        after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
}

/// Why spans were not taken: a word for metrics and a sentence for people; two are equal where these are.
#[derive(Clone)]
pub struct Reason {
    label: &'static str,
    text: Cow<'static, str>,
    /// Where it arose; empty until somebody notes it.
    place: Arc<str>,
}

static NOWHERE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));

impl Outcome {
    /// Spans that will never be taken.
    pub fn rejected(spans: u64, label: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Rejected { spans, reason: Reason::new(label, text) }
    }

    /// Not now.
    pub fn retry(after: Option<Duration>, label: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry { after, reason: Reason::new(label, text) }
    }

    /// The outcome of one batch that went to two destinations: the worse of the two.
    ///
    /// `Retry` is worse than `Rejected`, and that is worse than `Stored`. Of two rejections the larger
    /// counts, since the spans are the same; of two retries the one that waits longer.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let (mine, theirs) = (self.badness(), other.badness());
        if theirs > mine { other } else { self }
    }

    /// The outcome of one batch that was split in two: rejected spans add up, one `Retry` is for all.
    ///
    /// Pieces that are stored already are stored again when the batch is sent again: at least once.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Rejected { spans, reason }, Self::Rejected { spans: more, .. }) => {
                Self::Rejected { spans: spans.saturating_add(more), reason }
            }
            (one, other) => one.worst(other),
        }
    }

    /// The outcomes of the parts that a merged batch was made of, given the spans of each part.
    ///
    /// Rejected spans are spread in proportion: the sum is kept, and no part gets more than it has.
    #[must_use]
    pub fn shared(&self, parts: &[u64]) -> Vec<Self> {
        let Self::Rejected { spans, reason } = self else { return vec![self.clone(); parts.len()] };
        let total: u128 = parts.iter().map(|part| u128::from(*part)).sum();
        let rejected = u128::from(*spans).min(total);
        let (mut seen, mut given) = (0_u128, 0_u128);
        let share = |part: &u64| {
            seen += u128::from(*part);
            let due = (rejected * seen).checked_div(total).unwrap_or(0);
            let share = due - given;
            given = due;
            match u64::try_from(share).expect("a share is at most the part") {
                0 => Self::Stored,
                spans => Self::Rejected { spans, reason: reason.clone() },
            }
        };
        parts.iter().map(share).collect()
    }

    /// The same, noting where it arose, such as `exporter:store`; what is noted already stays.
    #[must_use]
    pub fn at(self, place: &Arc<str>) -> Self {
        match self {
            Self::Stored => Self::Stored,
            Self::Rejected { spans, reason } => Self::Rejected { spans, reason: reason.at(place) },
            Self::Retry { after, reason } => Self::Retry { after, reason: reason.at(place) },
        }
    }

    fn badness(&self) -> (u8, u64, Option<Duration>) {
        match self {
            Self::Stored => (0, 0, None),
            Self::Rejected { spans, .. } => (1, *spans, None),
            Self::Retry { after, .. } => (2, 0, *after),
        }
    }
}

impl Reason {
    /// A word of a small fixed set such as `memory_limit`, and what to tell people.
    pub fn new(label: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { label, text: text.into(), place: Arc::clone(&NOWHERE) }
    }

    /// The same, noting where it arose; what is noted already stays.
    #[must_use]
    pub fn at(&self, place: &Arc<str>) -> Self {
        let place = if self.place.is_empty() { place } else { &self.place };
        Self { place: Arc::clone(place), ..self.clone() }
    }

    /// Where it arose, such as `exporter:store`; empty where nobody has noted it.
    pub fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// The word that metrics carry.
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// The sentence that people read.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        (self.label, &self.text) == (other.label, &other.text)
    }
}

impl Eq for Reason {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.label, self.text)
    }
}

#[cfg(test)]
mod tests;
