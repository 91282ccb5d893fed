//! Which blocks are due now: by age, by rule, by bytes; and how many of them at once.
//!
//! A clock that jumps must not empty the store before someone notices, so a pass takes a small part of the blocks
//! ([`AT_ONCE`]); the rest is *held back*. Room does not depend on a clock, but a mistyped limit looks the same, so it is
//! made in such parts too, one pass after the other. On a disk that is almost full nothing is held back that long.

use std::collections::{BTreeMap, BTreeSet};

use model::time::UnixNanos;

use super::{newest, policy::Retention};
use crate::manifest::{Block, State};

/// The part of all blocks that one pass may touch, at least one block.
const AT_ONCE: f64 = 0.05;

/// What rules keep may take this part of the room before it is dropped for want of room.
const KEPT_SHARE_MAX: f64 = 0.5;

/// What retention does now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The blocks that are due, in the order in which they are to be taken.
    pub due: Vec<Due>,
    /// Blocks that are due by their age as well but would be too many at once: the clock may be wrong.
    pub held_back: usize,
    /// More blocks have to go for want of room than one pass takes.
    pub is_short: bool,
}

/// A block that is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// Which.
    pub block: String,
    /// Why.
    pub why: Why,
    /// For each tenant: what lives no longer than this goes, in nanoseconds; tenants that are absent keep all.
    pub beyond: BTreeMap<String, u64>,
}

/// Why something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// It is old enough.
    Time,
    /// Its room is needed.
    Bytes,
}

impl Why {
    /// As the manifest and the figures have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Bytes => "bytes",
        }
    }
}

/// How tight it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pressure {
    /// All blocks together may take so many bytes.
    pub bytes_max: Option<u64>,
    /// Bytes that are to stay free for what arrives until dropped files are gone.
    pub headroom: u64,
    /// The disk is almost full.
    pub is_full: bool,
}

/// How deep a tenant's part of a block is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// As old as it is.
    Age(u64),
    /// As if no time were left but what rules give.
    Default,
    /// As if no time were left at all.
    End,
}

/// Decides what is due.
pub fn due(state: &State, retention: &Retention, pressure: Pressure, now: UnixNanos) -> Plan {
    let at_once = ((state.blocks.len() as f64 * AT_ONCE) as usize).max(1);
    let judging = Judging { retention, policy: retention.fingerprint(state.unarchived) };
    let mut old: Vec<&Block> = state.blocks.values().collect();
    old.sort_by_key(|block| newest(block));
    let aged = |block: &&Block| judging.at(block, Stage::Age(now.saturating_sub(newest(block))), None);
    let mut due: Vec<Due> = old.iter().filter_map(aged).collect();
    let held_back = due.len().saturating_sub(at_once);
    due.truncate(at_once);
    let mut room =
        Room { judging: &judging, old: &old, taken: due.iter().map(|due| due.block.clone()).collect() };
    let mut pressed = Vec::new();
    if let Some(bytes_max) = pressure.bytes_max {
        pressed.extend(room.make(bytes_max.saturating_sub(pressure.headroom), None));
    }
    for (tenant, own) in &retention.tenants {
        if let Some(bytes_max) = own.bytes {
            pressed.extend(room.make(bytes_max, Some(tenant.as_str())));
        }
    }
    let is_short = pressed.len() > at_once;
    if !pressure.is_full {
        pressed.truncate(at_once);
    }
    due.extend(pressed);
    Plan { due, held_back, is_short }
}

struct Judging<'a> {
    retention: &'a Retention,
    policy: u32,
}

impl Judging<'_> {
    /// What is due of a block at this stage, of one tenant or of all; nothing if that was decided before.
    fn at(&self, block: &Block, stage: Stage, only: Option<&str>) -> Option<Due> {
        let judged = block.meta.judged.as_ref().filter(|judged| judged.policy == self.policy);
        let mut beyond = BTreeMap::new();
        let mut is_new = false;
        for tenant in block.meta.tenants.iter().filter(|tenant| only.is_none_or(|only| only == *tenant)) {
            let policy = self.retention.of(tenant);
            let age = match stage {
                Stage::Age(age) => policy.passed(age),
                Stage::Default => super::nanos(policy.time),
                Stage::End => policy.longest(),
            };
            let before = judged.and_then(|judged| judged.ages.get(tenant)).copied().unwrap_or(0);
            is_new |= age > before;
            if age > 0 {
                beyond.insert(tenant.clone(), age.max(before));
            }
        }
        let why = if matches!(stage, Stage::Age(_)) { Why::Time } else { Why::Bytes };
        is_new.then(|| Due { block: block.meta.id.clone(), why, beyond })
    }

    fn is_trimmed(&self, block: &Block, tenant: Option<&str>) -> bool {
        self.at(block, Stage::Default, tenant).is_none()
    }
}

/// Makes room: oldest blocks first, what rules keep only when it takes too much.
struct Room<'a> {
    judging: &'a Judging<'a>,
    /// All blocks, oldest first.
    old: &'a [&'a Block],
    taken: BTreeSet<String>,
}

impl Room<'_> {
    /// What goes so that the blocks (of one tenant, or all) take no more than this.
    fn make(&mut self, bytes_max: u64, tenant: Option<&str>) -> Vec<Due> {
        let bytes = |block: &Block| bytes_of(block, tenant);
        let left: Vec<&Block> = self
            .old
            .iter()
            .copied()
            .filter(|block| !self.taken.contains(&block.meta.id) && bytes(block) > 0)
            .collect();
        let mut excess = left.iter().map(|block| bytes(block)).sum::<u64>().saturating_sub(bytes_max);
        let (kept, fresh): (Vec<&Block>, Vec<&Block>) =
            left.into_iter().partition(|block| self.judging.is_trimmed(block, tenant));
        let kept_bytes: u64 = kept.iter().map(|block| bytes(block)).sum();
        let mut kept_excess =
            kept_bytes.saturating_sub((bytes_max as f64 * KEPT_SHARE_MAX) as u64).min(excess);
        let mut going = Vec::new();
        for block in kept {
            if kept_excess == 0 {
                break;
            }
            if let Some(due) = self.judging.at(block, Stage::End, tenant) {
                kept_excess = kept_excess.saturating_sub(bytes(block));
                excess = excess.saturating_sub(bytes(block));
                going.push(due);
            }
        }
        // The newest block stays: whoever looks for what has just happened finds it whatever the limit.
        let spared = fresh.len().saturating_sub(1);
        for block in fresh.into_iter().take(spared) {
            if excess == 0 {
                break;
            }
            if let Some(due) = self.judging.at(block, Stage::Default, tenant) {
                excess = excess.saturating_sub(bytes(block));
                going.push(due);
            }
        }
        self.taken.extend(going.iter().map(|due| due.block.clone()));
        going
    }
}

impl Due {
    /// Can nothing of the block be kept, unless it is archived?
    pub fn is_whole(&self, block: &Block, retention: &Retention) -> bool {
        let ends = |tenant: &String| {
            self.beyond.get(tenant).is_some_and(|beyond| retention.of(tenant).longest() <= *beyond)
        };
        block.meta.tenants.iter().all(ends)
    }
}

/// The bytes of a block that are a tenant's, by its part of the spans.
pub(super) fn bytes_of(block: &Block, tenant: Option<&str>) -> u64 {
    let Some(tenant) = tenant else { return block.meta.bytes() };
    let share = block.meta.spans_of(tenant) as f64 / block.meta.spans.max(1) as f64;
    (block.meta.bytes() as f64 * share) as u64
}
