//! Who calls whom.

use super::*;
use crate::faden::{EdgeKind, Map, NodeKind};

fn shop() -> Vec<Draft> {
    let client = |id, parent: u64| Draft::new(1, id).under(parent).kind(Kind::Client).service("web");
    vec![
        Draft::new(1, 1).service("web").kind(Kind::Server),
        client(2, 1).with("server.address", "cart.internal"),
        Draft::new(1, 3)
            .under(2)
            .service("cart")
            .kind(Kind::Server)
            .lasting(4_000_000)
            .status(StatusCode::Error),
        client(4, 1).with("server.address", "bank.example").status(StatusCode::Error),
        Draft::new(1, 5)
            .under(3)
            .service("cart")
            .kind(Kind::Client)
            .with("db.system", "redis")
            .lasting(2_000_000),
        Draft::new(1, 6)
            .under(3)
            .service("cart")
            .kind(Kind::Client)
            .with("db.system.name", "postgresql")
            .with("db.namespace", "orders"),
        Draft::new(1, 7)
            .under(3)
            .service("cart")
            .kind(Kind::Producer)
            .with("messaging.system", "kafka")
            .with("messaging.destination.name", "mail"),
        Draft::new(1, 8)
            .under(7)
            .service("mailer")
            .kind(Kind::Consumer)
            .with("messaging.system", "kafka")
            .with("messaging.destination.name", "mail"),
        Draft::new(2, 1).service("cron"),
    ]
}

async fn mapped(query: &str) -> Map {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), &shop())).await.unwrap();
    let server = over(Arc::new(store), Limits::default()).await;
    serde_json::from_value(server.json(&format!("map?{query}")).await).unwrap()
}

fn edges(map: &Map) -> Vec<(&str, &str, EdgeKind, u64, u64)> {
    let edges = map.edges.iter();
    edges.map(|edge| (edge.from.as_str(), edge.to.as_str(), edge.kind, edge.calls, edge.errors)).collect()
}

#[tokio::test]
async fn a_map_shows_services_and_what_sends_no_spans() {
    let map = mapped("").await;
    let nodes: Vec<(&str, NodeKind, u64)> =
        map.nodes.iter().map(|node| (node.id.as_str(), node.kind, node.red.spans)).collect();
    assert_eq!(
        nodes,
        [
            ("cart", NodeKind::Service, 1),
            ("cron", NodeKind::Service, 1),
            ("database:postgresql/orders", NodeKind::Database, 1),
            ("database:redis", NodeKind::Database, 1),
            ("mailer", NodeKind::Service, 1),
            ("peer:bank.example", NodeKind::Peer, 1),
            ("queue:kafka/mail", NodeKind::Queue, 2),
            ("web", NodeKind::Service, 1),
        ]
    );
    assert_eq!(
        edges(&map),
        [
            ("cart", "database:postgresql/orders", EdgeKind::Query, 1, 0),
            ("cart", "database:redis", EdgeKind::Query, 1, 0),
            ("cart", "queue:kafka/mail", EdgeKind::Message, 1, 0),
            ("queue:kafka/mail", "mailer", EdgeKind::Message, 1, 0),
            ("web", "cart", EdgeKind::Call, 1, 1),
            ("web", "peer:bank.example", EdgeKind::Call, 1, 1),
        ],
        "cart.internal is no peer, since cart answers there"
    );
    let call = &map.edges[4];
    assert!((3_900_000..4_100_000).contains(&call.p99_ns), "as cart measures it: {}", call.p99_ns);
    let (web, cart) = (&map.nodes[7], &map.nodes[0]);
    assert!(web.x < cart.x && map.width > 0.0 && call.points.len() >= 2);
    assert_eq!((web.label.as_str(), map.nodes[2].system.as_deref()), ("web", Some("postgresql")));
}

#[tokio::test]
async fn a_map_is_cut_to_what_is_near_or_busy() {
    let near = mapped("focus=web&depth=1").await;
    assert_eq!(
        near.nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(),
        ["cart", "peer:bank.example", "web"]
    );
    assert_eq!((near.left_out.nodes, near.left_out.edges), (5, 4));
    assert_eq!(mapped("focus=mailer&depth=9&dir=in").await.nodes.len(), 4);
    assert_eq!(mapped("min=2").await.edges.len(), 0);
    let plain = mapped("layout=false").await;
    assert_eq!((plain.width, plain.edges[0].points.len()), (0.0, 0));
}

#[tokio::test]
async fn what_sends_no_spans_is_folded_behind_who_uses_it() {
    let map = mapped("peers=folded").await;
    let nodes: Vec<(&str, Vec<&str>)> = map
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node.behind.iter().map(|behind| behind.label.as_str()).collect()))
        .collect();
    assert_eq!(
        nodes,
        [
            ("cart", vec!["orders", "redis", "mail"]),
            ("cron", vec![]),
            ("mailer", vec!["mail"]),
            ("web", vec!["bank.example"]),
        ]
    );
    assert_eq!(
        edges(&map),
        [("cart", "mailer", EdgeKind::Message, 1, 0), ("web", "cart", EdgeKind::Call, 1, 1)],
        "a queue becomes a message"
    );
    assert_eq!((map.folded, map.left_out.nodes), (4, 0));
    let around = mapped("peers=folded&focus=queue:kafka/mail").await;
    assert_eq!((around.folded, around.nodes.len()), (0, 3), "a queue that is asked for is shown");
}

#[tokio::test]
async fn the_map_of_a_query_has_only_its_spans() {
    let errors = mapped("status=error").await;
    assert_eq!(
        edges(&errors),
        [("web", "cart", EdgeKind::Call, 1, 1), ("web", "peer:bank.example", EdgeKind::Call, 1, 1)]
    );
    let below = mapped("q=%7B%20name%20%3D%20%22work%22%20%7D%20%3E%20%7B%20kind%20%3D%20server%20%7D").await;
    assert_eq!(edges(&below), [("web", "cart", EdgeKind::Call, 1, 1)], "by looking at traces");
}

#[tokio::test]
async fn what_is_wrong_with_a_question_for_a_map_is_named() {
    let server = running().await;
    for (query, message) in [
        ("focus=none", "focus: `none` is not on the map"),
        ("dir=up", "dir: `up` is no direction"),
        ("peers=some", "peers: they are shown or folded"),
        ("min=few", "min: `few` is not a number of calls"),
        ("depth=11", "depth: `11` is not such a number"),
        ("layout=no", "layout: it is true or false"),
    ] {
        let (status, found, _) = server.failure(&format!("/api/faden/v1/map?{query}")).await;
        assert_eq!((status, found.as_str()), (400, message), "{query}");
    }
}
