//! The suite that every store passes.
//!
//! [`run`] tells a store dozens of small stories ([`Story`]: what is written, what is asked, what must come back) and
//! then writes seeded random batches and asks seeded random plans; every answer must also equal the
//! [`MemoryStore`]'s, whole and page by page. All failures are reported together.
//!
//! Spans start within the hour before [`NOW`] (some at the ends of time): hand the store a clock that stands there. All
//! stories share one store, each under a tenant of its own with the same trace ids, so a leak between tenants shows.

mod compares;
mod draft;
mod finds;
mod lists;
mod metrics;
mod named;
mod orders;
mod random;
mod repeats;
mod story;
mod text;
mod weird;

use std::sync::Arc;

use model::time::UnixNanos;

pub use draft::{Any, Draft, Pairs, batch, span_id, trace_id};
pub use story::{Expected, Measured, Question, Story};
pub use text::describe;

use crate::memory::MemoryStore;
use crate::{Reader, Writer};

/// When the suite plays: 2026-01-01 00:00 UTC.
pub const NOW: UnixNanos = 1_767_225_600_000_000_000;

/// How many random stores are made; each is one seed.
pub const SEEDS: u64 = 4;

/// Runs the whole suite; `make` opens an empty store, several times.
///
/// # Panics
/// Where an answer is wrong; the message lists every story that failed, with what was asked, expected and answered.
pub async fn run(make: impl AsyncFn() -> (Arc<dyn Writer>, Arc<dyn Reader>)) {
    let mut failures = Vec::new();
    let (writer, reader) = make().await;
    for story in stories() {
        failures.extend(story.play(writer.as_ref(), reader.as_ref()).await);
    }
    for seed in 0..SEEDS {
        let (writer, reader) = make().await;
        failures.extend(random::play(seed, writer.as_ref(), reader.as_ref()).await);
    }
    assert!(
        failures.is_empty(),
        "the store breaks its contract in {} places:\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

/// Every story, in the order in which they are told.
#[must_use]
pub fn stories() -> Vec<Story> {
    let rooms = [
        finds::stories(),
        compares::stories(),
        orders::stories(),
        lists::stories(),
        metrics::stories(),
        named::stories(),
        weird::stories(),
        repeats::stories(),
    ];
    rooms.concat()
}

/// A store that answers by plain meaning, for comparison.
fn oracle() -> MemoryStore {
    MemoryStore::default()
}

#[cfg(test)]
mod tests;
