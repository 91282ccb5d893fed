//! Whoever asks and goes away costs no more: what is read for him comes to an end.

use std::time::Duration;

use model::{Batch, Tenant};
use pipeline::Outcome;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::find::send_grpc;
use crate::nodes::figure;
use crate::server::Server;

/// Reads many pages, and joins many traces.
const QUESTION: &str = "/api/faden/v1/search?q=name%20%21%3D%20nobody&start=2020-01-01&limit=10000";

/// So many ask at once: more than can be answered before the first of them is seen to be at work.
const ASKING: u64 = 100;

const REQUESTS: usize = 10;
const REQUEST_SPANS: usize = 3_000;

/// Far longer than all questions take together.
const PATIENCE: Duration = Duration::from_secs(240);

#[tokio::test]
async fn closed_connections_end_the_reading_of_pages() {
    let data = tempfile::tempdir().unwrap();
    // Pages are not kept, so that every question reads all of its own.
    let changes = ["store.memory.cache=1MiB"];
    let mut server = Server::start(data.path(), &changes);
    let timeline = r#gen::Timeline::Live(std::sync::Arc::new(model::SystemClock));
    let mut traffic = r#gen::Traffic::new(r#gen::Shape { timeline, ..r#gen::Shape::default() }).unwrap();
    for _ in 0..REQUESTS {
        let batch = Batch::read(traffic.next_request(REQUEST_SPANS).into(), Tenant::default()).unwrap();
        assert_eq!(send_grpc(&server, &batch).await, Outcome::Stored);
    }
    // What is in memory becomes a block at the end.
    server.signal("TERM");
    assert!(server.ended().success(), "{}", server.said());
    let server = Server::start(data.path(), &changes);
    let (status, answer) = server.get(QUESTION).await;
    assert_eq!(status, http::StatusCode::OK, "{answer}");
    let whole = figure(&server, "faden_query_pages_read").await;
    assert!(whole > 0, "the question reads pages: {answer}");

    let address = server.port("Jaeger's API");
    let mut asking = Vec::new();
    for _ in 0..ASKING {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!("GET {QUESTION} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        asking.push(stream);
    }
    tokio::time::timeout(PATIENCE, async {
        while figure(&server, "faden_query_running").await == 0 {}
        drop(asking);
        while figure(&server, "faden_query_running").await > 0 {}
    })
    .await
    .expect("every question ends once nobody waits");
    let read = figure(&server, "faden_query_pages_read").await;
    assert!(read < whole * (ASKING + 1), "{read} pages for {ASKING} who went away, {whole} each");
    assert!(figure(&server, "faden_query_abandoned").await > 0, "nobody was seen to go");
}
