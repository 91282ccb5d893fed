use std::sync::Arc;

use axum::Router;
use axum::routing::get as get_route;

use super::{Asked, register_process, registry, routes};
use crate::health::Health;
use crate::testing::{Fixed, get};
use crate::{Rules, Site};

#[tokio::test]
async fn everything_counted_is_shown_with_the_servers_labels() {
    let registry = registry("1.2.3", "node-1").unwrap();
    register_process(&registry, Health::new(Arc::new(Fixed)), || 4_096).unwrap();
    let asked = Asked::register(&registry).unwrap();
    let api = asked.count(Router::new().route("/things/{id}", get_route(async || "thing")));
    let site = Site::bind("127.0.0.1:0", vec![api, routes(registry, &["/metrics"])], Rules::default())
        .await
        .unwrap();
    let address = site.address();
    tokio::spawn(site.serve(std::future::pending()));
    for id in 0..3 {
        get(address, &format!("/things/{id}")).await;
    }
    let reply = get(address, "/metrics").await;
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let value = |name: &str| {
        let line = reply.body.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let line = line.unwrap_or_else(|| panic!("{name} in\n{}", reply.body));
        for label in
            [r#"service_instance_id="node-1""#, r#"service_name="faden""#, r#"service_version="1.2.3""#]
        {
            assert!(line.contains(label), "{label} in {line}");
        }
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("otelcol_process_memory_rss") > 1e6);
    assert!(value("otelcol_process_cpu_seconds") >= 0.0);
    assert_eq!(value("otelcol_process_uptime"), 0.0);
    assert_eq!(value("otelcol_process_runtime_heap_alloc_bytes"), 4_096.0);
    let counted = r#"faden_api_requests{path="/things/{id}","#;
    let line = reply.body.lines().find(|line| line.starts_with(counted)).unwrap();
    assert!(line.contains(r#"status="200""#) && line.ends_with(" 3"), "{line}");
}
