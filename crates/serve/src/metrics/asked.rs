//! Counts what is asked of the APIs and how long the head of an answer takes.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use prometheus::{Error, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

/// Upper bounds, in seconds: from an answer out of memory to the limit of a query.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Meters for all APIs; cheap to clone.
#[derive(Clone)]
pub struct Asked {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl Asked {
    /// Registers `faden_api_requests` and `faden_api_seconds`.
    ///
    /// # Errors
    /// If the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let requests = Opts::new("faden_api_requests", "Requests to the query APIs, by path and status");
        let requests = IntCounterVec::new(requests, &["path", "status"])?;
        let seconds = HistogramOpts::new("faden_api_seconds", "Time until an answer began, by path");
        let seconds = HistogramVec::new(seconds.buckets(SECONDS.to_vec()), &["path"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self { requests, seconds })
    }

    /// Counts every request to the routes of `router`; paths are the routes' own, so that nobody can make series.
    pub fn count(&self, router: Router) -> Router {
        router.layer(from_fn_with_state(self.clone(), measure))
    }
}

async fn measure(
    State(meters): State<Asked>,
    path: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
    meters.requests.with_label_values(&[path, response.status().as_str()]).inc();
    meters.seconds.with_label_values(&[path]).observe(begun.elapsed().as_secs_f64());
    response
}
