//! What the engine runs on.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use crate::engine::peers::Peer;
use crate::memory;
use crate::retain::{Keeping, Retention};

/// How and where spans are kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data directory: journal, open blocks and lock; blocks and manifest too unless `url` is given.
    pub path: PathBuf,
    /// Where blocks and manifest live instead: `s3://bucket/prefix` or `file:///folder`.
    pub url: Option<String>,
    /// Options of the object store, as in its environment variables: `aws_access_key_id`, `aws_endpoint` …
    pub url_options: Vec<(String, String)>,
    /// Others write: this node answers questions only, and changes nothing in the store.
    pub reads_only: bool,
    /// Other nodes that ingest into the same object store; their heads are asked for what is not in it yet.
    pub peers: Vec<Arc<dyn Peer>>,
    /// Tells whoever finds the directory locked where the holder listens.
    pub address: String,
    /// How long what is kept.
    pub retention: Retention,
    /// Blocks that are due are dropped, and files that nobody needs are deleted; commands that only look at a store or
    /// add to it leave that to the server, which knows what to keep.
    pub is_tended: bool,
    /// When a span counts as stored.
    pub sync: journal::Sync,
    /// How blocks are merged.
    pub compaction: Compaction,
    /// How blocks are kept as they grow older.
    pub tiers: Tiers,
    /// What bounds the engine.
    pub limits: Limits,
}

impl Settings {
    /// The defaults, in this data directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            url: None,
            url_options: Vec::new(),
            reads_only: false,
            peers: Vec::new(),
            address: String::new(),
            retention: Retention::of_time(Duration::from_secs(7 * 24 * 3600)),
            is_tended: true,
            sync: journal::Sync::Always,
            compaction: Compaction::default(),
            tiers: Tiers::default(),
            limits: Limits::default(),
        }
    }
}

/// How blocks are kept as they grow older.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    /// Where blocks live in an object store: younger ones are kept whole on the local disk as well, as far as
    /// [`Limits::cache_bytes_max`] allows.
    pub warm_after: Option<Duration>,
    /// Older ones are written again, smaller.
    pub cold: Option<Cold>,
}

/// How old blocks are made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cold {
    /// Blocks of this age, and whose last window of compaction is over.
    pub after: Duration,
    /// How strongly they are compressed, as zstd counts.
    pub compression: i32,
}

impl Cold {
    /// How strongly, if nothing else is said.
    pub const COMPRESSION: i32 = 9;
}

/// How blocks are merged into larger ones.
#[derive(Clone, Debug)]
pub struct Compaction {
    /// Does this process merge blocks?
    pub enabled: bool,
    /// The part of one core that it takes; all of one while too many blocks wait.
    pub share: f64,
    /// What was received in the first of them may become L1, in the second L2, in the third larger L2.
    pub windows: [Duration; 3],
    /// So many small blocks are merged before their window is over.
    pub inputs_min: usize,
    /// Blocks that are merged at once; more wait.
    pub inputs_max: usize,
    /// The largest L1 block; half of it is enough to make one.
    pub level_1: Size,
    /// The largest L2 block.
    pub level_2: Size,
    /// A tenant with so many spans gets blocks of its own; the others share one, so that many tenants do not make
    /// many small blocks.
    pub tenant_spans_min: u64,
}

/// How large a block may be.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Spans in it.
    pub spans_max: u64,
    /// Its bytes, the index included.
    pub bytes_max: u64,
}

impl Settings {
    /// What decides on the tier of a block.
    pub(crate) fn keeping(&self) -> Keeping<'_> {
        let cache_bytes_max = self.is_remote().then_some(self.limits.cache_bytes_max);
        Keeping { tiers: &self.tiers, compaction: &self.compaction, cache_bytes_max }
    }

    /// Do blocks live somewhere else than on a disk of this machine?
    pub fn is_remote(&self) -> bool {
        self.url.as_deref().is_some_and(|url| !url.starts_with("file:"))
    }
}

impl Default for Compaction {
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            enabled: true,
            share: 0.5,
            windows: [hours(1), hours(6), hours(24)],
            inputs_min: 16,
            inputs_max: 64,
            level_1: Size { spans_max: 16_000_000, bytes_max: 1 << 30 },
            level_2: Size { spans_max: 64_000_000, bytes_max: 4 << 30 },
            tenant_spans_min: 65_536,
        }
    }
}

/// What bounds the engine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of spans that are in no block yet (`store.memory.head`); when full, writers wait.
    pub head_bytes_max: usize,
    /// Bytes for indexes of blocks (`store.memory.index`); what finds no room is read again.
    pub index_bytes_max: usize,
    /// Bytes for decoded pages (`store.memory.cache`); what finds no room is read and decoded again.
    pub page_bytes_max: usize,
    /// Bytes of other nodes' heads that are kept here for the next question (`store.memory.peers`), an equal part for each;
    /// a head that has more is not asked, and answers are partial.
    pub peer_bytes_max: usize,
    /// How long a writer waits for room in the head; then it is refused with a retry hint.
    pub head_wait_max: Duration,
    /// A tenant's chunk of this many bytes freezes into a row group.
    pub chunk_bytes_max: usize,
    /// A tenant's chunk of this many spans freezes into a row group.
    pub chunk_spans_max: usize,
    /// Chunks that are made row groups at once, or wait as such for their turn in the file; more wait in the head. Each
    /// takes about as many bytes again as in the head.
    pub packing_max: usize,
    /// The open block closes at this many spans …
    pub block_spans_max: u64,
    /// … or this many encoded bytes …
    pub block_bytes_max: u64,
    /// … or this long after its first span.
    pub block_age_max: Duration,
    /// Bytes on the local disk that wait for the object store (`store.upload.backlog`): closed blocks, and the
    /// journal behind them; when full, nothing freezes, so the head fills up, and then senders are refused.
    pub backlog_bytes_max: u64,
    /// Bytes of copies of what is in the object store (`store.cache.bytes`); what was used least recently goes.
    pub cache_bytes_max: u64,
    /// How often it is looked what other nodes have committed (`store.follow`).
    pub follow_every: Duration,
    /// Spans that start more than this before the retention or after now go to a skew block.
    pub skew_max: Duration,
    /// Questions answered at once; more wait.
    pub queries_max: usize,
    /// No question runs longer; files of dropped blocks are deleted after twice this.
    pub query_time_max: Duration,
    /// Files that no manifest entry names are deleted after this.
    pub orphan_age_max: Duration,
    /// Writes are refused while the disk has fewer free bytes than this, or than a twentieth of its size.
    pub free_bytes_min: u64,
    /// A checkpoint of the manifest is written after so many entries.
    pub checkpoint_entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes_max: 96 << 20,
            index_bytes_max: memory::INDEX_BYTES,
            page_bytes_max: memory::PAGE_BYTES,
            peer_bytes_max: 128 << 20,
            head_wait_max: Duration::from_secs(5),
            chunk_bytes_max: 24 << 20,
            chunk_spans_max: 64 << 10,
            packing_max: cores().clamp(2, PACKING_MAX),
            block_spans_max: 1_000_000,
            block_bytes_max: 64_000_000,
            block_age_max: Duration::from_secs(60),
            backlog_bytes_max: 16 << 30,
            cache_bytes_max: 10 << 30,
            follow_every: Duration::from_secs(5),
            skew_max: Duration::from_secs(24 * 3600),
            queries_max: 16,
            query_time_max: Duration::from_secs(60),
            orphan_age_max: Duration::from_secs(3600),
            free_bytes_min: 256 << 20,
            checkpoint_entries: 64,
        }
    }
}

/// More chunks are not packed at once, however many cores there are: they take memory.
const PACKING_MAX: usize = 4;

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
