//! Spans go in by every door, and are found at once by every way of asking.

use config::{Block, Problems};
use http::StatusCode;
use model::{Batch, Tenant};
use pipeline::Outcome;

use crate::server::{Server, faden, output, text};

pub const TRACE: &str = "5b8efff798038103d269b633813fc60c";

/// One request with a parent and a failed child.
pub fn otlp_json() -> String {
    let now = model::Clock::now(&model::SystemClock);
    serde_json::json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] },
        "scopeSpans": [{ "scope": { "name": "test" }, "spans": [
            { "traceId": TRACE, "spanId": "eee19b7ec3c1b174", "name": "GET /checkout", "kind": 2,
              "startTimeUnixNano": now.to_string(), "endTimeUnixNano": (now + 120_000_000).to_string() },
            { "traceId": TRACE, "spanId": "eee19b7ec3c1b175", "parentSpanId": "eee19b7ec3c1b174", "name": "charge", "kind": 3,
              "startTimeUnixNano": (now + 10_000_000).to_string(), "endTimeUnixNano": (now + 90_000_000).to_string(),
              "status": { "code": 2, "message": "card declined" },
              "attributes": [{ "key": "user.id", "value": { "stringValue": "u-17" } }] },
        ] }],
    }] })
    .to_string()
}

/// Sends a batch over gRPC, once.
pub async fn send_grpc(server: &Server, batch: &Batch) -> Outcome {
    grpc_client(server).attempt(batch).await
}

/// A client of the server's gRPC port.
pub fn grpc_client(server: &Server) -> std::sync::Arc<dyn export::Attempt> {
    let problems = Problems::new();
    let yaml = format!("endpoint: http://{}\ncompression: none\ntimeout: 30s\n", server.port("OTLP/gRPC"));
    let node = config::parse(&yaml, "test").expect("it is YAML");
    export::client(export::Protocol::Grpc, &mut Block::of(&node, &problems)).expect("it needs no files")
}

#[tokio::test]
async fn a_span_sent_as_json_is_found_at_once_and_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (status, _) = server.post_traces(otlp_json()).await;
    assert_eq!(status, StatusCode::OK);
    check_found(&server).await;
    let mut server = server;
    server.signal("TERM");
    assert!(server.ended().success(), "{}", server.said());
    check_found(&Server::start(data.path(), &[])).await;
}

async fn check_found(server: &Server) {
    let (status, jaeger) = server.get(&format!("/api/traces/{TRACE}")).await;
    assert_eq!(
        (status, jaeger["data"][0]["spans"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(2)),
        "{jaeger}"
    );
    let (_, services) = server.get("/api/services").await;
    assert_eq!(services["data"], serde_json::json!(["shop"]));
    let shown = output(&["trace", TRACE, "--url", &server.url()]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("└╴✗ shop charge") && shown.contains("card declined"), "{shown}");
    let found = output(&["search", "user.id = u-17 && status = error", "--url", &server.url()]);
    let found_text = text(&found.stdout);
    assert!(found_text.contains(TRACE) && found_text.contains("shop GET /checkout"), "{found_text}");
    let above = "{ name = \"GET /checkout\" } >> { status = error } | count() = 1";
    let related = output(&["query", above, "--url", &server.url()]);
    let related = text(&related.stdout);
    assert!(
        related.contains(TRACE) && related.contains("count()=1") && related.contains("charge"),
        "{related}"
    );
    let charted = output(&[
        "query",
        "{ } | count_over_time() by(name)",
        "--start",
        "2020-01-01",
        "--step",
        "1000d",
        "--url",
        &server.url(),
    ]);
    let charted = text(&charted.stdout);
    assert!(charted.contains("name=charge") && charted.contains('█'), "{charted}");
    let none = output(&["search", "user.id = u-18", "--url", &server.url()]);
    assert_eq!(none.status.code(), Some(1));
}

#[tokio::test]
async fn a_batch_sent_over_grpc_is_found_at_once() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let mut traffic = r#gen::Traffic::new(r#gen::Shape {
        timeline: r#gen::Timeline::Live(std::sync::Arc::new(model::SystemClock)),
        spread: 0,
        ..r#gen::Shape::default()
    })
    .unwrap();
    let batch = Batch::read(traffic.next_trace().into(), Tenant::default()).unwrap();
    assert_eq!(send_grpc(&server, &batch).await, Outcome::Stored);
    let id = batch.rows()[0].trace_id;
    let spans = batch.rows().iter().filter(|row| row.trace_id == id).count();
    let (_, trace) = server.get(&format!("/api/faden/v1/traces/{id}")).await;
    assert_eq!(trace["spans"].as_array().map(Vec::len), Some(spans), "{trace}");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words_and_codes() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let missing = output(&["trace", "1", "--url", &server.url()]);
    assert_eq!(missing.status.code(), Some(1), "{}", text(&missing.stderr));
    let wrong = output(&["search", "duration >", "--url", &server.url()]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
}

#[tokio::test]
async fn tail_shows_spans_as_they_come() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path(), &["service.telemetry.logs.level=debug"]);
    let mut tail = faden(&["tail", "status = error", "-n", "1", "--url", &server.url()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // The viewer may connect after the first spans went by, so they are sent until it has seen one.
    let mut tries = 0;
    while tail.try_wait().unwrap().is_none() {
        assert_eq!(server.post_traces(otlp_json()).await.0, StatusCode::OK);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        tries += 1;
        assert!(tries < 500, "tail saw nothing");
    }
    let shown = text(&tail.wait_with_output().unwrap().stdout);
    assert!(shown.contains("shop charge") && shown.contains("card declined"), "{shown}");
    server.signal("TERM");
    assert!(server.ended().success());
}

#[tokio::test]
async fn the_server_counts_what_it_took() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    server.post_traces(otlp_json()).await;
    let paths = [
        ("metrics", "/metrics"),
        ("Tempo's API", "/metrics"),
        ("Zipkin's API", "/prometheus"),
        ("Zipkin's API", "/actuator/prometheus"),
    ];
    for (port, path) in paths {
        let metrics = http::Request::get(format!("http://{}{path}", server.port(port)));
        let (_, metrics) = server.send(metrics.body(net::Body::empty()).unwrap()).await;
        let metrics = metrics.as_str().unwrap_or_default();
        for name in
            ["otelcol_receiver_accepted_spans", "otelcol_exporter_sent_spans", "faden_spans_accepted_total"]
        {
            let lines: Vec<&str> = metrics.lines().filter(|line| line.starts_with(name)).collect();
            assert!(lines.iter().any(|line| line.ends_with(" 2")), "{port} {path}, {name}: {lines:?}");
        }
    }
    let health = http::Request::get(format!("http://{}/health", server.port("health check")));
    assert_eq!(server.send(health.body(net::Body::empty()).unwrap()).await.0, StatusCode::OK);
}
