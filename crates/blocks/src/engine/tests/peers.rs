//! Two nodes ingest and one answers, on one bucket: what was acknowledged by one is found at once by the other, once.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use bucket::Bucket;
use bytes::Bytes;
use model::{Batch, Tenant};
use store::{Ask, Plan, Reader, Rows, WriteError, Writer, conformance};

use super::{LOOKS, StandingClock, found, open_with, settings, trace, until, write};
use crate::{
    engine::{
        Engine,
        peers::{Call, Peer},
    },
    settings::{Compaction, Limits, Settings},
};

/// A node that can be reached, until it is cut off.
#[derive(Default)]
struct Line {
    engine: Mutex<Option<Arc<Engine>>>,
    is_cut: AtomicBool,
    bytes: AtomicU64,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Line")
    }
}

impl Line {
    fn to(engine: &Arc<Engine>) -> Arc<Self> {
        let line = Self::default();
        line.lead_to(engine);
        Arc::new(line)
    }

    fn lead_to(&self, engine: &Arc<Engine>) {
        *self.engine.lock().unwrap() = Some(engine.clone());
    }
}

#[async_trait]
impl Peer for Line {
    fn name(&self) -> &str {
        "node-1:16686"
    }

    async fn call(&self, call: Call, request: Bytes, bytes_max: usize) -> Result<Bytes, String> {
        let engine = self.engine.lock().unwrap().clone();
        let engine = engine.filter(|_| !self.is_cut.load(SeqCst)).ok_or("connection refused")?;
        let answer = engine.answer_peer(call, request).await.map_err(|error| error.to_string())?;
        self.bytes.fetch_add(answer.len() as u64, SeqCst);
        if answer.len() > bytes_max { Err("the answer is too large".into()) } else { Ok(answer) }
    }
}

fn at(bucket: &Bucket, prefix: &str, folder: &Path) -> Settings {
    let compaction = Compaction { enabled: false, ..Compaction::default() };
    let limits = Limits { follow_every: Duration::from_millis(20), ..settings(folder).limits };
    let url = Some(bucket.url(prefix));
    Settings { url, url_options: bucket.options(), limits, compaction, ..settings(folder) }
}

async fn node(settings: Settings) -> Arc<Engine> {
    let engine = open_with(settings, StandingClock::new()).await;
    until(&engine, |stat| stat.recovery.done).await;
    Arc::new(engine)
}

fn reading(settings: Settings, peers: &[&Arc<Line>]) -> Settings {
    let peers = peers.iter().map(|line| Arc::clone(line) as Arc<dyn Peer>).collect();
    Settings { reads_only: true, peers, ..settings }
}

async fn cut(engine: &Engine) {
    engine.inner.head.cut(&engine.inner.journal);
    engine.inner.freeze.notify_one();
}

/// Writes to two nodes in turn, whose blocks are cut now and then and merged by the first.
struct Two {
    nodes: [Arc<Engine>; 2],
    batches: AtomicU64,
}

#[async_trait]
impl Writer for Two {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        let turn = self.batches.fetch_add(1, SeqCst);
        let node = &self.nodes[turn as usize % 2];
        node.write(batch).await?;
        if turn % 3 == 2 {
            cut(node).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_node_answers_as_one_store_would() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let made = AtomicU64::new(0);
    conformance::run(async || {
        let prefix = format!("run-{}", made.fetch_add(1, SeqCst));
        let at = |name: &str| at(&bucket, &prefix, &dir.path().join(&prefix).join(name));
        let merging = Compaction { inputs_min: 2, share: 1.0, ..Compaction::default() };
        let one = node(Settings { compaction: merging, ..at("one") }).await;
        let two = node(at("two")).await;
        let reader = node(reading(at("reader"), &[&Line::to(&one), &Line::to(&two)])).await;
        let writer = Two { nodes: [one, two], batches: AtomicU64::new(0) };
        (Arc::new(writer) as Arc<dyn Writer>, reader as Arc<dyn Reader>)
    })
    .await;
}

async fn counted(engine: &Engine) -> (u64, Option<String>) {
    let plan = Plan::new(Tenant::default(), Ask::Metrics { by: Vec::new(), step: None });
    let answer = engine.run(&plan).await.expect("the store answers");
    let Rows::Metrics(rows) = answer.rows else { panic!("metrics were asked for") };
    (rows.iter().map(|row| row.sum.spans()).sum(), answer.partial)
}

/// The answer is asked for after every acknowledgement, while blocks are cut, committed, and merged as fast as can be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_late_or_doubled_while_blocks_are_committed_and_merged() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| at(&bucket, "prod", &dir.path().join(name));
    let (one, two) = (node(at("one")).await, node(at("two")).await);
    let merging = Compaction { enabled: true, inputs_min: 2, share: 1.0, ..Compaction::default() };
    let _compactor = node(Settings { compaction: merging, ..at("compactor") }).await;
    let reader = node(reading(at("reader"), &[&Line::to(&one), &Line::to(&two)])).await;
    let mut expected = BTreeSet::new();
    for number in 1..=300_u64 {
        let node = if number % 2 == 0 { &one } else { &two };
        write(node, trace(number, 4)).await;
        if number % 7 == 0 {
            cut(node).await;
        }
        expected.insert(number);
        assert_eq!(counted(&reader).await, (number * 4, None), "after trace {number}");
        if number % 20 == 0 {
            assert_eq!(found(&reader).await, (expected.clone(), number * 4));
        }
    }
    let stat = until(&reader, |stat| stat.levels.get(1).is_some_and(|level| level.blocks > 0)).await;
    assert!(stat.block_spans > 0, "{stat:?}");
    assert_eq!(counted(&reader).await, (1200, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_that_is_spread_over_nodes_and_blocks_is_whole() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| at(&bucket, "prod", &dir.path().join(name));
    let (one, two) = (node(at("one")).await, node(at("two")).await);
    let reader = node(reading(at("reader"), &[&Line::to(&one), &Line::to(&two)])).await;
    let part = |span| conformance::batch(&Tenant::default(), &[conformance::Draft::new(1, span)]);
    write(&one, part(1)).await;
    cut(&one).await;
    until(&reader, |stat| stat.block_spans == 1).await;
    write(&one, part(2)).await;
    write(&two, part(3)).await;
    assert_eq!(found(&reader).await, (BTreeSet::from([1]), 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_away_is_named_and_asked_again() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| at(&bucket, "prod", &dir.path().join(name));
    let one = node(at("one")).await;
    let line = Line::to(&one);
    let reader = node(reading(at("reader"), &[&line])).await;
    write(&one, trace(1, 4)).await;
    line.is_cut.store(true, SeqCst);
    let (count, why) = counted(&reader).await;
    assert!(count == 0 && why.as_ref().is_some_and(|why| why.contains("node-1:16686")), "{why:?}");
    assert!(reader.stat().await.peers_away.len() == 1);
    line.is_cut.store(false, SeqCst);
    for _ in 0..LOOKS {
        if counted(&reader).await == (4, None) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the peer was never asked again: {:?}", counted(&reader).await);
}

/// A node that comes back has another epoch: what was held of it is forgotten, and what it replays is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_starts_again_doubles_nothing() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| at(&bucket, "prod", &dir.path().join(name));
    let one = node(at("one")).await;
    let line = Line::to(&one);
    let reader = node(reading(at("reader"), &[&line])).await;
    for number in 1..=100 {
        write(&one, trace(number, 4)).await;
    }
    assert_eq!(counted(&reader).await, (400, None));
    *line.engine.lock().unwrap() = None;
    drop(one);
    let one = node(at("one")).await;
    line.lead_to(&one);
    write(&one, trace(101, 4)).await;
    for _ in 0..LOOKS {
        if counted(&reader).await == (404, None) {
            assert_eq!(found(&reader).await, ((1..=101).collect(), 404));
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("what was replayed is not found: {:?}", counted(&reader).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_is_not_sent_twice() {
    let bucket = Bucket::start("spans").await;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| at(&bucket, "prod", &dir.path().join(name));
    let limits = Limits { chunk_spans_max: 1 << 20, block_spans_max: 1 << 20, ..at("one").limits };
    let one = node(Settings { limits, ..at("one") }).await;
    let line = Line::to(&one);
    let reader = node(reading(at("reader"), &[&line])).await;
    for number in 1..=500 {
        write(&one, trace(number, 4)).await;
    }
    assert_eq!(counted(&reader).await, (2000, None));
    let first = line.bytes.swap(0, SeqCst);
    assert_eq!(counted(&reader).await, (2000, None));
    let second = line.bytes.load(SeqCst);
    assert!(second * 100 < first, "{first} bytes, then {second}");
    let limits = Limits { peer_bytes_max: 1000, ..at("small").limits };
    let small = node(Settings { limits, ..reading(at("small"), &[&line]) }).await;
    let (_, why) = counted(&small).await;
    assert!(why.is_some_and(|why| why.contains("too large")), "a head that is too large is not taken");
}
