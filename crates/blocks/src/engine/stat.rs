//! What the store holds, in figures.

use std::sync::atomic::Ordering::Relaxed;

use model::time::UnixNanos;

use super::{Doubt, Engine, Inner};
use crate::{
    manifest::State,
    metrics::Gauges,
    retain::{self, Inventory},
    settings::Settings,
};

/// What the store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Committed blocks.
    pub blocks: u64,
    /// Their bytes, indexes included.
    pub block_bytes: u64,
    /// Spans in them.
    pub block_spans: u64,
    /// The first and the last span start in them (skewed ones left out), Unix nanoseconds.
    pub time: Option<(UnixNanos, UnixNanos)>,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// Bytes in the head; 0 when the store is not running.
    pub head_bytes: u64,
    /// Spans in the head; 0 when the store is not running.
    pub head_spans: u64,
    /// Spans that are in no committed block yet: in the head, an open block, or one on its way; 0 when the store
    /// is not running.
    pub uncommitted_spans: u64,
    /// Closed blocks that wait for the object store.
    pub blocks_unpublished: u64,
    /// Bytes that wait for the object store: those blocks, and the journal behind them.
    pub backlog_bytes: u64,
    /// How long the object store has been away and why, if it is.
    pub away: Option<(std::time::Duration, String)>,
    /// The peers that did not answer when asked last, each with why.
    pub peers_away: Vec<String>,
    /// Bytes of copies of what is in the object store.
    pub cache_bytes: u64,
    /// Committed blocks by level, from 0.
    pub levels: Vec<Level>,
    /// Blocks that are due to be merged; 0 when the store is not running.
    pub compaction_waiting_blocks: u64,
    /// Their bytes; 0 when the store is not running.
    pub compaction_waiting_bytes: u64,
    /// What the retention drops next.
    pub next_drop: Option<NextDrop>,
    /// What the last start found in the journal.
    pub recovery: Recovered,
    /// The wall clock jumped, and is not believed.
    pub clock: Option<Doubt>,
    /// Why writes are refused, if they are.
    pub refusing: Option<String>,
}

/// The committed blocks of one level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// How many.
    pub blocks: u64,
    /// Their bytes, indexes included.
    pub bytes: u64,
    /// Their spans.
    pub spans: u64,
}

/// The block that the retention drops next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextDrop {
    /// Its id.
    pub block: String,
    /// When it is due, Unix nanoseconds.
    pub at: UnixNanos,
    /// Its spans.
    pub spans: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// What the last start found in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Everything is searchable again.
    pub done: bool,
    /// Spans that were put back.
    pub spans: u64,
    /// Frames that are lost.
    pub frames_lost: u64,
    /// Bytes of the journal still to be read.
    pub bytes_left: u64,
}

impl Stat {
    /// What a manifest alone tells.
    pub(crate) fn of_state(state: &State, settings: &Settings, now: UnixNanos) -> Self {
        let metas = || state.blocks.values().map(|block| &block.meta);
        let timed = || metas().filter(|meta| !meta.skew);
        let start = timed().map(|meta| meta.start_ns).min();
        let end = timed().map(|meta| meta.end_ns).max();
        let next = retain::coming(state, &settings.retention, now, 1).pop();
        Self {
            blocks: state.blocks.len() as u64,
            block_bytes: metas().map(|meta| meta.data_bytes + meta.index_bytes).sum(),
            block_spans: metas().map(|meta| meta.spans).sum(),
            levels: levels(state),
            time: start.zip(end),
            next_drop: next.map(|next| NextDrop {
                block: next.block,
                at: next.at,
                spans: next.spans,
                bytes: next.bytes,
            }),
            ..Self::default()
        }
    }
}

fn levels(state: &State) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for meta in state.blocks.values().map(|block| &block.meta) {
        let at = usize::from(meta.level);
        levels.resize(levels.len().max(at + 1), Level::default());
        levels[at].blocks += 1;
        levels[at].bytes += meta.data_bytes + meta.index_bytes;
        levels[at].spans += meta.spans;
    }
    levels
}

impl Engine {
    /// What the store holds now.
    pub async fn stat(&self) -> Stat {
        self.inner.stat().await
    }

    /// What the store keeps, sorted.
    pub async fn inventory(&self) -> Inventory {
        let (inner, now) = (&self.inner, self.inner.clock.now());
        let manifest = inner.manifest.lock().await;
        retain::inventory(manifest.state(), &inner.settings, inner.bytes_max(), now)
    }

    /// Brings the registered metrics up to date; call it before they are read.
    pub async fn update_metrics(&self) {
        self.inner.update_metrics().await;
    }
}

impl Inner {
    async fn stat(&self) -> Stat {
        let known = Stat::of_state(&self.known.now(), &self.settings, self.clock.now());
        let waiting_bytes = self.head.waiting_bytes();
        let (head, journal) = (self.head.figures(), self.journal.stat());
        Stat {
            journal_bytes: journal.bytes,
            head_bytes: head.bytes,
            head_spans: head.spans,
            uncommitted_spans: head.uncommitted_spans,
            blocks_unpublished: head.unpublished,
            backlog_bytes: if waiting_bytes > 0 { waiting_bytes + journal.bytes } else { 0 },
            away: self.away.why(),
            peers_away: self.peers.away(),
            cache_bytes: self.shelf.cache_figures().bytes,
            compaction_waiting_blocks: self.compacting.waiting_blocks.load(Relaxed),
            compaction_waiting_bytes: self.compacting.waiting_bytes.load(Relaxed),
            recovery: Recovered {
                done: self.recovery.done.load(Relaxed),
                spans: self.recovery.spans.load(Relaxed),
                frames_lost: self.recovery.lost.load(Relaxed),
                bytes_left: self.recovery.bytes_left.load(Relaxed),
            },
            clock: self.watch.doubt(),
            refusing: match (self.disk_full.load(Relaxed), journal.refusing) {
                (true, _) => Some("the disk is almost full".into()),
                (_, true) => Some("the journal cannot be written".into()),
                _ => None,
            },
            ..known
        }
    }

    pub(super) async fn update_metrics(&self) {
        let stat = self.stat().await;
        self.metrics.update(&Gauges {
            journal: self.journal.stat(),
            head_spans: stat.head_spans,
            head_bytes: stat.head_bytes,
            unpublished: stat.blocks_unpublished,
            backlog_bytes: stat.backlog_bytes,
            away: stat.away.is_some(),
            cache: self.shelf.cache_figures(),
            blocks: stat.blocks,
            block_bytes: stat.block_bytes,
            clock_ahead_ns: stat.clock.map_or(0, |doubt| doubt.ahead_ns),
            lost_frames: stat.recovery.frames_lost,
            unreadable: self.recovery.blocks_unreadable(),
            compaction_waiting_blocks: stat.compaction_waiting_blocks,
            compaction_waiting_bytes: stat.compaction_waiting_bytes,
            cooling_blocks: self.compacting.cooling_blocks.load(Relaxed),
            cooling_bytes: self.compacting.cooling_bytes.load(Relaxed),
            memory: [self.memory.index(), self.memory.pages()],
            damaged: self.memory.damaged(),
        });
    }
}
