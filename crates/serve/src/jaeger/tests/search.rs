use serde_json::json;

use super::{NOW_S, SHOP_ID, Site, escaped};

/// The ids that a search of the legacy API finds, given the rest of its parameters.
async fn found(params: &str) -> Vec<String> {
    let reply = Site::open().await.get(&format!("/api/traces?{params}")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let json = reply.json();
    assert_eq!(json["errors"], json!(null));
    let traces = json["data"].as_array().expect("a list").iter();
    traces.map(|trace| trace["traceID"].as_str().expect("an id").to_owned()).collect()
}

#[track_caller]
fn check(found: Vec<String>, expected: &[&str]) {
    assert_eq!(found, expected);
}

async fn tagged(service: &str, tag: &str) -> bool {
    !found(&format!("service={service}&tag={}", escaped(tag))).await.is_empty()
}

#[tokio::test]
async fn a_service_finds_whole_traces_newest_first() {
    check(found("service=frontend").await, &[SHOP_ID]);
    check(found("service=payment&operation=charge").await, &[SHOP_ID]);
    check(found("service=shared").await, &["0000000000000abc"]);
    check(found("service=payment&operation=GET+/checkout").await, &[]);
}

#[tokio::test]
async fn tags_are_compared_as_text_on_every_level() {
    for tag in [
        "http.request.method:GET",
        "http.response.status_code:500",
        "cart.total:19.5",
        "cached:false",
        "big:9007199254740993",
        "host.name:web-1",
        "scope.team:shop",
        "exception.type:PaymentError",
        "resource.host.name:web-1",
    ] {
        assert!(tagged("frontend", tag).await, "{tag}");
    }
    for tag in ["http.response.status_code:50", "resource.http.request.method:GET", "no.such:1"] {
        assert!(!tagged("frontend", tag).await, "{tag}");
    }
}

#[tokio::test]
async fn jaegers_own_tags_look_where_otlp_keeps_them() {
    for tag in [
        "error:true",
        "span.kind:server",
        "span.status:ERROR",
        "otel.status_code:ERROR",
        "otel.status_description:payment failed",
        "scope.name:net/http",
        "scope.version:0.61.0",
        "otel.scope.name:net/http",
        "event:exception",
    ] {
        assert!(tagged("frontend", tag).await, "{tag}");
        assert!(!tagged("payment", tag).await, "{tag}");
    }
    assert!(tagged("payment", "error:false").await);
    assert!(tagged("payment", "span.kind:consumer").await);
    assert!(!tagged("payment", "span.kind:nonsense").await);
    assert!(tagged("frontend", "error:false").await, "its second span did not fail");
}

#[tokio::test]
async fn all_conditions_hold_on_one_span() {
    let both = |a: &str, b: &str| format!("service=frontend&tag={}&tag={}", escaped(a), escaped(b));
    check(found(&both("span.kind:server", "error:true")).await, &[SHOP_ID]);
    check(found(&both("span.kind:client", "error:true")).await, &[]);
    let tags = escaped(r#"{"span.kind":"server","http.response.status_code":500,"cached":false}"#);
    check(found(&format!("service=frontend&tags={tags}")).await, &[SHOP_ID]);
    let more = escaped(r#"{"host.name":"web-2"}"#);
    check(found(&format!("service=frontend&tags={tags}&tags={more}")).await, &[]);
    check(found("service=frontend&tag=http.request.method:GET&tag=a:b:c").await, &[]);
}

#[tokio::test]
async fn durations_are_those_of_a_span() {
    check(found("service=frontend&minDuration=240ms").await, &[SHOP_ID]);
    check(found("service=frontend&minDuration=251ms").await, &[]);
    check(found("service=frontend&maxDuration=200ms").await, &[SHOP_ID]);
    check(found("service=frontend&maxDuration=100ms").await, &[]);
    check(found("service=payment&minDuration=180000us&maxDuration=0.18s").await, &[SHOP_ID]);
    check(found("service=frontend&minDuration=250000999ns").await, &[SHOP_ID]);
    check(found("service=frontend&minDuration=250001000ns").await, &[]);
    check(found("service=frontend&minDuration=0.00415m&maxDuration=1h").await, &[SHOP_ID]);
}

#[tokio::test]
async fn times_are_microseconds_and_both_ends_count() {
    let start = 1_700_000_000_000_000_u64;
    check(found(&format!("service=frontend&start={start}&end={start}")).await, &[SHOP_ID]);
    check(found(&format!("service=frontend&start={}", start + 10_001)).await, &[]);
    check(found(&format!("service=frontend&end={}&start=0", start - 1)).await, &[]);
    check(
        found(&format!("service=frontend&start={}&end={}", NOW_S * 1_000_000, NOW_S * 1_000_000)).await,
        &[],
    );
}

#[tokio::test]
async fn a_limit_keeps_the_newest() {
    let id = |second: u32| {
        format!(
            "{{\"traceId\":\"{second}\",\"spanId\":\"1\",\"startTimeUnixNano\":\"17000000{second}000000000\"}}"
        )
    };
    let spans = [id(10), id(30), id(20)].join(",");
    let body = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    let site = Site::with(&[&body], Vec::new()).await;
    let json = site.get("/api/traces?service=unknown_service&limit=2").await.json();
    let ids: Vec<_> =
        json["data"].as_array().expect("a list").iter().map(|trace| &trace["traceID"]).collect();
    assert_eq!(ids, ["0000000000000030", "0000000000000020"]);
}

#[tokio::test]
async fn without_a_start_the_last_two_days_are_looked_at() {
    let span = |id: u64, ago_s: u64| {
        let start = (NOW_S - ago_s) * 1_000_000_000;
        format!("{{\"traceId\":\"{id}\",\"spanId\":\"1\",\"startTimeUnixNano\":\"{start}\"}}")
    };
    let spans = [span(1, 2 * 86_400 - 1), span(2, 2 * 86_400 + 1)].join(",");
    let body = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    let site = Site::with(&[&body], Vec::new()).await;
    let found = async |more: &str| {
        let reply = site.get(&format!("/api/traces?service=unknown_service{more}")).await;
        reply.json()["data"].as_array().map(Vec::len)
    };
    assert_eq!(found("").await, Some(1));
    assert_eq!(found("&start=0").await, Some(2));
    assert_eq!(found("&lookback=1h").await, Some(1), "the UI's word for the range is not the server's");
}

#[tokio::test]
async fn a_hundred_traces_come_where_no_limit_is_given() {
    let span = |id: u64| {
        let start = NOW_S * 1_000_000_000 - id;
        format!("{{\"traceId\":\"{id:x}\",\"spanId\":\"1\",\"startTimeUnixNano\":\"{start}\"}}")
    };
    let spans: Vec<String> = (1..=101).map(span).collect();
    let body = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{}]}}]}}]}}", spans.join(","));
    let site = Site::with(&[&body], Vec::new()).await;
    let range = "query.startTimeMin=2023-11-14T00:00:00Z&query.startTimeMax=2023-11-15T00:00:00Z";
    for (path, list, count) in [
        ("/api/traces?service=unknown_service".to_owned(), "data", 100),
        ("/api/traces?service=unknown_service&limit=2147483647".to_owned(), "data", 101),
        (format!("/api/v3/trace-summaries?{range}"), "summaries", 100),
        (format!("/api/v3/trace-summaries?{range}&query.searchDepth=101"), "summaries", 101),
    ] {
        let answer = site.get(&path).await.json();
        assert_eq!(answer[list].as_array().map(Vec::len), Some(count), "{path}");
    }
    assert_eq!(site.get("/api/traces?service=a&limit=2147483648").await.status, 400, "32 bits");
}

#[tokio::test]
async fn a_wrong_parameter_is_named_with_its_remedy() {
    let site = Site::open().await;
    let cases = [
        ("", "parameter 'service' is required"),
        ("service=", "parameter 'service' is required"),
        (
            "service=a&start=1s",
            "unable to parse param 'start': \"1s\" is not a time in microseconds since 1970",
        ),
        ("service=a&end=-5", "unable to parse param 'end': \"-5\" is not a time in microseconds since 1970"),
        ("service=a&start=2&end=1", "invalid parameter: start time must be before end time"),
        ("service=a&limit=0", "invalid parameter: limit must be greater than 0"),
        ("service=a&limit=-1", "invalid parameter: limit must be greater than 0"),
        ("service=a&limit=ten", "unable to parse param 'limit': \"ten\" is not a whole number"),
        (
            "service=a&minDuration=5",
            "unable to parse param 'minDuration': \"5\" is not a duration such as 1.2s, 100ms or 500us",
        ),
        ("service=a&minDuration=2s&maxDuration=1s", "'maxDuration' should be greater than 'minDuration'"),
        ("service=a&tag=k%3Dv", "malformed 'tag' parameter, expecting key:value, received: k=v"),
        (
            "service=a&tags=[]",
            "malformed 'tags' parameter, cannot unmarshal JSON: expected a JSON object of strings, such as {\"http.status_code\":\"500\"}",
        ),
        (
            "service=a&tags=%7B%22k%22:%7B%7D%7D",
            "malformed 'tags' parameter, cannot unmarshal JSON: the value of \"k\" must be a string",
        ),
        (
            "traceID=q",
            "cannot parse traceID param: \"q\" is not a trace id: 1 to 32 hexadecimal digits, not all zero",
        ),
    ];
    for (params, message) in cases {
        let reply = site.get(&format!("/api/traces?{params}")).await;
        let expected = json!([{"code": 400, "msg": message}]);
        assert_eq!((reply.status, &reply.json()["errors"]), (400, &expected), "{params}");
    }
}
