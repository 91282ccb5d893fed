//! What was not taken, what is set, demos, what is usual, traces at hand.

use std::sync::atomic::{AtomicUsize, Ordering};

use pipeline::Outcome;
use serde_json::{Value, json};

use super::*;
use crate::faden::{DEMO_TRACES_MAX, Demo, DemoMade, Refusals, Settings, SpanDuration, Totals, Typical};

/// Refuses 7 traces, fails at 13, makes all others.
pub(super) struct Fake;

#[async_trait]
impl Demo for Fake {
    async fn refusal(&self) -> Option<String> {
        None
    }

    async fn run(&self, traces: u64) -> Result<DemoMade, String> {
        if traces == 13 {
            return Err("the receiver took none of it".into());
        }
        Ok(DemoMade { traces, spans: 10 * traces, accepted: 10 * traces, services: 3 })
    }
}

async fn refusals(server: &Running, query: &str) -> Refusals {
    serde_json::from_value(server.json(&format!("refusals?{query}")).await).unwrap()
}

#[tokio::test]
async fn a_vanished_span_is_looked_up_by_its_trace() {
    let server = running().await;
    let refused =
        batch(&Tenant::default(), &[Draft::new(77, 1).service("web"), Draft::new(77, 2).service("web")]);
    let outcome = Outcome::retry(None, "disk_full", "the disk is full").at(&"exporter:store".into());
    server.audit.note(&"receiver:otlp".into(), &refused, &outcome);
    let other = batch(&Tenant::parse("other").unwrap(), &[Draft::new(78, 1).service("secret")]);
    server.audit.note(&"receiver:otlp".into(), &other, &outcome);

    let all = refusals(&server, "").await;
    assert_eq!((all.groups.len(), all.traces.len()), (1, 1), "those of others are not told");
    let group = &all.groups[0];
    assert_eq!((group.of.place.as_str(), group.of.reason.as_str()), ("exporter:store", "disk_full"));
    assert_eq!((group.of.outcome.as_str(), group.of.service.as_str(), group.of.spans), ("refused", "web", 2));
    assert_eq!(group.examples, [trace_id(77).to_string()]);

    let told = refusals(&server, &format!("trace={}", trace_id(77))).await;
    let why = told.why.unwrap();
    assert_eq!((why.stored_spans, told.traces.len()), (0, 1));
    assert_eq!(
        why.sentences,
        [
            "the store holds no span of this trace",
            "2 spans were refused at exporter:store: the disk is full; the sender was told to send them again"
        ]
    );
    let here = refusals(&server, &format!("trace={}", trace_id(1))).await;
    let why = here.why.unwrap();
    assert_eq!((why.stored_spans, here.groups.len(), here.traces.len()), (2, 0, 0));
    assert_eq!(refusals(&server, "service=cart").await.groups, []);
    assert_eq!(refusals(&server, "place=exporter:store").await.groups.len(), 1);
    let (status, ..) = server.failure("/api/faden/v1/refusals?trace=nonsense").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn settings_tell_limits_ports_and_the_store() {
    let server = running().await;
    let found: Settings = serde_json::from_value(server.json("settings").await).unwrap();
    assert_eq!(found.version, "0.1.0");
    let receiver = &found.receivers[0];
    assert_eq!((receiver.id.as_str(), receiver.ports[0].address.as_str()), ("otlp", "127.0.0.1:4317"));
    assert_eq!(found.ports.len(), 1);
    assert!(found.limits.iter().any(|limit| limit.name == "live viewers" && limit.value > 0));
    assert!(found.store.is_some());
}

#[tokio::test]
async fn a_demo_is_bounded() {
    let server = running().await;
    let asked = async |body: Value| post(server.address, "/api/faden/v1/demo", &body.to_string()).await;
    let made = asked(json!({"traces": 5})).await;
    assert_eq!((made.status, made.json()["spans"].as_u64()), (200, Some(50)));
    assert_eq!(asked(json!({})).await.status, 200);
    assert_eq!(asked(json!({"traces": DEMO_TRACES_MAX + 1})).await.status, 400);
    assert_eq!(asked(json!({"spans": 1})).await.status, 400);
    let failed = asked(json!({"traces": 13})).await;
    assert_eq!(
        (failed.status, failed.json()["error"]["message"].as_str()),
        (502, Some("the receiver took none of it"))
    );
}

#[tokio::test]
async fn totals_count_traces_beside_spans() {
    let server = running().await;
    let totals = async |query: &str| -> Totals {
        serde_json::from_value(server.json(&format!("search/totals?{query}")).await).unwrap()
    };
    let all = totals("").await;
    assert_eq!((all.red.spans, all.traces, all.has_more_traces), (4, 3, false));
    assert_eq!(totals("service=web").await.traces, 2);
    let related = totals("q=%7B%20kind%20%3D%20server%20%7D%20%3E%20%7B%20%7D").await;
    assert_eq!((related.red.spans, related.traces, related.about.looked_at.is_some()), (1, 1, true));
}

#[tokio::test]
async fn a_duration_is_told_among_those_of_its_operation() {
    let drafts: Vec<Draft> = (1..=9)
        .map(|number| Draft::new(number, 1).service("web").name("GET /").lasting(number * 1_000_000))
        .chain([Draft::new(20, 1).service("web").name("other").lasting(1)])
        .collect();
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    let server = over(Arc::new(store), Limits::default()).await;
    let path = format!("traces/{}/spans/{}/duration?start=0", trace_id(5), store::conformance::span_id(1));
    let told: SpanDuration = serde_json::from_value(server.json(&path).await).unwrap();
    assert_eq!((told.name.as_str(), told.duration_ns, told.others.red.spans), ("GET /", 5_000_000, 9));
    let share = told.others.percentile.unwrap();
    assert!((share - 5.0 / 9.0).abs() < 0.01, "{share}");

    let found: Typical =
        serde_json::from_value(server.json("operations/typical?service=web&operation=GET%20/&start=0").await)
            .unwrap();
    assert_eq!(found.trace.trace_id, trace_id(5).to_string());
    assert_eq!((found.traces, found.without_errors, found.p50_ns), (9, 9, 5_000_000));
    let (status, ..) = server.failure("/api/faden/v1/operations/typical?service=nobody").await;
    assert_eq!(status, 404);
}

/// A store that counts how often it is asked for whole traces.
struct Watched(MemoryStore, Arc<AtomicUsize>);

#[async_trait]
impl Reader for Watched {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        if plan.ask == store::Ask::Traces {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
        self.0.run(plan).await
    }
}

#[tokio::test]
async fn a_trace_that_was_read_lately_is_not_read_again() {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), &spans())).await.unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let server = over(Arc::new(Watched(store, Arc::clone(&asked))), Limits::default()).await;
    let path = format!("/api/faden/v1/traces/{}/attributes", trace_id(1));
    for rows in ["[0]", "[1]", "[0,1]"] {
        let reply = post(server.address, &path, &format!("{{\"spans\":{rows}}}")).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let erase =
        post(server.address, "/api/faden/v1/erase", &format!("{{\"traces\":[\"{}\"]}}", trace_id(1))).await;
    assert_eq!(erase.status, 200, "{}", erase.body);
    post(server.address, &path, "{\"spans\":[0]}").await;
    assert_eq!(asked.load(Ordering::Relaxed), 2, "what may be erased is not told from memory");
}
