//! How long spans are kept: which blocks go, or are written again without some of their traces, and which files go.
//!
//! In: the manifest's state, the rules ([`Retention`]), the time. Out: decisions; the engine acts. Everything here is a
//! pure function, but for the reading of spans that [`lives`] is handed. A block is as old as its newest span.

mod due;
mod forecast;
mod inventory;
mod lives;
mod policy;
mod tiers;

#[cfg(test)]
mod tests;

use std::time::Duration;

use model::time::UnixNanos;

use crate::manifest::{Block, State};

pub(crate) use self::lives::{ARCHIVE, Lives};
pub use self::{
    due::{Due, Plan, Pressure, Why, due},
    forecast::{Coming, Usage, coming, usage},
    inventory::{Inventory, Part, inventory},
    policy::{Policy, Quota, RULES_MAX, Retention, Rule, TenantRetention},
    tiers::{Keeping, cooling, hot, tier},
};

/// May the files of this block be deleted?
///
/// `modified` is when the store last wrote them: files without an entry may be those of a commit on its way.
pub fn is_garbage(state: &State, id: &str, modified: UnixNanos, grace: &Grace, now: UnixNanos) -> bool {
    if state.blocks.contains_key(id) {
        return false;
    }
    match state.removed.get(id) {
        Some(removed) => removed.saturating_add(nanos(grace.removed)) < now,
        None => modified.saturating_add(nanos(grace.orphan)) < now,
    }
}

/// How long files outlive their place in the manifest.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    /// Files of removed blocks: questions that began earlier may still read them.
    pub removed: Duration,
    /// Files that no entry names.
    pub orphan: Duration,
}

/// Does a span that starts then, received now, belong among the skewed ones?
pub fn is_skewed(start: UnixNanos, received: UnixNanos, retention: Duration, skew_max: Duration) -> bool {
    let past = received.saturating_sub(nanos(retention)).saturating_sub(nanos(skew_max));
    let future = received.saturating_add(nanos(skew_max));
    !(past..=future).contains(&start)
}

/// What a block is kept by: its newest span, or when that was received if its own time cannot be trusted.
fn newest(block: &Block) -> UnixNanos {
    if block.meta.skew { block.received_ns } else { block.meta.end_ns }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
