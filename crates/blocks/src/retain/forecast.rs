//! What is going to be dropped next, and when the room is used up. Estimates, from what the manifest says.

use std::time::Duration;

use model::time::UnixNanos;

use super::{
    nanos, newest,
    policy::{Policy, Retention},
};
use crate::manifest::{Block, State};

/// The rate is what arrived within so long before now, or since the first block if that is less.
const RATE_OVER: Duration = Duration::from_secs(24 * 3600);

/// Less time than this is too little to tell a rate.
const RATE_OVER_MIN: Duration = Duration::from_secs(60);

/// At most this part of the room is kept free for what arrives while dropped files wait to be deleted.
const HEADROOM_SHARE_MAX: f64 = 0.1;

/// How the room is used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Bytes of the blocks that are listed.
    pub bytes: u64,
    /// Bytes of blocks that were dropped or replaced and wait to be deleted.
    pub bytes_waiting: u64,
    /// Blocks may take so many.
    pub bytes_max: Option<u64>,
    /// So many bytes of blocks are added in a second.
    pub bytes_per_s: f64,
    /// When the limit is reached if this goes on; none where there is no limit, or age drops as much before.
    pub full_at: Option<UnixNanos>,
    /// What everything takes once age drops as much as arrives; rules and the archive come on top.
    pub bytes_steady: u64,
}

/// What goes next of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coming {
    /// The block.
    pub block: String,
    /// When it is due, Unix nanoseconds.
    pub at: UnixNanos,
    /// Whose time is over: a rule's name, else `time`.
    pub by: String,
    /// The tenant with that rule.
    pub tenant: String,
    /// The block's spans.
    pub spans: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Nothing of the block remains, the archive apart.
    pub is_whole: bool,
}

/// How the room is used, and for how long it lasts.
pub fn usage(state: &State, retention: &Retention, bytes_max: Option<u64>, now: UnixNanos) -> Usage {
    let bytes = state.blocks.values().map(|block| block.meta.bytes()).sum();
    let bytes_per_s = rate(state, now);
    let bytes_steady = (bytes_per_s * retention.time.as_secs_f64()) as u64;
    let left = bytes_max.map(|bytes_max| bytes_max.saturating_sub(bytes));
    let full_at = left.filter(|_| bytes_max < Some(bytes_steady) && bytes_per_s > 0.0).map(|left| {
        let seconds = left as f64 / bytes_per_s;
        now.saturating_add((seconds * 1e9) as u64)
    });
    let bytes_waiting = state.removed_bytes.values().sum();
    Usage { bytes, bytes_waiting, bytes_max, bytes_per_s, full_at, bytes_steady }
}

impl Usage {
    /// Bytes to be kept free for what arrives within so long.
    pub fn headroom(&self, within: Duration) -> u64 {
        let arriving = self.bytes_per_s * within.as_secs_f64();
        let most = self.bytes_max.unwrap_or(0) as f64 * HEADROOM_SHARE_MAX;
        arriving.min(most) as u64
    }
}

/// What is due next by its age, soonest first, at most so many.
pub fn coming(state: &State, retention: &Retention, now: UnixNanos, count: usize) -> Vec<Coming> {
    let policy = retention.fingerprint(state.unarchived);
    let next = |block| next_of(block, retention, policy, now);
    let mut coming: Vec<Coming> = state.blocks.values().filter_map(next).collect();
    coming.sort_by(|left, right| (left.at, &left.block).cmp(&(right.at, &right.block)));
    coming.truncate(count);
    coming
}

fn next_of(block: &Block, retention: &Retention, fingerprint: u32, now: UnixNanos) -> Option<Coming> {
    let judged = block.meta.judged.as_ref().filter(|judged| judged.policy == fingerprint);
    let ages = block.meta.tenants.iter().filter_map(|tenant| {
        let policy = retention.of(tenant);
        let before = judged.and_then(|judged| judged.ages.get(tenant)).copied().unwrap_or(0);
        let passed = policy.passed(now.saturating_sub(newest(block)));
        let age = if passed > before { passed } else { policy.next(before)? };
        Some((age, tenant, policy))
    });
    let (age, tenant, policy) = ages.min_by_key(|(age, ..)| *age)?;
    Some(Coming {
        block: block.meta.id.clone(),
        at: newest(block).saturating_add(age),
        by: name_of(&policy, age).to_owned(),
        tenant: tenant.clone(),
        spans: block.meta.spans,
        bytes: block.meta.bytes(),
        is_whole: block.meta.tenants.iter().all(|tenant| retention.of(tenant).longest() <= age),
    })
}

fn name_of<'a>(policy: &Policy<'a>, age: u64) -> &'a str {
    let rule = policy.rules.iter().find(|rule| nanos(rule.time) == age && rule.time != policy.time);
    rule.map_or("time", |rule| &rule.name)
}

/// Bytes of blocks that were added in a second, of late.
fn rate(state: &State, now: UnixNanos) -> f64 {
    let since = now.saturating_sub(nanos(RATE_OVER));
    let recent = || state.blocks.values().filter(|block| (since..=now).contains(&block.received_ns));
    let bytes: u64 = recent().map(|block| block.meta.bytes()).sum();
    let first = recent().map(|block| block.received_ns).min().unwrap_or(now).max(since);
    bytes as f64 / Duration::from_nanos(now - first).max(RATE_OVER_MIN).as_secs_f64()
}
