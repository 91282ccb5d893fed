//! Every parameter with its unit, its default and its bounds.

use serde_json::Value;

use super::*;

const SECOND: u64 = 1_000_000_000;

/// Thirty traces, one each second before now, of four spans each.
async fn thirty() -> SocketAddr {
    let store = MemoryStore::default();
    for number in 1..=30_u64 {
        let spans: Vec<Draft> = (1..=4)
            .map(|span| {
                let draft =
                    Draft::new(number, span).under(u64::from(span > 1)).at(NOW - number * SECOND, SECOND);
                draft.service("web").with("key-a", span as i64).with("key-b", "x")
            })
            .collect();
        store.write(batch(&Tenant::default(), &spans)).await.unwrap();
    }
    over(store).await
}

fn list<'a>(answer: &'a Value, key: &str) -> &'a Vec<Value> {
    answer[key].as_array().unwrap_or_else(|| panic!("no {key} in {answer}"))
}

#[tokio::test]
async fn a_search_has_tempos_defaults() {
    let address = thirty().await;
    let answer = get(address, "/api/search").await.json();
    assert_eq!(list(&answer, "traces").len(), 20);
    let set = &answer["traces"][0]["spanSets"][0];
    assert_eq!((list(set, "spans").len(), &set["matched"]), (3, &json!(4)));
    let one = get(address, "/api/search?spss=1&limit=1").await.json();
    assert_eq!((list(&one, "traces").len(), list(&one["traces"][0]["spanSets"][0], "spans").len()), (1, 1));
    let all = get(address, "/api/search?spss=0&limit=30&skip_ast_transformations=x").await.json();
    assert_eq!(list(&all, "traces").len(), 30);
    assert_eq!(list(&all["traces"][0]["spanSets"][0], "spans").len(), 4);
    let many = get(address, "/api/search?limit=262144").await.json();
    assert_eq!(list(&many, "traces").len(), 30);
    assert_eq!(get(address, "/api/search?limit=262145").await.status, 400);
}

#[tokio::test]
async fn times_of_searches_are_whole_seconds() {
    let address = thirty().await;
    let now = NOW / SECOND;
    let found = async |from: u64, to: u64| {
        let answer = get(address, &format!("/api/search?limit=50&start={from}&end={to}")).await.json();
        list(&answer, "traces").len()
    };
    assert_eq!(found(now - 5, now).await, 5);
    assert_eq!(found(now - 10, now - 5).await, 5);
    let millis = get(address, &format!("/api/search?start={}", now * 1_000)).await;
    assert!(millis.status == 400 && millis.body.contains("a Unix time in seconds"), "{}", millis.body);
    let trace = trace_id(7);
    for version in ["/api/traces", "/api/v2/traces"] {
        let hint = format!("{version}/{trace}?start={}&end={now}", now - 60);
        assert_eq!(get(address, &hint).await.status, 200, "{version}");
        assert_eq!(get(address, &format!("{version}/{trace}?start=soon")).await.status, 400, "{version}");
    }
}

#[tokio::test]
async fn lists_of_names_are_as_long_as_asked_for() {
    let address = thirty().await;
    let names = async |path: &str| get(address, path).await.json();
    assert_eq!(names("/api/search/tags?scope=span&limit=1").await["tagNames"], json!(["key-a"]));
    assert_eq!(names("/api/search/tags?scope=span&limit=0").await["tagNames"], json!(["key-a", "key-b"]));
    let scopes = names("/api/v2/search/tags?limit=1&maxStaleValues=9").await;
    assert!(list(&scopes, "scopes").iter().all(|scope| list(scope, "tags").len() == 1), "{scopes}");
    let values = "/values?limit=2";
    for tag in ["/api/search/tag/key-a", "/api/v2/search/tag/span.key-a", "/api/v2/search/tag/status"] {
        assert_eq!(list(&names(&format!("{tag}{values}")).await, "tagValues").len(), 2, "{tag}");
    }
    let before = format!("/api/v2/search/tag/span.key-a/values?end={}", NOW / SECOND - 3_600);
    assert_eq!(names(&before).await["tagValues"], json!([]));
    let earlier = format!("/api/search/tags?scope=span&end={}", NOW / SECOND - 3_600);
    assert_eq!(names(&earlier).await["tagNames"], json!([]));
    let filtered = names("/api/v2/search/tags?q=%7B%20.key-b%20%3D%20%22y%22%20%7D&scope=span").await;
    assert_eq!(filtered["scopes"], json!([]));
    for path in ["/api/search/tags?limit=x", "/api/v2/search/tag/span.key-a/values?limit=-1"] {
        let reply = get(address, path).await;
        assert!(reply.status == 400 && reply.body.contains("a whole number"), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn metrics_take_times_in_every_unit() {
    let address = thirty().await;
    let query = "count_over_time()";
    let counted = async |path: &str, parameter: &str, time: &str| {
        let query = format!("%7B%7D%7C{query}");
        let reply = get(address, &format!("/api/metrics/{path}?{parameter}={query}&{time}")).await;
        assert_eq!(reply.status, 200, "{time}: {}", reply.body);
        let series = reply.json()["series"][0].clone();
        match series["value"].as_f64() {
            Some(value) => value,
            None => list(&series, "samples").iter().filter_map(|sample| sample["value"].as_f64()).sum(),
        }
    };
    let (start, end) = (NOW / SECOND - 10, NOW / SECOND);
    for time in [
        format!("start={start}&end={end}"),
        format!("start={}&end={}", start * SECOND, end * SECOND),
        "start=2025-12-31T23:59:50Z&end=2026-01-01T00:00:00Z".to_owned(),
        "since=10s".to_owned(),
        "since=10".to_owned(),
    ] {
        assert_eq!(counted("query", "q", &time).await, 40.0, "{time}");
        assert_eq!(counted("query_range", "query", &format!("{time}&step=1s")).await, 40.0, "{time}");
        assert_eq!(counted("query_range", "q", &format!("{time}&step=5")).await, 40.0, "{time}");
    }
    assert_eq!(counted("query", "q", "").await, 120.0, "an hour where no time is given");
    let by = "/api/metrics/query_range?q=%7B%7D%7Crate()by(span.key-a)&since=1m&maxSeries=3";
    let few = get(address, by).await.json();
    assert_eq!((list(&few, "series").len(), &few["status"]), (3, &json!("PARTIAL")));
    for wrong in ["maxSeries=x", "exemplars=x", "since=soon", "step=0"] {
        let reply = get(address, &format!("/api/metrics/query_range?q=%7B%7D%7Crate()&{wrong}")).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.body);
    }
}
