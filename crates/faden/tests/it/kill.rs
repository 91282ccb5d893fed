//! The ledger of `kill -9`: every span that was acknowledged is found after the restart.
//!
//! `FADEN_KILLS` says how often the server is killed while spans come at full speed (3 by default; `tests/kill/run`
//! does it 1,000 times). Blocks are merged all the while. In every other round the processor `batch` stands in the pipeline.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::{Batch, SystemClock, Tenant};
use pipeline::Outcome;
use tokio::task::JoinSet;

use crate::find::grpc_client;
use crate::ledger::{Ledger, check_found};
use crate::server::Server;

/// A server that acknowledges nothing for so long never will.
const PATIENCE: Duration = Duration::from_secs(60);

const SENDERS: usize = 6;
const REQUEST_SPANS: usize = 200;
const KILLS_DEFAULT: u64 = 3;
/// One trace of so many of every round is asked for again after the last kill.
const ASKED_AGAIN: usize = 10;

/// After so many kills a new store is begun, so that none fills up the disk.
const KILLS_OF_A_STORE: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_being_killed() {
    let kills = kills();
    let (mut total, mut first) = (0, 0);
    while first < kills {
        let end = kills.min(first + KILLS_OF_A_STORE);
        total += one_store(first..end).await;
        first = end;
        println!("{first} of {kills} kills: {total} spans acknowledged, all found");
    }
}

/// Kills the servers of one store again and again; returns how many spans were acknowledged.
///
/// The server in which the spans of a round are found is the one that the next round kills.
async fn one_store(kills: std::ops::Range<u64>) -> usize {
    let data = tempfile::tempdir().unwrap();
    let (mut total, mut again) = (0, Ledger::default());
    let mut server = start(data.path(), kills.start);
    for round in kills {
        let acknowledged = send_until_killed(server, round).await;
        let spans = acknowledged.spans();
        assert!(spans > 0, "round {round}: nothing was acknowledged before the kill");
        server = start(data.path(), round + 1);
        check_found(&server, &acknowledged, &format!("round {round}")).await;
        eprintln!("round {round}: {spans} spans of {} traces acknowledged, all found", acknowledged.traces());
        total += spans;
        again.take(&acknowledged, ASKED_AGAIN);
    }
    for round in 0..2 {
        server = ended_in_order(server, data.path(), round).await;
    }
    let level_1 = merged(&server).await;
    check_found(&server, &again, "after blocks were merged").await;
    eprintln!("{level_1} blocks were made of others");
    total
}

/// Sends a little, and ends and starts the server in order: it leaves a block that can be merged.
async fn ended_in_order(mut server: Server, data: &Path, round: u64) -> Server {
    let batch = Batch::read(traffic(round).next_request(REQUEST_SPANS).into(), Tenant::default()).unwrap();
    assert_eq!(grpc_client(&server).attempt(&batch).await, Outcome::Stored);
    server.signal("TERM");
    assert!(server.ended().success());
    start(data, round)
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
        let ledger = Arc::new(Mutex::new(Ledger::default()));
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
                    ledger.note(&batch);
                }
            });
        }
        Self { ledger, tasks }
    }

    /// Waits for a while, and until something was acknowledged: on a busy machine that may come late.
    pub async fn work_for(&self, time: Duration) {
        tokio::time::sleep(time).await;
        let begun = std::time::Instant::now();
        while self.so_far().spans() == 0 && begun.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
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
    senders.work_for(Duration::from_millis(300 + round * 137 % 1_000)).await;
    server.kill();
    senders.end().await
}

pub fn traffic(seed: u64) -> r#gen::Traffic {
    let timeline = r#gen::Timeline::Live(Arc::new(SystemClock));
    let shape = r#gen::Shape { seed, timeline, spread: 500, ..r#gen::Shape::default() };
    r#gen::Traffic::new(shape).expect("there is no fault in it")
}
