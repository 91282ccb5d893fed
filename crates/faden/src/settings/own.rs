//! The sections `store` and `serve`, which are Faden's own.

use std::time::Duration;

use blocks::retain::Retention;
use blocks::settings::{Compaction, Size, Tiers};
use config::Block;

use super::limits::{self, AskingLimits};
use super::peers::{self, PeerSettings};
use super::remote::{self, RemoteSettings};
use super::{retention, tiers};

/// Where spans are kept and for how long.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The data directory.
    pub path: String,
    /// Blocks in an object store, and who else is there.
    pub remote: RemoteSettings,
    /// Other nodes whose heads are asked.
    pub peers: PeerSettings,
    /// No pipeline writes to it: others do.
    pub reads_only: bool,
    /// How long what is kept.
    pub retention: Retention,
    /// Bytes of spans that are in no block yet.
    pub head_bytes_max: u64,
    /// How blocks are merged.
    pub compaction: Compaction,
    /// How blocks are kept as they grow older.
    pub tiers: Tiers,
    /// Bytes for indexes of blocks.
    pub index_bytes_max: u64,
    /// Bytes for decoded pages.
    pub page_bytes_max: u64,
    /// Bytes of other nodes' heads that are kept.
    pub peer_bytes_max: u64,
}

/// Where queries are answered.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Jaeger's and Faden's HTTP API.
    pub http: String,
    /// Jaeger's gRPC query services; served nowhere if empty.
    pub grpc: String,
    /// Jaeger's remote storage API; served nowhere if empty.
    pub storage: String,
    /// Tempo's HTTP API; served nowhere if empty.
    pub tempo: String,
    /// Zipkin's HTTP API; served nowhere if empty.
    pub zipkin: String,
    /// For other nodes, which ask for what is not in the object store yet; served nowhere if empty.
    pub peers: String,
    /// Origins of web pages that may read, besides the listener's own.
    pub allowed_origins: Vec<String>,
    /// When the pages may make demo spans.
    pub demo: DemoRule,
    /// Whoever reaches a port may empty the store.
    pub may_purge: bool,
    /// What one question may take from the others.
    pub limits: AskingLimits,
}

/// When demo spans may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoRule {
    /// While the store holds next to nothing else.
    Empty,
    /// Whatever it holds.
    Always,
    /// Not at all.
    Never,
}

/// Reads `store`.
pub fn store(root: &mut Block<'_>) -> StoreSettings {
    let mut block = root.section("store", "where spans are kept, and for how long");
    let path = block.text("path", "./faden-data", "the data directory: journal, open blocks and lock");
    let remote = remote::read(&mut block);
    let peers = peers::read(&mut block, remote.url.is_some());
    let is_remote = remote.url.as_deref().is_some_and(|url| !url.starts_with("file:"));
    let retention = retention::retention(&mut block, is_remote);
    let tiers = tiers::tiers(&mut block, is_remote, &retention);
    let mut memory = block.section("memory", "what the store may hold in memory");
    let head_bytes_max =
        memory.bytes("head", "96MiB", "spans that are in no block yet; when full, senders wait");
    let index_bytes_max =
        memory.bytes("index", "192MiB", "indexes of blocks; what finds no room is read from its block again");
    let page_bytes_max =
        memory.bytes("cache", "64MiB", "decoded pages; what finds no room is read and decoded again");
    let doc = "other nodes' heads, for the next question; one that has more is not asked";
    let peer_bytes_max = memory.bytes("peers", "128MiB", doc);
    for (key, bytes_max) in [("index", index_bytes_max), ("cache", page_bytes_max), ("peers", peer_bytes_max)]
    {
        if !memory.is_describing() && bytes_max < CACHE_BYTES_MIN {
            memory.problem(
                key,
                "less than 1MiB keeps nothing worth keeping",
                Some("give it 1MiB or more".to_owned()),
            );
        }
    }
    if !memory.is_describing() && head_bytes_max < HEAD_BYTES_MIN {
        memory.problem(
            "head",
            "less than 8MiB cannot hold one large request",
            Some("give it 8MiB or more".to_owned()),
        );
    }
    memory.finish();
    let (compaction, is_told_to_compact) = compaction(&mut block);
    if !block.is_describing() && path.is_empty() {
        block.problem("path", "this must name a directory", None);
    }
    let reads_only = remote.url.is_some() && !is_told_to_compact;
    StoreSettings {
        path,
        remote,
        peers,
        reads_only,
        retention,
        head_bytes_max,
        compaction,
        tiers,
        index_bytes_max,
        page_bytes_max,
        peer_bytes_max,
    }
}

/// Reads `store::compaction`, and whether it is written out that this process merges blocks.
fn compaction(store: &mut Block<'_>) -> (Compaction, bool) {
    let standard = Compaction::default();
    let mut block = store.section("compaction", "how blocks are merged into larger ones");
    let enabled = block.boolean("enabled", true, "whether this process merges blocks");
    let is_told_to = block.has("enabled") && enabled;
    let share = block.float(
        "share",
        standard.share,
        0.01..=1.0,
        "the part of one core that it takes; all of one while many blocks wait",
    );
    let inputs_min = block.integer(
        "blocks_min",
        standard.inputs_min,
        2..=64,
        "so many small new blocks are merged at once",
    );
    let windows = windows(&mut block);
    let spans_max = block.integer(
        "spans_max",
        standard.level_2.spans_max,
        1_000..=1 << 40,
        "spans of the largest block; blocks of one hour have a quarter of it at most",
    );
    let bytes_max = block.bytes("bytes_max", "4GiB", "bytes of the largest block, likewise");
    if !block.is_describing() && bytes_max < COMPACTED_BYTES_MIN {
        block.problem(
            "bytes_max",
            "blocks of less than 1MiB make searches slow",
            Some("give it 1MiB or more".into()),
        );
    }
    block.finish();
    let size = |part: u64| Size { spans_max: spans_max / part, bytes_max: bytes_max / part };
    let compaction =
        Compaction { enabled, share, inputs_min, windows, level_1: size(4), level_2: size(1), ..standard };
    (compaction, is_told_to)
}

/// The three windows, from the shortest to the longest.
fn windows(block: &mut Block<'_>) -> [Duration; 3] {
    let standard = Compaction::default().windows;
    let doc = "what was received in one of them becomes level 1, level 2, and large level 2";
    let texts = block.list_of_text("windows", &["1h", "6h", "24h"], doc);
    let windows: Vec<Duration> = texts.iter().filter_map(|text| config::parse_duration(text)).collect();
    let windows = <[Duration; 3]>::try_from(windows).ok();
    match windows.filter(|windows| windows.is_sorted() && !windows[0].is_zero() && texts.len() == 3) {
        Some(windows) => windows,
        None => {
            if !block.is_describing() {
                let remedy = "write them as [1h, 6h, 24h]".to_owned();
                block.problem("windows", "these must be three durations, the shortest first", Some(remedy));
            }
            standard
        }
    }
}

/// The least that `store::compaction::bytes_max` can be.
const COMPACTED_BYTES_MIN: u64 = 1 << 20;

/// The least that `store::memory::head` can be.
const HEAD_BYTES_MIN: u64 = 8 << 20;

/// The least that `store::memory::index` and `store::memory::cache` can be.
const CACHE_BYTES_MIN: u64 = 1 << 20;

/// Reads `serve`.
pub fn serve(root: &mut Block<'_>) -> ServeSettings {
    let mut block = root.section("serve", "where queries are answered");
    let http = block.text("http", "127.0.0.1:16686", "Jaeger's and Faden's HTTP API");
    let grpc = block.text("grpc", "127.0.0.1:16685", "Jaeger's gRPC query services; empty to serve none");
    let storage = block.text(
        "storage",
        "127.0.0.1:17271",
        "Jaeger's remote storage API, by which a stock Jaeger keeps its spans here; empty to serve none",
    );
    let tempo = block.text("tempo", "127.0.0.1:3200", "Tempo's HTTP API; empty to serve none");
    let zipkin = block.text("zipkin", "127.0.0.1:9411", "Zipkin's HTTP API for queries; empty to serve none");
    let peers = block.text(
        "peers",
        "",
        "where other nodes ask for what is not in store.url yet, such as 0.0.0.0:16687; empty for nowhere",
    );
    let allowed_origins = block.list_of_text(
        "allowed_origins",
        &[],
        "web pages of other origins that may read, such as https://*.example.com",
    );
    let demo = block.choice(
        "demo",
        &["empty", "always", "never"],
        "empty",
        "when the pages may send demo spans: while the store is about empty, always, never",
    );
    let demo = match demo {
        "always" => DemoRule::Always,
        "never" => DemoRule::Never,
        _ => DemoRule::Empty,
    };
    let may_purge = block.boolean(
        "purge",
        false,
        "POST /api/purge, and /purge on the port of serve.storage, erase every span; for stores of tests only",
    );
    let limits = limits::read(&mut block);
    ServeSettings { http, grpc, storage, tempo, zipkin, peers, allowed_origins, demo, may_purge, limits }
}
