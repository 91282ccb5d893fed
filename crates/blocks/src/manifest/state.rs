//! The sum of all entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Archiving, Block, Entry, JournalRange, Removal, VERSION};
use crate::error::{Error, Next, Result};
use journal::Position;

/// Which blocks there are, after some entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The version of the format.
    pub version: u32,
    /// The last entry that is part of it.
    pub number: u64,
    /// The blocks by id.
    pub blocks: BTreeMap<String, Block>,
    /// Blocks that were removed, and when, Unix nanoseconds: their files wait to be deleted.
    pub removed: BTreeMap<String, u64>,
    /// What each node has committed.
    pub nodes: BTreeMap<String, Node>,
    /// The bytes of the blocks in `removed`.
    #[serde(default)]
    pub removed_bytes: BTreeMap<String, u64>,
    /// What was dropped for good, by why.
    #[serde(default)]
    pub dropped: BTreeMap<String, Dropped>,
    /// Traces that are kept for ever: tenant → trace id → since when, Unix nanoseconds.
    #[serde(default)]
    pub archived: BTreeMap<String, BTreeMap<String, u64>>,
    /// The last entry after which an archived trace was kept like all others again.
    #[serde(default)]
    pub unarchived: u64,
}

/// What was dropped for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Blocks that went, or were written again without some of their spans.
    pub blocks: u64,
    /// Spans that went.
    pub spans: u64,
}

/// What a node has committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its last epoch.
    pub epoch: u64,
    /// The parts of its journal that are in blocks; in order, joined where they touch.
    pub journal: Vec<JournalRange>,
}

impl Default for State {
    fn default() -> Self {
        let (blocks, removed, nodes) = Default::default();
        let (removed_bytes, dropped, archived) = Default::default();
        Self {
            version: VERSION,
            number: 0,
            blocks,
            removed,
            nodes,
            removed_bytes,
            dropped,
            archived,
            unarchived: 0,
        }
    }
}

impl State {
    /// Takes the next entry in.
    ///
    /// # Errors
    /// If the entry does not follow, or removes what is not there.
    pub fn apply(&mut self, entry: Entry) -> Result<()> {
        self.accepts(&entry)?;
        self.number = entry.number;
        let node = self.nodes.entry(entry.node).or_default();
        node.epoch = entry.epoch;
        node.join(entry.journal);
        for removal in entry.remove {
            self.remove(removal, entry.time_ns);
        }
        self.blocks.extend(entry.add.into_iter().map(|block| (block.meta.id.clone(), block)));
        for mark in entry.mark {
            if let Some(block) = self.blocks.get_mut(&mark.id) {
                block.meta.judged = Some(mark.judged);
            }
        }
        for Archiving { tenant, trace } in entry.archive {
            self.archived.entry(tenant).or_default().entry(trace).or_insert(entry.time_ns);
        }
        for Archiving { tenant, trace } in entry.unarchive {
            let traces = self.archived.entry(tenant.clone()).or_default();
            if traces.remove(&trace).is_some() {
                self.unarchived = entry.number;
            }
            if traces.is_empty() {
                self.archived.remove(&tenant);
            }
        }
        Ok(())
    }

    /// Takes an entry in of which some before it are lost; what they added and it removes is removed.
    pub(crate) fn apply_over_gap(&mut self, mut entry: Entry) -> Result<()> {
        self.number = entry.number.saturating_sub(1);
        entry.remove.retain(|removal| {
            let is_known = self.blocks.contains_key(&removal.id);
            if !is_known {
                self.removed.insert(removal.id.clone(), entry.time_ns);
            }
            is_known
        });
        self.apply(entry)
    }

    fn remove(&mut self, removal: Removal, time_ns: u64) {
        let Some(block) = self.blocks.remove(&removal.id) else { return };
        if removal.spans > 0 {
            let dropped = self.dropped.entry(removal.why).or_default();
            dropped.blocks += 1;
            dropped.spans += removal.spans;
        }
        self.removed_bytes.insert(removal.id.clone(), block.meta.bytes());
        self.removed.insert(removal.id, time_ns);
    }

    /// How many traces are kept for ever.
    pub fn archived_traces(&self) -> u64 {
        self.archived.values().map(|traces| traces.len() as u64).sum()
    }

    /// Could this entry be the next?
    pub(crate) fn accepts(&self, entry: &Entry) -> Result<()> {
        if entry.number != self.number + 1 {
            let what = format!("manifest entry {} does not follow entry {}", entry.number, self.number);
            return Err(Error::new(Next::Repair, what));
        }
        if let Some(gone) = entry.remove.iter().find(|removal| !self.blocks.contains_key(&removal.id)) {
            return Err(Error::new(Next::Refuse, format!("block {} was removed by someone else", gone.id)));
        }
        Ok(())
    }

    /// Was everything that this entry does done before, and only the answer lost?
    pub(crate) fn holds(&self, entry: &Entry) -> bool {
        let gone = |id: &String| !self.blocks.contains_key(id) && self.removed.contains_key(id);
        let there = |id: &String| self.blocks.contains_key(id) || self.removed.contains_key(id);
        entry.add.iter().all(|block| there(&block.meta.id))
            && entry.remove.iter().all(|removal| gone(&removal.id))
            && !(entry.add.is_empty() && entry.remove.is_empty())
    }

    /// Is what the node's journal holds at this position in a block?
    pub fn is_committed(&self, node: &str, position: Position) -> bool {
        let ranges = self.nodes.get(node).map_or(&[][..], |node| &node.journal);
        ranges.iter().any(|range| range.contains(position))
    }

    /// The greatest segment of the node's journal that the manifest knows.
    pub fn segment_floor(&self, node: &str) -> u64 {
        let ranges = self.nodes.get(node).map_or(&[][..], |node| &node.journal);
        ranges.iter().map(|range| range.to.0).max().unwrap_or(0)
    }
}

impl Node {
    fn join(&mut self, ranges: Vec<JournalRange>) {
        self.journal.extend(ranges);
        self.journal.sort();
        self.journal.dedup_by(|next, last| {
            let touches = next.from <= last.to;
            if touches {
                last.to = last.to.max(next.to);
            }
            touches
        });
    }
}
