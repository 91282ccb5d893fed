//! The object store goes away under load: nothing is lost, and what waited is caught up with.
//!
//! `FADEN_OUTAGE_S` says how long it is away (4 s by default; `crates/faden/tests/outage/run` takes ten minutes) and
//! `FADEN_OUTAGE_RATE` how many spans come each second (2,000 by default).

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bucket::Bucket;
use model::{Batch, Tenant};
use pipeline::Outcome;
use tokio::task::JoinSet;

use crate::find::grpc_client;
use crate::kill::traffic;
use crate::ledger::{Ledger, check_found};
use crate::nodes::{changes, figure};
use crate::server::Server;

const SENDERS: u32 = 4;
const REQUEST_SPANS: usize = 100;
const OUTAGE_S_DEFAULT: u64 = 4;
const RATE_DEFAULT: u64 = 2_000;
/// After an outage of so long what waited is published so many times faster than spans come.
const LONG: Duration = Duration::from_secs(60);
const PACE_MIN: f64 = 2.0;
/// What waits is gone by then, or never will be.
const CATCH_UP_MAX: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_object_store_loses_nothing_and_is_caught_up_with() {
    let outage = Duration::from_secs(number("FADEN_OUTAGE_S", OUTAGE_S_DEFAULT));
    let rate = number("FADEN_OUTAGE_RATE", RATE_DEFAULT);
    let bucket = Bucket::start("spans").await;
    let data = tempfile::tempdir().unwrap();
    let after = if outage.as_secs() < 30 { "1s" } else { "10s" };
    let set = [changes(&bucket, data.path(), "one"), vec![format!("store.upload.after={after}")]].concat();
    let server = Server::start(&data.path().join("one"), &set.iter().map(String::as_str).collect::<Vec<_>>());
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let goes_on = Arc::new(AtomicBool::new(true));
    let senders = send(&server, rate, &ledger, &goes_on);
    let published = async || figure(&server, "faden_blocks_published_spans_total").await;
    let stored = async || figure(&server, "faden_store_spans_total").await;
    while published().await == 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bucket.fail(|faults| faults.down = true);
    tokio::time::sleep(outage).await;
    let (behind, taken) = (stored().await - published().await, stored().await);
    let backlog = figure(&server, "faden_store_backlog_bytes").await;
    let (begun, before) = (Instant::now(), published().await);
    bucket.heal();
    while figure(&server, "faden_store_backlog_bytes").await > 0 {
        assert!(begun.elapsed() < CATCH_UP_MAX, "it does not catch up");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (came, went) = ((stored().await - taken).max(1), published().await - before);
    let pace = went as f64 / came as f64;
    // What is as short as the test of every day tells nothing of pace.
    assert!(outage < LONG || pace >= PACE_MIN, "it catches up at {pace:.1} times the pace of ingest");
    println!(
        "{} s without the object store at {rate} spans/s: {behind} spans and {backlog} bytes waited; caught up in \
         {:.1} s, publishing at {:.1} times the pace of ingest",
        outage.as_secs(),
        begun.elapsed().as_secs_f64(),
        pace
    );
    goes_on.store(false, Relaxed);
    senders.join_all().await;
    let ledger = ledger.lock().unwrap().clone();
    check_found(&server, &ledger, "after the outage").await;
    server.signal("TERM");
    let mut server = server;
    assert!(server.ended().success(), "{}", server.said());
    let set = changes(&bucket, data.path(), "two");
    let other = Server::start(&data.path().join("two"), &set.iter().map(String::as_str).collect::<Vec<_>>());
    check_found(&other, &ledger, "on another node").await;
    println!("{} spans acknowledged, all found, also from the bucket alone", ledger.spans());
}

/// Sends at a steady rate until told to stop; everything that is acknowledged is noted.
fn send(server: &Server, rate: u64, ledger: &Arc<Mutex<Ledger>>, goes_on: &Arc<AtomicBool>) -> JoinSet<()> {
    let every = Duration::from_secs_f64(f64::from(SENDERS) * REQUEST_SPANS as f64 / rate as f64);
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let (client, ledger, goes_on) = (grpc_client(server), Arc::clone(ledger), Arc::clone(goes_on));
        let mut traffic = traffic(u64::from(number) + 77);
        senders.spawn(async move {
            let mut turn = tokio::time::interval(every);
            while goes_on.load(Relaxed) {
                turn.tick().await;
                let request = traffic.next_request(REQUEST_SPANS).into();
                let batch = Batch::read(request, Tenant::default()).expect("the generator writes OTLP");
                assert_eq!(client.attempt(&batch).await, Outcome::Stored, "the outage is within the budget");
                let mut ledger = ledger.lock().expect("no sender panics");
                ledger.note(&batch);
            }
        });
    }
    senders
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long it may take")]
fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}
