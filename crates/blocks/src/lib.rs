//! The embedded engine: journal, head, blocks, index, manifest, retention.

pub mod block;
mod columns;
pub mod compact;
mod digest;
pub mod engine;
pub mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod index;
pub mod lock;
pub mod manifest;
pub mod memory;
mod metrics;
pub mod retain;
pub mod search;
pub mod settings;
mod sum;

pub use engine::Engine;
pub use memory::Memory;
pub use settings::{Limits, Settings};
