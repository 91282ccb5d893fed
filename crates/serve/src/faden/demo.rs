//! `demo`: `POST` sends made-up traces through this server's own receiver, so that there is something to look at.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{Api, Asked, Failed, JsonBody};

/// The most traces of one demo; more are refused.
pub const DEMO_TRACES_MAX: u64 = 1_000;
const DEMO_TRACES_DEFAULT: u64 = 300;

/// Makes demo spans and sends them to this server; the binary knows how.
#[async_trait]
pub trait Demo: Send + Sync {
    /// Why it may not be done now; nothing where it may.
    async fn refusal(&self) -> Option<String>;

    /// Makes at least so many traces; one that begins at a consumer counts as its own.
    ///
    /// # Errors
    /// Why they did not get through.
    async fn run(&self, traces: u64) -> Result<DemoMade, String>;
}

/// What was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoMade {
    /// Traces.
    pub traces: u64,
    /// Their spans.
    pub spans: u64,
    /// Spans that were acknowledged.
    pub accepted: u64,
    /// Services that sent them.
    pub services: u64,
}

/// How much is to be made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    traces: Option<u64>,
}

pub(super) async fn demo(
    State(api): State<Arc<Api>>,
    asked: Asked,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<DemoMade>, Failed> {
    asked.nothing_more()?;
    let traces = wanted.traces.unwrap_or(DEMO_TRACES_DEFAULT);
    if !(1..=DEMO_TRACES_MAX).contains(&traces) {
        return Err(Failed::invalid(format!("traces: {traces} is out of bounds"))
            .remedy(format!("it is a number from 1 to {DEMO_TRACES_MAX}; `faden gen` makes more")));
    }
    let nobody = || Failed::new(StatusCode::NOT_FOUND, "this server keeps nothing");
    let demo = Arc::clone(api.faden.demo.as_ref().ok_or_else(nobody)?);
    if let Some(why) = demo.refusal().await {
        let remedy = "set serve.demo to always, or send with `faden gen`";
        return Err(Failed::new(StatusCode::CONFLICT, why).remedy(remedy));
    }
    let busy = |_| Failed::new(StatusCode::SERVICE_UNAVAILABLE, "a demo is being made already");
    let turn = Arc::clone(&api.demos).try_acquire_owned().map_err(busy)?;
    // A task of its own: whoever stops waiting does not leave half a trace.
    let made = tokio::spawn(async move {
        let made = demo.run(traces).await;
        drop(turn);
        made
    });
    let failed = |why: String| Failed::new(StatusCode::BAD_GATEWAY, why);
    let made = made.await.map_err(|_| failed("making the demo panicked; see the server's log".into()))?;
    Ok(Json(made.map_err(failed)?))
}
