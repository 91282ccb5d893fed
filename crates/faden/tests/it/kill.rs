//! The ledger of `kill -9`: every span that was acknowledged is found after the restart.
//!
//! `FADEN_KILLS` says how often the server is killed while spans come at full speed (3 by default; `tests/kill/run`
//! does it 200 times). Blocks are merged all the while. In every other round the processor `batch` stands in the pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{Batch, SpanId, SystemClock, Tenant, TraceId};
use pipeline::Outcome;
use tokio::task::JoinSet;

use crate::find::grpc_client;
use crate::server::Server;

/// What was acknowledged: the spans of each trace.
pub type Ledger = BTreeMap<TraceId, BTreeSet<SpanId>>;

const SENDERS: usize = 6;
const REQUEST_SPANS: usize = 200;
/// Traces in one question.
const TRACES_ASKED: usize = 1_000;
const KILLS_DEFAULT: u64 = 3;
/// One trace of so many of every round is asked for again after the last kill.
const ASKED_AGAIN: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_being_killed() {
    let kills = kills();
    let data = tempfile::tempdir().unwrap();
    let (mut total, mut again) = (0, Ledger::new());
    for round in 0..kills {
        let server = start(data.path(), round);
        let acknowledged = send_until_killed(server, round).await;
        let spans: usize = acknowledged.values().map(BTreeSet::len).sum();
        assert!(spans > 0, "round {round}: nothing was acknowledged before the kill");
        check_found(&start(data.path(), round + 1), &acknowledged, &format!("round {round}")).await;
        println!("round {round}: {spans} spans of {} traces acknowledged, all found", acknowledged.len());
        total += spans;
        again.extend(acknowledged.into_iter().step_by(ASKED_AGAIN));
    }
    let server = start(data.path(), 0);
    check_found(&server, &again, "at the end").await;
    let level_1 = merged(&server).await;
    check_found(&server, &again, "after blocks were merged").await;
    println!("{level_1} blocks were made of others");
    println!("{kills} kills: {total} spans acknowledged, all found");
}

/// Waits until nothing waits to be merged; answers how many blocks there are that were.
async fn merged(server: &Server) -> u64 {
    loop {
        let (_, status) = server.get("/api/faden/v1/status").await;
        let figure = |name: &str| {
            let figures = status["store"]["figures"].as_array().into_iter().flatten();
            figures.filter(|figure| figure["name"] == name).find_map(|figure| figure["value"].as_u64())
        };
        let level_1 = figure("blocks of level 1").unwrap_or(0);
        if figure("blocks waiting to be merged") == Some(0) && level_1 > 0 {
            return level_1;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long it may take")]
fn kills() -> u64 {
    std::env::var("FADEN_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS_DEFAULT)
}

/// Blocks are merged two by two while spans come in.
const COMPACTION: &str = "store.compaction={blocks_min: 2, share: 1.0}";

/// Starts a server; in every other round the processor `batch` stands in its pipeline.
pub fn start(data: &Path, round: u64) -> Server {
    match round % 2 {
        0 => Server::start(data, &[COMPACTION]),
        _ => Server::start(
            data,
            &[
                COMPACTION,
                "processors={batch: {timeout: 20ms, send_batch_size: 500}}",
                "service.pipelines.traces.processors=[batch]",
            ],
        ),
    }
}

/// Clients that send at full speed.
pub struct Senders {
    ledger: Arc<Mutex<Ledger>>,
    tasks: JoinSet<()>,
}

impl Senders {
    /// Begins; each round sends other spans.
    pub fn start(server: &Server, round: u64) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let mut tasks = JoinSet::new();
        for number in 0..SENDERS as u64 {
            let client = grpc_client(server);
            let ledger = Arc::clone(&ledger);
            let mut traffic = traffic(round * 1_000 + number + 1);
            tasks.spawn(async move {
                loop {
                    let request = traffic.next_request(REQUEST_SPANS).into();
                    let batch = Batch::read(request, Tenant::default()).expect("the generator writes OTLP");
                    if client.attempt(&batch).await != Outcome::Stored {
                        return;
                    }
                    let mut ledger = ledger.lock().expect("no sender panics");
                    for row in batch.rows() {
                        ledger.entry(row.trace_id).or_default().insert(row.span_id);
                    }
                }
            });
        }
        Self { ledger, tasks }
    }

    /// What was acknowledged until now.
    pub fn so_far(&self) -> Ledger {
        self.ledger.lock().expect("no sender panics").clone()
    }

    /// Waits until every client was turned away, and says what was acknowledged.
    pub async fn end(self) -> Ledger {
        self.tasks.join_all().await;
        Arc::into_inner(self.ledger).expect("the senders have ended").into_inner().expect("no sender panics")
    }
}

/// Sends at full speed from several clients, and kills the server in the midst of it.
async fn send_until_killed(server: Server, round: u64) -> Ledger {
    let senders = Senders::start(&server, round);
    // Every round is cut off at another moment of the store's life.
    tokio::time::sleep(Duration::from_millis(300 + round * 137 % 1_000)).await;
    server.kill();
    senders.end().await
}

pub fn traffic(seed: u64) -> r#gen::Traffic {
    let timeline = r#gen::Timeline::Live(Arc::new(SystemClock));
    let shape = r#gen::Shape { seed, timeline, spread: 500, ..r#gen::Shape::default() };
    r#gen::Traffic::new(shape).expect("there is no fault in it")
}

/// Asks for every trace and compares span by span.
pub async fn check_found(server: &Server, ledger: &Ledger, when: &str) {
    searchable(server).await;
    let traces: Vec<(&TraceId, &BTreeSet<SpanId>)> = ledger.iter().collect();
    for some in traces.chunks(TRACES_ASKED) {
        let ids: Vec<String> = some.iter().map(|(trace, _)| format!("traceID={trace}")).collect();
        let (_, answer) = server.get(&format!("/api/traces?{}", ids.join("&"))).await;
        let found = spans(&answer);
        for (trace, expected) in some {
            let nothing = BTreeSet::new();
            let lost: Vec<&SpanId> = expected.difference(found.get(trace).unwrap_or(&nothing)).collect();
            assert!(
                lost.is_empty(),
                "{when}: trace {trace} lost {lost:?}; of the answer {:?} are errors",
                answer["errors"]
            );
        }
    }
}

/// The spans of an answer of Jaeger's API.
fn spans(answer: &serde_json::Value) -> Ledger {
    let mut found = Ledger::new();
    let traces = answer["data"].as_array().into_iter().flatten();
    for span in traces.filter_map(|trace| trace["spans"].as_array()).flatten() {
        let id = |key: &str| span[key].as_str().unwrap_or_default();
        let (Some(trace), Some(span)) = (TraceId::parse(id("traceID")), SpanId::parse(id("spanID"))) else {
            panic!("an id cannot be read in {span}");
        };
        found.entry(trace).or_default().insert(span);
    }
    found
}

/// Waits until the journal has been read again, as the server says by whole answers.
pub async fn searchable(server: &Server) {
    loop {
        let (_, answer) = server.get("/api/faden/v1/search?limit=1").await;
        if answer["traces"].is_array() && answer["partial"].is_null() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
