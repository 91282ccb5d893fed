//! The embedded engine: journal, head, blocks, index, manifest, retention.

pub mod engine;
pub mod error;
