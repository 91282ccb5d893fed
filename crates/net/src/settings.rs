//! The blocks of the Collector's configuration that every component over a socket shares.
//!
//! In: a [`Block`]. Out: settings to run on; what is wrong is reported to the block, all of it at once.
//! Names and meanings are the Collector's; defaults differ where ours are safer (time-outs, sizes).

mod client;
mod server;
mod tls;

#[cfg(test)]
mod tests;

use std::time::Duration;

use config::Block;

use crate::retry::RetryPolicy;

pub use client::{GrpcClientSettings, HttpClientSettings, grpc_client, headers, http_client};
pub use server::{Cors, GrpcServerSettings, HttpServerSettings, grpc_server, http_server};
pub use tls::{client_tls, server_tls};

/// Reads `retry_on_failure`, a block inside of `block`.
pub fn retry_on_failure(block: &mut Block<'_>) -> RetryPolicy {
    let mut retry = block.section("retry_on_failure", "whether and when a failed request is sent again");
    RetryPolicy {
        enabled: retry.boolean("enabled", true, "false makes every failure final"),
        initial_interval: retry.duration("initial_interval", "5s", "the first pause"),
        randomization_factor: retry.ratio(
            "randomization_factor",
            0.5,
            "by which share chance stretches or shortens a pause",
        ),
        multiplier: retry.float(
            "multiplier",
            1.5,
            1.0..=100.0,
            "how much longer each pause is than the one before",
        ),
        interval_max: retry.duration("max_interval", "30s", "the longest pause"),
        elapsed_max: retry.duration("max_elapsed_time", "300s", "when to give up; 0 is never"),
    }
}

/// Reads `timeout`, the time for one attempt.
pub fn timeout(block: &mut Block<'_>, default: &str) -> Duration {
    block.duration("timeout", default, "how long one attempt may take")
}

/// Authentication that is asked for and would not happen must not be passed over in silence.
fn refuse_auth(block: &mut Block<'_>) {
    if block.has("auth") {
        let message = "authentication by an extension is not available yet";
        let remedy = "remove it and use TLS with client certificates, or a proxy that authenticates";
        block.problem("auth", message, Some(remedy.to_owned()));
        block.node("auth");
    }
    block.ignored("middlewares", "there are none");
}

/// Zero means "no limit" in the Collector.
fn unless_zero(duration: Duration) -> Duration {
    if duration.is_zero() { Duration::MAX } else { duration }
}
