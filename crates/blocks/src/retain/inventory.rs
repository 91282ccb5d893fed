//! What is kept, sorted: by level and tier, by tenant, by age; what went, and what goes next.

use std::collections::{BTreeMap, BTreeSet};

use model::time::UnixNanos;

use super::{
    due::bytes_of,
    forecast::{Coming, Usage, coming, usage},
    newest,
    tiers::{cooling, hot, tier},
};
use crate::manifest::{Block, Dropped, State, Tier};
use crate::settings::Settings;

/// Parts of equal time that ages are counted in.
const AGES: usize = 40;

/// Blocks that are named as going next.
const COMING: usize = 10;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// By level and tier.
    pub parts: BTreeMap<(u8, Tier), Part>,
    /// Those that are due to become cold.
    pub cooling: Part,
    /// By tenant; bytes by its part of the spans of each block.
    pub tenants: BTreeMap<String, Part>,
    /// Bytes of blocks by age, from the oldest to now, in parts of equal time.
    pub ages: Vec<u64>,
    /// When the oldest of them begins.
    pub oldest_ns: UnixNanos,
    /// How the room is used.
    pub usage: Usage,
    /// What goes next by its age, soonest first.
    pub coming: Vec<Coming>,
    /// What went for good, by why.
    pub dropped: BTreeMap<String, Dropped>,
    /// Traces that rules have kept, by rule, counted in each block.
    pub kept: BTreeMap<String, u64>,
    /// Traces that are kept for ever, by tenant.
    pub archived: BTreeMap<String, u64>,
}

/// Some blocks, or a part of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// How many.
    pub blocks: u64,
    /// Their spans.
    pub spans: u64,
    /// Their bytes, indexes included.
    pub bytes: u64,
    /// The bytes of cold ones before they became cold, as far as that is known.
    pub bytes_before: u64,
}

impl Part {
    fn add(&mut self, spans: u64, bytes: u64) {
        self.blocks += 1;
        self.spans += spans;
        self.bytes += bytes;
    }
}

/// Sorts what is kept.
pub fn inventory(state: &State, settings: &Settings, bytes_max: Option<u64>, now: UnixNanos) -> Inventory {
    let retention = &settings.retention;
    let keeping = settings.keeping();
    let hot: BTreeSet<&str> = hot(state, &keeping, now).iter().map(|block| &block.meta.id[..]).collect();
    let mut inventory = Inventory {
        usage: usage(state, retention, bytes_max, now),
        coming: coming(state, retention, now, COMING),
        dropped: state.dropped.clone(),
        archived: state.archived.iter().map(|(tenant, ids)| (tenant.clone(), ids.len() as u64)).collect(),
        ..Inventory::default()
    };
    for block in state.blocks.values() {
        let meta = &block.meta;
        let part = inventory.parts.entry((meta.level, tier(block, &hot, &keeping))).or_default();
        part.add(meta.spans, meta.bytes());
        part.bytes_before += meta.bytes_before;
        for tenant in &meta.tenants {
            let part = inventory.tenants.entry(tenant.clone()).or_default();
            part.add(meta.spans_of(tenant), bytes_of(block, Some(tenant)));
        }
        for (rule, traces) in meta.judged.iter().flat_map(|judged| &judged.kept) {
            *inventory.kept.entry(rule.clone()).or_default() += traces;
        }
    }
    for block in cooling(state, &keeping, &BTreeSet::new(), now) {
        inventory.cooling.add(block.meta.spans, block.meta.bytes());
    }
    (inventory.oldest_ns, inventory.ages) = ages(state.blocks.values(), now);
    inventory
}

fn ages<'a>(blocks: impl Iterator<Item = &'a Block> + Clone, now: UnixNanos) -> (UnixNanos, Vec<u64>) {
    let Some(oldest) = blocks.clone().map(newest).min() else { return (now, Vec::new()) };
    let length = now.saturating_sub(oldest).max(1);
    let mut ages = vec![0; AGES];
    for block in blocks {
        let since = newest(block).min(now).saturating_sub(oldest);
        let place = (since as f64 / length as f64 * AGES as f64) as usize;
        ages[place.min(AGES - 1)] += block.meta.bytes();
    }
    (oldest, ages)
}
