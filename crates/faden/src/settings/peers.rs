//! The part of the section `store` that says which other nodes have what is not in the object store yet.

use std::time::Duration;

use config::Block;
use http::{HeaderMap, Uri};
use net::tls::ClientTls;

/// Other nodes whose heads are asked.
#[derive(Clone, Debug)]
pub struct PeerSettings {
    /// Where they answer, with scheme and authority.
    pub nodes: Vec<Uri>,
    /// Their TLS, where the scheme is `https`.
    pub tls: ClientTls,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// A question asks so many at most.
const NODES_MAX: usize = 64;

/// Reads it.
pub fn read(store: &mut Block<'_>, is_shared: bool) -> PeerSettings {
    let doc = "nodes that ingest into the same store.url, asked for what is not there yet";
    let mut block = store.section("peers", doc);
    let names =
        block.list_of_text("nodes", &[], "where they listen for it (their serve.peers), as host:port");
    let has_tls = block.has("tls");
    let (tls, insecure) = net::settings::client_tls(&mut block);
    let headers = net::settings::headers(&mut block);
    let timeout = block.duration(
        "timeout",
        "2s",
        "how long an answer may take; then the node's youngest spans are missing",
    );
    let mut nodes = Vec::new();
    for name in &names {
        match server(name, has_tls && !insecure) {
            Some(server) => nodes.push(server),
            None => block.problem(
                "nodes",
                format!("{name:?} is no host and port"),
                Some("write them as [ingest-1:16687, ingest-2:16687]".to_owned()),
            ),
        }
    }
    if nodes.len() > NODES_MAX {
        block.problem("nodes", format!("these are more than {NODES_MAX}"), Some("name fewer".to_owned()));
    }
    if !block.is_describing() && !nodes.is_empty() && !is_shared {
        let remedy = "give store.url, the same on every node, or remove store.peers".to_owned();
        block.problem("nodes", "peers share an object store, and there is none", Some(remedy));
    }
    if !block.is_describing() && timeout.is_zero() {
        block.problem("timeout", "nobody answers in no time", Some("give it 100ms or more".to_owned()));
    }
    block.finish();
    PeerSettings { nodes, tls, headers, timeout }
}

/// `host:port`, with or without a scheme.
fn server(name: &str, has_tls: bool) -> Option<Uri> {
    let (scheme, authority) = match name.split_once("://") {
        Some((scheme @ ("http" | "https"), authority)) => (scheme, authority),
        Some(_) => return None,
        None => (if has_tls { "https" } else { "http" }, name),
    };
    let authority = authority.trim_end_matches('/');
    let server = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build().ok()?;
    server.port().is_some().then_some(server)
}
