//! The query services, version 2 and 3.

use super::*;

const SECOND: &str = "jaeger.api_v2.QueryService";
const THIRD: &str = "jaeger.api_v3.QueryService";

#[tokio::test]
async fn version_2_answers_in_jaegers_model() {
    let doors = Doors::shop().await;
    let chunks = doors.ask(&format!("{SECOND}/GetTrace"), json!({"traceId": base64(2)})).await.unwrap();
    let spans = chunks[0]["spans"].as_array().unwrap();
    let names: Vec<_> = spans.iter().map(|span| span["operationName"].as_str().unwrap()).collect();
    assert_eq!(names, ["GET /", "add"]);
    let cart = &spans[1];
    assert_eq!(cart["process"]["serviceName"], "cart");
    assert_eq!(
        (&cart["startTime"], &cart["duration"]),
        (&json!("2025-12-31T23:59:58.002Z"), &json!("0.001s"))
    );
    assert_eq!(cart["references"], json!([{"traceId": base64(2), "spanId": "AAAAAAAAAAE="}]));
    let tag =
        |key: &str| cart["tags"].as_array().unwrap().iter().find(|tag| tag["key"] == key).cloned().unwrap();
    assert_eq!(tag("items"), json!({"key": "items", "vType": "INT64", "vInt64": "3"}));
    assert_eq!(tag("error"), json!({"key": "error", "vType": "BOOL", "vBool": true}));
    assert_eq!(tag("span.kind"), json!({"key": "span.kind", "vStr": "internal"}));
    let asked =
        json!({"query": {"serviceName": "cart", "tags": {"error": "true"}, "startTimeMin": before(9_000)}});
    let found = doors.ask(&format!("{SECOND}/FindTraces"), asked).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["spans"][0]["traceId"], base64(2));
    let services = doors.ask(&format!("{SECOND}/GetServices"), json!({})).await.unwrap();
    assert_eq!(services, [json!({"services": ["cart", "web"]})]);
    let operations = doors.ask(&format!("{SECOND}/GetOperations"), json!({"service": "web"})).await.unwrap();
    let expected =
        json!({"operationNames": ["GET /"], "operations": [{"name": "GET /", "spanKind": "server"}]});
    assert_eq!(operations, [expected]);
    let asked = json!({"startTime": before(10_000), "endTime": before(0)});
    let edges = doors.ask(&format!("{SECOND}/GetDependencies"), asked).await.unwrap();
    assert_eq!(edges[0]["dependencies"][0]["callCount"], "3");
}

#[tokio::test]
async fn version_3_answers_in_otlp() {
    let doors = Doors::shop().await;
    let asked = json!({"traceId": trace_id(3).to_string()});
    let found = doors.spans(&format!("{THIRD}/GetTrace"), asked).await.unwrap();
    assert_eq!(found, [(3, vec!["GET /".to_owned(), "add".to_owned()])]);
    let query =
        json!({"attributes": {"error": "true"}, "startTimeMin": before(9_000), "startTimeMax": before(0)});
    let found = doors.spans(&format!("{THIRD}/FindTraces"), json!({"query": query})).await.unwrap();
    assert_eq!(found.len(), 1);
    let query =
        json!({"startTimeMin": before(9_000), "startTimeMax": before(0), "pagination": {"pageSize": 2}});
    let summaries = doors.ask(&format!("{THIRD}/FindTraceSummaries"), json!({"query": query})).await.unwrap();
    assert_eq!(summaries[0]["summaries"].as_array().unwrap().len(), 2);
    assert_eq!(summaries[0]["summaries"][0]["traceId"], trace_id(1).to_string());
    assert!(summaries[0]["nextPageToken"].is_string());
    let operations = doors.ask(&format!("{THIRD}/GetOperations"), json!({"service": "web"})).await.unwrap();
    assert_eq!(operations, [json!({"operations": [{"name": "GET /", "spanKind": "server"}]})]);
    let asked = json!({"startTime": before(10_000), "endTime": before(0)});
    let edges = doors.ask(&format!("{THIRD}/GetDependencies"), asked).await.unwrap();
    assert_eq!(edges, [json!({"dependencies": [{"parent": "web", "child": "cart", "callCount": "3"}]})]);
    assert_eq!(doors.ask(&format!("{THIRD}/GetServices"), json!({})).await.unwrap().len(), 1);
}

#[tokio::test]
async fn codes_are_jaegers() {
    let doors = Doors::shop().await;
    let zero = "AAAAAAAAAAAAAAAAAAAAAA==";
    for (method, request, code, message) in [
        (format!("{SECOND}/GetTrace"), json!({"traceId": base64(8)}), NOT_FOUND, "not found"),
        (format!("{SECOND}/GetTrace"), json!({"traceId": zero}), INVALID, "the trace id is zero"),
        (format!("{SECOND}/GetTrace"), json!({}), INVALID, "16 bytes"),
        (format!("{SECOND}/FindTraces"), json!({}), INVALID, "missing query"),
        (format!("{SECOND}/ArchiveTrace"), json!({"traceId": base64(1)}), 13, "not configured"),
        (format!("{SECOND}/GetOperations"), json!({}), INVALID, "the service is missing"),
        (format!("{THIRD}/GetTrace"), json!({"traceId": "xyz"}), INVALID, "hexadecimal"),
        (format!("{THIRD}/GetTrace"), json!({"traceId": "ab"}), NOT_FOUND, "not found"),
        (format!("{THIRD}/FindTraces"), json!({"query": {}}), INVALID, "start_time_min and start_time_max"),
        (format!("{THIRD}/GetDependencies"), json!({}), INVALID, "start_time and end_time"),
        (format!("{THIRD}/FindSpans"), json!({}), INVALID, "missing query"),
    ] {
        refused(doors.call(&method, request).await, code, message);
    }
}
