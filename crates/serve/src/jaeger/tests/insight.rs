//! Ways of requests and the quality of traces, with real data.

use serde_json::json;

use super::*;

#[tokio::test]
async fn ways_through_a_service_have_a_trace_each() {
    let site = Site::open().await;
    for path in ["/api/deep-dependencies?service=payment", "/analytics/v1/dependencies?service=payment"] {
        let answer = site.get(path).await.json();
        let ways = answer["dependencies"].as_array().unwrap();
        assert!(!ways.is_empty(), "{answer}");
        for way in ways {
            let services: Vec<&str> = way["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(|step| step["service"].as_str().unwrap())
                .collect();
            assert!(services.contains(&"payment"), "{way}");
            assert_eq!(way["attributes"][0]["key"], "exemplar_trace_id");
        }
    }
    assert_eq!(site.get("/api/deep-dependencies?service=nobody").await.json()["dependencies"], json!([]));
    let refused = site.get("/api/deep-dependencies?start=9&end=8").await;
    assert!(
        refused.status == 400 && refused.body.contains("start time must be before end time"),
        "{}",
        refused.body
    );
}

#[tokio::test]
async fn the_quality_of_traces_is_measured() {
    let site = Site::open().await;
    let answer = site.get("/api/quality-metrics?service=payment&hours=24").await.json();
    let scores: Vec<&str> =
        answer["scores"].as_array().unwrap().iter().map(|score| score["key"].as_str().unwrap()).collect();
    assert_eq!(scores, ["completeness", "quality"]);
    let metrics = answer["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 5);
    assert!(metrics.iter().any(|metric| metric["passCount"].as_u64().unwrap() > 0), "{answer}");
    assert_eq!(site.get("/api/quality-metrics?hours=0").await.status, 400);
    let nobody = site.get("/api/quality-metrics?service=nobody").await.json();
    assert_eq!(nobody["scores"][0]["value"], 100);
}

#[tokio::test]
async fn a_store_that_may_not_be_emptied_says_what_to_set() {
    let site = Site::open().await;
    let refused = site.send("POST", "/api/purge", "", "").await;
    assert!(refused.status == 403 && refused.body.contains("serve: { purge: true }"), "{}", refused.body);
}
