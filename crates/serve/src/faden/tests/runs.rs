//! What runs, what can be typed, and what is documented.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::faden::{Completed, Pipeline};

#[tokio::test]
async fn the_pipeline_shows_components_edges_and_counts() {
    let server = running().await;
    let found: Pipeline = serde_json::from_value(server.json("pipeline").await).unwrap();
    let keys: Vec<&str> = found.components.iter().map(|component| component.key.as_str()).collect();
    assert_eq!(keys, ["receiver:otlp", "processor:traces:batch", "exporter:store"]);
    let edges: Vec<(&str, &str, &str)> = found
        .edges
        .iter()
        .map(|edge| (edge.from.as_str(), edge.to.as_str(), edge.pipeline.as_str()))
        .collect();
    assert_eq!(
        edges,
        [
            ("receiver:otlp", "processor:traces:batch", "traces"),
            ("processor:traces:batch", "exporter:store", "traces"),
            ("receiver:otlp", "exporter:store", "metrics"),
        ]
    );
    let sent = found.components[2].figures.iter().find(|figure| figure.name == "sent_spans").unwrap();
    assert_eq!((sent.value, sent.per_second, sent.unit.as_str()), (40.0, None, "spans"));
    assert_eq!(found.ledger.received, 0.0);
    assert_eq!(server.failure("/api/faden/v1/pipeline?x=1").await.0, 400);
}

async fn completed(server: &Running, text: &str) -> Completed {
    let body = json!({"text": text, "pos": text.len(), "last": "10s"}).to_string();
    let reply = post(server.address, "/api/faden/v1/complete", &body).await;
    assert_eq!(reply.status, 200, "{text}: {}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

#[tokio::test]
async fn what_can_be_typed_next_is_suggested() {
    let server = running().await;
    for (text, expected) in [
        ("{ span.user", vec!["span.user.id"]),
        ("{ resource.service.name = ", vec!["\"web\"", "\"cart\"", "\"db\""]),
        ("{ resource.service.name = \"ca", vec!["cart\""]),
        ("{ status = er", vec!["error"]),
        ("{ } | count_o", vec!["count_over_time()"]),
    ] {
        let found = completed(&server, text).await;
        let inserts: Vec<&str> = found.items.iter().map(|item| item.insert.as_str()).collect();
        assert_eq!(inserts, expected, "{text}");
    }
    let found = completed(&server, "{ resource.service.name = \"ca").await;
    assert_eq!((found.from, found.to, found.items[0].spans), (27, 29, Some(1)));
    assert!(found.error.is_some());
    assert_eq!(completed(&server, "{ }").await.error, None);
    let far = post(server.address, "/api/faden/v1/complete", r#"{"text":"{","pos":99}"#).await;
    assert_eq!(far.status, 200, "{}", far.body);
}

/// The routes as the source writes them.
fn routes_of_the_source() -> BTreeSet<(String, String)> {
    let source = include_str!("../mod.rs");
    let mut routes = BTreeSet::new();
    for line in source.split(".route(").skip(1) {
        let Some(rest) = line.trim_start().strip_prefix("\"/api/faden/v1/") else { continue };
        let (path, rest) = rest.split_once('"').unwrap();
        let handlers = rest.split(".route(").next().unwrap();
        for method in ["get", "post", "put", "delete"] {
            if handlers.contains(&format!("{method}(")) {
                routes.insert((method.to_owned(), format!("/{path}")));
            }
        }
    }
    routes
}

#[tokio::test]
async fn every_route_is_documented_and_every_document_has_a_route() {
    let server = running().await;
    let document = server.json("openapi.json").await;
    assert_eq!(document["servers"][0]["url"], "/api/faden/v1");
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((method.clone(), path.clone()));
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["responses"]["200"].is_object(), "{method} {path} has no answer");
        }
    }
    assert_eq!(documented, routes_of_the_source());
}

#[tokio::test]
async fn documented_parameters_are_known_to_the_server() {
    let server = running().await;
    let document = server.json("openapi.json").await;
    let mut asked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        // A tail that is asked rightly never ends; its parameters are those of a search.
        let Some(parameters) = methods["get"]["parameters"].as_array().filter(|_| path != "/tail") else {
            continue;
        };
        for parameter in parameters {
            let parameter = match parameter["$ref"].as_str() {
                Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
                None => parameter,
            };
            if parameter["in"] != "query" {
                continue;
            }
            let Value::String(name) = &parameter["name"] else {
                panic!("{path} has a parameter without a name")
            };
            let place = path.replace("{id}", &trace_id(1).to_string()).replace("{service}", "web");
            // A value that no parameter takes: whether it is known shows in what the server says.
            let reply = get(server.address, &format!("/api/faden/v1{place}?{name}=%7B%00")).await;
            for unknown in ["the parameter is not known", "the parameter has no meaning here"] {
                assert!(!reply.body.contains(unknown), "{path} {name}: {}", reply.body);
            }
            asked += 1;
        }
    }
    assert!(asked > 100, "only {asked} parameters were tried");
}
