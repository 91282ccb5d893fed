//! Sends spans to any OTLP receiver, over gRPC or HTTP.
//!
//! Bytes go out as they are: the request is the batch. A partial success counts its rejected spans and
//! is not repeated; what may be repeated, and when, follows the OTLP specification (`answer.rs`).

mod answer;
mod grpc;
mod http;

use std::sync::Arc;

use config::Block;
use pipeline::{BuildExporter, Context, ExporterKind, Stability, StartError};

use crate::remote::{Attempt, Remote, RemoteSettings};

pub(crate) const GRPC: ExporterKind = ExporterKind {
    name: "otlp",
    aliases: &["otlp_grpc"],
    summary: "sends spans over OTLP/gRPC",
    stability: Stability::Beta,
    parse: grpc::parse,
};

pub(crate) const HTTP: ExporterKind = ExporterKind {
    name: "otlphttp",
    aliases: &["otlp_http"],
    summary: "sends spans over OTLP/HTTP, as protobuf or JSON",
    stability: Stability::Beta,
    parse: http::parse,
};

/// Reads the blocks that both share and joins them with the way to send.
fn build<A: Attempt + 'static>(
    block: &mut Block<'_>,
    open: impl FnOnce(&Context) -> Result<A, StartError> + Send + Sync + 'static,
) -> BuildExporter {
    let remote = RemoteSettings::read(block);
    Box::new(move |context: Context| {
        let attempt = Arc::new(open(&context)?);
        Ok(Remote::new(&remote, &context, attempt))
    })
}

#[cfg(test)]
mod tests;
