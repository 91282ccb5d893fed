//! Processors: what changes, gathers or holds off batches between receivers and exporters.
//!
//! Each is one folder and one line in [`ALL`]. An outcome that goes back through a processor is as
//! exact as the one it got: nothing is answered as stored before the exporter said so.

mod batch;
mod memory_limiter;

use pipeline::ProcessorKind;

/// Every processor in this binary.
pub const ALL: &[ProcessorKind] = &[batch::KIND, memory_limiter::KIND];

#[cfg(test)]
mod tests;
