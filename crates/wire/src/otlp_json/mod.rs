//! OTLP's JSON form: `{"resourceSpans":[…]}`.
//!
//! Source: OpenTelemetry Protocol specification, "JSON Protobuf Encoding", and what senders do beside it.

mod decode;
mod encode;

pub use crate::json::JsonError;
pub use decode::{decode, decode_resource_spans};
pub use encode::{batch, resource_spans, trace};

#[cfg(test)]
mod tests;
