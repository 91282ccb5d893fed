//! Tempo's HTTP API, so that Grafana's Tempo data source and scripts written for Tempo work unchanged.
//!
//! | path | answer |
//! |---|---|
//! | `/api/traces/{id}`, `/api/v2/traces/{id}` | one whole trace, protobuf or JSON |
//! | `/api/search` | traces that match a TraceQL query, or `tags` and durations |
//! | `/api/search/tags`, `/api/v2/search/tags` | the keys of attributes |
//! | `/api/search/tag/{tag}/values`, `/api/v2/…` | the values of one |
//! | `/api/metrics/query_range`, `/api/metrics/query` | numbers over time, by a TraceQL query |
//! | `/api/echo`, `/ready`, `/api/status/buildinfo`, `/status` | that the server is there, and what it is |
//! | gRPC `tempopb.StreamingQuerier` | searches, tags and metrics once more, as Grafana streams them |
//!
//! Failures are plain text. Whose spans are asked for is the [`Tenant`] in the request's
//! extensions, else the default one. Bounded by the limits of the [`Query`] and of [`traceql::search`].

pub(crate) mod grpc;
mod metrics;
mod names;
mod params;
mod reply;
mod search;
mod status;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::{any, get, post};
use http::request::Parts;
use model::{Clock, Tenant};
use net::Budget;
use query::Query;

use params::Params;

/// What the API needs.
pub struct Tempo {
    /// Who answers plans.
    pub query: Query,
    /// What "now" is.
    pub clock: Arc<dyn Clock>,
    /// What requests may hold in memory.
    pub budget: Budget,
    /// Origins whose pages may read answers (CORS); with none, no page of another origin may.
    pub allowed_origins: Vec<String>,
}

impl Tempo {
    /// The same for gRPC, of which no page of another origin reads anything.
    pub(crate) fn of(query: &Query, clock: &Arc<dyn Clock>, budget: &Budget) -> Self {
        let (query, clock, budget) = (query.clone(), Arc::clone(clock), budget.clone());
        Self { query, clock, budget, allowed_origins: Vec::new() }
    }
}

/// All paths of the API.
pub fn routes(state: Tempo) -> Router {
    let origins = state.allowed_origins.clone();
    let router = Router::new()
        .route("/api/echo", get(|| async { "echo" }))
        .route("/ready", get(|| async { "ready" }))
        .route("/api/status/buildinfo", get(reply::build))
        .route("/api/traces/{id}", get(trace::first))
        .route("/api/v2/traces/{id}", get(trace::second))
        .route("/api/search", get(search::search))
        .route("/api/search/tags", get(names::keys))
        .route("/api/v2/search/tags", get(names::keys_by_scope))
        .route("/api/search/tag/{tag}/values", get(names::values))
        .route("/api/v2/search/tag/{tag}/values", get(names::typed_values))
        .route("/api/metrics/query_range", get(metrics::range))
        .route("/api/metrics/query", get(metrics::instant))
        .route(&format!("/{}/{{method}}", grpc::SERVICE), post(grpc::called))
        .route("/status", get(status::all))
        .route("/status/version", get(status::version))
        .route("/status/services", get(status::services))
        .route("/status/endpoints", get(status::endpoints))
        .route("/status/{*rest}", any(reply::not_here))
        .route("/api", any(reply::not_here))
        .route("/api/{*rest}", any(reply::not_here))
        .with_state(Arc::new(state));
    crate::cors::allowed(router, origins)
}

/// Who asks, with which parameters, and in which form the answer shall come.
struct Asked {
    tenant: Tenant,
    params: Params,
    wants_protobuf: bool,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let accept = parts.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok());
        Ok(Self {
            tenant: parts.extensions.get::<Tenant>().cloned().unwrap_or_default(),
            params: Params::read(parts.uri.query().unwrap_or_default()),
            wants_protobuf: accept.is_some_and(|accept| accept.contains("application/protobuf")),
        })
    }
}

#[cfg(test)]
mod tests;
