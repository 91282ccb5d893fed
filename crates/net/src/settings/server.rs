//! What listens: gRPC and HTTP.

use std::time::Duration;

use config::Block;

use super::{refuse_auth, server_tls, unless_zero};
use crate::origin::AllowList;
use crate::server::HttpLimits;
use crate::tls::ServerTls;

/// A gRPC listener.
#[derive(Clone, Debug)]
pub struct GrpcServerSettings {
    /// Where it listens.
    pub endpoint: String,
    /// Its TLS.
    pub tls: Option<ServerTls>,
    /// What a connection may take up.
    pub limits: HttpLimits,
    /// The largest message, as it travels and inflated; a larger one is refused.
    pub message_bytes_max: usize,
}

/// An HTTP listener.
#[derive(Clone, Debug)]
pub struct HttpServerSettings {
    /// Where it listens.
    pub endpoint: String,
    /// Its TLS.
    pub tls: Option<ServerTls>,
    /// What a connection may take up.
    pub limits: HttpLimits,
    /// The largest body, as it travels and inflated; a larger one is refused.
    pub body_bytes_max: usize,
    /// Which web pages may send. None: only those of this machine, and they cannot read the answer.
    pub cors: Option<Cors>,
    /// Put into every answer.
    pub response_headers: Vec<(String, String)>,
}

/// What browsers are told about pages of other origins.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    /// Which origins may send; one `*` in each stands for anything.
    pub allowed: AllowList,
    /// Headers that they may set beside the usual ones; `*` for any.
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that they may read.
    pub exposed_headers: Vec<String>,
    /// How long browsers remember.
    pub max_age: Duration,
}

/// Reads the block of a gRPC listener.
pub fn grpc_server(block: &mut Block<'_>, endpoint: &str) -> GrpcServerSettings {
    let mut limits = HttpLimits::default();
    let endpoint = block.text("endpoint", endpoint, "host:port to listen on");
    block.choice("transport", &["tcp", "tcp4", "tcp6"], "tcp", "what carries the calls");
    let tls = server_tls(block);
    let mib = block.integer("max_recv_msg_size_mib", 64_usize, 0..=2048, "the largest message, in MiB");
    limits.streams_max = block.integer(
        "max_concurrent_streams",
        limits.streams_max,
        0..=100_000,
        "calls at work on one connection; further ones wait",
    );
    if limits.streams_max == 0 {
        limits.streams_max = HttpLimits::default().streams_max;
    }
    keepalive(block, &mut limits);
    block.ignored("include_metadata", "no later stage reads the headers of clients");
    for key in ["read_buffer_size", "write_buffer_size"] {
        block.ignored(key, "buffers follow the frames");
    }
    refuse_auth(block);
    let message_bytes_max = if mib == 0 { 64 << 20 } else { mib << 20 };
    GrpcServerSettings { endpoint, tls, limits, message_bytes_max }
}

fn keepalive(block: &mut Block<'_>, limits: &mut HttpLimits) {
    let mut keepalive = block.section("keepalive", "when connections are checked and ended");
    let mut server = keepalive.section("server_parameters", "what the listener does");
    let times = &mut limits.times;
    let given = |duration: Option<Duration>| duration.filter(|duration| !duration.is_zero());
    times.request_idle_max = given(
        server.optional_duration("max_connection_idle", "ends a connection without calls after this time"),
    );
    times.age_max =
        given(server.optional_duration("max_connection_age", "ends every connection after this time"));
    times.grace = server.duration("max_connection_age_grace", "20s", "how long calls may go on after that");
    limits.ping_after = unless_zero(server.duration("time", "60s", "pings a silent client after this time"));
    limits.ping_answer_max = server.duration("timeout", "20s", "how long the answer to a ping may take");
    let mut policy = keepalive.section("enforcement_policy", "how clients may ping");
    policy.ignored("min_time", "pings are not policed");
    policy.ignored("permit_without_stream", "pings are not policed");
}

/// Reads the block of an HTTP listener.
pub fn http_server(block: &mut Block<'_>, endpoint: &str, body_max: &str) -> HttpServerSettings {
    let mut limits = HttpLimits::default();
    let endpoint = block.text("endpoint", endpoint, "host:port to listen on");
    block.choice("transport", &["tcp", "tcp4", "tcp6"], "tcp", "what carries the requests");
    let tls = server_tls(block);
    let cors = cors(block);
    let bytes =
        block.bytes("max_request_body_size", body_max, "the largest body, as it travels and inflated");
    let fallback = config::parse_bytes(body_max).unwrap_or(64 << 20);
    let body_bytes_max = usize::try_from(if bytes == 0 { fallback } else { bytes }).unwrap_or(usize::MAX);
    let times = &mut limits.times;
    times.header_max =
        unless_zero(block.duration("read_header_timeout", "10s", "how long a header may take"));
    times.write_stall_max = unless_zero(block.duration(
        "write_timeout",
        "30s",
        "how long a client may read nothing of its answer",
    ));
    times.idle_max = unless_zero(block.duration("idle_timeout", "120s", "how long a connection may rest"));
    block.ignored("read_timeout", "a body may pause 15s and must come at 1 KiB/s");
    block.ignored("include_metadata", "no later stage reads the headers of clients");
    let response_headers = block.map_of_text("response_headers", "put into every answer");
    block.ignored("compression_algorithms", "all are understood");
    block.ignored("keep_alives_enabled", "connections are kept");
    refuse_auth(block);
    HttpServerSettings { endpoint, tls, limits, body_bytes_max, cors, response_headers }
}

fn cors(block: &mut Block<'_>) -> Option<Cors> {
    let mut cors = block.block("cors", "lets web pages send spans")?;
    let origins = cors.list_of_text(
        "allowed_origins",
        &[],
        "pages of these origins may send; one * in each stands for anything",
    );
    Some(Cors {
        allowed: AllowList { origins, hosts: Vec::new() },
        allowed_headers: cors.list_of_text("allowed_headers", &[], "headers that they may set, * for any"),
        exposed_headers: cors.list_of_text(
            "exposed_headers",
            &[],
            "headers of the answer that they may read",
        ),
        max_age: Duration::from_secs(cors.integer(
            "max_age",
            0_u64,
            0..=86_400 * 365,
            "seconds that browsers remember",
        )),
    })
}
