//! What the monitor page asks for.

use std::sync::Arc;

use model::{Kind, StatusCode, Tenant};
use serde_json::json;
use store::Writer as _;
use store::conformance::{Draft, batch};
use store::memory::MemoryStore;

use super::{NOW_S, Site};

/// Six calls of `web` in the last minute, of 10 to 60 ms, of which one failed; and one of a client, an hour ago.
async fn site() -> Site {
    let store = MemoryStore::default();
    let now = NOW_S * 1_000_000_000;
    for number in 1..=6_u64 {
        let call = Draft::new(number, 1).service("web").name(if number < 3 { "GET /" } else { "POST /" });
        let call = call.kind(Kind::Server).at(now - number * 5_000_000_000, number * 10_000_000);
        let call = if number == 6 { call.status(StatusCode::Error) } else { call };
        store.write(batch(&Tenant::default(), &[call])).await.unwrap();
    }
    let client =
        Draft::new(7, 1).service("web").kind(Kind::Client).at(now - 3_000_000_000_000, 1_000_000_000);
    store.write(batch(&Tenant::default(), &[client])).await.unwrap();
    Site::over(Arc::new(store), Vec::new()).await
}

#[tokio::test]
async fn rates_errors_and_latencies_look_back_over_a_while() {
    let site = site().await;
    let last = async |path: &str| {
        let answer = site.get(&format!("/api/metrics/{path}")).await.json();
        let points = answer["metrics"][0]["metricPoints"].as_array().unwrap().clone();
        (answer, points.last().unwrap()["gaugeValue"]["doubleValue"].as_f64().unwrap())
    };
    let (answer, rate) = last("calls?service=web&step=60000&lookback=120000").await;
    assert_eq!((&answer["name"], &answer["type"]), (&json!("service_call_rate"), &json!("GAUGE")));
    assert_eq!(answer["metrics"][0]["labels"], json!([{"name": "service_name", "value": "web"}]));
    // The last border before the end is 20 s old, and the window begins ten buckets before the next one.
    assert_eq!(rate, 6.0 / 560.0);
    let point = answer["metrics"][0]["metricPoints"].as_array().unwrap().last().unwrap();
    assert_eq!(point["timestamp"], "2023-11-14T22:14:20.000000000Z");
    let (answer, errors) = last("errors?service=web").await;
    assert_eq!(answer["name"], "service_error_rate");
    assert!((errors - 1.0 / 6.0).abs() < 1e-9);
    let (_, slowest) = last("latencies?service=web&quantile=1").await;
    assert!((slowest - 60.0).abs() < 1.0, "{slowest}");
    let (_, median) = last("latencies?service=web&quantile=0.5").await;
    assert!((median - 30.0).abs() < 0.6, "{median}");
    let (_, client) = last("latencies?service=web&quantile=0.5&spanKind=client&ratePer=3600000").await;
    assert!((client - 1_000.0).abs() < 17.0, "{client}");
}

#[tokio::test]
async fn operations_have_lines_of_their_own() {
    let site = site().await;
    let answer = site.get("/api/metrics/calls?service=web&groupByOperation=true").await.json();
    assert_eq!(answer["name"], "service_operation_call_rate");
    let labels: Vec<_> =
        answer["metrics"].as_array().unwrap().iter().map(|line| &line["labels"][1]["value"]).collect();
    assert_eq!(labels, ["GET /", "POST /"]);
    let both =
        site.get("/api/metrics/calls?service=web&service=nobody&spanKind=server&spanKind=client").await;
    assert_eq!(both.json()["metrics"].as_array().map(Vec::len), Some(1), "{}", both.body);
    let none = site.get("/api/metrics/calls?service=nobody").await.json();
    assert_eq!(none["metrics"], json!([]));
    assert_eq!(site.get("/api/metrics/minstep").await.json()["data"], 1);
}

#[tokio::test]
async fn wrong_parameters_are_refused() {
    let site = site().await;
    for (path, status, message) in [
        ("calls", 400, "parameter 'service' is required"),
        ("latencies?service=web", 400, "parameter 'quantile' is required"),
        ("latencies?service=web&quantile=2", 400, "quantile"),
        ("calls?service=web&spanKind=robot", 400, "spanKind"),
        ("calls?service=web&step=0", 400, "step"),
        ("calls?service=web&endTs=soon", 400, "endTs"),
        ("calls?service=web&step=1&lookback=100000000", 400, "the step is too short"),
        ("other?service=web", 404, "not found"),
    ] {
        let reply = site.get(&format!("/api/metrics/{path}")).await;
        assert!(
            reply.status == status && reply.body.contains(message),
            "{path}: {} {}",
            reply.status,
            reply.body
        );
    }
}
