//! What this server is and what it answers, for people and checks that look at Tempo's status pages.

use super::grpc::SERVICE;

/// The paths that answer.
const ENDPOINTS: [&str; 17] = [
    "GET /api/echo",
    "GET /api/metrics/query",
    "GET /api/metrics/query_range",
    "GET /api/search",
    "GET /api/search/tag/{tag}/values",
    "GET /api/search/tags",
    "GET /api/status/buildinfo",
    "GET /api/traces/{id}",
    "GET /api/v2/search/tag/{tag}/values",
    "GET /api/v2/search/tags",
    "GET /api/v2/traces/{id}",
    "GET /ready",
    "GET /status",
    "GET /status/endpoints",
    "GET /status/services",
    "GET /status/version",
    "POST /tempopb.StreamingQuerier/{method}",
];

/// Everything of the other pages.
pub(super) async fn all() -> String {
    format!("{}\n{}\n{}", version().await, services().await, endpoints().await)
}

/// Which program runs.
pub(super) async fn version() -> String {
    format!("faden, version {}\n", env!("CARGO_PKG_VERSION"))
}

/// What runs inside of it.
pub(super) async fn services() -> String {
    format!("query-frontend: Running\n{SERVICE}: Running\n")
}

/// The paths that answer.
pub(super) async fn endpoints() -> String {
    ENDPOINTS.map(|endpoint| format!("{endpoint}\n")).concat()
}
