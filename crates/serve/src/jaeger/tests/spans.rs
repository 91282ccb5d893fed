//! `/api/v3/spans`, structured filters and what the server can do, over HTTP.

use serde_json::json;

use super::*;

const TIME: &str = "query.startTimeMin=2023-11-14T22:00:00Z&query.startTimeMax=2023-11-14T23:00:00Z";

fn escaped(value: &Value) -> String {
    percent_encoding::utf8_percent_encode(&value.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn names(answer: &Value) -> Vec<&str> {
    let resources = answer["result"]["spans"]["resourceSpans"].as_array().unwrap().iter();
    resources.map(|resource| resource["scopeSpans"][0]["spans"][0]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn spans_are_found_in_pages() {
    let site = Site::with(&[SHOP], Vec::new()).await;
    let order = escaped(&json!([{"expression": {"field": {"name": "startTime", "level": "span"}}}]));
    let first = site
        .get(&format!("/api/v3/spans?{TIME}&query.orderBy={order}&query.pagination.pageSize=2"))
        .await
        .json();
    assert_eq!(names(&first), ["GET /checkout", "POST /pay"]);
    let token = first["result"]["nextPageToken"].as_str().unwrap();
    let next = format!(
        "/api/v3/spans?{TIME}&query.orderBy={order}&query.pagination.pageSize=2&query.pagination.pageToken={token}"
    );
    let next = site.get(&next).await.json();
    assert_eq!(names(&next)[0], "charge");
    let query = json!({"query": {
        "startTimeMin": "2023-11-14T22:00:00Z", "startTimeMax": "2023-11-14T23:00:00Z",
        "filter": {"op": "eq", "args": [
            {"field": {"name": "service", "level": "resource"}}, {"scalar": {"value": "payment"}}]},
        "pagination": {"pageSize": 10},
    }});
    let found =
        site.send("POST", "/api/v3/spans", "content-type: application/json\r\n", &query.to_string()).await;
    assert_eq!(names(&found.json()), ["charge"]);
}

#[tokio::test]
async fn filters_find_traces_and_refuse_what_they_cannot_say() {
    let site = Site::open().await;
    let filter = |value: &str| {
        escaped(&json!({"op": "eq", "args": [
            {"field": {"name": "name", "level": "span"}}, {"scalar": {"value": value}}]}))
    };
    let found = site.get(&format!("/api/v3/traces?{TIME}&query.filter={}", filter("charge"))).await;
    assert_eq!(found.status, 200, "{}", found.body);
    assert_eq!(site.get(&format!("/api/v3/traces?{TIME}&query.filter={}", filter("none"))).await.status, 404);
    for (path, words) in [
        (format!("/api/v3/traces?{TIME}&query.filter=%7B"), "malformed parameter query.filter"),
        (format!("/api/v3/traces?{TIME}&query.serviceName=a&query.filter={}", filter("b")), "excludes"),
        ("/api/v3/spans".to_owned(), "are required"),
        (format!("/api/v3/spans?{TIME}&query.pagination.pageSize=0"), "no number above 0"),
        (format!("/api/v3/spans?{TIME}&query.pagination.pageToken=x"), "none that was given out"),
        (format!("/api/v3/spans?{TIME}&query.orderBy=%5B%7B%7D%5D"), "spans are ordered by"),
    ] {
        let refused = site.get(&path).await;
        assert!(refused.status == 400 && refused.body.contains(words), "{path}: {}", refused.body);
    }
    let can = site.get("/api/v3/capabilities").await.json();
    assert_eq!(can["search"]["spanSearch"], true);
    assert_eq!(can["search"]["filter"]["levels"][0], "span");
}
