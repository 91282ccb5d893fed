//! The engine's own figures, in Prometheus form: `faden_journal_*`, `faden_head_*`, `faden_blocks_*`.

use std::{sync::Mutex, time::Duration};

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::{
    engine::CacheFigures,
    error::{Doing, Next, Result},
    memory::Use,
};

/// Seconds of waiting for the disk and of building blocks.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Every figure of the engine.
pub(crate) struct Metrics {
    stored_spans: IntCounter,
    stored_seconds: Histogram,
    journal: Journal,
    pub(crate) head_waits: IntCounter,
    head_spans: IntGauge,
    head_bytes: IntGauge,
    frozen_spans: IntCounter,
    frozen_seconds: Histogram,
    pub(crate) freeze_failures: IntCounter,
    pub(crate) publish_failures: IntCounter,
    published_blocks: IntCounter,
    published_spans: IntCounter,
    dropped_blocks: IntCounterVec,
    dropped_spans: IntCounterVec,
    compaction: Compaction,
    pub(crate) compaction_failures: IntCounter,
    cold: Cold,
    hot_missing: [IntGauge; 2],
    blocks: IntGauge,
    block_bytes: IntGauge,
    unpublished: IntGauge,
    uploaded_bytes: IntCounter,
    backlog_bytes: IntGauge,
    away: IntGauge,
    cache: Cache,
    clock_ahead: IntGauge,
    lost_frames: IntGauge,
    unreadable: IntGauge,
    pub(crate) damaged_pages: IntCounter,
    memory: Kept,
    pub(crate) disk_free_bytes: IntGauge,
    pub(crate) query_seconds: Histogram,
    pub(crate) query_pages: IntCounter,
    pub(crate) abandoned_queries: IntCounter,
    pub(crate) running_queries: IntGauge,
}

struct Cache {
    bytes: IntGauge,
    hits: IntCounter,
    misses: IntCounter,
    last: Mutex<CacheFigures>,
}

/// Blocks that are merged.
struct Compaction {
    spans: IntCounter,
    repeated: IntCounter,
    seconds: Histogram,
    waiting_blocks: IntGauge,
    waiting_bytes: IntGauge,
}

/// Blocks that were made smaller for their age.
struct Cold {
    spans: IntCounter,
    bytes_before: IntCounter,
    bytes_after: IntCounter,
    waiting_blocks: IntGauge,
    waiting_bytes: IntGauge,
}

struct Journal {
    frames: IntCounter,
    bytes: IntCounter,
    bytes_raw: IntCounter,
    syncs: IntCounter,
    failures: IntCounter,
    size_bytes: IntGauge,
    refusing: IntGauge,
    last: Mutex<journal::Stat>,
}

/// How the budgets for indexes and pages are used.
struct Kept {
    bytes: [IntGauge; 2],
    hits: [IntCounter; 2],
    misses: [IntCounter; 2],
    damaged: IntCounter,
}

/// What is read from elsewhere when somebody looks.
pub(crate) struct Gauges {
    pub(crate) journal: journal::Stat,
    pub(crate) head_spans: u64,
    pub(crate) head_bytes: u64,
    pub(crate) unpublished: u64,
    pub(crate) backlog_bytes: u64,
    pub(crate) away: bool,
    pub(crate) cache: CacheFigures,
    pub(crate) blocks: u64,
    pub(crate) block_bytes: u64,
    pub(crate) clock_ahead_ns: i64,
    pub(crate) lost_frames: u64,
    pub(crate) unreadable: u64,
    pub(crate) compaction_waiting_blocks: u64,
    pub(crate) compaction_waiting_bytes: u64,
    pub(crate) cooling_blocks: u64,
    pub(crate) cooling_bytes: u64,
    /// Indexes, then pages.
    pub(crate) memory: [Use; 2],
    pub(crate) damaged: u64,
}

impl Metrics {
    /// Registers every figure.
    pub(crate) fn new(registry: &Registry) -> Result<Self> {
        let make = Make(registry);
        let metrics = Self {
            stored_spans: make.counter("faden_store_spans_total", "Spans answered as stored")?,
            stored_seconds: make
                .seconds("faden_store_seconds", "From a batch to the answer that it is stored")?,
            journal: Journal::new(&make)?,
            head_waits: make.counter("faden_head_waits_total", "Batches that waited for room in the head")?,
            head_spans: make.gauge("faden_head_spans", "Spans that are in no block yet")?,
            head_bytes: make.gauge("faden_head_bytes", "Bytes of spans that are in no block yet")?,
            frozen_spans: make
                .counter("faden_head_frozen_spans_total", "Spans moved from the head into blocks")?,
            frozen_seconds: make
                .seconds("faden_head_freeze_seconds", "Time to turn a chunk into a row group")?,
            freeze_failures: make
                .counter("faden_head_freeze_failures_total", "Chunks that could not be written")?,
            publish_failures: make
                .counter("faden_blocks_publish_failures_total", "Blocks that could not be placed")?,
            published_blocks: make.counter("faden_blocks_published_total", "Blocks committed")?,
            published_spans: make
                .counter("faden_blocks_published_spans_total", "Spans in committed blocks")?,
            dropped_blocks: make.counters(
                "faden_blocks_dropped_total",
                "Blocks that were dropped, or written again without some of their spans",
            )?,
            dropped_spans: make.counters("faden_blocks_dropped_spans_total", "Spans that went with them")?,
            compaction: Compaction::new(&make)?,
            compaction_failures: make
                .counter("faden_compaction_failures_total", "Merges of blocks that failed")?,
            cold: Cold::new(&make)?,
            hot_missing: [
                make.gauge("faden_hot_missing_blocks", "Young blocks that are not whole on the local disk")?,
                make.gauge("faden_hot_missing_bytes", "Their bytes")?,
            ],
            blocks: make.gauge("faden_blocks", "Blocks listed in the manifest")?,
            block_bytes: make.gauge("faden_blocks_bytes", "Bytes of blocks with their indexes")?,
            unpublished: make
                .gauge("faden_blocks_unpublished", "Closed blocks that wait for the object store")?,
            uploaded_bytes: make
                .counter("faden_store_placed_bytes_total", "Bytes of blocks brought to where they stay")?,
            backlog_bytes: make.gauge(
                "faden_store_backlog_bytes",
                "Bytes on the local disk that wait for the object store, journal included",
            )?,
            away: make.gauge("faden_store_away", "1 while blocks cannot be published")?,
            cache: Cache::new(&make)?,
            clock_ahead: make.gauge(
                "faden_clock_ahead_seconds",
                "How far the wall clock jumped ahead, or back where negative, while it is not believed",
            )?,
            lost_frames: make
                .gauge("faden_journal_lost_frames", "Damaged journal frames found at the last start")?,
            unreadable: make.gauge("faden_blocks_unreadable", "Blocks that cannot be opened")?,
            damaged_pages: make.counter(
                "faden_blocks_damaged_pages_total",
                "Pages left out of answers because they cannot be read",
            )?,
            memory: Kept::new(&make)?,
            disk_free_bytes: make
                .gauge("faden_disk_free_bytes", "Free bytes on the disk of the data directory")?,
            query_seconds: make.seconds("faden_query_seconds", "Time to answer a question")?,
            query_pages: make
                .counter("faden_query_pages_read_total", "Pages read by searches that have ended")?,
            abandoned_queries: make.counter(
                "faden_query_abandoned_total",
                "Searches that ended early, since whoever asked went away",
            )?,
            running_queries: make.gauge("faden_query_running", "Searches that read the store now")?,
        };
        Ok(metrics)
    }

    pub(crate) fn stored(&self, spans: u64, took: Duration) {
        self.stored_spans.inc_by(spans);
        self.stored_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn frozen(&self, spans: u64, took: Duration) {
        self.frozen_spans.inc_by(spans);
        self.frozen_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn published(&self, blocks: u64, spans: u64) {
        self.published_blocks.inc_by(blocks);
        self.published_spans.inc_by(spans);
    }

    pub(crate) fn uploaded(&self, bytes: u64) {
        self.uploaded_bytes.inc_by(bytes);
    }

    pub(crate) fn dropped(&self, why: &str, blocks: u64, spans: u64) {
        self.dropped_blocks.with_label_values(&[why]).inc_by(blocks);
        self.dropped_spans.with_label_values(&[why]).inc_by(spans);
    }

    pub(crate) fn compacted(&self, spans: u64, repeated: u64, took: Duration) {
        self.compaction.spans.inc_by(spans);
        self.compaction.repeated.inc_by(repeated);
        self.compaction.seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn hot_missing(&self, blocks: u64, bytes: u64) {
        for (gauge, value) in self.hot_missing.iter().zip([blocks, bytes]) {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn cooled(&self, spans: u64, bytes_before: u64, bytes_after: u64) {
        self.cold.spans.inc_by(spans);
        self.cold.bytes_before.inc_by(bytes_before);
        self.cold.bytes_after.inc_by(bytes_after);
    }

    /// Brings the figures up to date that are read from elsewhere.
    pub(crate) fn update(&self, now: &Gauges) {
        let gauge = |gauge: &IntGauge, value| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.head_spans, now.head_spans);
        gauge(&self.head_bytes, now.head_bytes);
        gauge(&self.unpublished, now.unpublished);
        gauge(&self.backlog_bytes, now.backlog_bytes);
        gauge(&self.away, u64::from(now.away));
        gauge(&self.cache.bytes, now.cache.bytes);
        self.cache.advance(now.cache);
        gauge(&self.blocks, now.blocks);
        gauge(&self.block_bytes, now.block_bytes);
        self.clock_ahead.set(now.clock_ahead_ns / 1_000_000_000);
        gauge(&self.lost_frames, now.lost_frames);
        gauge(&self.unreadable, now.unreadable);
        gauge(&self.compaction.waiting_blocks, now.compaction_waiting_blocks);
        gauge(&self.compaction.waiting_bytes, now.compaction_waiting_bytes);
        gauge(&self.cold.waiting_blocks, now.cooling_blocks);
        gauge(&self.cold.waiting_bytes, now.cooling_bytes);
        gauge(&self.journal.size_bytes, now.journal.bytes);
        gauge(&self.journal.refusing, u64::from(now.journal.refusing));
        self.journal.advance(now.journal);
        self.memory.update(now);
    }
}

impl Kept {
    fn new(make: &Make) -> Result<Self> {
        Ok(Self {
            bytes: [
                make.gauge("faden_index_bytes", "Bytes of indexes of blocks in memory")?,
                make.gauge("faden_pages_bytes", "Bytes of decoded pages in memory")?,
            ],
            hits: [
                make.counter("faden_index_hits_total", "Parts of indexes that were in memory")?,
                make.counter("faden_pages_hits_total", "Pages that were in memory")?,
            ],
            misses: [
                make.counter("faden_index_misses_total", "Parts of indexes that had to be read")?,
                make.counter("faden_pages_misses_total", "Pages that had to be read")?,
            ],
            damaged: make.counter("faden_index_damaged_total", "Parts of indexes that were damaged")?,
        })
    }

    fn update(&self, now: &Gauges) {
        let advance = |counter: &IntCounter, to: u64| counter.inc_by(to.saturating_sub(counter.get()));
        for (at, used) in now.memory.iter().enumerate() {
            self.bytes[at].set(i64::try_from(used.bytes).unwrap_or(i64::MAX));
            advance(&self.hits[at], used.hits);
            advance(&self.misses[at], used.misses);
        }
        advance(&self.damaged, now.damaged);
    }
}

impl Compaction {
    fn new(make: &Make) -> Result<Self> {
        Ok(Self {
            spans: make.counter("faden_compaction_spans_total", "Spans in blocks that were merged")?,
            repeated: make.counter(
                "faden_compaction_repeated_spans_total",
                "Spans that were sent twice and left out",
            )?,
            seconds: make.seconds("faden_compaction_seconds", "Time to merge some blocks")?,
            waiting_blocks: make
                .gauge("faden_compaction_waiting_blocks", "Blocks that are due to be merged")?,
            waiting_bytes: make.gauge("faden_compaction_waiting_bytes", "Their bytes")?,
        })
    }
}

impl Cold {
    fn new(make: &Make) -> Result<Self> {
        Ok(Self {
            spans: make.counter("faden_cold_spans_total", "Spans in blocks that became cold")?,
            bytes_before: make.counter("faden_cold_bytes_before_total", "Bytes of these blocks before")?,
            bytes_after: make.counter("faden_cold_bytes_after_total", "Bytes of them as cold blocks")?,
            waiting_blocks: make.gauge("faden_cold_waiting_blocks", "Blocks that are due to become cold")?,
            waiting_bytes: make.gauge("faden_cold_waiting_bytes", "Their bytes")?,
        })
    }
}

impl Cache {
    fn new(make: &Make) -> Result<Self> {
        Ok(Self {
            bytes: make.gauge("faden_cache_bytes", "Bytes of copies of what is in the object store")?,
            hits: make.counter("faden_cache_hits_total", "Pieces of blocks read from copies")?,
            misses: make.counter("faden_cache_misses_total", "Pieces of blocks fetched from the store")?,
            last: Mutex::default(),
        })
    }

    fn advance(&self, now: CacheFigures) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.hits.inc_by(now.hits.saturating_sub(last.hits));
        self.misses.inc_by(now.misses.saturating_sub(last.misses));
        *last = now;
    }
}

impl Journal {
    fn new(make: &Make) -> Result<Self> {
        Ok(Self {
            frames: make.counter("faden_journal_frames_total", "Frames appended to the journal")?,
            bytes: make.counter("faden_journal_bytes_total", "Bytes appended to the journal")?,
            bytes_raw: make.counter("faden_journal_raw_bytes_total", "The same before compression")?,
            syncs: make.counter("faden_journal_syncs_total", "Groups written with one fsync each")?,
            failures: make.counter("faden_journal_failures_total", "Writes or syncs that failed")?,
            size_bytes: make.gauge("faden_journal_size_bytes", "Bytes of the journal on disk")?,
            refusing: make.gauge("faden_journal_refusing", "1 while the journal's disk does not work")?,
            last: Mutex::default(),
        })
    }

    fn advance(&self, now: journal::Stat) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.frames.inc_by(now.frames.saturating_sub(last.frames));
        self.bytes.inc_by(now.bytes_stored.saturating_sub(last.bytes_stored));
        self.bytes_raw.inc_by(now.bytes_raw.saturating_sub(last.bytes_raw));
        self.syncs.inc_by(now.groups.saturating_sub(last.groups));
        self.failures.inc_by(now.failures.saturating_sub(last.failures));
        *last = now;
    }
}

struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        let counter =
            IntCounter::with_opts(Opts::new(name, help)).doing(Next::Refuse, format!("make {name}"))?;
        self.register(name, Box::new(counter.clone()))?;
        Ok(counter)
    }

    /// Counters by why.
    fn counters(&self, name: &str, help: &str) -> Result<IntCounterVec> {
        let counters = IntCounterVec::new(Opts::new(name, help), &["why"]);
        let counters = counters.doing(Next::Refuse, format!("make {name}"))?;
        self.register(name, Box::new(counters.clone()))?;
        Ok(counters)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge> {
        let gauge = IntGauge::with_opts(Opts::new(name, help)).doing(Next::Refuse, format!("make {name}"))?;
        self.register(name, Box::new(gauge.clone()))?;
        Ok(gauge)
    }

    fn seconds(&self, name: &str, help: &str) -> Result<Histogram> {
        let opts = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        let histogram = Histogram::with_opts(opts).doing(Next::Refuse, format!("make {name}"))?;
        self.register(name, Box::new(histogram.clone()))?;
        Ok(histogram)
    }

    fn register(&self, name: &str, collector: Box<dyn prometheus::core::Collector>) -> Result<()> {
        self.0.register(collector).doing(Next::Refuse, format!("register {name}"))
    }
}
