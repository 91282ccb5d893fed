//! How a block is kept by its age: hot, warm or cold; and which one becomes cold next.
//!
//! Cold is said by the manifest, since it is written into the block. Hot and warm follow from the settings of a node,
//! where blocks live in an object store: the hot ones are kept on its disk. On a local disk everything else is hot.

use std::collections::BTreeSet;

use model::time::UnixNanos;

use super::{nanos, newest};
use crate::compact::plan;
use crate::manifest::{Block, State, Tier};
use crate::settings::{Compaction, Tiers};

/// Hot blocks take at most this part of the cache: the rest is for indexes and pages of the others.
const HOT_SHARE_MAX: f64 = 0.75;

/// What decides on the tier of a block.
#[derive(Clone, Copy, Debug)]
pub struct Keeping<'a> {
    /// The settings.
    pub tiers: &'a Tiers,
    /// How blocks are merged, since nothing becomes cold before that is done.
    pub compaction: &'a Compaction,
    /// Blocks live in an object store, and copies of them here take no more than this.
    pub cache_bytes_max: Option<u64>,
}

/// The tier of a block, given those that are [`hot`].
pub fn tier(block: &Block, hot: &BTreeSet<&str>, keeping: &Keeping<'_>) -> Tier {
    match (block.meta.tier, keeping.cache_bytes_max) {
        (Tier::Cold, _) => Tier::Cold,
        (_, Some(_)) if !hot.contains(block.meta.id.as_str()) => Tier::Warm,
        _ => Tier::Hot,
    }
}

/// The blocks that are to be whole on the local disk though they live elsewhere: the newest, as long as they are young
/// enough and there is room.
pub fn hot<'a>(state: &'a State, keeping: &Keeping<'_>, now: UnixNanos) -> Vec<&'a Block> {
    let (Some(after), Some(bytes_max)) = (keeping.tiers.warm_after, keeping.cache_bytes_max) else {
        return Vec::new();
    };
    let mut room = (bytes_max as f64 * HOT_SHARE_MAX) as u64;
    let mut young: Vec<&Block> =
        state.blocks.values().filter(|block| age(block, now) < nanos(after)).collect();
    young.retain(|block| block.meta.tier != Tier::Cold);
    young.sort_by_key(|block| std::cmp::Reverse(newest(block)));
    let fits = |block: &&Block| {
        let left = room.checked_sub(block.meta.bytes());
        room = left.unwrap_or(0);
        left.is_some()
    };
    young.into_iter().take_while(fits).collect()
}

/// The blocks that are to become cold, the oldest first. Those that can still be merged wait for that, and `shunned`
/// ones stay as they are.
pub fn cooling<'a>(
    state: &'a State,
    keeping: &Keeping<'_>,
    shunned: &BTreeSet<String>,
    now: UnixNanos,
) -> Vec<&'a Block> {
    let Some(cold) = keeping.tiers.cold else { return Vec::new() };
    let is_due = |block: &&Block| {
        block.meta.tier != Tier::Cold
            && age(block, now) >= nanos(cold.after)
            && plan::is_settled(block, keeping.compaction, now)
            && !shunned.contains(&block.meta.id)
    };
    let mut due: Vec<&Block> = state.blocks.values().filter(is_due).collect();
    due.sort_by_key(|block| newest(block));
    due
}

fn age(block: &Block, now: UnixNanos) -> u64 {
    now.saturating_sub(newest(block))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::manifest::BlockMeta;
    use crate::settings::Cold;

    const HOUR: u64 = 3_600_000_000_000;
    /// A midnight.
    const DAY: u64 = 20_000 * 24 * HOUR;

    /// A block whose newest span began, and was received, in this hour; so many bytes.
    fn block(hour: u64, bytes: u64) -> Block {
        let id = format!("h{hour}");
        let meta = BlockMeta { id, end_ns: DAY + hour * HOUR, data_bytes: bytes, ..BlockMeta::default() };
        Block { meta, received_ns: DAY + hour * HOUR }
    }

    fn state(blocks: impl IntoIterator<Item = Block>) -> State {
        let blocks = blocks.into_iter().map(|block| (block.meta.id.clone(), block)).collect();
        State { blocks, ..State::default() }
    }

    fn tiers(warm: u64, cold: u64) -> Tiers {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let cold = Cold { after: hours(cold), compression: 9 };
        Tiers { warm_after: Some(hours(warm)), cold: Some(cold) }
    }

    fn ids(blocks: Vec<&Block>) -> Vec<&str> {
        blocks.into_iter().map(|block| block.meta.id.as_str()).collect()
    }

    #[test]
    fn young_blocks_are_hot_as_far_as_there_is_room() {
        let (tiers, compaction) = (tiers(10, 100), Compaction::default());
        let state = state((0..20).map(|hour| block(hour, 10)));
        let keeping = |bytes| Keeping { tiers: &tiers, compaction: &compaction, cache_bytes_max: bytes };
        let now = DAY + 20 * HOUR;
        let kept = |bytes| ids(hot(&state, &keeping(bytes), now));
        assert_eq!(kept(Some(1 << 30)).len(), 9, "younger than ten hours");
        assert_eq!(kept(Some(40)), ["h19", "h18", "h17"], "three quarters of the cache");
        assert!(kept(None).is_empty(), "a local disk needs no copies");
        let kept: BTreeSet<&str> = kept(Some(40)).into_iter().collect();
        let of = |hour: u64, bytes| tier(&state.blocks[&format!("h{hour}")], &kept, &keeping(bytes));
        assert_eq!((of(19, Some(40)), of(16, Some(40)), of(16, None)), (Tier::Hot, Tier::Warm, Tier::Hot));
    }

    #[test]
    fn old_blocks_become_cold_once_and_after_they_were_merged() {
        let (tiers, compaction) = (tiers(1, 12), Compaction::default());
        let keeping = Keeping { tiers: &tiers, compaction: &compaction, cache_bytes_max: None };
        let mut state = state([block(1, 1), block(5, 1), block(20, 1), block(30, 1)]);
        let due = |state: &State, hour| {
            let due = cooling(state, &keeping, &BTreeSet::new(), DAY + hour * HOUR);
            ids(due).join(" ")
        };
        assert_eq!(due(&state, 20), "", "their day is not over, so they may be merged");
        assert_eq!(due(&state, 25), "h1 h5");
        assert_eq!(due(&state, 32), "h1 h5 h20");
        state.blocks.get_mut("h1").unwrap().meta.tier = Tier::Cold;
        assert_eq!(due(&state, 100), "h5 h20 h30", "never twice");
        let shunned = BTreeSet::from(["h5".to_owned()]);
        assert_eq!(cooling(&state, &keeping, &shunned, DAY + 100 * HOUR).len(), 2);
    }
}
