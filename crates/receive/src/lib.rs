//! Receivers.
//!
//! Each turns requests of one protocol into batches of OTLP bytes, hands them to the pipeline, and
//! answers with what became of them. A new one is a folder and a line in [`ALL`].

pub mod otlp;

use pipeline::ReceiverKind;

/// Every receiver in this binary.
pub const ALL: &[ReceiverKind] = &[otlp::KIND];
