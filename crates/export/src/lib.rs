//! Exporters: where pipelines hand their batches over.
//!
//! [`ALL`] lists them; the configuration, `faden components` and the documentation follow the list.
//! [`remote`] is what all of them share that send to another process: retries and the queue in memory.

mod debug;
mod nop;
mod otlp;
mod remote;
mod store;

use pipeline::ExporterKind;

pub use otlp::{Protocol, client};
pub use remote::Attempt;

/// Every exporter in this binary. A new one is a file or folder and a line here.
pub const ALL: &[ExporterKind] = &[store::KIND, otlp::GRPC, otlp::HTTP, debug::KIND, nop::KIND];
