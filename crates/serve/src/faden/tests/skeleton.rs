use serde_json::json;

use super::*;
use crate::faden::{ROWS_MAX, Whole};

fn path(trace: u64, rest: &str) -> String {
    format!("/api/faden/v1/traces/{}/{rest}", trace_id(trace))
}

/// A server over one trace of these spans.
async fn over_spans(drafts: &[Draft]) -> Running {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), drafts)).await.unwrap();
    over(Arc::new(store), Limits::default()).await
}

#[tokio::test]
async fn a_skeleton_has_the_structure_and_no_attributes() {
    let server = running().await;
    let reply = get(server.address, &path(1, "skeleton")).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert!(!reply.body.contains("odd"), "attributes come later: {}", reply.body);
    let skeleton = reply.json();
    assert_eq!(skeleton["summary"]["spans"], 2);
    assert_eq!(skeleton["base"], skeleton["summary"]["start"]);
    assert_eq!(skeleton["columns"]["parent"], json!([-1, 0]));
    assert_eq!(skeleton["columns"]["start_ns"], json!([0, 1_000_000]));
    assert_eq!(skeleton["columns"]["status"], json!([0, 2]));
    assert_eq!(skeleton["names"], json!(["GET /", "select"]));
    assert_eq!(
        skeleton["critical"],
        json!([0, 0, 1_000_000, 1, 1_000_000, 2_000_000, 0, 2_000_000, 5_000_000])
    );
    assert_eq!(skeleton["ids"], "00000000000000010000000000000002");
}

#[tokio::test]
async fn attributes_come_for_the_rows_that_are_asked_for() {
    let drafts: Vec<Draft> =
        (1..=50).map(|id| Draft::new(1, id).under(id / 2).with("n", id as i64)).collect();
    let server = over_spans(&drafts).await;
    let skeleton = get(server.address, &path(1, "skeleton")).await.json();
    let ids = skeleton["ids"].as_str().unwrap().to_owned();
    let reply = post(server.address, &path(1, "attributes"), r#"{"spans":[7,3,3]}"#).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let whole: Whole = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(whole.resources.len(), 1);
    for (span, row) in whole.spans.iter().zip([7, 3, 3]) {
        assert_eq!(span.span_id, ids[16 * row..16 * (row + 1)]);
        assert_eq!((span.attributes.len(), span.place.unwrap().resource), (1, 0));
    }
    let one = get(server.address, &path(1, &format!("spans/{}", whole.spans[0].span_id))).await;
    assert_eq!(serde_json::from_str::<Whole>(&one.body).unwrap().spans, whole.spans[..1]);
}

#[tokio::test]
async fn a_query_picks_rows_of_one_trace() {
    let server = running().await;
    for (query, rows) in [
        ("%7B%20status%20%3D%20error%20%7D", json!([1])),
        ("%7B%7D", json!([0, 1])),
        ("%7B%20kind%20%3D%20server%20%7D%20%3E%20%7B%20%7D", json!([1])),
        ("%7B%20name%20%3D%20%22none%22%20%7D", json!([])),
    ] {
        let reply = get(server.address, &path(1, &format!("filter?q={query}"))).await;
        assert_eq!((reply.status, &reply.json()["spans"]), (200, &rows), "{query}: {}", reply.body);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_question_about_a_trace_is_named() {
    let server = running().await;
    for (rest, status, message, remedy) in [
        ("skeleton?deep=1", 400, "deep: the parameter has no meaning here", "leave it out"),
        (
            "filter",
            400,
            "q: the query is missing",
            "send q={ status = error } or another in TraceQL, or text= and a part of a name",
        ),
        (
            "filter?q=%7B%7D%7Crate()",
            400,
            "q: this query computes numbers, and spans are asked for here",
            "leave out rate(), count_over_time() and the like",
        ),
        ("spans/xyz", 400, "`xyz` is no span id", "it has 1 to 16 hexadecimal digits, and is not zero"),
    ] {
        let expected = (status, message.to_owned(), remedy.to_owned());
        assert_eq!(server.failure(&path(1, rest)).await, expected, "{rest}");
    }
    let (status, message, _) = server.failure(&path(1, "spans/77")).await;
    assert_eq!((status, message.ends_with("has no span 0000000000000077")), (404, true), "{message}");
    assert_eq!(server.failure(&path(77, "skeleton")).await.0, 404);
}

#[tokio::test]
async fn rows_that_are_not_there_are_refused() {
    let server = running().await;
    let many = format!("{{\"spans\":{:?}}}", vec![0; ROWS_MAX + 1]);
    for (body, message) in [
        (r#"{"spans":[2]}"#, "spans: there is no row 2"),
        (many.as_str(), "spans: 1001 rows are more than 1000"),
        (r#"{"rows":[2]}"#, "body: unknown field `rows`, expected `spans`"),
        (r#"{"spans":[-1]}"#, "body: invalid value: integer `-1`, expected u32"),
        ("", "body: EOF while parsing"),
    ] {
        let reply = post(server.address, &path(1, "attributes"), body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        let found = reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(found.starts_with(message), "{found}");
    }
}
