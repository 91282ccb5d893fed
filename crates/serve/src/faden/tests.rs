use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Kind, StatusCode, Tenant};
use net::origin::AllowList;
use pipeline::{Stopper, Tap};
use query::answer::{Found, Names, Seen, Trace};
use query::{Limits, Query};
use store::conformance::{Any, Draft, batch, trace_id};
use store::memory::MemoryStore;
use store::{Answer, Capabilities, Plan, ReadError, Reader, Writer};

use super::{Faden, Port, Report, StatusSource, routes};
use crate::testing::{Events, Fixed, ask, get, post};
use crate::{Rules, Site};

mod found;
mod hostile;
mod keep;
mod lately;
mod map;
mod named;
mod red;
mod runs;
mod skeleton;
mod sql;
mod told;

struct Source;

#[async_trait]
impl StatusSource for Source {
    async fn report(&self) -> Report {
        let port = |address: &str, is_loopback| Port {
            component: if is_loopback { "otlp" } else { "serve" }.into(),
            what: "OTLP/gRPC".into(),
            address: address.into(),
            is_loopback,
            ..Port::default()
        };
        Report {
            version: "0.1.0".into(),
            receivers: vec!["otlp".into()],
            ports: vec![port("127.0.0.1:4317", true), port("0.0.0.0:4318", false)],
            ..Report::default()
        }
    }
}

/// A running server over some spans; it ends with the test's runtime.
struct Running {
    address: SocketAddr,
    tap: Tap,
    audit: pipeline::Audit,
    stopper: Stopper,
}

fn spans() -> Vec<Draft> {
    let odd = Any::Array(vec![Any::Int(9_007_199_254_740_993), Any::Double(f64::NAN)]);
    vec![
        Draft::new(1, 1).service("web").name("GET /").kind(Kind::Server).lasting(5_000_000),
        Draft::new(1, 2).under(1).service("db").name("select").status(StatusCode::Error).with("odd", odd),
        Draft::new(2, 1).service("web").name("GET /").with("http.response.status_code", 500),
        Draft::new(3, 1).service("cart").name("add").with("user.id", "u-1"),
    ]
}

async fn running() -> Running {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), &spans())).await.unwrap();
    let other = Tenant::parse("other").unwrap();
    store.write(batch(&other, &[Draft::new(9, 1).service("secret")])).await.unwrap();
    over(Arc::new(store), Limits::default()).await
}

/// A server with MCP beside it; it ends with the test's runtime.
pub(crate) async fn running_for_tests() -> SocketAddr {
    let running = running().await;
    let address = running.address;
    // The stopper stops the server when it goes.
    std::mem::forget(running.stopper);
    address
}

async fn over(reader: Arc<dyn Reader>, limits: Limits) -> Running {
    with(Query::new(reader, limits)).await
}

/// A server that asks so; it ends with the test's runtime.
pub(crate) async fn asking(query: Query) -> SocketAddr {
    let running = with(query).await;
    // The stopper stops the server when it goes.
    std::mem::forget(running.stopper);
    running.address
}

async fn with(query: Query) -> Running {
    let (tap, (stopper, stop)) = (Tap::new(), Stopper::new());
    let flow = flow();
    let audit = flow.audit.clone();
    let api = routes(Faden {
        query,
        tap: tap.clone(),
        status: Arc::new(Source),
        keeper: Some(Arc::new(keep::Fake)),
        demo: Some(Arc::new(lately::Fake)),
        clock: Arc::new(Fixed),
        stop: stop.clone(),
        flow,
        allowed_origins: vec!["https://ui.example".into()],
    });
    let allowed = AllowList { origins: vec!["https://ui.example".into()], hosts: Vec::new() };
    let rules = Rules { allowed, ..Rules::default() };
    let apis = vec![crate::mcp::routes(api.clone()), api];
    let site = Site::bind("127.0.0.1:0", apis, rules).await.unwrap();
    let address = site.address();
    tokio::spawn(site.serve(async move { stop.requested().await }));
    Running { address, tap, audit, stopper }
}

/// Two pipelines, and what their components counted.
fn flow() -> crate::faden::Flow {
    let registry = prometheus::Registry::new();
    let telemetry = pipeline::Telemetry::new(registry.clone(), Arc::new(Fixed)).unwrap();
    let id = pipeline::ComponentId::of;
    telemetry.exporter(&id("store")).sent.inc_by(40);
    telemetry.processor(&id("batch")).incoming.inc_by(42);
    let of = |name, processors: &[&'static str]| pipeline::PipelineSettings {
        id: id(name),
        receivers: vec![id("otlp")],
        processors: processors.iter().map(|processor| id(processor)).collect(),
        exporters: vec![id("store")],
    };
    let audit = telemetry.audit().clone();
    crate::faden::Flow { registry, audit, pipelines: vec![of("traces", &["batch"]), of("metrics", &[])] }
}

impl Running {
    async fn found(&self, query: &str) -> Found {
        let reply = get(self.address, &format!("/api/faden/v1/search?{query}")).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        self.found(query).await.traces.into_iter().map(|trace| trace.trace_id).collect()
    }

    async fn names(&self, path: &str) -> Vec<(String, String, u64)> {
        let reply = get(self.address, &format!("/api/faden/v1/{path}")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        let names: Names = serde_json::from_str(&reply.body).unwrap();
        names.names.into_iter().map(|name| (name.name, name.kind, name.spans)).collect()
    }

    /// An answer as JSON.
    async fn json(&self, path: &str) -> serde_json::Value {
        let reply = get(self.address, &format!("/api/faden/v1/{path}")).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    }

    /// The status, message and advice of a failure.
    async fn failure(&self, path: &str) -> (u16, String, String) {
        let reply = get(self.address, path).await;
        let text = |key: &str| reply.json()["error"][key].as_str().unwrap_or_default().to_owned();
        (reply.status, text("message"), text("remedy"))
    }
}

fn ids(numbers: &[u64]) -> Vec<String> {
    numbers.iter().map(|number| trace_id(*number).to_string()).collect()
}

#[tokio::test]
async fn searches_find_traces_newest_first_and_page() {
    let server = running().await;
    assert_eq!(server.ids("").await, ids(&[1, 2, 3]));
    assert_eq!(server.ids("q=status%20%3D%20error").await, ids(&[1]));
    assert_eq!(server.ids("service=web&order=oldest").await, ids(&[2, 1]));
    assert_eq!(server.ids("tag=http.response.status_code%3D500").await, ids(&[2]));
    assert_eq!(server.ids("last=1500ms").await, ids(&[1]));
    let first = server.found("limit=2").await;
    let next = first.about.next.expect("there is more");
    assert_eq!(server.ids(&format!("limit=2&cursor={next}")).await, ids(&[3]));
    let summary = &first.traces[0];
    assert_eq!((summary.root_service.as_str(), summary.spans, summary.errors), ("web", 2, 1));
}

#[tokio::test]
async fn an_export_refuses_what_means_nothing_there() {
    let server = running().await;
    for (query, word) in
        [("limit=5", "limit"), ("trace=xyz", "no trace id"), ("by=day", "by"), ("q=%3D", "q")]
    {
        let (status, message, _) = server.failure(&format!("/api/faden/v1/export?{query}")).await;
        assert_eq!(status, 400, "{query}: {message}");
        assert!(message.contains(word), "{query}: {message}");
    }
}

#[tokio::test]
async fn another_tenants_spans_are_not_seen() {
    let server = running().await;
    assert!(server.names("services").await.iter().all(|(name, ..)| name != "secret"));
    let reply = get(server.address, &format!("/api/faden/v1/traces/{}", trace_id(9))).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn a_trace_comes_whole_with_its_structure() {
    let server = running().await;
    let reply = get(server.address, &format!("/api/faden/v1/traces/{}", trace_id(1))).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let trace: Trace = serde_json::from_str(&reply.body).unwrap();
    let expected = model::Trace::join(trace_id(1), vec![batch(&Tenant::default(), &spans())]).unwrap();
    assert_eq!(trace.spans.len(), 2);
    assert_eq!(format!("{trace:?}"), format!("{:?}", Trace::of(&expected)));
    assert!(reply.body.contains(r#"{"type":"int","value":"9007199254740993"}"#), "{}", reply.body);
}

#[tokio::test]
async fn a_long_trace_is_written_in_chunks_and_read_whole() {
    let store = MemoryStore::default();
    let many = (1..=5_000).map(|number| Draft::new(1, number).under(number / 2).with("n", number as i64));
    store.write(batch(&Tenant::default(), &many.collect::<Vec<_>>())).await.unwrap();
    let server = over(Arc::new(store), Limits::default()).await;
    let reply = get(server.address, &format!("/api/faden/v1/traces/{}", trace_id(1))).await;
    let trace: Trace = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((trace.summary.spans, trace.spans.len()), (5_000, 5_000));
    assert!(reply.head.to_ascii_lowercase().contains("chunked"));
}

#[tokio::test]
async fn names_are_listed_with_counts() {
    let server = running().await;
    let own = |rows: &[(&str, &str, u64)]| -> Vec<(String, String, u64)> {
        rows.iter().map(|(name, kind, spans)| ((*name).into(), (*kind).into(), *spans)).collect()
    };
    assert_eq!(
        server.names("services").await,
        own(&[("cart", "service", 1), ("db", "service", 1), ("web", "service", 2)])
    );
    assert_eq!(server.names("operations?service=db").await, own(&[("select", "internal", 1)]));
    assert_eq!(
        server.names("keys?service=cart").await,
        own(&[("service.name", "resource", 1), ("user.id", "span", 1)])
    );
    assert_eq!(server.names("values?key=user.id").await, own(&[("u-1", "string", 1)]));
    assert_eq!(server.names("values?key=user.id&level=resource").await, own(&[]));
    let edges = get(server.address, "/api/faden/v1/edges").await.json();
    let edge = &edges["edges"][0];
    assert_eq!((&edge["parent"], &edge["child"]), (&"web".into(), &"db".into()));
    assert_eq!((&edge["calls"], &edge["errors"]), (&1.into(), &1.into()));
    assert_eq!(edge["p50_ns"], 1_000_000);
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let server = running().await;
    let (status, message, _) = server.failure("/api/faden/v1/search?q=status%20%3D%20eror").await;
    assert_eq!(status, 400);
    assert!(message.starts_with("q: `eror` is no status\n  status = eror\n           ^^^^"), "{message}");
    for (path, status, message, remedy) in [
        (
            "/api/faden/v1/search?servic=x",
            400,
            "servic: the parameter is not known",
            "did you mean `service`?",
        ),
        (
            "/api/faden/v1/traces/xyz",
            400,
            "`xyz` is no trace id",
            "it has 1 to 32 hexadecimal digits, and is not zero",
        ),
        (
            "/api/faden/v1/traces/1234",
            404,
            "trace 00000000000000000000000000001234 is not here",
            "it was never sent here, or is older than the store keeps",
        ),
        ("/api/faden/v1/values", 400, "key is missing", "say whose values: values?key=http.route"),
        (
            "/api/faden/v1/values?key=a&level=b",
            400,
            "`b` is not a level",
            "it is any, resource, scope, span, event or link",
        ),
        (
            "/api/faden/v1/services?cursor=1-1",
            400,
            "lists have no cursor, and no condition on whole traces",
            "leave out cursor, min_trace_duration and max_trace_duration",
        ),
        (
            "/api/faden/v1/tail?q=trace:duration%3E1s",
            400,
            "the duration of a trace is not known while its spans go by",
            "ask for the duration of the span",
        ),
    ] {
        assert_eq!(server.failure(path).await, (status, message.into(), remedy.into()), "{path}");
    }
    let (status, message, _) = server.failure("/api/faden/v1/nothing").await;
    assert_eq!((status, message.as_str()), (404, "there is no /api/faden/v1/nothing"));
    let host = format!("host: {}\r\n", server.address);
    assert_eq!(ask(server.address, "DELETE", "/api/faden/v1/search", &host).await.status, 405);
    let long = format!("/api/faden/v1/search?q={}", "x".repeat(crate::QUERY_BYTES_MAX));
    assert_eq!(get(server.address, &long).await.status, 414);
}

#[tokio::test]
async fn a_loopback_port_answers_only_to_its_own_names() {
    let server = running().await;
    let status =
        async |headers: &str| ask(server.address, "GET", "/api/faden/v1/services", headers).await.status;
    assert_eq!(status("host: localhost:16686\r\n").await, 200);
    assert_eq!(status("host: rebound.example\r\n").await, 403);
    assert_eq!(status("host: localhost\r\norigin: https://evil.example\r\n").await, 403);
    assert_eq!(status("host: localhost\r\norigin: http://localhost:3000\r\n").await, 200);
    let headers = "host: localhost\r\norigin: https://ui.example\r\n";
    let reply = ask(server.address, "GET", "/api/faden/v1/services", headers).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, Some("https://ui.example"))
    );
}

#[tokio::test]
async fn tail_shows_accepted_spans_that_pass() {
    let server = running().await;
    let mut events = Events::open(server.address, "/api/faden/v1/tail?q=status%20%3D%20error").await;
    let other = Tenant::parse("other").unwrap();
    server.tap.show(&batch(&other, &[Draft::new(9, 1).status(StatusCode::Error)]));
    server.tap.show(&batch(&Tenant::default(), &spans()));
    assert_eq!(events.line("event: ").await.unwrap(), "span");
    let seen: Seen = serde_json::from_str(&events.line("data: ").await.unwrap()).unwrap();
    assert_eq!((seen.trace_id, seen.span.name.as_str()), (trace_id(1).to_string(), "select"));
    server.stopper.request();
    assert_eq!(events.line("event: ").await, None, "the stream ends with the server");
}

#[tokio::test]
async fn a_slow_viewer_is_told_what_it_missed() {
    let server = running().await;
    let mut events = Events::open(server.address, "/api/faden/v1/tail?q=name%20%3D%20none").await;
    let batch = batch(&Tenant::default(), &[Draft::new(1, 1), Draft::new(1, 2)]);
    for _ in 0..3 * pipeline::tap::BATCHES_MAX {
        server.tap.show(&batch);
    }
    assert_eq!(events.line("event: ").await.unwrap(), "missed");
    let missed: serde_json::Value = serde_json::from_str(&events.line("data: ").await.unwrap()).unwrap();
    assert!(missed["spans"].as_u64().is_some_and(|spans| spans > 0 && spans % 2 == 0), "{missed}");
}

#[tokio::test]
async fn one_viewer_too_many_is_refused_and_gone_ones_make_room() {
    let server = running().await;
    let mut viewers = Vec::new();
    for _ in 0..super::TAILS_MAX {
        viewers.push(Events::open(server.address, "/api/faden/v1/tail").await);
    }
    let reply = get(server.address, "/api/faden/v1/tail").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    drop(viewers);
    let batch = batch(&Tenant::default(), &[Draft::new(1, 1)]);
    while server.tap.viewers() == super::TAILS_MAX {
        server.tap.show(&batch);
        tokio::task::yield_now().await;
    }
    Events::open(server.address, "/api/faden/v1/tail").await;
}

#[tokio::test]
async fn the_status_warns_of_open_ports() {
    let server = running().await;
    let report: Report =
        serde_json::from_value(get(server.address, "/api/faden/v1/status").await.json()).unwrap();
    assert_eq!(report.ports.len(), 2);
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].starts_with("OTLP/gRPC on 0.0.0.0:4318 is open to the network"));
}

/// Never answers, or fails.
struct Broken {
    is_stuck: bool,
}

#[async_trait]
impl Reader for Broken {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: true, without_service: true, ordered: true }
    }

    async fn run(&self, _plan: &Plan) -> Result<Answer, ReadError> {
        if self.is_stuck {
            std::future::pending::<()>().await;
        }
        Err(ReadError::Failed { reason: "could not read block 7: input/output error".into() })
    }
}

#[tokio::test]
async fn too_many_questions_are_refused_with_a_hint() {
    let limits = Limits { plans_max: 1, wait_max: Duration::from_millis(20), ..Limits::default() };
    let server = over(Arc::new(Broken { is_stuck: true }), limits).await;
    let address = server.address;
    // One of the two takes the only turn and is stuck with it.
    let reply = tokio::select! {
        reply = get(address, "/api/faden/v1/search") => reply,
        reply = get(address, "/api/faden/v1/search") => reply,
    };
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(
        reply.json()["error"]["message"],
        "too many questions are being answered; ask again in a moment"
    );
}

#[tokio::test]
async fn a_store_that_fails_is_a_500_with_its_reason() {
    let server = over(Arc::new(Broken { is_stuck: false }), Limits::default()).await;
    let (status, message, remedy) = server.failure("/api/faden/v1/search").await;
    assert_eq!((status, message.as_str()), (500, "could not read block 7: input/output error"));
    assert_eq!(remedy, "see the server's log, and `faden doctor`");
}
