//! Jaeger's HTTP query API, so that Grafana, Jaeger's UI and scripts written for Jaeger work unchanged.
//!
//! Two generations: [`legacy`] is `/api/…` with microseconds and Jaeger's trace JSON, [`v3`] is `/api/v3/…` with OTLP
//! JSON. Both turn parameters into a [`store::Plan`] and write its answer straight from views; a long answer goes out
//! in chunks while it is written. Whose spans are asked for is the [`Tenant`](model::Tenant) in the request's
//! extensions, else the default one. Browsers on other origins are refused unless `allowed_origins` names them.

mod filter;
pub mod grpc;
mod insight;
mod legacy;
mod metrics;
mod params;
mod reply;
mod search;
mod spans;
mod tags;
mod v3;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::routing::{any, get, post};
use http::request::Parts;
use model::{Clock, Tenant};
use query::Query;
use store::plan::{LIMIT_MAX, more_rows};
use store::{Answer, Plan};

use crate::keep::Keeper;
use crate::purge::Purge;
use params::{Params, Wording};

/// The largest body of `POST /api/transform`; a longer one is refused with 413.
pub const TRANSFORM_BYTES_MAX: usize = 32 << 20;

/// The largest body of a search by `POST`; a longer one is refused with 413.
pub const SEARCH_BYTES_MAX: usize = 1 << 20;

/// What the API needs.
pub struct Jaeger {
    /// Who answers plans.
    pub query: Query,
    /// Who keeps archived traces; without one nothing can be archived.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Whether tests may empty the store.
    pub purge: Purge,
    /// What "now" is, for searches that name no end.
    pub clock: Arc<dyn Clock>,
    /// Origins whose pages may read answers (CORS); with none, no page of another origin may.
    pub allowed_origins: Vec<String>,
}

/// All paths of the API below `/api`. What is unknown there is a 404 in plain text, as in Jaeger.
pub fn routes(state: Jaeger) -> Router {
    let origins = state.allowed_origins.clone();
    let searches = || get(v3::traces).post(v3::traces_posted).layer(DefaultBodyLimit::max(SEARCH_BYTES_MAX));
    let summaries =
        || get(v3::summaries).post(v3::summaries_posted).layer(DefaultBodyLimit::max(SEARCH_BYTES_MAX));
    let found_spans =
        || get(spans::spans).post(spans::spans_posted).layer(DefaultBodyLimit::max(SEARCH_BYTES_MAX));
    let router = Router::new()
        .route("/api/services", get(legacy::services))
        .route("/api/services/{service}/operations", get(legacy::operations_of))
        .route("/api/operations", get(legacy::operations))
        .route("/api/traces", get(legacy::search))
        .route("/api/traces/{id}", get(legacy::trace))
        .route("/api/archive/{id}", post(legacy::archive))
        .route("/api/transform", post(legacy::transform).layer(DefaultBodyLimit::max(TRANSFORM_BYTES_MAX)))
        .route("/api/deep-dependencies", get(insight::deep_dependencies))
        .route("/analytics/v1/dependencies", get(insight::deep_dependencies))
        .route("/api/quality-metrics", get(insight::quality_metrics))
        .route("/api/purge", post(legacy::purge))
        .route("/api/dependencies", get(legacy::dependencies))
        .route("/api/metrics/minstep", get(metrics::min_step))
        .route("/api/metrics/{what}", get(metrics::metrics))
        .route("/api/v3/services", get(v3::services))
        .route("/api/v3/operations", get(v3::operations))
        .route("/api/v3/traces", searches())
        .route("/api/v3/traces/{id}", get(v3::trace))
        .route("/api/v3/trace-summaries", summaries())
        .route("/api/v3/dependencies", get(v3::dependencies))
        .route("/api/v3/capabilities", get(v3::capabilities))
        .route("/api/v3/spans", found_spans())
        .route("/api", any(reply::page_not_found))
        .route("/api/", any(reply::page_not_found))
        .route("/api/{*rest}", any(reply::page_not_found))
        .with_state(Arc::new(state));
    crate::cors::allowed(router, origins)
}

/// Why rows may be missing from an answer: the store says so, or the limit that was asked for is beyond what plans take.
fn shortfall(plan: &Plan, answer: &Answer) -> Option<String> {
    let is_cut = plan.limit == LIMIT_MAX && answer.next.is_some();
    answer.partial.clone().or_else(|| is_cut.then(|| more_rows(LIMIT_MAX)))
}

/// Who asks, and with which parameters.
struct Asked {
    tenant: Tenant,
    params: Params,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let wording = if parts.uri.path().starts_with("/api/v3/") {
            Wording::Malformed
        } else {
            Wording::UnableToParse
        };
        let tenant = parts.extensions.get::<Tenant>().cloned().unwrap_or_default();
        Ok(Self { tenant, params: Params::read(parts.uri.query().unwrap_or_default(), wording) })
    }
}

#[cfg(test)]
mod tests;
