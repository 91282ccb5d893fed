//! The requests that Grafana's Tempo data source and Traces Drilldown send, word for word.

use serde_json::{Value, json};

use super::{NOW, get, search, site, trace_id};
use std::net::SocketAddr;

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn answered(address: SocketAddr, path: &str) -> Value {
    let reply = get(address, path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.json()
}

/// Asks for an hour that ends after the last span.
async fn range(address: SocketAddr, query: &str, more: &str) -> Value {
    let end = NOW / 1_000_000_000 + 1;
    let path = format!("/api/metrics/query_range?q={}&start={}&end={end}{more}", escaped(query), end - 3_600);
    answered(address, &path).await["series"].clone()
}

fn sum(series: &Value) -> f64 {
    series["samples"].as_array().unwrap().iter().map(|sample| sample["value"].as_f64().unwrap()).sum()
}

#[tokio::test]
async fn drilldown_shows_rates_errors_and_durations_of_roots() {
    let address = site().await;
    let rate = range(address, "{nestedSetParent<0 && true} | rate()  with(sample=true)", "&step=60s").await;
    assert!((sum(&rate[0]) * 60.0 - 3.0).abs() < 1e-9, "{rate}");
    let errors = "{nestedSetParent<0 && true && status=error} | rate()  with(sample=true)";
    assert_eq!(sum(&range(address, errors, "&step=60s").await[0]), 0.0);
    let all = range(address, "{true && status=error} | rate()", "&step=60s").await;
    assert!((sum(&all[0]) * 60.0 - 1.0).abs() < 1e-9);
    let durations = "{nestedSetParent<0 && true} | histogram_over_time(duration) with(sample=true)";
    let durations = range(address, durations, "&step=60s").await;
    let bucket = &durations[0]["labels"][0];
    assert_eq!(bucket["key"], "__bucket");
    assert!(bucket["value"]["doubleValue"].as_f64().unwrap() >= 0.02);
    assert_eq!(sum(&durations[0]), 3.0);
}

#[tokio::test]
async fn drilldown_breaks_down_by_attribute() {
    let address = site().await;
    let by = "{nestedSetParent<0 && true && resource.service.name != nil} | rate() by(resource.service.name)";
    let by = range(address, by, "&step=60s").await;
    assert_eq!(by.as_array().unwrap().len(), 1);
    assert_eq!(by[0]["labels"], json!([{"key": "resource.service.name", "value": {"stringValue": "web"}}]));
    let p90 = "{nestedSetParent<0 && true && resource.service.name != nil} | quantile_over_time(duration, 0.9) by(resource.service.name)";
    let p90 = range(address, p90, "&step=60s").await;
    let keys: Vec<&str> =
        p90[0]["labels"].as_array().unwrap().iter().map(|label| label["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["resource.service.name", "p"]);
    let compared = range(address, "{true} | compare({status = error}, 10)", "&step=3600s").await;
    let types: std::collections::BTreeSet<String> = compared
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|series| series["labels"].as_array().unwrap())
        .filter(|label| label["key"] == "__meta_type")
        .map(|label| label["value"]["stringValue"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        types.iter().map(String::as_str).collect::<Vec<_>>(),
        ["baseline", "baseline_total", "selection", "selection_total"]
    );
}

#[tokio::test]
async fn drilldown_lists_structure_and_exceptions() {
    let address = site().await;
    let structure = "({nestedSetParent<0 && true} &>> { status = error }) || ({nestedSetParent<0 && true && status = error}) | select(status, resource.service.name, name, nestedSetParent, nestedSetLeft, nestedSetRight)";
    let found = search(address, structure).await.json();
    let spans = found["traces"][0]["spanSets"][0]["spans"].as_array().unwrap();
    assert_eq!((found["traces"].as_array().unwrap().len(), spans.len()), (1, 2));
    let keys: Vec<&str> = spans[0]["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value["key"].as_str().unwrap())
        .collect();
    for wanted in ["status", "service.name", "nestedSetParent", "nestedSetLeft", "nestedSetRight"] {
        assert!(keys.contains(&wanted), "{keys:?} lacks {wanted}");
    }
    let exceptions = "{true && status = error} | select(resource.service.name, event.exception.message,event.exception.stacktrace,event.exception.type) with(most_recent=true)";
    assert_eq!(search(address, exceptions).await.json()["traces"][0]["traceID"], trace_id(2).to_string());
    let slow = "{nestedSetParent<0 && true && duration > 10ms}";
    assert_eq!(search(address, slow).await.json()["traces"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn drilldown_completes_keys_and_values() {
    let address = site().await;
    let scopes = answered(address, "/api/v2/search/tags?limit=5000").await;
    let names: Vec<&str> =
        scopes["scopes"].as_array().unwrap().iter().map(|scope| scope["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"resource") && names.contains(&"span") && names.contains(&"intrinsic"));
    let query = escaped("{nestedSetParent<0 && true}");
    let path = format!("/api/v2/search/tag/resource.service.name/values?q={query}&limit=5000");
    assert_eq!(answered(address, &path).await["tagValues"][0]["value"], "cart");
}

#[tokio::test]
async fn numbers_have_traces_that_stand_for_them() {
    let address = site().await;
    let rate = range(address, "{nestedSetParent<0} | rate()", "&step=60s&exemplars=100").await;
    let examples = rate[0]["exemplars"].as_array().unwrap();
    assert_eq!(examples.len(), 3);
    let ids: std::collections::BTreeSet<&str> = examples
        .iter()
        .map(|example| {
            assert_eq!(example["labels"][0]["key"], "trace:id");
            example["labels"][0]["value"]["stringValue"].as_str().unwrap()
        })
        .collect();
    assert!(ids.contains(trace_id(2).to_string().as_str()));
    assert!(examples[0]["value"].as_f64().unwrap() > 0.0);
    let max = range(address, "{} | max_over_time(duration) by(name) with(exemplars=1)", "&step=60s").await;
    let all: Vec<&Value> =
        max.as_array().unwrap().iter().filter_map(|series| series.get("exemplars")).collect();
    assert_eq!(all.len(), 1, "{max}");
    assert!(range(address, "{} | rate()", "&step=60s").await[0].get("exemplars").is_none());
}

#[tokio::test]
async fn status_pages_say_what_runs() {
    let address = site().await;
    for (path, words) in [
        ("/status", "faden, version"),
        ("/status/version", "faden, version"),
        ("/status/services", "Running"),
        ("/status/endpoints", "GET /api/search\n"),
    ] {
        let reply = get(address, path).await;
        assert!(reply.status == 200 && reply.body.contains(words), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn what_is_not_here_says_so() {
    let address = site().await;
    for path in ["/status/rings", "/status/config", "/api/overrides", "/usage_metrics", "/memberlist"] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    assert_eq!(crate::testing::post(address, "/api/v2/traces/diff", "{}").await.status, 405);
}
