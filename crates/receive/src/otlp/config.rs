//! The block of the receiver. A protocol that is named is on, with or without options.

use config::Block;
use net::settings::{GrpcServerSettings, HttpServerSettings, grpc_server, http_server};

/// What the receiver runs on.
pub(super) struct Settings {
    pub(super) grpc: Option<GrpcServerSettings>,
    pub(super) http: Option<HttpSettings>,
}

/// The HTTP listener and its paths.
pub(super) struct HttpSettings {
    pub(super) server: HttpServerSettings,
    pub(super) traces_path: String,
    /// Paths of signals that are not taken.
    pub(super) other_paths: Vec<String>,
}

pub(super) fn settings(block: &mut Block<'_>) -> Settings {
    let mut protocols = block.section("protocols", "what is listened for; at least one must be named");
    let grpc =
        protocols.block("grpc", "OTLP over gRPC").map(|mut grpc| grpc_server(&mut grpc, "localhost:4317"));
    let http = protocols.block("http", "OTLP over HTTP, protobuf or JSON").map(|mut block| http(&mut block));
    if grpc.is_none() && http.is_none() {
        let remedy = "write `protocols: { grpc: {}, http: {} }`".to_owned();
        protocols.problem_here("no protocol is named", Some(remedy));
    }
    Settings { grpc, http }
}

fn http(block: &mut Block<'_>) -> HttpSettings {
    let path = |text: String| if text.starts_with('/') { text } else { format!("/{text}") };
    let traces_path = path(block.text("traces_url_path", "/v1/traces", "where spans are posted to"));
    let metrics =
        path(block.text("metrics_url_path", "/v1/metrics", "answered with 404: metrics are not taken"));
    let logs = path(block.text("logs_url_path", "/v1/logs", "answered with 404: logs are not taken"));
    let other_paths = vec![metrics, logs, "/v1development/profiles".to_owned()];
    let server = http_server(block, "localhost:4318", "64MiB");
    HttpSettings { server, traces_path, other_paths }
}
