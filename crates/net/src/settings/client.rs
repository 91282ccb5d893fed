//! What connects: gRPC and HTTP.

use std::time::Duration;

use config::{Block, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{client_tls, refuse_auth, unless_zero};
use crate::client::{ClientLimits, HttpClient};
use crate::grpc;
use crate::inflate::Encoding;
use crate::tls::{ClientTls, TlsError};

/// A gRPC client.
#[derive(Clone, Debug)]
pub struct GrpcClientSettings {
    /// Scheme and authority of the server.
    pub server: Uri,
    /// Its TLS, if the scheme is `https`.
    pub tls: ClientTls,
    /// What it may take up.
    pub limits: ClientLimits,
    /// How messages are compressed.
    pub compression: Option<Encoding>,
    /// Sent with every call.
    pub headers: HeaderMap,
}

impl GrpcClientSettings {
    /// The client; no connection is opened before the first call.
    pub fn client(&self) -> Result<grpc::Client, TlsError> {
        let http = HttpClient::http2_only(self.tls.clone(), &self.limits)?;
        let client = grpc::Client::new(http, self.server.clone());
        Ok(client.with_compression(self.compression).with_headers(self.headers.clone()))
    }
}

/// An HTTP client.
#[derive(Clone, Debug)]
pub struct HttpClientSettings {
    /// Where it sends, as written; empty if that is said elsewhere.
    pub endpoint: String,
    /// Its TLS, if the scheme is `https`.
    pub tls: ClientTls,
    /// What it may take up.
    pub limits: ClientLimits,
    /// How bodies are compressed, and how strongly.
    pub compression: Option<(Encoding, Option<i32>)>,
    /// Sent with every request.
    pub headers: HeaderMap,
    /// How long one attempt may take.
    pub timeout: Duration,
}

impl HttpClientSettings {
    /// The client; no connection is opened before the first request.
    pub fn client(&self) -> Result<HttpClient, TlsError> {
        HttpClient::new(self.tls.clone(), &self.limits)
    }
}

/// Reads the block of a gRPC client.
pub fn grpc_client(block: &mut Block<'_>) -> GrpcClientSettings {
    let endpoint =
        block.required_text("endpoint", "host:port to send to; http:// in front speaks without TLS");
    let (tls, insecure) = client_tls(block);
    let names = ["gzip", "snappy", "zstd", "deflate", "none", ""];
    let compression = match block.choice("compression", &names, "gzip", "how messages are compressed") {
        "snappy" => Some(Encoding::SnappyFramed),
        name => Encoding::named(name),
    };
    let headers = headers(block);
    let limits = keepalive(block);
    block.ignored("balancer_name", "one connection serves all calls");
    block.ignored("wait_for_ready", "connections are opened when they are needed");
    block.ignored("authority", "the server is addressed by its endpoint");
    block.ignored("user_agent", "it is faden");
    for key in ["read_buffer_size", "write_buffer_size"] {
        block.ignored(key, "buffers follow the frames");
    }
    refuse_auth(block);
    let server = server_uri(&endpoint, insecure).unwrap_or_else(|message| {
        if !endpoint.is_empty() {
            block.problem("endpoint", message, Some("write it as host:port, such as localhost:4317".into()));
        }
        Uri::from_static("http://localhost:4317")
    });
    GrpcClientSettings { server, tls, limits, compression, headers }
}

fn keepalive(block: &mut Block<'_>) -> ClientLimits {
    let mut keepalive = block.section("keepalive", "when the connection is checked");
    ClientLimits {
        ping_after: Some(unless_zero(keepalive.duration(
            "time",
            "10s",
            "pings a silent server after this time",
        ))),
        ping_answer_max: keepalive.duration("timeout", "10s", "how long the answer to a ping may take"),
        ping_while_idle: keepalive.boolean(
            "permit_without_stream",
            false,
            "pings while no call is open, too",
        ),
        ..ClientLimits::default()
    }
}

/// Reads the block of an HTTP client. `endpoint` may be left out; the caller knows if it may be.
pub fn http_client(block: &mut Block<'_>, timeout: &str, compression: &'static str) -> HttpClientSettings {
    let endpoint = block.text("endpoint", "", "the URL to send to");
    let (tls, _) = client_tls(block);
    let names = ["gzip", "zstd", "snappy", "x-snappy-framed", "zlib", "deflate", "lz4", "none", ""];
    let encoding =
        Encoding::named(block.choice("compression", &names, compression, "how bodies are compressed"));
    let mut params = block.section("compression_params", "how strongly");
    let level = params.optional_integer("level", -7..=22_i32, "the level, as the encoding counts it");
    drop(params);
    let defaults = ClientLimits::default();
    let idle = block.integer(
        "max_idle_conns",
        defaults.idle_connections_max,
        0..=100_000,
        "connections kept for later",
    );
    let per_host =
        block.optional_integer("max_idle_conns_per_host", 0..=100_000_usize, "the same for one server");
    let idle_max = block.duration("idle_conn_timeout", "90s", "how long they are kept");
    let keep_none = block.boolean("disable_keep_alives", false, "true opens a connection for every request");
    let ping_after =
        block.optional_duration("http2_read_idle_timeout", "pings a silent server after this time");
    let ping_answer_max =
        block.duration("http2_ping_timeout", "15s", "how long the answer to a ping may take");
    ignore_http_details(block);
    refuse_auth(block);
    HttpClientSettings {
        endpoint,
        tls,
        limits: ClientLimits {
            idle_connections_max: if keep_none {
                0
            } else {
                per_host.filter(|some| *some > 0).unwrap_or(idle)
            },
            idle_max: unless_zero(idle_max),
            ping_after: ping_after.filter(|after| !after.is_zero()),
            ping_answer_max,
            ..defaults
        },
        compression: encoding.map(|encoding| (encoding, level)),
        headers: headers(block),
        timeout: unless_zero(super::timeout(block, timeout)),
    }
}

fn ignore_http_details(block: &mut Block<'_>) {
    if block.has("proxy_url") {
        block.problem("proxy_url", "sending through a proxy is not available yet", Some("remove it".into()));
    }
    block.ignored("proxy_url", "not available yet");
    block.ignored("cookies", "none are kept");
    block.ignored("max_conns_per_host", "the queue of the exporter limits requests at work");
    block.ignored("force_attempt_http2", "the TLS handshake decides");
    for key in ["read_buffer_size", "write_buffer_size"] {
        block.ignored(key, "buffers follow the bodies");
    }
}

/// Reads `headers`. Values may be tokens: they are marked so that no log shows them.
pub fn headers(block: &mut Block<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in block.map_of_secrets("headers", "sent with every request") {
        match header(&name, &value) {
            Some((name, value)) => {
                headers.insert(name, value);
            }
            None => block.problem("headers", format!("{name:?} or its value cannot stand in a header"), None),
        }
    }
    headers
}

fn header(name: &str, value: &Secret) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
}

/// `host:port`, with or without a scheme; a path has no meaning for gRPC.
fn server_uri(endpoint: &str, insecure: bool) -> Result<Uri, String> {
    let endpoint = endpoint.strip_prefix("dns:///").unwrap_or(endpoint);
    let (scheme, authority) = match endpoint.split_once("://") {
        Some((scheme @ ("http" | "https"), authority)) => (scheme, authority),
        Some((scheme, _)) => return Err(format!("{scheme}:// cannot be dialled")),
        None => (if insecure { "http" } else { "https" }, endpoint),
    };
    let authority = authority.trim_end_matches('/');
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query("/")
        .build()
        .map_err(|_| format!("\"{endpoint}\" is no host and port"))
}
