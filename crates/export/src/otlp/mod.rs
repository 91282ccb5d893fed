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

/// What OTLP travels in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/2 and trailers.
    Grpc,
    /// A POST for each request.
    Http,
}

/// Reads a block as the exporters have it, and sends without queue and without retries.
///
/// # Errors
/// Where certificates cannot be read; what is wrong with the block is reported there.
pub fn client(protocol: Protocol, block: &mut Block<'_>) -> Result<Arc<dyn Attempt>, StartError> {
    match protocol {
        Protocol::Grpc => grpc::Settings::read(block).open("client"),
        Protocol::Http => http::Settings::read(block).open("client"),
    }
}

/// Joins the way to send with what both have: retries and a queue.
fn build(
    block: &mut Block<'_>,
    open: impl FnOnce(&str) -> Result<Arc<dyn Attempt>, StartError> + Send + Sync + 'static,
) -> BuildExporter {
    let remote = RemoteSettings::read(block);
    Box::new(move |context: Context| Ok(Remote::exporter(&remote, &context, open(&context.id.to_string())?)))
}

#[cfg(test)]
mod tests;
