//! Every other form of a span, to and from the model.
//!
//! What comes in is transcoded to OTLP bytes without an object tree; what goes out is written straight from views.
//! All functions are pure and take any bytes: what is wrong with them is said with its place. This crate knows no
//! socket, no file and no store.

pub mod files;
pub mod jaeger_json;
pub mod jaeger_proto;
pub mod json;
pub mod otlp_json;
pub mod zipkin_json;
