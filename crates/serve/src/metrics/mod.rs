//! `/metrics`: everything that Faden counts about itself, as Prometheus text.
//!
//! Names are the Collector's where it has one, so that its dashboards and alerts work; every series carries the labels
//! of [`registry`].

mod asked;
mod process;

use std::collections::HashMap;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus::{Error, Registry, TEXT_FORMAT, TextEncoder};

use crate::health::Health;

pub use asked::Asked;

/// A registry whose series say which server they are of.
///
/// # Errors
/// Where a label breaks Prometheus' grammar.
pub fn registry(version: &str, instance: &str) -> Result<Registry, Error> {
    let labels = [("service_name", "faden"), ("service_version", version), ("service_instance_id", instance)];
    let labels: HashMap<_, _> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Registry::new_custom(None, Some(labels))
}

/// Registers what the process itself takes: uptime, CPU, memory.
///
/// # Errors
/// If the registry has metrics of these names already.
pub fn register_process(registry: &Registry, health: Health, live_bytes: fn() -> u64) -> Result<(), Error> {
    registry.register(Box::new(process::Process::new(health, live_bytes)?))
}

/// The metrics at each of these paths: `/metrics`, or where another system keeps its own.
pub fn routes(registry: Registry, paths: &[&str]) -> Router {
    let router = Router::new();
    paths.iter().fold(router, |router, path| router.route(path, get(metrics))).with_state(registry)
}

async fn metrics(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(CONTENT_TYPE, format!("{TEXT_FORMAT}; charset=utf-8"))], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "could not write the metrics");
            (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
        }
    }
}

#[cfg(test)]
mod tests;
