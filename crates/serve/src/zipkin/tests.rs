//! What Zipkin Lens and scripts written for Zipkin ask, over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use model::{Kind, StatusCode, Tenant};
use query::{Limits, Query};
use serde_json::{Value, json};
use store::Writer as _;
use store::conformance::{Draft, NOW, batch, trace_id};
use store::memory::MemoryStore;
use tokio::net::TcpListener;

use super::{Zipkin, routes};
use crate::testing::{Fixed, Reply, get};

/// Three requests of `Web` to `cart`, of which the second failed and the third was slow; and a job that took a day.
async fn site() -> SocketAddr {
    let store = MemoryStore::default();
    for number in 1..=3 {
        let slow = if number == 3 { 50_000_000 } else { 20_000_000 };
        let web = Draft::new(number, 1).service("Web").name("GET /cart").kind(Kind::Server).lasting(slow);
        let call = Draft::new(number, 2).service("Web").name("call").under(1).kind(Kind::Client);
        let call = call.with("server.address", "Cart").with("http.method", "GET").lasting(15_000_000);
        let cart = Draft::new(number, 3).service("cart").name("add").under(2).kind(Kind::Server);
        let cart = cart.with("user.id", "u7").with_event("cache miss", &[]);
        let cart = if number == 2 { cart.status(StatusCode::Error) } else { cart };
        store.write(batch(&Tenant::default(), &[web, call, cart])).await.unwrap();
    }
    let old = Draft::new(9, 1).service("job").name("root").at(NOW - 90_000_000_000_000, 1_000);
    let late = Draft::new(9, 2).service("job").name("late").under(1);
    store.write(batch(&Tenant::default(), &[old, late])).await.unwrap();
    over(store).await
}

async fn over(store: MemoryStore) -> SocketAddr {
    let query = Query::new(Arc::new(store), Limits::default());
    let app = routes(Zipkin { query, clock: Arc::new(Fixed), allowed_origins: Vec::new() });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The numbers of the traces that a search finds, in its order.
async fn found(address: SocketAddr, query: &str) -> Vec<u64> {
    let reply = get(address, &format!("/api/v2/traces?{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    let number = |trace: &Value| {
        let id = trace[0]["traceId"].as_str().unwrap().to_owned();
        (1..=9).find(|number| trace_id(*number).to_string().ends_with(&id)).unwrap()
    };
    reply.json().as_array().unwrap().iter().map(number).collect()
}

#[track_caller]
fn refused(reply: &Reply, path: &str, message: &str) {
    assert_eq!(reply.status, 400, "{path}: {}", reply.body);
    assert!(reply.body.contains(message), "{path}: {}", reply.body);
}

#[tokio::test]
async fn lists_are_in_lower_case_and_sorted() {
    let address = site().await;
    let list = async |path: &str| get(address, path).await.json();
    assert_eq!(list("/api/v2/services").await, json!(["cart", "job", "web"]));
    assert_eq!(list("/zipkin/api/v2/services").await, json!(["cart", "job", "web"]));
    assert_eq!(list("/api/v2/spans?serviceName=WEB").await, json!(["call", "get /cart"]));
    assert_eq!(list("/api/v2/spans?serviceName=nobody").await, json!([]));
    assert_eq!(list("/api/v2/remoteServices?serviceName=web").await, json!(["cart"]));
    assert_eq!(list("/api/v2/remoteServices?serviceName=cart").await, json!([]));
    assert_eq!(list("/api/v2/autocompleteKeys").await, json!(["http.method", "server.address", "user.id"]));
    assert_eq!(list("/api/v2/autocompleteValues?key=user.id").await, json!(["u7"]));
    for path in ["spans", "remoteServices"] {
        let path = format!("/api/v2/{path}");
        refused(&get(address, &path).await, &path, "serviceName is missing");
    }
    refused(&get(address, "/api/v2/autocompleteValues").await, "values", "key is missing");
    assert_eq!(get(address, "/api/v2/services").await.header("cache-control"), None);
}

#[tokio::test]
async fn many_services_may_be_kept_by_the_browser() {
    let store = MemoryStore::default();
    let drafts: Vec<Draft> = ["a", "b", "c", "d"].map(|name| Draft::new(1, 1).service(name)).into();
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    let address = over(store).await;
    for path in ["/api/v2/services", "/api/v2/spans?serviceName=a", "/api/v2/remoteServices?serviceName=a"] {
        let reply = get(address, path).await;
        assert_eq!(reply.header("cache-control"), Some("max-age=300, must-revalidate"), "{path}");
    }
}

#[tokio::test]
async fn searches_match_as_zipkin_does() {
    let address = site().await;
    for (query, expected) in [
        ("", vec![1, 2, 3]),
        ("serviceName=web", vec![1, 2, 3]),
        ("serviceName=WEB&limit=2", vec![1, 2]),
        ("serviceName=nobody", vec![]),
        ("spanName=add", vec![1, 2, 3]),
        ("serviceName=web&spanName=add", vec![]),
        ("serviceName=web&spanName=get%20/cart", vec![1, 2, 3]),
        ("serviceName=web&remoteServiceName=cart", vec![1, 2, 3]),
        ("serviceName=cart&remoteServiceName=cart", vec![]),
        ("annotationQuery=error", vec![2]),
        ("annotationQuery=error%3Dtrue", vec![2]),
        ("annotationQuery=error%3Dfalse", vec![]),
        ("annotationQuery=cache+miss", vec![1, 2, 3]),
        ("annotationQuery=http.method%3DGET+and+user.id", vec![1, 2, 3]),
        ("annotationQuery=http.method%3DGET+and+error", vec![2]),
        ("annotationQuery=http.method%3DPOST", vec![]),
        ("serviceName=web&annotationQuery=http.method%3DGET+and+user.id", vec![]),
        ("serviceName=cart&annotationQuery=user.id%3Du7", vec![1, 2, 3]),
        ("annotationQuery=otel.status_code%3DERROR", vec![2]),
        ("annotationQuery=otel.scope.name%3Dtests+and+cache+miss", vec![1, 2, 3]),
        ("minDuration=50000", vec![3]),
        ("minDuration=50001", vec![]),
        ("minDuration=15000&maxDuration=15000", vec![1, 2, 3]),
        ("minDuration=16000&maxDuration=20000", vec![1, 2]),
        ("serviceName=cart&minDuration=1000&maxDuration=1000", vec![1, 2, 3]),
        ("serviceName=cart&minDuration=1001", vec![]),
    ] {
        assert_eq!(found(address, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn the_time_of_a_trace_is_that_of_its_root_in_milliseconds() {
    let address = site().await;
    let end = NOW / 1_000_000;
    // Trace n began n seconds before now, and one millisecond later.
    for (query, expected) in [
        (format!("endTs={}&lookback=1000", end - 1_000), vec![2]),
        (format!("endTs={}&lookback=998", end - 1_000), vec![]),
        (format!("endTs={}&lookback=1", end - 1_999), vec![2]),
        (format!("endTs={}&lookback=1", end - 2_000), vec![]),
        ("lookback=1500".to_owned(), vec![1]),
        // The root is too old, whatever its late child says.
        ("serviceName=job".to_owned(), vec![]),
        ("serviceName=job&lookback=90000000".to_owned(), vec![9]),
    ] {
        assert_eq!(found(address, &query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn ten_traces_come_where_no_limit_is_given() {
    let store = MemoryStore::default();
    let drafts: Vec<Draft> = (1..=12).map(|number| Draft::new(number, 1).service("web")).collect();
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    let address = over(store).await;
    for (query, count) in [("", 10), ("limit=12", 12), ("limit=100000", 12), ("limit=3", 3)] {
        let answer = get(address, &format!("/api/v2/traces?{query}")).await.json();
        assert_eq!(answer.as_array().map(Vec::len), Some(count), "{query}");
    }
}

#[tokio::test]
async fn blanks_around_an_id_and_zeros_before_it_do_not_count() {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), &[Draft::new(1, 1).service("web")])).await.unwrap();
    let id = trace_id(1).to_string();
    let address = over(store).await;
    for form in [id.clone(), format!("%20{id}%20")] {
        let reply = get(address, &format!("/zipkin/api/v2/trace/{form}")).await;
        assert_eq!((reply.status, reply.json().as_array().map(Vec::len)), (200, Some(1)), "{form}");
    }
    for form in ["ff", "0ff", "00000000000000ff"] {
        let reply = get(address, &format!("/api/v2/trace/{form}")).await;
        assert_eq!((reply.status, reply.body), (404, format!("{form} not found")));
    }
}

#[tokio::test]
async fn wrong_values_are_refused_in_plain_text() {
    let address = site().await;
    for (path, message) in [
        ("traces?endTs=0", "endTs <= 0"),
        ("traces?limit=0", "limit <= 0"),
        ("traces?limit=ten", "not a whole number"),
        ("traces?lookback=-5", "lookback <= 0"),
        ("traces?minDuration=0", "minDuration <= 0"),
        ("traces?maxDuration=5", "maxDuration is only valid with minDuration"),
        ("traces?minDuration=5&maxDuration=4", "maxDuration < minDuration"),
        ("trace/xyz", "lower-hex"),
        ("trace/0", "all zeros"),
        ("trace/111111111111111111111111111111111", "traceId.length > 32"),
        ("traceMany", "traceIds parameter is empty"),
        ("traceMany?traceIds=1", "two traceIds or more"),
        ("traceMany?traceIds=1,01", "redundant traceId: 01"),
        ("traceMany?traceIds=1,,2", "traceId is empty"),
        ("dependencies", "endTs is missing"),
        ("dependencies?endTs=0", "endTs <= 0"),
        ("dependencies?endTs=1&lookback=0", "lookback <= 0"),
    ] {
        refused(&get(address, &format!("/api/v2/{path}")).await, path, message);
    }
    let many: Vec<String> = (0..101).map(|number| format!("k{number}")).collect();
    let path = format!("/api/v2/traces?annotationQuery={}", many.join("+and+"));
    refused(&get(address, &path).await, "101 conditions", "more than 100 conditions");
    assert_eq!(get(address, "/api/v2/nothing").await.status, 404);
}

#[tokio::test]
async fn traces_come_by_id() {
    let address = site().await;
    let id = trace_id(2).to_string();
    let trace = get(address, &format!("/api/v2/trace/{id}")).await.json();
    let names: Vec<&str> =
        trace.as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["get /cart", "call", "add"]);
    assert_eq!(trace[1]["remoteEndpoint"], json!({"serviceName": "cart"}));
    assert_eq!(trace[2]["tags"]["error"], "true");
    let missing = get(address, "/api/v2/trace/00000000000000ff").await;
    assert_eq!((missing.status, missing.body.as_str()), (404, "00000000000000ff not found"));
    let many = format!("/api/v2/traceMany?traceIds={id},{},ff", trace_id(1));
    assert_eq!(get(address, &many).await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn dependencies_count_calls_and_errors() {
    let address = site().await;
    let end = NOW / 1_000_000;
    let edges = get(address, &format!("/api/v2/dependencies?endTs={end}&lookback=86400000")).await.json();
    assert_eq!(edges, json!([{"parent": "web", "child": "cart", "callCount": 3, "errorCount": 1}]));
    let none = get(address, &format!("/api/v2/dependencies?endTs={}&lookback=1", end - 60_000)).await.json();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn the_ui_finds_its_settings() {
    let address = site().await;
    let config = get(address, "/zipkin/config.json").await.json();
    assert_eq!((&config["queryLimit"], &config["searchEnabled"]), (&json!(10), &json!(true)));
    assert_eq!(config["dependency"]["enabled"], true);
    for below in ["", "/actuator"] {
        assert_eq!(get(address, &format!("{below}/health")).await.json()["status"], "UP");
        assert_eq!(get(address, &format!("{below}/info")).await.json()["zipkin"]["version"], "3.5.1");
    }
}
