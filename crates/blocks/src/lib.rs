//! The embedded engine: journal, head, blocks, index, manifest, retention.

pub mod engine;
pub mod error;
pub mod lock;
pub mod manifest;
pub mod retain;
pub mod settings;
