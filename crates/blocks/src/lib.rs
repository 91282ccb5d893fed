//! The embedded engine: journal, head, blocks, index, manifest, retention.

pub mod block;
mod columns;
pub mod error;
mod index;
pub mod lock;
pub mod manifest;
pub mod retain;
pub mod search;
pub mod settings;
