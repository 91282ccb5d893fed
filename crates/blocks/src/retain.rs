//! Which blocks go, and which files. Pure decisions over the manifest's state; the engine acts.

use std::time::Duration;

use model::time::UnixNanos;

use crate::manifest::{Block, State};

/// The part of all blocks that one pass may drop, at least one block: a clock that jumps costs little
/// before someone notices.
const DROP_SHARE_MAX: f64 = 0.05;

/// What retention does now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Blocks to drop, oldest first.
    pub drop: Vec<String>,
    /// Blocks that are due as well but would be too many at once: the clock may be wrong.
    pub held_back: usize,
}

/// Decides which blocks are older than the retention.
pub fn due(state: &State, retention: Duration, now: UnixNanos) -> Verdict {
    let edge = now.saturating_sub(nanos(retention));
    let mut due: Vec<&Block> = state.blocks.values().filter(|block| newest(block) < edge).collect();
    due.sort_by_key(|block| newest(block));
    let at_once = ((state.blocks.len() as f64 * DROP_SHARE_MAX) as usize).max(1);
    let held_back = due.len().saturating_sub(at_once);
    due.truncate(at_once);
    Verdict { drop: due.into_iter().map(|block| block.meta.id.clone()).collect(), held_back }
}

/// The block that will be dropped next, and when.
pub fn next(state: &State, retention: Duration) -> Option<(&Block, UnixNanos)> {
    let block = state.blocks.values().min_by_key(|block| newest(block))?;
    Some((block, newest(block).saturating_add(nanos(retention))))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::BlockMeta;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: UnixNanos = 1_000 * 3_600_000_000_000;

    fn hours(hours: u64) -> UnixNanos {
        hours * 3_600_000_000_000
    }

    /// Blocks whose newest span is so many hours old.
    fn state(ages: &[u64], skew: bool) -> State {
        let block = |age: &u64| {
            let end_ns = if skew { 0 } else { NOW - hours(*age) };
            let meta = BlockMeta { id: format!("age-{age}"), end_ns, skew, ..BlockMeta::default() };
            (meta.id.clone(), Block { meta, received_ns: NOW - hours(*age) })
        };
        State { blocks: ages.iter().map(block).collect(), ..State::default() }
    }

    #[test]
    fn only_blocks_past_the_retention_go() {
        assert_eq!(due(&state(&[1, 23], false), 24 * HOUR, NOW), Verdict::default());
        assert_eq!(due(&state(&[1, 25], false), 24 * HOUR, NOW).drop, ["age-25"]);
    }

    #[test]
    fn a_clock_that_jumps_ahead_does_not_empty_the_store() {
        let ages: Vec<u64> = (0..100).collect();
        let verdict = due(&state(&ages, false), 24 * HOUR, NOW + hours(10_000));
        assert_eq!(verdict.drop, ["age-99", "age-98", "age-97", "age-96", "age-95"]);
        assert_eq!(verdict.held_back, 95);
    }

    #[test]
    fn a_skew_block_is_kept_by_receive_time() {
        assert_eq!(due(&state(&[1], true), 24 * HOUR, NOW), Verdict::default());
        assert_eq!(due(&state(&[25], true), 24 * HOUR, NOW).drop, ["age-25"]);
    }

    #[test]
    fn the_next_to_go_is_known() {
        let state = state(&[3, 20], false);
        let (block, when) = next(&state, 24 * HOUR).unwrap();
        assert_eq!((block.meta.id.as_str(), when), ("age-20", NOW + hours(4)));
    }

    #[test]
    fn files_outlive_their_entry_for_a_while() {
        let grace = Grace { removed: HOUR, orphan: 2 * HOUR };
        let mut state = state(&[1], false);
        state.removed.insert("gone".into(), NOW);
        assert!(!is_garbage(&state, "age-1", 0, &grace, NOW));
        assert!(!is_garbage(&state, "gone", 0, &grace, NOW + hours(1)));
        assert!(is_garbage(&state, "gone", 0, &grace, NOW + hours(1) + 1));
        assert!(!is_garbage(&state, "orphan", NOW, &grace, NOW + hours(2)));
        assert!(is_garbage(&state, "orphan", NOW, &grace, NOW + hours(2) + 1));
    }

    #[test]
    fn spans_far_from_now_are_skewed() {
        let skewed = |start| is_skewed(start, NOW, 168 * HOUR, 24 * HOUR);
        assert!(skewed(0) && skewed(u64::MAX) && skewed(NOW + hours(24) + 1) && skewed(NOW - hours(192) - 1));
        assert!(!skewed(NOW) && !skewed(NOW + hours(24)) && !skewed(NOW - hours(192)));
    }
}
