use std::sync::Arc;

use serde_json::{Value, json};
use store::memory::MemoryStore;

use super::{NOW_S, SHOP, SHOP_ID, SHOP_UI, Site, Tired, escaped};

#[track_caller]
fn check_error(reply: &super::Reply, status: u16, message: &str) {
    let expected = json!({"data": null, "total": 0, "limit": 0, "offset": 0, "errors": [{"code": status, "msg": message}]});
    assert_eq!((reply.status, reply.json()), (status, expected));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert!(reply.body.ends_with("}\n"));
}

#[tokio::test]
async fn services_come_by_name_in_the_envelope() {
    let reply = Site::open().await.get("/api/services").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let expected = concat!(
        r#"{"data":["frontend","payment","shared","unknown_service"],"#,
        r#""total":4,"limit":0,"offset":0,"errors":null}"#
    );
    assert_eq!(reply.body, expected);
    let empty = Site::with(&[], Vec::new()).await.get("/api/services").await;
    assert_eq!(empty.body, r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#);
}

#[tokio::test]
async fn operations_of_a_service_come_once_whatever_their_kinds() {
    let site = Site::open().await;
    let reply = site.get("/api/services/frontend/operations").await;
    assert_eq!(
        reply.body,
        r#"{"data":["GET /checkout","POST /pay"],"total":2,"limit":0,"offset":0,"errors":null}"#
    );
    assert_eq!(site.get("/api/services/nobody/operations").await.json()["data"], json!([]));
}

#[tokio::test]
async fn a_service_with_a_slash_and_blanks_is_found() {
    let body = SHOP.replace("\"frontend\"", "\"team/front end+\"");
    let site = Site::with(&[&body], Vec::new()).await;
    for path in ["team%2Ffront%20end%2B", "team%2Ffront+end%2B"] {
        let reply = site.get(&format!("/api/services/{path}/operations")).await;
        assert_eq!(reply.json()["total"], 2, "{path}");
    }
}

#[tokio::test]
async fn operations_have_kinds() {
    let site = Site::open().await;
    let reply = site.get("/api/operations?service=frontend").await;
    let expected = concat!(
        r#"{"data":[{"name":"GET /checkout","spanKind":"server"},{"name":"POST /pay","spanKind":"client"}],"#,
        r#""total":2,"limit":0,"offset":0,"errors":null}"#
    );
    assert_eq!(reply.body, expected);
    let clients = site.get("/api/operations?service=frontend&spanKind=client").await.json();
    assert_eq!(clients["data"], json!([{"name": "POST /pay", "spanKind": "client"}]));
    check_error(&site.get("/api/operations").await, 400, "parameter 'service' is required");
}

#[tokio::test]
async fn a_trace_is_jaegers_json() {
    let site = Site::open().await;
    let golden: Value = serde_json::from_str(SHOP_UI).expect("a golden file");
    for id in [SHOP_ID.to_owned(), SHOP_ID.to_uppercase(), "W47_95gDgQPSabYzgT_GDA".into()] {
        let reply = site.get(&format!("/api/traces/{id}")).await;
        assert_eq!(reply.json()["data"], json!([golden]), "{id}");
        assert!(
            reply.body.starts_with(r#"{"data":[{"traceID":"5b8efff798038103d269b633813fc60c","spans":[{"#)
        );
        assert!(reply.body.ends_with(r#""warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#));
    }
}

#[tokio::test]
async fn a_pretty_trace_is_indented_by_four() {
    let reply = Site::open().await.get(&format!("/api/traces/{SHOP_ID}?prettyPrint=true")).await;
    let inner: Vec<String> = SHOP_UI.trim_end().lines().map(|line| format!("        {line}\n")).collect();
    let tail = "    ],\n    \"total\": 0,\n    \"limit\": 0,\n    \"offset\": 0,\n    \"errors\": null\n}";
    assert_eq!(reply.body, format!("{{\n    \"data\": [\n{}{tail}", inner.concat()));
    let plain = Site::open().await.get(&format!("/api/traces/{SHOP_ID}?prettyPrint=false")).await;
    assert!(!plain.body.contains('\n'));
}

#[tokio::test]
async fn a_short_id_of_zipkin_is_found_and_raw_shows_it_as_it_came() {
    let site = Site::open().await;
    let ids = |reply: super::Reply| {
        let spans = reply.json()["data"][0]["spans"].as_array().cloned().expect("spans");
        spans.iter().filter(|span| span["spanID"] == "0000000000000001").count()
    };
    assert_eq!(ids(site.get("/api/traces/abc").await), 1);
    assert_eq!(ids(site.get("/api/traces/0000000000000abc?raw=1").await), 2);
    check_error(
        &site.get("/api/traces/abc?raw=maybe").await,
        400,
        "unable to parse param 'raw': \"maybe\" is not true or false",
    );
}

#[tokio::test]
async fn an_unknown_trace_is_404_and_a_wrong_id_400() {
    let site = Site::open().await;
    check_error(&site.get("/api/traces/123").await, 404, "trace not found");
    for id in ["xyz", "0", "5b8efff798038103d269b633813fc60c0"] {
        let message = format!(
            "unable to parse param 'traceID': {id:?} is not a trace id: 1 to 32 hexadecimal digits, not all zero"
        );
        check_error(&site.get(&format!("/api/traces/{id}")).await, 400, &message);
        check_error(&site.send("POST", &format!("/api/archive/{id}"), "", "").await, 400, &message);
    }
    check_error(
        &site.get("/api/traces/123?start=yesterday").await,
        400,
        "unable to parse param 'start': \"yesterday\" is not a time in microseconds since 1970",
    );
}

#[tokio::test]
async fn several_traces_are_fetched_at_once_and_missing_ones_named() {
    let reply =
        Site::open().await.get(&format!("/api/traces?traceID=abc&traceID=77&traceID={SHOP_ID}")).await;
    assert_eq!(reply.status, 200);
    let json = reply.json();
    assert_eq!(json["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["errors"], json!([{"msg": "trace not found", "traceID": "0000000000000077"}]));
}

#[tokio::test]
async fn there_is_no_archive() {
    let reply = Site::open().await.send("POST", &format!("/api/archive/{SHOP_ID}"), "", "").await;
    check_error(&reply, 500, "archive span storage was not configured");
}

#[tokio::test]
async fn otlp_json_is_transformed() {
    let site = Site::with(&[], Vec::new()).await;
    let golden: Value = serde_json::from_str(SHOP_UI).expect("a golden file");
    let reply = site.send("POST", "/api/transform", "content-type: application/json\r\n", SHOP).await;
    assert_eq!((reply.status, &reply.json()["data"]), (200, &json!([golden])));
    let broken = site.send("POST", "/api/transform", "", "{\"resourceSpans\":5}").await;
    check_error(&broken, 400, "line 1, column 18, resourceSpans: expected an array");
    let long = " ".repeat(super::super::TRANSFORM_BYTES_MAX + 1);
    assert_eq!(site.send("POST", "/api/transform", "", &long).await.status, 413);
}

#[tokio::test]
async fn dependencies_count_calls_in_milliseconds() {
    let site = Site::open().await;
    let both = concat!(
        r#"{"data":[{"parent":"frontend","child":"payment","callCount":1},"#,
        r#"{"parent":"unknown_service","child":"shared","callCount":1}],"#,
        r#""total":0,"limit":0,"offset":0,"errors":null}"#
    );
    assert_eq!(site.get("/api/dependencies").await.body, both);
    let path = format!("/api/dependencies?endTs={}&lookback=604800000&service=payment", NOW_S * 1000);
    assert_eq!(site.get(&path).await.json()["data"].as_array().map(Vec::len), Some(1));
    let before = format!("/api/dependencies?endTs={}", (NOW_S - 3600) * 1000);
    assert_eq!(site.get(&before).await.json()["data"], json!([]));
    check_error(
        &site.get("/api/dependencies?lookback=1d").await,
        400,
        "unable to parse param 'lookback': \"1d\" is not a number of milliseconds",
    );
}

#[tokio::test]
async fn other_paths_below_api_are_not_the_ui() {
    let site = Site::open().await;
    for path in ["/api", "/api/", "/api/nothing", "/api/v3/nothing", "/api/services/a/b/c"] {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.body.as_str()), (404, "404 page not found\n"), "{path}");
    }
    assert_eq!(site.send("POST", "/api/services", "", "").await.status, 405);
}

#[tokio::test]
async fn a_trace_of_many_spans_goes_out_in_chunks() {
    let span = |id: usize| {
        json!({"traceId": "9", "spanId": format!("{id:x}"), "name": "n", "startTimeUnixNano": format!("{id}"),
            "attributes": [{"key": "text", "value": {"stringValue": "x".repeat(500)}}]})
    };
    let spans: Vec<Value> = (1..=5_000).map(span).collect();
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).to_string();
    let site = Site::with(&[&body], Vec::new()).await;
    let reply = site.get("/api/traces/9").await;
    assert_eq!(reply.json()["data"][0]["spans"].as_array().map(Vec::len), Some(5_000));
    let otlp = site.get("/api/v3/traces/9").await.json();
    let spans = &otlp["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans.as_array().map(Vec::len), Some(5_000));
}

#[tokio::test]
async fn a_partial_answer_says_so() {
    let site = Site::over(Arc::new(Tired(Ok(MemoryStore::default()))), Vec::new()).await;
    let search = site.get("/api/traces?service=a").await;
    assert_eq!((search.status, search.json()["errors"].clone()), (200, json!([{"msg": "out of time"}])));
    let summaries = "/api/v3/trace-summaries?query.startTimeMin=2023-01-01&query.startTimeMax=2024-01-01";
    for path in ["/api/services", "/api/services/a/operations", "/api/v3/operations", summaries] {
        let reply = site.get(path).await;
        assert_eq!((reply.status, reply.header("x-faden-partial")), (200, Some("out of time")), "{path}");
    }
}

#[tokio::test]
async fn a_store_that_fails_is_500_in_the_words_of_each_api() {
    let site = Site::over(Arc::new(Tired(Err("the disk is gone"))), Vec::new()).await;
    check_error(&site.get("/api/services").await, 500, "the disk is gone");
    let reply = site.get("/api/v3/services").await;
    let expected = json!({"error": {"grpcCode": 13, "httpCode": 500, "message": "the disk is gone",
        "httpStatus": "Internal Server Error"}});
    assert_eq!((reply.status, reply.json()), (500, expected));
}

/// Grafana's Jaeger data source, request by request.
#[tokio::test]
async fn grafana_finds_its_way() {
    let site = Site::open().await;
    assert_eq!(site.get("/api/services").await.json()["data"][0], "frontend");
    assert_eq!(site.get("/api/services/frontend/operations").await.json()["data"][0], "GET /checkout");
    let (start, end) = ((NOW_S - 3600) * 1_000_000, NOW_S * 1_000_000);
    let tags = escaped(r#"{"http.response.status_code":"500","error":"true"}"#);
    let operation = escaped("GET /checkout");
    let path = format!(
        "/api/traces?service=frontend&operation={operation}&tags={tags}&minDuration=100ms&maxDuration=1s&limit=20&start={start}&end={end}&lookback=custom"
    );
    let found = site.get(&path).await.json();
    assert_eq!(found["data"][0]["traceID"], SHOP_ID);
    assert_eq!(found["data"][0]["spans"].as_array().map(Vec::len), Some(3), "the whole trace");
    let trace = site.get(&format!("/api/traces/{SHOP_ID}?start={start}&end={end}")).await.json();
    assert_eq!(trace["data"], found["data"]);
}
