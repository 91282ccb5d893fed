//! Several processes on one bucket, without a coordinator: two ingest, one merges, one answers.

use std::path::Path;
use std::time::Duration;

use bucket::Bucket;
use model::{Batch, Tenant};
use net::Body;
use pipeline::Outcome;

use crate::find::grpc_client;
use crate::kill::traffic;
use crate::ledger::{Ledger, check_found};
use crate::server::{Server, faden, output, text};

/// What makes a node share the bucket.
pub fn changes(bucket: &Bucket, data: &Path, name: &str) -> Vec<String> {
    let options: Vec<String> =
        bucket.options().iter().map(|(key, value)| format!("{key}: \"{value}\"")).collect();
    vec![
        format!("store.path={}", data.join(name).display()),
        format!("store.url={}", bucket.url("shared")),
        format!("store.url_options={{{}}}", options.join(", ")),
        "store.follow=200ms".to_owned(),
        "store.upload.after=1s".to_owned(),
    ]
}

/// A metric of a server.
pub async fn figure(server: &Server, name: &str) -> u64 {
    let request = http::Request::get(format!("http://{}/metrics", server.port("metrics")));
    let (_, text) = server.send(request.body(Body::empty()).expect("it is well formed")).await;
    let text = text.as_str().unwrap_or_default().to_owned();
    let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    value.unwrap_or_else(|| panic!("{name} is not in\n{text}")) as u64
}

fn ingest(bucket: &Bucket, data: &Path, name: &str) -> Server {
    let set = changes(bucket, data, name);
    Server::start(&data.join(name), &set.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A node with a store and no pipeline, which asks these peers.
fn query(bucket: &Bucket, data: &Path, peers: &[&Server], more: &str) -> Server {
    let file = data.join(format!("query{}.yaml", more.len()));
    let peers: Vec<String> = peers.iter().map(|peer| peer.port("other nodes")).collect();
    let options: Vec<String> =
        bucket.options().iter().map(|(key, value)| format!("    {key}: \"{value}\"\n")).collect();
    let text = format!(
        "store:\n  path: {}\n  url: {}\n  follow: 200ms\n{more}  peers: {{ nodes: {peers:?} }}\n  url_options:\n{}\
         serve: {{ http: 127.0.0.1:0, grpc: \"\", storage: \"\", tempo: \"\", zipkin: \"\" }}\n\
         service: {{ telemetry: {{ metrics: {{ address: 127.0.0.1:0 }} }} }}\n",
        data.join(format!("query{}", more.len())).display(),
        bucket.url("shared"),
        options.concat()
    );
    std::fs::write(&file, text).unwrap();
    Server::from(faden(&["serve", "--config", file.to_str().unwrap()]))
}

async fn send(server: &Server, seed: u64, ledger: &mut Ledger) {
    let client = grpc_client(server);
    let mut traffic = traffic(seed);
    for _ in 0..20 {
        let batch = Batch::read(traffic.next_request(100).into(), Tenant::default()).unwrap();
        assert_eq!(client.attempt(&batch).await, Outcome::Stored);
        ledger.note(&batch);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ingest_nodes_and_a_query_node_share_a_bucket() {
    let bucket = Bucket::start("spans").await;
    let data = tempfile::tempdir().unwrap();
    let reader = query(&bucket, data.path(), &[], "");
    let (one, two) = (ingest(&bucket, data.path(), "one"), ingest(&bucket, data.path(), "two"));
    let mut ledger = Ledger::default();
    for round in 0..3 {
        send(&one, round * 10 + 1, &mut ledger).await;
        send(&two, round * 10 + 2, &mut ledger).await;
    }
    let sent = ledger.spans() as u64;
    let in_blocks = async || {
        let (_, report) = reader.get("/api/faden/v1/status").await;
        let figures = report["store"]["figures"].as_array().cloned().unwrap_or_default();
        let spans = figures.iter().find(|figure| figure["name"] == "spans in blocks");
        spans.and_then(|figure| figure["value"].as_u64()).unwrap_or_else(|| panic!("{report}"))
    };
    while in_blocks().await < sent {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The views follow the manifest within the interval.
    tokio::time::sleep(Duration::from_millis(600)).await;
    check_found(&reader, &ledger, "on the query node").await;
    one.kill();
    check_found(&two, &ledger, "on the node that is left").await;
    let epochs = bucket.keys().iter().filter(|key| key.contains("/manifest/")).count();
    assert!(epochs > 0, "both nodes committed to one manifest");
}

/// What was acknowledged is found on the query node while nothing of it is in the bucket, at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_query_node_finds_what_is_not_in_the_bucket_yet() {
    let bucket = Bucket::start("spans").await;
    let data = tempfile::tempdir().unwrap();
    let ingest = |name: &str, after: &str| {
        let set = changes(&bucket, data.path(), name);
        let more = [
            format!("store.upload.after={after}"),
            "serve.peers=127.0.0.1:0".into(),
            "store.compaction.enabled=false".into(),
        ];
        let set: Vec<&str> = set.iter().chain(&more).map(String::as_str).collect();
        Server::start(&data.path().join(name), &set)
    };
    let (one, two) = (ingest("one", "60s"), ingest("two", "1s"));
    let _compactor = query(&bucket, data.path(), &[], "  compaction: { enabled: true, blocks_min: 2 }\n");
    let reader = query(&bucket, data.path(), &[&one, &two], "");
    let mut ledger = Ledger::default();
    let mut sent = 0;
    for round in 0..8 {
        send(&one, round * 10 + 1, &mut ledger).await;
        send(&two, round * 10 + 2, &mut ledger).await;
        sent = ledger.spans() as u64;
        let asked = std::time::Instant::now();
        let (_, services) = reader.get("/api/faden/v1/services").await;
        assert!(services["partial"].is_null(), "{services}");
        let counts = services["names"].as_array().into_iter().flatten().map(|name| &name["spans"]);
        let counted: u64 =
            counts.map(|count| count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap()).sum();
        assert_eq!(counted, sent, "round {round}: {services}");
        println!("round {round}: {sent} spans counted {:?} after the last acknowledgement", asked.elapsed());
    }
    assert!(sent > 0);
    check_found(&reader, &ledger, "on the query node").await;
    one.kill();
    let (_, services) = reader.get("/api/faden/v1/services").await;
    let why = services["partial"].as_str().unwrap_or_default();
    assert!(why.contains("what only 127.0.0.1:"), "the peer that is away is named: {services}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_a_bucket_is_checked_and_mended_with_its_configuration() {
    let bucket = Bucket::start("spans").await;
    let data = tempfile::tempdir().unwrap();
    let mut server = ingest(&bucket, data.path(), "one");
    send(&server, 1, &mut Ledger::default()).await;
    server.signal("TERM");
    assert!(server.ended().success(), "{}", server.said());
    let (config, place) = (data.path().join("one.yaml"), data.path().join("one"));
    let options: Vec<String> =
        bucket.options().iter().map(|(key, value)| format!("    {key}: \"{value}\"\n")).collect();
    let written = format!("store:\n  url: {}\n  url_options:\n{}", bucket.url("shared"), options.concat());
    std::fs::write(&config, written).unwrap();
    let (config, place) = (config.to_str().unwrap(), place.to_str().unwrap());

    let check = ["store", "check", "--data", place];
    let elsewhere = output(&check);
    assert_eq!(elsewhere.status.code(), Some(2), "{elsewhere:?}");
    let said = text(&elsewhere.stderr);
    assert!(said.contains("live at s3://spans/shared") && said.contains("--config"), "{said}");

    let check = [&check[..], &["--config", config]].concat();
    assert!(text(&output(&check).stdout).contains("everything is sound"));
    let key = bucket.keys().into_iter().find(|key| key.ends_with("spans.idx")).unwrap();
    let mut content = bucket.object(&key).unwrap().to_vec();
    let middle = content.len() / 2;
    content[middle] ^= 0x40;
    bucket.put(&key, content);
    assert_eq!(output(&check).status.code(), Some(1), "an index is damaged");
    let mended = output(&[&check[..], &["--repair"]].concat());
    let said = text(&mended.stdout);
    assert!(mended.status.success() && said.contains("2,000 spans saved, 0 lost"), "{mended:?}");
    assert!(text(&output(&check).stdout).contains("everything is sound"));
}
