use serde_json::{Value, json};

use super::{SHOP, SHOP_ID, Site, escaped};

const RANGE: &str =
    "query.startTimeMin=2023-11-14T22:13:20Z&query.startTimeMax=2023-11-14T22:13:20.999999999Z";

#[track_caller]
fn check_error(reply: &super::Reply, status: u16, message: &str) {
    let json = reply.json();
    assert_eq!((reply.status, &json["error"]["message"]), (status, &json!(message)));
    assert_eq!(json["error"]["httpCode"], status);
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn services_and_operations_are_bare() {
    let site = Site::open().await;
    let services = site.get("/api/v3/services").await;
    assert_eq!(services.body, r#"{"services":["frontend","payment","shared","unknown_service"]}"#);
    assert_eq!(services.header("content-type"), Some("application/json"));
    let operations = site.get("/api/v3/operations?service=payment").await;
    assert_eq!(operations.body, r#"{"operations":[{"name":"charge","spanKind":"consumer"}]}"#);
    for name in ["spanKind", "span_kind"] {
        let clients = site.get(&format!("/api/v3/operations?service=frontend&{name}=client")).await;
        assert_eq!(clients.body, r#"{"operations":[{"name":"POST /pay","spanKind":"client"}]}"#);
    }
    let empty = Site::with(&[], Vec::new()).await;
    assert_eq!(empty.get("/api/v3/services").await.body, r#"{"services":[]}"#);
}

#[tokio::test]
async fn an_operation_without_a_kind_is_internal() {
    let body = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1","spanId":"1","name":"n"}]}]}]}"#;
    let site = Site::with(&[body], Vec::new()).await;
    let v3 = site.get("/api/v3/operations").await.json();
    assert_eq!(v3["operations"], json!([{"name": "n", "spanKind": "internal"}]));
    let legacy = site.get("/api/operations?service=unknown_service").await.json();
    assert_eq!(legacy["data"], json!([{"name": "n", "spanKind": ""}]));
}

#[tokio::test]
async fn a_trace_is_otlp_json_that_reads_back() {
    let site = Site::open().await;
    let reply =
        site.get(&format!("/api/v3/traces/{SHOP_ID}?startTime=2023-11-14T00:00:00Z&raw_traces=true")).await;
    assert!(
        reply
            .body
            .starts_with(r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name""#)
    );
    let json = reply.json();
    let groups = json["result"]["resourceSpans"].as_array().expect("groups");
    assert_eq!(groups.len(), 2);
    let first = &groups[0]["scopeSpans"][0]["spans"][0];
    assert_eq!((&first["traceId"], &first["kind"]), (&json!(SHOP_ID), &json!(2)));
    assert_eq!(first["startTimeUnixNano"], "1700000000000000000");
    let again = site.send("POST", "/api/transform", "", &json["result"].to_string()).await.json();
    let given = site.send("POST", "/api/transform", "", SHOP).await.json();
    assert_eq!(again, given);
}

#[tokio::test]
async fn what_is_not_found_is_404() {
    let site = Site::open().await;
    check_error(&site.get("/api/v3/traces/77").await, 404, "No traces found");
    let reply = site.get(&format!("/api/v3/traces?{RANGE}&query.serviceName=nobody")).await;
    assert_eq!(
        reply.body,
        "{\"error\":{\"grpcCode\":5,\"httpCode\":404,\"message\":\"No traces found\",\"httpStatus\":\"Not Found\"}}\n"
    );
    let none = site.get(&format!("/api/v3/trace-summaries?{RANGE}&query.serviceName=nobody")).await;
    assert_eq!((none.status, none.body.as_str()), (200, r#"{"summaries":[]}"#));
}

#[tokio::test]
async fn a_search_takes_both_spellings() {
    let site = Site::open().await;
    let attributes = escaped(r#"{"http.response.status_code":"500","span.kind":"server"}"#);
    let camel = format!(
        "{RANGE}&query.serviceName=frontend&query.operationName=GET%20%2Fcheckout&query.attributes={attributes}\
         &query.durationMin=100ms&query.durationMax=1s&query.searchDepth=5&query.rawTraces=false"
    );
    let snake = "query.start_time_min=2023-11-14T22:13:20Z&query.start_time_max=2023-11-14T23:13:21%2B01:00\
         &query.service_name=frontend&query.operation_name=GET+/checkout&query.duration_min=100ms\
         &query.duration_max=1s&query.num_traces=5&query.raw_traces=1";
    let found = site.get(&format!("/api/v3/traces?{camel}")).await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(found.json()["result"]["resourceSpans"].as_array().map(Vec::len), Some(2));
    assert_eq!(site.get(&format!("/api/v3/traces?{snake}")).await.body, found.body);
}

#[tokio::test]
async fn a_search_needs_no_service_and_may_be_posted() {
    let site = Site::open().await;
    let all = site.get(&format!("/api/v3/traces?{RANGE}")).await;
    assert_eq!(all.json()["result"]["resourceSpans"].as_array().map(Vec::len), Some(4));
    let query = json!({"query": {"startTimeMin": "2023-11-14T22:13:20Z", "startTimeMax": "2023-11-14T22:13:21Z",
        "attributes": {"host.name": "web-1"}, "searchDepth": 3, "filter": null}});
    let posted = site.send("POST", "/api/v3/traces", "", &query.to_string()).await.json();
    assert_eq!(posted["result"]["resourceSpans"].as_array().map(Vec::len), Some(2));
    let posted = site.send("POST", "/api/v3/trace-summaries", "", &query.to_string()).await.json();
    assert_eq!(posted["summaries"][0]["traceId"], SHOP_ID);
    let broken = site.send("POST", "/api/v3/traces", "", "{}").await;
    check_error(&broken, 400, "malformed body: expected {\"query\":{…}}");
}

/// What Jaeger's UI asks since 2.19, character for character.
#[tokio::test]
async fn summaries_are_what_the_ui_lists() {
    let site = Site::open().await;
    let reply = site.get(&format!("/api/v3/trace-summaries?query.serviceName=frontend&{RANGE}")).await;
    let expected = concat!(
        r#"{"summaries":[{"traceId":"5b8efff798038103d269b633813fc60c","rootServiceName":"frontend","#,
        r#""rootOperationName":"GET /checkout","minStartTimeUnixNano":"1700000000000000000","#,
        r#""maxEndTimeUnixNano":"1700000000250000999","spanCount":3,"errorSpanCount":1,"orphanSpanCount":0,"#,
        r#""services":[{"name":"frontend","spanCount":2,"errorSpanCount":1},"#,
        r#"{"name":"payment","spanCount":1,"errorSpanCount":0}]}]}"#
    );
    assert_eq!(reply.body, expected);
    let all = site.get(&format!("/api/v3/trace-summaries?{RANGE}")).await.json();
    let odd: Vec<&Value> = all["summaries"].as_array().expect("a list").iter().collect();
    assert_eq!(
        (odd.len(), &odd[0]["orphanSpanCount"], &odd[1]["orphanSpanCount"]),
        (2, &json!(1), &json!(0))
    );
}

#[tokio::test]
async fn dependencies_count_as_strings() {
    let site = Site::open().await;
    let range = "startTime=2023-11-14T22:00:00Z&end_time=2023-11-14T23:00:00Z";
    let expected = concat!(
        r#"{"dependencies":[{"parent":"frontend","child":"payment","callCount":"1"},"#,
        r#"{"parent":"unknown_service","child":"shared","callCount":"1"}]}"#
    );
    assert_eq!(site.get(&format!("/api/v3/dependencies?{range}")).await.body, expected);
    let missing = site.get("/api/v3/dependencies?startTime=2023-11-14T22:00:00Z").await;
    check_error(&missing, 400, "missing required parameter: endTime");
    let turned = "startTime=2023-11-14T23:00:00Z&endTime=2023-11-14T23:00:00Z";
    let reply = site.get(&format!("/api/v3/dependencies?{turned}")).await;
    check_error(&reply, 400, "endTime must be after startTime");
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_its_remedy() {
    let site = Site::open().await;
    let cases = [
        ("", "query.startTimeMin and query.startTimeMax are required"),
        ("query.startTimeMin=2023-11-14T22:13:20Z", "query.startTimeMin and query.startTimeMax are required"),
        (
            "query.start_time_min=soon&query.startTimeMax=x",
            "malformed parameter query.start_time_min: \"soon\" is not a time such as 2026-01-31T12:00:00.5Z",
        ),
        (
            "query.startTimeMin=2023-11-14T22:13:20Z&query.startTimeMax=2023-11-14T22:13:20Z",
            "query.startTimeMin must be before query.startTimeMax",
        ),
        (
            &format!("{RANGE}&query.searchDepth=-1"),
            "malformed parameter query.searchDepth: \"-1\" is not a whole number",
        ),
        (
            &format!("{RANGE}&query.durationMin=5"),
            "malformed parameter query.durationMin: \"5\" is not a duration such as 1.2s, 100ms or 500us",
        ),
        (
            &format!("{RANGE}&query.durationMin=5s&query.durationMax=1s"),
            "query.durationMax must not be less than query.durationMin",
        ),
        (
            &format!("{RANGE}&query.rawTraces=x"),
            "malformed parameter query.rawTraces: \"x\" is not true or false",
        ),
        (
            &format!("{RANGE}&query.attributes=x"),
            "malformed parameter query.attributes: expected value at line 1 column 1",
        ),
    ];
    for (params, message) in cases {
        check_error(&site.get(&format!("/api/v3/traces?{params}")).await, 400, message);
    }
    let reply = site.get("/api/v3/traces/xyz").await;
    let message =
        "malformed parameter trace_id: \"xyz\" is not a trace id: 1 to 32 hexadecimal digits, not all zero";
    check_error(&reply, 400, message);
}
