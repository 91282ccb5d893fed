//! Faden's own API, `/api/faden/v1`: what the command line, scripts and Faden's pages speak.
//!
//! | path | answer |
//! |---|---|
//! | `search` | summaries of traces, by the parameters of [`query::Search`] |
//! | `search/facets`, `/heatmap`, `/totals`, `/diagnose` | what a page shows beside it, for all that is found |
//! | `query` | TraceQL: traces with the spans that matched, or numbers over time; SQL: a table |
//! | `traces/{id}` | one whole trace, written span by span |
//! | `traces/{id}/skeleton`, `/attributes`, `/spans/{id}`, `/filter` | the same in parts, for traces of any size |
//! | `services`, `operations`, `keys`, `values?key=`, `edges` | names and calls with counts, by the same parameters |
//! | `services/red`, `services/{name}/operations`, `/red`, `operations/histogram` | rate, errors, durations |
//! | `map` | who calls whom, with databases, queues and peers, laid out |
//! | `errors` | what failed, grouped by why |
//! | `compare`, `explain` | `POST`: two traces or groups told apart, a selection told from the rest |
//! | `complete` | `POST`: what can stand at a place of an unfinished query |
//! | `traces/{id}/spans/{id}/duration`, `operations/typical` | what is usual: a duration among others, a median trace |
//! | `pipeline` | the running components, what goes through them, what was refused and why |
//! | `refusals` | which spans were not taken, where and why; `?trace=ID` tells where a trace is |
//! | `settings` | ports, store, retention, limits, version |
//! | `demo` | `POST`: made-up traces through this server's own receiver |
//! | `openapi.json` | this, for programs |
//! | `export` | all spans in a range, or whole traces of a search, in OTLP |
//! | `tail` | spans as they are accepted, as server-sent events |
//! | `store` | what is kept, what goes next |
//! | `archive`, `archive/{id}` | traces that are kept for ever; `PUT` and `DELETE` one |
//! | `erase` | `POST`: takes spans out for good, and proves it |
//! | `status` | how the server is |
//!
//! JSON in the types of [`query::answer`]; failures are `{"error":{"message","remedy"}}`. Bounded by the limits of the
//! [`Query`], by [`TAILS_MAX`], and by pages of at most [`store::plan::LIMIT_MAX`] rows.

mod compare;
mod complete;
mod demo;
mod errors;
mod explain;
mod export;
mod keep;
mod lists;
mod map;
mod matching;
mod named;
mod openapi;
mod pipeline;
mod queried;
mod recent;
mod red;
mod refusals;
mod reply;
mod scope;
mod search;
mod settings;
mod skeleton;
mod status;
mod tail;
mod trace;
mod typical;

use std::sync::Arc;

use ::pipeline::{Stop, Tap};
use axum::Router;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::routing::{any, get, post, put};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use model::{Clock, Tenant};
use query::{Query, Search};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::keep::Keeper;
use recent::Recent;

pub use compare::{Compared, GROUP_TRACES_MAX, Header, OneSide};
pub use complete::{Completed, ITEMS_MAX, Item};
pub use demo::{DEMO_TRACES_MAX, Demo, DemoMade};
pub use errors::Errors;
pub use explain::Explained;
pub use keep::read as read_erase;
pub use map::{
    Behind, EDGES_MAX, Edge as MapEdge, EdgeKind, LeftOut, Map, NODES_MAX, Node as MapNode, NodeKind,
};
pub use pipeline::{Component, Flow, Ledger, Pipeline};
pub use recent::{RECENT_BYTES_MAX, SKELETON_BYTES_MAX};
pub use red::{Histogram, OperationRed, Operations, OverTime, Red, STEPS_MAX, ServiceRed, Services, Step};
pub use refusals::{REFUSALS_MAX, Refusal, RefusalGroup, Refusals, RefusedTrace, Why};
pub use reply::Failed;
pub use search::{
    COLUMNS_MAX, FACETS_MAX, Facet, FacetValue, Facets, HEATMAP_ROWS_MAX, Heatmap, Totals, VALUES_MAX,
};
pub use settings::{Limit, Receiver, Settings};
pub use skeleton::{DETAIL_MAX, ROWS_MAX, WITH_MAX, Whole};
pub use status::{Budget, Figure, LoggedError, Port, Report, StatusSource, Store};
pub use tail::TAILS_MAX;
pub use typical::{SpanDuration, TYPICAL_TRACES_MAX, Typical};

/// What the API needs.
pub struct Faden {
    /// Who answers plans.
    pub query: Query,
    /// Where accepted spans go by.
    pub tap: Tap,
    /// How the server is.
    pub status: Arc<dyn StatusSource>,
    /// Who looks after the store, where there is one.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// Who makes demo spans, where there is a store for them.
    pub demo: Option<Arc<dyn Demo>>,
    /// What "now" is.
    pub clock: Arc<dyn Clock>,
    /// What runs, and where it counts.
    pub flow: Flow,
    /// When viewers are sent home.
    pub stop: Stop,
    /// Origins whose pages may read answers (CORS); with none, no page of another origin may.
    pub allowed_origins: Vec<String>,
}

struct Api {
    faden: Faden,
    looked: pipeline::Looked,
    tails: Arc<Semaphore>,
    demos: Arc<Semaphore>,
    traces: Recent<model::Trace>,
    skeletons: Recent<skeleton::Made>,
}

/// All paths of the API.
pub fn routes(faden: Faden) -> Router {
    let origins = faden.allowed_origins.clone();
    let api = Api {
        looked: pipeline::Looked::default(),
        tails: Arc::new(Semaphore::new(TAILS_MAX)),
        demos: Arc::new(Semaphore::new(1)),
        traces: Recent::new(&faden.clock, RECENT_BYTES_MAX, recent::RECENT_AGE_MAX),
        skeletons: Recent::new(&faden.clock, SKELETON_BYTES_MAX, recent::SKELETON_AGE_MAX),
        faden,
    };
    let router = Router::new()
        .route("/api/faden/v1/search", get(search::search))
        .route("/api/faden/v1/search/facets", get(search::facets))
        .route("/api/faden/v1/search/heatmap", get(search::heatmap))
        .route("/api/faden/v1/search/totals", get(search::totals))
        .route("/api/faden/v1/search/diagnose", get(search::diagnose))
        .route("/api/faden/v1/query", get(queried::query))
        .route("/api/faden/v1/traces/{id}", get(trace::trace))
        .route("/api/faden/v1/traces/{id}/skeleton", get(skeleton::skeleton))
        .route("/api/faden/v1/traces/{id}/attributes", post(skeleton::attributes))
        .route("/api/faden/v1/traces/{id}/spans/{span}", get(skeleton::span))
        .route("/api/faden/v1/traces/{id}/spans/{span}/duration", get(typical::span_duration))
        .route("/api/faden/v1/traces/{id}/filter", get(matching::filter))
        .route("/api/faden/v1/services", get(lists::services))
        .route("/api/faden/v1/services/red", get(red::services))
        .route("/api/faden/v1/services/{service}/operations", get(red::operations))
        .route("/api/faden/v1/services/{service}/red", get(red::over_time))
        .route("/api/faden/v1/operations", get(lists::operations))
        .route("/api/faden/v1/operations/histogram", get(red::histogram))
        .route("/api/faden/v1/operations/typical", get(typical::typical))
        .route("/api/faden/v1/keys", get(lists::keys))
        .route("/api/faden/v1/values", get(lists::values))
        .route("/api/faden/v1/edges", get(lists::edges))
        .route("/api/faden/v1/map", get(map::map))
        .route("/api/faden/v1/errors", get(errors::errors))
        .route("/api/faden/v1/compare", post(compare::compare))
        .route("/api/faden/v1/explain", post(explain::explain))
        .route("/api/faden/v1/complete", post(complete::complete))
        .route("/api/faden/v1/pipeline", get(pipeline::pipeline))
        .route("/api/faden/v1/refusals", get(refusals::refusals))
        .route("/api/faden/v1/settings", get(settings::settings))
        .route("/api/faden/v1/demo", post(demo::demo))
        .route("/api/faden/v1/openapi.json", get(openapi::document))
        .route("/api/faden/v1/export", get(export::export))
        .route("/api/faden/v1/tail", get(tail::tail))
        .route("/api/faden/v1/store", get(keep::stat))
        .route("/api/faden/v1/archive", get(keep::archived))
        .route("/api/faden/v1/archive/{id}", put(keep::archive).delete(keep::unarchive))
        .route("/api/faden/v1/erase", post(keep::erase))
        .route("/api/faden/v1/status", get(status::status))
        .route("/api/faden", any(reply::unknown_path))
        .route("/api/faden/{*rest}", any(reply::unknown_path))
        .method_not_allowed_fallback(reply::wrong_method)
        .with_state(Arc::new(api));
    crate::cors::allowed(router, origins)
}

/// Who asks, and with which parameters.
struct Asked {
    tenant: Tenant,
    pairs: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failed> {
        let tenant = parts.extensions.get::<Tenant>().cloned().unwrap_or_default();
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let axum::extract::Query(pairs) =
            pairs.map_err(|error| Failed::invalid(format!("the query string is broken: {error}")))?;
        Ok(Self { tenant, pairs })
    }
}

impl Asked {
    /// Takes one parameter out, before the rest is read as a search.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(found, _)| found == name)?;
        Some(self.pairs.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// True where the parameter is given at all.
    fn names(&self, name: &str) -> bool {
        self.pairs.iter().any(|(found, value)| found == name && !value.is_empty())
    }

    /// Refuses parameters that have no meaning here.
    fn nothing_more(&self) -> Result<(), Failed> {
        match self.pairs.first() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(100).collect();
                Err(Failed::invalid(format!("{name}: the parameter has no meaning here"))
                    .remedy("leave it out"))
            }
        }
    }

    fn search(&self, clock: &dyn Clock) -> Result<Search, Failed> {
        let pairs = self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Search::read(pairs, clock.now()).map_err(Failed::unclear)
    }
}

/// The JSON that a request carries; at most 2 MiB, as the framework has it.
struct JsonBody<T>(T);

impl<S: Sync + Send, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let bytes = Bytes::from_request(request, state).await;
        let bytes =
            bytes.map_err(|error| Failed::new(error.status(), format!("body: {}", error.body_text())))?;
        let broken =
            |error| Failed::invalid(format!("body: {error}")).remedy("see /api/faden/v1/openapi.json");
        serde_json::from_slice(&bytes).map(Self).map_err(broken)
    }
}

/// Computes where others are not held up.
async fn computed<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> Result<T, Failed> {
    let failed = |_| {
        tracing::error!("the computation of an answer panicked");
        Failed::new(StatusCode::INTERNAL_SERVER_ERROR, "the computation of the answer failed")
            .remedy("see the server's log")
    };
    tokio::task::spawn_blocking(compute).await.map_err(failed)
}

#[cfg(test)]
pub(crate) use tests::{asking, running_for_tests};
#[cfg(test)]
mod tests;
