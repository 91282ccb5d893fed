//! `settings`: what this server is set to: ports, store, retention, limits, version.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::answer::Count64;
use serde::{Deserialize, Serialize};
use store::plan::LIMIT_MAX;

use super::recent::{RECENT_BYTES_MAX, SKELETON_BYTES_MAX};
use super::scope::BOUNDS;
use super::{Api, Asked, Budget, DEMO_TRACES_MAX, Failed, Port, ROWS_MAX, TAILS_MAX};
use crate::QUERY_BYTES_MAX;
use crate::keep::StoreStat;

/// What a server is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Faden's version.
    pub version: String,
    /// What the configuration is called: files, or that it is the built-in one.
    pub configuration: String,
    /// When it started, in nanoseconds since 1970.
    pub started: Count64,
    /// How long it has run.
    pub uptime_s: u64,
    /// Where spans come in.
    pub receivers: Vec<Receiver>,
    /// The other ports.
    pub ports: Vec<Port>,
    /// What is kept where, for how long; absent without a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreStat>,
    /// Parts of the memory with their limits.
    pub memory: Vec<Budget>,
    /// What one asker may take.
    pub limits: Vec<Limit>,
    /// Why demo spans cannot be made here; absent where they can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demo_refused: Option<String>,
}

/// A receiver with its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receiver {
    /// Its name in the configuration.
    pub id: String,
    /// Where it listens.
    pub ports: Vec<Port>,
}

/// A limit of the API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// What is limited.
    pub name: String,
    /// To how much.
    pub value: u64,
    /// `bytes`, `seconds`, or nothing for a count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What happens beyond it.
    pub when_full: String,
}

pub(super) async fn settings(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Settings>, Failed> {
    asked.nothing_more()?;
    let report = api.faden.status.report().await;
    let store = match &api.faden.keeper {
        Some(keeper) => Some(keeper.stat().await),
        None => None,
    };
    let demo_refused = match &api.faden.demo {
        Some(demo) => demo.refusal().await,
        None => Some("this server keeps nothing".to_owned()),
    };
    let (of_receivers, ports): (Vec<Port>, Vec<Port>) =
        report.ports.into_iter().partition(|port| report.receivers.contains(&port.component));
    let receiver = |id: String| Receiver {
        ports: of_receivers.iter().filter(|port| port.component == id).cloned().collect(),
        id,
    };
    Ok(Json(Settings {
        receivers: report.receivers.iter().cloned().map(receiver).collect(),
        version: report.version,
        configuration: report.configuration,
        started: report.started,
        uptime_s: report.uptime_s,
        ports,
        store,
        memory: report.budgets,
        limits: limits(&api),
        demo_refused,
    }))
}

fn limits(api: &Api) -> Vec<Limit> {
    let limit = |name: &str, value: u64, unit: &str, when_full: &str| Limit {
        name: name.into(),
        value,
        unit: unit.into(),
        when_full: when_full.into(),
    };
    let asker = api.faden.query.limits();
    let (rows, looks, partial) = (LIMIT_MAX as u64, BOUNDS.traces_max as u64, "the answer is partial");
    vec![
        limit("questions at one time", asker.plans_max as u64, "", "a further one waits, then is refused"),
        limit("wait of a question for its turn", asker.wait_max.as_secs(), "seconds", "it is refused (503)"),
        limit("time of a question", asker.time_max.as_secs(), "seconds", partial),
        limit(
            "time of facets, charts and lists beside a search",
            BOUNDS.time_limit.as_secs(),
            "seconds",
            partial,
        ),
        limit("rows of an answer", rows, "", "the next page goes on"),
        limit("traces looked at where the store cannot count", looks, "", partial),
        limit("spans written whole at once", ROWS_MAX as u64, "", "more are refused"),
        limit("live viewers", TAILS_MAX as u64, "", "a further one is refused (503)"),
        limit("query string", QUERY_BYTES_MAX as u64, "bytes", "a longer one is refused (414)"),
        limit("traces kept at hand", RECENT_BYTES_MAX, "bytes", "what was not asked for longest goes"),
        limit("skeletons kept at hand", SKELETON_BYTES_MAX, "bytes", "what was not asked for longest goes"),
        limit("traces of a demo", DEMO_TRACES_MAX, "", "more are refused"),
        limit(
            "refused traces remembered",
            ::pipeline::audit::TRACES_MAX as u64,
            "",
            "the oldest is forgotten, and counted",
        ),
    ]
}
