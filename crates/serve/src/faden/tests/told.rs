//! Errors, comparisons, explanations.

use serde_json::{Value, json};

use super::*;
use crate::faden::{Compared, Errors, Explained};

async fn posted(server: &Running, path: &str, body: &Value) -> Value {
    let reply = post(server.address, &format!("/api/faden/v1/{path}"), &body.to_string()).await;
    assert_eq!(reply.status, 200, "{path} {body}: {}", reply.body);
    reply.json()
}

async fn filled(drafts: &[Draft]) -> Running {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), drafts)).await.unwrap();
    over(Arc::new(store), Limits::default()).await
}

#[tokio::test]
async fn errors_are_grouped_by_why() {
    let failed = |trace: u64, id, service: &str| {
        let mut draft = Draft::new(trace, id).service(service).status(StatusCode::Error);
        draft.message = format!("row {trace} is locked");
        draft
    };
    let drafts: Vec<Draft> =
        (1..=3).flat_map(|trace| [failed(trace, 1, "web"), failed(trace, 2, "db").under(1)]).collect();
    let server = filled(&drafts).await;
    let found: Errors = serde_json::from_value(server.json("errors").await).unwrap();
    assert_eq!((found.groups.len(), found.looked_at, found.others), (1, 3, 0));
    let group = &found.groups[0];
    assert_eq!((group.message.as_str(), group.service.as_str()), ("row <n> is locked", "db"));
    assert_eq!((group.count, group.echoes), (3, 3));
    assert_eq!(group.examples[0].trace_id, trace_id(1).to_string());
    let none: Errors = serde_json::from_value(server.json("errors?service=web").await).unwrap();
    assert!(none.groups.is_empty(), "in web no error begins");
    let (status, message, _) = server.failure("/api/faden/v1/errors?limit=0").await;
    assert_eq!((status, message.as_str()), (400, "limit: `0` is not such a number"));
}

#[tokio::test]
async fn two_traces_are_compared_call_by_call() {
    let mut drafts = spans();
    drafts.push(
        Draft::new(4, 1).service("web").name("GET /").kind(Kind::Server).lasting(9_000_000).with("n", 1),
    );
    drafts.push(Draft::new(4, 2).under(1).service("db").name("select").lasting(6_000_000));
    let server = filled(&drafts).await;
    let id = |number| trace_id(number).to_string();
    let body = json!({"a": {"trace": id(1)}, "b": {"trace": id(4)}});
    let found: Compared = serde_json::from_value(posted(&server, "compare", &body).await).unwrap();
    let told: Vec<_> =
        found.nodes.iter().map(|node| (node.name.as_str(), node.depth, node.delta_ns)).collect();
    assert_eq!(told, [("GET /", 0, 4_000_000), ("select", 1, 5_000_000)]);
    assert_eq!(found.contributions, [1, 0]);
    assert_eq!(found.a.trace.as_ref().map(|trace| trace.root_name.as_str()), Some("GET /"));
    assert_eq!((found.a.side.traces, found.b.side.spans), (1, 2));
    assert_eq!((found.attributes[0].key.as_str(), found.attributes[0].b.as_deref()), ("n", Some("1")));
    let body = json!({"a": {"q": "{ name = \"select\" }"}, "b": {"trace": id(4)}});
    let found: Compared = serde_json::from_value(posted(&server, "compare", &body).await).unwrap();
    assert_eq!((found.a.side.traces, found.a.trace, found.nodes[0].delta_ns), (2, None, 2_000_000));
}

#[tokio::test]
async fn what_is_different_about_a_selection_is_explained() {
    let draft = |number: u64| {
        let pod = if number <= 20 { "cart-7f" } else { "cart-1a" };
        Draft::new(number, 1).with("pod", pod).lasting(if number <= 20 { 900_000_000 } else { 1_000_000 })
    };
    let server = filled(&(1..=100).map(draft).collect::<Vec<_>>()).await;
    let by_region = json!({"select": {"min_ns": 500_000_000}});
    let by_query = json!({"q": "{ name = \"work\" }", "select": {"q": "{ duration > 500ms }"}});
    for body in [by_region, by_query] {
        let found: Explained = serde_json::from_value(posted(&server, "explain", &body).await).unwrap();
        assert_eq!((found.explanation.selection, found.explanation.baseline), (20, 80));
        assert!(found.is_exact && found.looked_at == 100);
        assert_eq!(
            found.explanation.attributes[0].text,
            "span.pod = cart-7f is 100% of the selection and 0% of the rest"
        );
    }
}

#[tokio::test]
async fn what_is_wrong_with_such_questions_is_named() {
    let server = running().await;
    for (path, body, status, message) in [
        ("compare", json!({"a": {}, "b": {}}), 400, "a: it names a trace, or what its traces"),
        ("compare", json!({"a": {"trace": "x"}, "b": {}}), 400, "a: `x` is no trace id"),
        (
            "compare",
            json!({"a": {"trace": "77"}, "b": {}}),
            404,
            "a: trace 00000000000000000000000000000077 is not",
        ),
        ("compare", json!({"a": {"q": "{ name = \"no\" }"}, "b": {}}), 404, "a: no trace is found"),
        ("compare", json!({"a": {"id": "77"}, "b": {}}), 400, "body: unknown field `id`"),
        ("explain", json!({"select": {}}), 400, "select: it selects every span"),
        ("explain", json!({"select": {"q": "{"}}), 400, "select: q: "),
        ("explain", json!({"select": {"start": "soon"}}), 400, "select: start: `soon` is not a time"),
        ("explain", json!({"last": "x", "select": {"min_ns": 1}}), 400, "last: `x` is not a duration"),
        ("explain", json!({}), 400, "body: missing field `select`"),
    ] {
        let reply = post(server.address, &format!("/api/faden/v1/{path}"), &body.to_string()).await;
        let found = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!((reply.status, found.starts_with(message)), (status, true), "{body}: {found}");
    }
}
