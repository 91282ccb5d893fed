//! Says whether the server is up, as the Collector's health check does.
//!
//! `/`, `/health` and the configured path answer like `health_check`, `/status` like its second version: 200 while
//! ready, 503 while starting and draining. Who starts and stops the server tells the [`Health`].

mod extension;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::Clock;
use model::time::UnixNanos;
use query::moment;

pub use extension::KIND;

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Phase {
    /// Not everything listens yet.
    #[default]
    Starting,
    /// Spans are accepted.
    Ready,
    /// Nothing new is accepted, what was begun is finished.
    Draining,
}

impl Phase {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        }
    }
}

/// The health of one server; cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    started: UnixNanos,
    phase: Mutex<Phase>,
    changed: AtomicU64,
}

impl Health {
    /// A server that starts now.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let started = clock.now();
        Self(Arc::new(Inner { clock, started, phase: Mutex::default(), changed: AtomicU64::new(started) }))
    }

    /// Enters a phase.
    pub fn set(&self, phase: Phase) {
        let mut held = self.0.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *held != phase {
            *held = phase;
            self.0.changed.store(self.0.clock.now(), Relaxed);
        }
    }

    /// The phase of this moment.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the server started.
    #[must_use]
    pub fn started(&self) -> UnixNanos {
        self.0.started
    }

    /// How long it has run, in nanoseconds.
    #[must_use]
    pub fn uptime(&self) -> u64 {
        self.0.clock.now().saturating_sub(self.0.started)
    }
}

/// What the first version answers with, if the configuration says so.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    /// While ready.
    pub healthy: Option<String>,
    /// Otherwise.
    pub unhealthy: Option<String>,
}

/// The answers, at the usual paths and at `path`.
pub fn routes(health: Health, path: &str, bodies: Bodies) -> Router {
    let state = Arc::new((health, bodies));
    let mut paths = vec!["/", "/health", path];
    paths.sort_unstable();
    paths.dedup();
    paths.retain(|path| path.starts_with('/') && *path != "/status" && !path.contains(['{', '}']));
    let first = paths.into_iter().fold(Router::new(), |router, path| router.route(path, get(first_version)));
    first.route("/status", get(second_version)).with_state(state)
}

type Shared = State<Arc<(Health, Bodies)>>;

async fn first_version(State(state): Shared) -> Response {
    let (health, bodies) = &*state;
    let is_ready = health.phase() == Phase::Ready;
    let set = if is_ready { &bodies.healthy } else { &bodies.unhealthy };
    let body = set.clone().unwrap_or_else(|| {
        if is_ready {
            let (since, uptime) = (moment::write(health.started()), go_duration(health.uptime()));
            format!(r#"{{"status":"Server available","upSince":"{since}","uptime":"{uptime}"}}"#)
        } else {
            r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#.to_owned()
        }
    });
    answer(is_ready, body)
}

async fn second_version(State(state): Shared) -> Response {
    let health = &state.0;
    let phase = health.phase();
    let status = match phase {
        Phase::Starting => "StatusStarting",
        Phase::Ready => "StatusOK",
        Phase::Draining => "StatusStopping",
    };
    let is_ready = phase == Phase::Ready;
    let started = moment::write(health.started());
    let changed = moment::write(health.0.changed.load(Relaxed));
    answer(
        is_ready,
        format!(
            r#"{{"start_time":"{started}","healthy":{is_ready},"status":"{status}","status_time":"{changed}"}}"#
        ),
    )
}

fn answer(is_ready: bool, body: String) -> Response {
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// A duration as Go prints it: `1h2m3.5s`, `850ms`.
fn go_duration(nanos: u64) -> String {
    if nanos < 1_000_000_000 {
        return match nanos {
            0 => "0s".into(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => format!("{}µs", nanos as f64 / 1e3),
            _ => format!("{}ms", nanos as f64 / 1e6),
        };
    }
    let minutes = nanos / 60_000_000_000;
    let rest = nanos % 60_000_000_000;
    let (whole, fraction) = (rest / 1_000_000_000, format!("{:09}", rest % 1_000_000_000));
    let fraction = fraction.trim_end_matches('0');
    let seconds = if fraction.is_empty() { format!("{whole}s") } else { format!("{whole}.{fraction}s") };
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests;
