//! The query APIs (Jaeger, Tempo, Zipkin, Faden, MCP, health, metrics) and the pages.
//!
//! Each API is a router over the state it names; a [`Site`] is one port with any number of them. The binary hands in
//! what they read: a [`query::Query`], a [`pipeline::Tap`], a metrics registry, a [`faden::StatusSource`].
//!
//! This crate knows no command line, no configuration file but its extensions' own blocks, and no engine of a store.

mod cors;
pub mod faden;
#[cfg(test)]
mod gone;
pub mod health;
pub mod jaeger;
pub mod keep;
pub mod mcp;
mod message;
pub mod metrics;
pub mod peers;
pub mod purge;
mod query_string;
mod refusal;
mod site;
pub mod tempo;
#[cfg(test)]
mod testing;
pub mod ui;
pub mod zipkin;

/// All paths of an API.
pub use axum::Router;
pub use site::{QUERY_BYTES_MAX, Rules, Site};

/// Every extension that serves.
pub const EXTENSIONS: &[pipeline::ExtensionKind] = &[health::KIND];
