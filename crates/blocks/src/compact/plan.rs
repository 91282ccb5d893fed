//! Picks which blocks are merged next. A pure decision over the manifest's state; the engine acts.
//!
//! Blocks are gathered by when they were received, which clients' clocks cannot bend. L0 within an hour becomes L1 as
//! soon as it is enough for a block; when a window of six hours is over, what lies in it becomes L2; when a day is over,
//! its small L2 blocks become one. So a span is written three times, or four where there is little. Spans that came late lie first in their
//! block, which is sorted by time; their traces are joined if the rest lies in the same window.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::time::UnixNanos;

use crate::manifest::{Block, State, Tier};
use crate::settings::{Compaction, Size};

/// How long a window stays open for blocks that are committed late.
const SETTLE: Duration = Duration::from_secs(300);

/// A block of less than one of so many parts of the largest is small.
const SMALL_PART: u64 = 4;

/// Blocks to be merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The blocks, in the order in which they were received; at least two unless their tier changes.
    pub inputs: Vec<String>,
    /// The level of what they become.
    pub level: u8,
    /// The tier of what they become.
    pub tier: Tier,
    /// Their spans.
    pub spans: u64,
    /// Their bytes, indexes included.
    pub bytes: u64,
}

/// What is never merged with what differs: skewed or not, and whose spans (`None`: those of several tenants).
type Family<'a> = (bool, Option<&'a str>);

impl Job {
    /// A block becomes cold.
    pub fn cooling(block: &Block) -> Self {
        let meta = &block.meta;
        let inputs = vec![meta.id.clone()];
        Self { inputs, level: meta.level, tier: Tier::Cold, spans: meta.spans, bytes: meta.bytes() }
    }
}

/// Everything that is due, the most urgent first; no block is in two jobs. `shunned` blocks stay as they are.
pub fn jobs(state: &State, settings: &Compaction, shunned: &BTreeSet<String>, now: UnixNanos) -> Vec<Job> {
    let [hour, quarter, day] = settings.windows.map(nanos);
    let mut blocks: Vec<&Block> = state.blocks.values().collect();
    blocks.retain(|block| block.meta.tier == Tier::Hot && !shunned.contains(&block.meta.id));
    blocks.sort_by(|left, right| (left.received_ns, &left.meta.id).cmp(&(right.received_ns, &right.meta.id)));
    let of_level = |least: u8, most: u8| {
        blocks.iter().copied().filter(move |block| (least..=most).contains(&block.meta.level))
    };
    let mut jobs = Vec::new();
    for (window, blocks) in windows(of_level(0, 0), hour, |block| (block.meta.skew, None)) {
        let is_over = is_over(window, hour, now);
        let batches = batches(&blocks, settings.inputs_max, &settings.level_1, true);
        let is_due = |batch: &Batch| batch.is_full || is_over || batch.blocks.len() >= settings.inputs_min;
        jobs.extend(batches.iter().filter(|batch| is_due(batch)).filter_map(|batch| batch.job(1)));
    }
    let taken: BTreeSet<String> = jobs.iter().flat_map(|job| job.inputs.iter().cloned()).collect();
    for (window, blocks) in windows(of_level(0, 1), quarter, family) {
        let is_waiting = blocks.iter().any(|block| taken.contains(&block.meta.id));
        if is_over(window, quarter, now) && !is_waiting {
            let batches = batches(&blocks, settings.inputs_max, &settings.level_2, false);
            jobs.extend(batches.iter().filter_map(|batch| batch.job(2)));
        }
    }
    let small = of_level(2, u8::MAX).filter(|block| is_small(block, &settings.level_2));
    for (window, blocks) in windows(small, day, family) {
        if is_over(window, day, now) {
            let batches = batches(&blocks, settings.inputs_max, &settings.level_2, false);
            jobs.extend(batches.iter().filter_map(|batch| batch.job(2)));
        }
    }
    jobs
}

/// Is every window over in which the block may be merged?
pub fn is_settled(block: &Block, settings: &Compaction, now: UnixNanos) -> bool {
    let [.., day] = settings.windows.map(nanos);
    is_over(block.received_ns / day, day, now)
}

/// Blocks that become one.
#[derive(Default)]
struct Batch<'a> {
    blocks: Vec<&'a Block>,
    spans: u64,
    bytes: u64,
    /// No more fits, or enough is there.
    is_full: bool,
}

impl<'a> Batch<'a> {
    fn push(&mut self, block: &'a Block) {
        self.spans += block.meta.spans;
        self.bytes += block.meta.bytes();
        self.blocks.push(block);
    }

    fn job(&self, level: u8) -> Option<Job> {
        let inputs: Vec<String> = self.blocks.iter().map(|block| block.meta.id.clone()).collect();
        let (spans, bytes) = (self.spans, self.bytes);
        (inputs.len() > 1).then_some(Job { inputs, level, tier: Tier::Hot, spans, bytes })
    }
}

/// Blocks by the window in which they were received, and by family.
fn windows<'a>(
    blocks: impl Iterator<Item = &'a Block>,
    length: u64,
    family: impl Fn(&'a Block) -> Family<'a>,
) -> Vec<(u64, Vec<&'a Block>)> {
    let mut windows: BTreeMap<(u64, Family<'a>), Vec<&Block>> = BTreeMap::new();
    for block in blocks {
        windows.entry((block.received_ns / length, family(block))).or_default().push(block);
    }
    windows.into_iter().map(|((window, _), blocks)| (window, blocks)).collect()
}

/// Packs blocks in their order; with `at_half`, half of the largest block is enough.
fn batches<'a>(blocks: &[&'a Block], inputs_max: usize, size: &Size, at_half: bool) -> Vec<Batch<'a>> {
    let mut batches: Vec<Batch<'a>> = Vec::new();
    for block in blocks {
        let fits = |batch: &Batch| {
            !batch.is_full
                && batch.blocks.len() < inputs_max
                && batch.spans + block.meta.spans <= size.spans_max
                && batch.bytes + block.meta.bytes() <= size.bytes_max
        };
        if !batches.last().is_some_and(fits) {
            batches.iter_mut().for_each(|batch| batch.is_full = true);
            batches.push(Batch::default());
        }
        let batch = batches.last_mut().expect("one was pushed if there was none");
        batch.push(block);
        batch.is_full = at_half && (batch.spans * 2 >= size.spans_max || batch.bytes * 2 >= size.bytes_max);
    }
    batches
}

fn family(block: &Block) -> Family<'_> {
    match &block.meta.tenants[..] {
        [only] => (block.meta.skew, Some(only)),
        _ => (block.meta.skew, None),
    }
}

fn is_small(block: &Block, size: &Size) -> bool {
    block.meta.spans < size.spans_max / SMALL_PART && block.meta.bytes() < size.bytes_max / SMALL_PART
}

fn is_over(window: u64, length: u64, now: UnixNanos) -> bool {
    let end = window.saturating_add(1).saturating_mul(length);
    end.saturating_add(nanos(SETTLE)) <= now
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::BlockMeta;

    const MINUTE: u64 = 60_000_000_000;
    /// The first minute of a day.
    const DAY: u64 = 20_000 * 24 * 60;

    /// A block: its level, the minute in which it was received, its spans in thousands.
    fn block(level: u8, minute: u64, thousands: u64) -> Block {
        let meta = BlockMeta {
            id: format!("{level}-{minute}"),
            level,
            spans: thousands * 1000,
            data_bytes: thousands * 60_000,
            tenants: vec!["default".into()],
            ..BlockMeta::default()
        };
        Block { meta, received_ns: (DAY + minute) * MINUTE }
    }

    fn state(blocks: impl IntoIterator<Item = Block>) -> State {
        let blocks = blocks.into_iter().map(|block| (block.meta.id.clone(), block)).collect();
        State { blocks, ..State::default() }
    }

    /// The levels and inputs of what is due at a minute.
    fn due(blocks: impl IntoIterator<Item = Block>, minute: u64) -> Vec<(u8, Vec<String>)> {
        let now = (DAY + minute) * MINUTE;
        let jobs = jobs(&state(blocks), &Compaction::default(), &BTreeSet::new(), now);
        jobs.into_iter().map(|job| (job.level, job.inputs)).collect()
    }

    #[test]
    fn small_blocks_wait_until_they_are_many_or_the_hour_is_over() {
        let some = |count| (0..count).map(|minute| block(0, minute, 10));
        assert_eq!(due(some(15), 16), []);
        assert_eq!(due(some(16), 16).len(), 1);
        assert_eq!(due(some(16), 16)[0].1.len(), 16);
        assert_eq!(due(some(2), 64), []);
        assert_eq!(due(some(2), 65), [(1, vec!["0-0".into(), "0-1".into()])]);
        assert_eq!(due(some(1), 65), [], "one block alone is not written again");
    }

    #[test]
    fn large_blocks_are_merged_once_they_are_enough() {
        let large = |count| (0..count).map(|minute| block(0, minute, 1000));
        assert_eq!(due(large(7), 8), []);
        let jobs = due(large(20), 21);
        assert_eq!(jobs.iter().map(|(_, inputs)| inputs.len()).collect::<Vec<_>>(), [8, 8]);
    }

    #[test]
    fn nothing_is_merged_over_the_edge_of_a_window() {
        let jobs = due((55..65).map(|minute| block(0, minute, 10)), 200);
        assert_eq!(jobs.iter().map(|(_, inputs)| inputs.len()).collect::<Vec<_>>(), [5, 5]);
    }

    #[test]
    fn skewed_blocks_stay_among_themselves() {
        let skewed = |minute| {
            let block = block(0, minute, 10);
            Block { meta: BlockMeta { skew: true, ..block.meta }, ..block }
        };
        let blocks = [block(0, 1, 10), skewed(2), block(0, 3, 10), skewed(4)];
        assert_eq!(
            due(blocks, 100),
            [(1, vec!["0-1".into(), "0-3".into()]), (1, vec!["0-2".into(), "0-4".into()])]
        );
    }

    #[test]
    fn a_window_that_is_over_becomes_level_2_for_each_tenant() {
        let of = |tenant: &str, minute| {
            let block = block(1, minute, 100);
            Block { meta: BlockMeta { tenants: vec![tenant.into()], ..block.meta }, ..block }
        };
        let blocks = || [of("red", 10), of("blue", 20), of("red", 30), of("blue", 40), of("green", 50)];
        assert_eq!(due(blocks(), 300), []);
        assert_eq!(
            due(blocks(), 365),
            [(2, vec!["1-20".into(), "1-40".into()]), (2, vec!["1-10".into(), "1-30".into()])]
        );
        let with_l0 = blocks().into_iter().chain([block(0, 60, 1), block(0, 61, 1)]);
        assert_eq!(due(with_l0, 365)[0], (1, vec!["0-60".into(), "0-61".into()]), "L0 comes first");
    }

    #[test]
    fn after_a_day_only_small_blocks_are_merged_again() {
        let blocks = [block(2, 1, 100), block(2, 400, 50_000), block(2, 800, 100), block(2, 1100, 100)];
        assert_eq!(due(blocks.clone(), 1440), []);
        assert_eq!(due(blocks, 1445), [(2, vec!["2-1".into(), "2-800".into(), "2-1100".into()])]);
    }

    #[test]
    fn no_job_is_larger_than_a_block_may_be() {
        let blocks: Vec<Block> = (0..300).map(|minute| block(1, minute, 9_000)).collect();
        let jobs = jobs(&state(blocks), &Compaction::default(), &BTreeSet::new(), (DAY + 400) * MINUTE);
        assert!(jobs.iter().all(|job| job.spans <= Compaction::default().level_2.spans_max), "{jobs:?}");
        assert_eq!(jobs.iter().map(|job| job.inputs.len()).sum::<usize>(), 300 / 7 * 7 + 300 % 7);
    }

    #[test]
    fn a_shunned_block_is_left_alone() {
        let blocks = state((0..3).map(|minute| block(0, minute, 10)));
        let shunned = BTreeSet::from(["0-1".to_owned()]);
        let jobs = jobs(&blocks, &Compaction::default(), &shunned, (DAY + 100) * MINUTE);
        assert_eq!(jobs[0].inputs, ["0-0", "0-2"]);
    }

    #[test]
    fn a_span_is_written_three_times_whatever_the_load() {
        for (thousands, times) in [(1, 4.0), (60, 3.2), (1000, 3.2)] {
            let written = simulate(thousands);
            assert!(written <= times, "{thousands},000 spans a minute are written {written} times");
        }
    }

    /// How often a span is written in a day and some hours, of which each minute brings a block.
    fn simulate(thousands: u64) -> f64 {
        let settings = Compaction::default();
        let mut state = State::default();
        let (mut sent, mut written, mut made) = (0, 0, 0);
        for minute in 0..3 * 1440 {
            if minute < 2 * 1440 {
                let new = block(0, minute, thousands);
                sent += new.meta.spans;
                written += new.meta.spans;
                state.blocks.insert(new.meta.id.clone(), new);
            }
            while let Some(job) =
                jobs(&state, &settings, &BTreeSet::new(), (DAY + minute) * MINUTE).into_iter().next()
            {
                let gone: Vec<Block> =
                    job.inputs.iter().map(|id| state.blocks.remove(id).expect("it is there")).collect();
                made += 1;
                let mut output = gone.last().expect("a job has inputs").clone();
                output.meta.id = format!("made-{made}");
                output.meta.level = job.level;
                output.meta.spans = job.spans;
                output.meta.data_bytes = job.bytes;
                state.blocks.insert(output.meta.id.clone(), output);
                written += job.spans;
            }
        }
        assert!(state.blocks.len() < 50, "{} blocks are left of two days", state.blocks.len());
        written as f64 / sent as f64
    }
}
