//! What a page shows beside the results of a search.

use serde_json::json;

use super::*;
use crate::faden::{Facets, Heatmap, Totals};

/// A query in a path.
fn escaped(query: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    query.bytes().map(escape).collect()
}

async fn facets(server: &Running, query: &str) -> Facets {
    serde_json::from_value(server.json(&format!("search/facets?{query}")).await).unwrap()
}

#[tokio::test]
async fn facets_count_the_values_of_what_is_found() {
    let server = running().await;
    let all = facets(&server, "keys=resource.service.name,kind,span.user.id").await;
    assert_eq!((all.spans, all.about.looked_at, all.about.answer.partial), (4, None, None));
    let values = |at: usize| -> Vec<(&str, u64, u64)> {
        let values = all.facets[at].values.iter();
        values.map(|value| (value.value.as_str(), value.spans, value.errors)).collect()
    };
    assert_eq!(values(0), [("web", 2, 0), ("cart", 1, 0), ("db", 1, 1)]);
    assert_eq!(values(1), [("internal", 3, 1), ("server", 1, 0)]);
    let user = &all.facets[2];
    assert_eq!((values(2), user.distinct, user.missing), (vec![("u-1", 1, 0)], 1, 3));
    assert_eq!((user.label.as_str(), user.values[0].filter.as_str()), ("user.id", "span.user.id = \"u-1\""));
    assert_eq!(all.facets[1].values[1].filter, "kind = server");
}

#[tokio::test]
async fn a_facets_filter_finds_what_it_counts() {
    let server = running().await;
    let all = facets(&server, "").await;
    let keys: Vec<&str> = all.facets.iter().map(|facet| facet.key.as_str()).collect();
    assert_eq!(
        keys,
        ["resource.service.name", "name", "kind", "status", "span.http.response.status_code"],
        "keys that no span has are left out"
    );
    for value in all.facets.iter().flat_map(|facet| &facet.values) {
        let query = escaped(&format!("{{ {} }}", value.filter));
        let totals: Totals =
            serde_json::from_value(server.json(&format!("search/totals?q={query}")).await).unwrap();
        assert_eq!((totals.red.spans, totals.red.errors), (value.spans, value.errors), "{}", value.filter);
    }
}

#[tokio::test]
async fn facets_of_a_relation_look_at_traces() {
    let server = running().await;
    let query = escaped("{ kind = server } > { }");
    let found = facets(&server, &format!("q={query}&keys=name&values=1")).await;
    assert_eq!((found.spans, found.about.looked_at), (1, Some(1)));
    assert_eq!(found.facets[0].values[0].value, "select");
    let few = facets(&server, "keys=name&values=1").await;
    assert_eq!((few.facets[0].distinct, few.facets[0].others), (3, 2));
}

#[tokio::test]
async fn a_heatmap_holds_every_span_once() {
    let server = running().await;
    let map: Heatmap =
        serde_json::from_value(server.json("search/heatmap?last=10s&step=1s&rows=20").await).unwrap();
    assert_eq!((map.step_ns, map.red.spans, map.red.errors), (1_000_000_000, 4, 1));
    let cells: Vec<&[u64]> = map.cells.chunks(4).collect();
    assert_eq!(cells.iter().map(|cell| cell[2]).sum::<u64>(), 4);
    assert_eq!(cells.iter().map(|cell| cell[3]).sum::<u64>(), 1);
    for cell in &cells {
        assert!((cell[0] as usize) < map.columns && (cell[1] as usize) + 1 < map.bounds_ns.len());
    }
    let long = cells.iter().find(|cell| map.bounds_ns[cell[1] as usize] > 2_000_000).unwrap();
    assert_eq!(long[2], 1, "the one span of 5 ms stands alone");
    assert!(map.bounds_ns[long[1] as usize] <= 5_000_000 && 5_000_000 < map.bounds_ns[long[1] as usize + 1]);
    let one = server.json("search/heatmap?last=10s&columns=1&rows=1").await;
    assert_eq!(
        one["cells"].as_array().unwrap().chunks(4).map(|cell| cell[2].as_u64().unwrap()).sum::<u64>(),
        4
    );
}

#[tokio::test]
async fn a_search_without_results_is_explained() {
    let server = running().await;
    let query = escaped("{ .http.status_code = 500 }");
    let found = server.json(&format!("search/diagnose?q={query}&service=web")).await;
    assert_eq!(found["verdict"], "no span meets `.http.status_code = 500`");
    assert_eq!(found["conditions"][0], json!({"text": "service = web", "spans": 2}));
    assert_eq!(found["conditions"][1]["hint"]["replace"], "{ span.http.response.status_code = 500 }");
    let apart = server.json("search/diagnose?service=web&status=error").await;
    assert_eq!(apart["verdict"], "no span meets both `service = web` and `status = error`");
    assert_eq!(apart["pairs"], json!([{"left": 0, "right": 1, "spans": 0}]));
    let late = server.json("search/diagnose?service=web&last=1ms").await;
    assert_eq!(late["verdict"], "nothing in this time; 2 spans before it, 0 after it");
}

#[tokio::test]
async fn wrong_parameters_are_named_with_what_would_be_right() {
    let server = running().await;
    for (path, message, remedy) in [
        ("search/facets?values=0", "values: `0` is not such a number", "it is a number from 1 to 100"),
        ("search/facets?keys=nam", "keys: `nam`: `nam` is not known; did you mean `name`?", ""),
        ("search/facets?limit=3", "limit: it has no meaning where spans are counted", "leave it out"),
        ("search/totals?q=%7B%7D%7Crate()", "q: this query computes numbers", "leave out rate()"),
        ("search/totals?last=x", "last: `x` is not a duration", "write, for instance"),
        ("search/heatmap?rows=61", "rows: `61` is not such a number", "it is a number from 1 to 60"),
        ("search/heatmap?last=1h&step=1s", "step: the time has 3600 such steps, 200 are allowed", "ask for"),
        ("search/heatmap?step=no", "step: `no` is not a duration", "write 30s or 5m"),
        ("search/diagnose?servic=x", "servic: the parameter is not known", "did you mean `service`?"),
    ] {
        let (status, found, advice) = server.failure(&format!("/api/faden/v1/{path}")).await;
        assert_eq!(status, 400, "{path}");
        assert!(found.starts_with(message), "{path}: {found}");
        assert!(advice.starts_with(remedy), "{path}: {advice}");
    }
}
