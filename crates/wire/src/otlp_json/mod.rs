//! OTLP's JSON form: `{"resourceSpans":[…]}`.
//!
//! Source: OpenTelemetry Protocol specification, "JSON Protobuf Encoding", and what senders do beside it.

mod decode;
mod encode;

pub use crate::json::JsonError;
pub use decode::{decode, decode_resource_spans};
pub use encode::{Ids, batch, resource_spans, resource_spans_with, trace};

#[cfg(test)]
mod tests;
