//! Zipkin's query API v2, so that Zipkin Lens, Grafana's Zipkin data source and scripts work unchanged.
//!
//! | path | answer |
//! |---|---|
//! | `/api/v2/services` | services, in lower case as all names here |
//! | `/api/v2/spans`, `/api/v2/remoteServices` | the operations of a service, and whom it talks to |
//! | `/api/v2/traces` | the newest traces that match |
//! | `/api/v2/trace/{id}`, `/api/v2/traceMany` | whole traces |
//! | `/api/v2/dependencies` | calls between services |
//! | `/api/v2/autocompleteKeys`, `/api/v2/autocompleteValues` | tags and their values |
//! | `/config.json`, `/health`, `/info` | what the UI wants to know, and that the server is there; the last two below `/actuator` too |
//!
//! All of it stands below `/zipkin` as well. Failures are plain text. Whose spans are asked for is the [`Tenant`] in the
//! request's extensions, else the default one. Bounded by the limits of the [`Query`] and of
//! [`query::candidates`].

mod about;
mod matches;
mod names;
mod params;
mod reply;
mod traces;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::routing::{any, get};
use http::request::Parts;
use model::{Clock, Tenant};
use query::Query;

use params::Params;

/// What the API needs.
pub struct Zipkin {
    /// Who answers plans.
    pub query: Query,
    /// What "now" is, for searches that name no end.
    pub clock: Arc<dyn Clock>,
    /// Origins whose pages may read answers (CORS); with none, no page of another origin may.
    pub allowed_origins: Vec<String>,
}

/// All paths of the API.
pub fn routes(state: Zipkin) -> Router {
    let origins = state.allowed_origins.clone();
    let state = Arc::new(state);
    let api = Router::new()
        .route("/api/v2/services", get(names::services))
        .route("/api/v2/spans", get(names::spans))
        .route("/api/v2/remoteServices", get(names::remote_services))
        .route("/api/v2/autocompleteKeys", get(names::keys))
        .route("/api/v2/autocompleteValues", get(names::values))
        .route("/api/v2/traces", get(traces::search))
        .route("/api/v2/trace/{id}", get(traces::one))
        .route("/api/v2/traceMany", get(traces::many))
        .route("/api/v2/dependencies", get(names::dependencies))
        .route("/config.json", get(about::config))
        .route("/health", get(about::health))
        .route("/info", get(about::info))
        .route("/actuator/health", get(about::health))
        .route("/actuator/info", get(about::info))
        .route("/api/{*rest}", any(reply::not_here))
        .with_state(state);
    let router = Router::new().nest("/zipkin", api.clone()).merge(api);
    crate::cors::allowed(router, origins)
}

/// Who asks, and with which parameters.
struct Asked {
    tenant: Tenant,
    params: Params,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self {
            tenant: parts.extensions.get::<Tenant>().cloned().unwrap_or_default(),
            params: Params::read(parts.uri.query().unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests;
