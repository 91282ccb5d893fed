//! `status`: how the server is, for `faden doctor`, `faden store stat` and the welcome page.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use query::answer::Count64;
use serde::{Deserialize, Serialize};

use super::Api;

/// Says how the server is; the binary knows.
#[async_trait]
pub trait StatusSource: Send + Sync {
    /// The state of this moment.
    async fn report(&self) -> Report;
}

/// How a server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Faden's version.
    pub version: String,
    /// What the configuration is called.
    #[serde(default)]
    pub configuration: String,
    /// Components that take spans in; ports name them.
    #[serde(default)]
    pub receivers: Vec<String>,
    /// `starting`, `ready` or `draining`.
    pub phase: String,
    /// When it started, in nanoseconds since 1970.
    pub started: Count64,
    /// How long it has run.
    pub uptime_s: u64,
    /// Its process id.
    pub process_id: u32,
    /// Where it listens.
    pub ports: Vec<Port>,
    /// What it keeps; absent without a store.
    pub store: Option<Store>,
    /// Parts of its memory with their limits.
    pub budgets: Vec<Budget>,
    /// Counters of note, such as the ledger of spans.
    pub figures: Vec<Figure>,
    /// What the user should know; the API adds what follows from the ports.
    pub warnings: Vec<String>,
    /// The last errors of the log, newest first.
    pub errors: Vec<LoggedError>,
}

/// An open port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Whose it is, such as `otlp`.
    pub component: String,
    /// What is spoken there, such as `OTLP/gRPC`.
    pub what: String,
    /// Where, as `host:port`.
    pub address: String,
    /// True if only this machine can reach it.
    pub is_loopback: bool,
    /// True if strangers are kept out by TLS with certificates or by authentication.
    pub is_protected: bool,
}

/// What a server keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Where: a path or a URL.
    pub location: String,
    /// True if acknowledged spans survive a crash.
    pub is_durable: bool,
    /// Blocks, spans, bytes and so on.
    pub figures: Vec<Figure>,
}

/// A named number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// What is counted.
    pub name: String,
    /// How many.
    pub value: u64,
    /// `bytes`, `spans`, `seconds`, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// A part of the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Whose it is.
    pub name: String,
    /// Its limit.
    pub bytes_max: u64,
    /// How much of it is taken; absent where nobody counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_used: Option<u64>,
    /// What happens when it is full.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when_full: String,
}

/// An error that the log has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedError {
    /// When, in nanoseconds since 1970.
    pub at: Count64,
    /// What it said.
    pub message: String,
}

impl From<&pipeline::Listening> for Port {
    fn from(socket: &pipeline::Listening) -> Self {
        Self {
            component: String::new(),
            what: socket.what.clone(),
            address: socket.address.to_string(),
            is_loopback: net::is_loopback(&socket.address),
            is_protected: socket.protected,
        }
    }
}

impl Port {
    /// What its user should know, if anyone on the network can use it.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let is_open = !self.is_loopback && !self.is_protected;
        is_open.then(|| {
            format!(
                "{} on {} is open to the network without TLS and authentication; listen on localhost, or set tls with \
                 client_ca_file",
                self.what, self.address
            )
        })
    }
}

pub(super) async fn status(State(api): State<Arc<Api>>) -> Json<Report> {
    let mut report = api.faden.status.report().await;
    report.warnings.extend(report.ports.iter().filter_map(Port::warning));
    Json(report)
}
