//! What Grafana and scripts written for Tempo ask, over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use model::{Batch, Kind, StatusCode, Tenant};
use query::{Limits, Query};
use serde_json::json;
use store::Writer as _;
use store::conformance::{Draft, NOW, batch, trace_id};
use store::memory::MemoryStore;
use tokio::net::TcpListener;

use super::{Tempo, routes};
use crate::testing::{Fixed, Reply, bytes, get};

/// Three requests of `web`, of which the second failed in `cart`.
async fn site() -> SocketAddr {
    let store = MemoryStore::default();
    for number in 1..=3 {
        let is_failed = number == 2;
        let web =
            Draft::new(number, 1).service("web").name("GET /cart").kind(Kind::Server).lasting(20_000_000);
        let cart =
            Draft::new(number, 2).service("cart").name("add").under(1).with("user.id", "u7").with("items", 3);
        let cart =
            if is_failed { cart.status(StatusCode::Error).with("http.status_code", 500) } else { cart };
        store.write(batch(&Tenant::default(), &[web, cart])).await.unwrap();
    }
    over(store).await
}

async fn over(store: MemoryStore) -> SocketAddr {
    let query = Query::new(Arc::new(store), Limits::default());
    let clock: Arc<dyn model::Clock> = Arc::new(Fixed);
    let app = routes(Tempo::of(&query, &clock, &net::Budget::new(1 << 20)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn search(address: SocketAddr, query: &str) -> Reply {
    let escaped = percent_encoding::utf8_percent_encode(query, percent_encoding::NON_ALPHANUMERIC);
    get(address, &format!("/api/search?q={escaped}")).await
}

#[tokio::test]
async fn grafana_sees_that_it_is_there() {
    let address = site().await;
    let echo = get(address, "/api/echo").await;
    assert_eq!((echo.status, echo.body.as_str()), (200, "echo"));
    assert_eq!(get(address, "/ready").await.status, 200);
    assert_eq!(get(address, "/api/status/buildinfo").await.json()["version"], "2.9.0");
    assert_eq!(get(address, "/api/nothing").await.status, 404);
}

#[tokio::test]
async fn a_search_answers_in_tempos_form() {
    let address = site().await;
    let answer = search(address, "{ status = error && .user.id = \"u7\" } | select(name)").await.json();
    let start = NOW - 2_000_000_000;
    let spans = json!({
        "spans": [{
            "spanID": "0000000000000002",
            "name": "add",
            "startTimeUnixNano": (start + 2_000_000).to_string(),
            "durationNanos": "1000000",
            "attributes": [
                {"key": "status", "value": {"stringValue": "error"}},
                {"key": "user.id", "value": {"stringValue": "u7"}},
            ],
        }],
        "matched": 1,
    });
    let expected = json!([{
        "traceID": trace_id(2).to_string(),
        "rootServiceName": "web",
        "rootTraceName": "GET /cart",
        "startTimeUnixNano": (start + 1_000_000).to_string(),
        "durationMs": 20,
        "spanSet": spans,
        "spanSets": [spans],
        "serviceStats": {"cart": {"spanCount": 1, "errorCount": 1}, "web": {"spanCount": 1}},
    }]);
    assert_eq!(answer["traces"], expected);
    assert_eq!(answer["metrics"]["inspectedTraces"], 1);
}

#[tokio::test]
async fn limits_times_and_older_parameters_are_heeded() {
    let address = site().await;
    let found = async |path: &str| get(address, path).await.json()["traces"].as_array().unwrap().len();
    assert_eq!(found("/api/search").await, 3);
    assert_eq!(found("/api/search?limit=2").await, 2);
    assert_eq!(found("/api/search?tags=service.name%3DCART%20user.id%3Du7").await, 3);
    assert_eq!(found("/api/search?tags=http.status_code%3D500").await, 1);
    assert_eq!(found("/api/search?service.name=cart&minDuration=30ms").await, 0);
    assert_eq!(found("/api/search?minDuration=5ms&maxDuration=1s").await, 3);
    let seconds = NOW / 1_000_000_000;
    assert_eq!(found(&format!("/api/search?start={}&end={}", seconds - 2, seconds + 1)).await, 2);
}

#[tokio::test]
async fn what_is_wrong_is_said_in_plain_text() {
    let address = site().await;
    for (path, message) in [
        ("/api/search?q=%7B%20stats%20%3D%20error%20%7D", "did you mean `status`?"),
        ("/api/search?q=%7B%7D%20%7C%20rate()", "/api/metrics/query_range"),
        ("/api/search?limit=0", "a number from 1 to"),
        ("/api/search?start=soon", "a Unix time in seconds"),
        ("/api/search?start=9&end=8", "exchange the two"),
        ("/api/search?tags=oops", "byte 0"),
        ("/api/search?spss=1000", "a number from 0 to 100"),
        ("/api/traces/xyz", "hexadecimal"),
        ("/api/v2/search/tags?scope=spam", "none of resource, span"),
        ("/api/v2/search/tag/foo/values", "span.foo"),
    ] {
        let reply = get(address, path).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
        assert!(reply.body.contains(message), "{path}: {}", reply.body);
    }
    assert_eq!(get(address, "/api/traces/0af7651916cd43dd8448eb211c80319c").await.status, 404);
}

#[tokio::test]
async fn a_trace_comes_whole_in_both_versions() {
    let address = site().await;
    let first = get(address, &format!("/api/traces/{}", trace_id(2))).await.json();
    assert_eq!(first["batches"].as_array().unwrap().len(), 2);
    let second = get(address, &format!("/api/v2/traces/{}", trace_id(2))).await.json();
    assert_eq!(second["status"], "COMPLETE");
    let span = &second["trace"]["resourceSpans"][1]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (&span["name"], &span["spanId"], &span["parentSpanId"]),
        (&json!("add"), &json!("AAAAAAAAAAI="), &json!("AAAAAAAAAAE="))
    );
}

#[tokio::test]
async fn grafana_gets_protobuf_where_it_asks_for_it() {
    let address = site().await;
    let path = format!("/api/v2/traces/{}", trace_id(3));
    let headers = format!("host: {address}\r\naccept: application/protobuf\r\n");
    let reply = bytes(address, "GET", &path, &headers).await;
    let end = reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&reply[..end]).unwrap();
    assert!(head.contains("content-type: application/protobuf"), "{head}");
    let [0x0a, low, high, message @ ..] = &reply[end + 4..] else { panic!("field 1 is the trace") };
    let (low, high) = (usize::from(low & 0x7f), usize::from(*high));
    let trace = message[..high << 7 | low].to_vec();
    let batch = Batch::read(trace.into(), Tenant::default()).unwrap();
    let names: Vec<&str> = batch.spans().map(|span| span.name()).collect();
    assert_eq!(names, ["GET /cart", "add"]);
}

#[tokio::test]
async fn a_part_of_a_trace_comes_where_a_filter_is_given() {
    let address = site().await;
    let path = format!("/api/v2/traces/{}?q=%7B%20status%20%3D%20error%20%7D", trace_id(2));
    let names = async |more: &str| -> Vec<String> {
        let answer = get(address, &format!("{path}{more}")).await.json();
        assert_eq!(answer["status"], "PARTIAL");
        let resources = answer["trace"]["resourceSpans"].as_array().unwrap().clone();
        let spans = resources.iter().map(|resource| resource["scopeSpans"][0]["spans"][0]["name"].clone());
        spans.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["add"]);
    assert_eq!(names("&keep_hierarchy=true").await, ["GET /cart", "add"]);
    assert_eq!(names("&keep_hierarchy=true&ancestor_depth=0").await, ["add"]);
    let path = format!("/api/v2/traces/{}?q=%7B%20kind%20%3D%20server%20%7D", trace_id(2));
    let all = get(address, &format!("{path}&match_depth=-1")).await.json();
    assert_eq!(all["message"], "2 of 2 spans are shown, since q was asked for");
    let refused = get(address, &format!("{path}&match_depth=far")).await;
    assert!(refused.status == 400 && refused.body.contains("-1 for all"), "{}", refused.body);
}

#[tokio::test]
async fn completion_finds_keys_and_values() {
    let address = site().await;
    let keys = get(address, "/api/search/tags?scope=span").await.json();
    assert_eq!(keys["tagNames"], json!(["http.status_code", "items", "user.id"]));
    let scopes = get(address, "/api/v2/search/tags").await.json();
    let names: Vec<&str> =
        scopes["scopes"].as_array().unwrap().iter().map(|scope| scope["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["resource", "span", "intrinsic"]);
    let values = async |path: &str| get(address, path).await.json()["tagValues"].clone();
    assert_eq!(values("/api/search/tag/service.name/values").await, json!(["cart", "web"]));
    assert_eq!(
        values("/api/v2/search/tag/resource.service.name/values").await,
        json!([{"type": "string", "value": "cart"}, {"type": "string", "value": "web"}])
    );
    assert_eq!(values("/api/v2/search/tag/span.items/values").await, json!([{"type": "int", "value": "3"}]));
    assert_eq!(
        values("/api/v2/search/tag/.http.status_code/values").await,
        json!([{"type": "int", "value": "500"}])
    );
    assert_eq!(
        values("/api/v2/search/tag/status/values").await[0],
        json!({"type": "keyword", "value": "error"})
    );
    assert_eq!(
        values(
            "/api/v2/search/tag/name/values?q=%7B%20resource.service.name%3D%22web%22%20%26%26%20.x%3D%20%7D"
        )
        .await,
        json!([{"type": "string", "value": "GET /cart"}])
    );
}

#[tokio::test]
async fn metrics_answer_in_tempos_form() {
    let address = site().await;
    let end = NOW / 1_000_000_000 + 1;
    let query = "q=%7B%20%7D%20%7C%20count_over_time()%20by(resource.service.name)";
    let path = format!("/api/metrics/query_range?{query}&start={}&end={end}&step=1h", end - 60);
    let answer = get(address, &path).await.json();
    let first = &answer["series"][0];
    assert_eq!(first["labels"], json!([{"key": "resource.service.name", "value": {"stringValue": "cart"}}]));
    assert_eq!(first["promLabels"], "{resource.service.name=\"cart\"}");
    let counted: f64 =
        first["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_f64().unwrap()).sum();
    assert_eq!(counted, 3.0);
    let path = format!(
        "/api/metrics/query?q=%7B%20status%20%3D%20error%20%7D%20%7C%20count_over_time()&start={}&end={end}",
        end - 60
    );
    assert_eq!(get(address, &path).await.json()["series"][0]["value"], 1.0);
    for (path, message) in [
        ("/api/metrics/query_range", "`q` is missing"),
        ("/api/metrics/query_range?q=%7B%7D", "/api/search"),
        ("/api/metrics/query_range?q=%7B%7D%7Crate()&step=soon", "a duration, such as 30s"),
        ("/api/metrics/query_range?q=%7B%7D%7Crate()&start=20&end=10", "exchange the two"),
    ] {
        let reply = get(address, path).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.body);
        assert!(reply.body.contains(message), "{path}: {}", reply.body);
    }
}

mod grafana;
mod grpc;
mod units;
