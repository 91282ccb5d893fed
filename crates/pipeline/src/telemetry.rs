//! What the pipeline counts about itself, under the Collector's names, and Faden's exact ledger.
//!
//! Ledger: spans received = accepted + refused + rejected. Refused ones may be sent again; rejected
//! ones never will be taken. Names of the Collector carry no `_total`, as its default reader has it.

mod exporters;
mod processors;
mod receivers;
mod register;

use std::sync::Arc;

use model::Clock;
use prometheus::{Error, Registry};

use crate::{Audit, ComponentId};

pub use exporters::ExporterMeter;
pub use processors::{BatchMeter, LimiterMeter, ProcessorMeter};
pub use receivers::ReceiverMeter;

/// The only signal there is; some of the Collector's series carry it as a label.
const SIGNAL: &str = "traces";

/// Hands out meters to components; cheap to clone.
#[derive(Clone)]
pub struct Telemetry(Arc<Metrics>);

struct Metrics {
    registry: Registry,
    audit: Audit,
    receivers: receivers::Metrics,
    processors: processors::Metrics,
    exporters: exporters::Metrics,
}

impl Telemetry {
    /// Registers every metric of the pipeline.
    ///
    /// # Errors
    /// If the registry has metrics of these names already.
    pub fn new(registry: Registry, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Ok(Self(Arc::new(Metrics {
            receivers: receivers::Metrics::register(&registry)?,
            processors: processors::Metrics::register(&registry)?,
            exporters: exporters::Metrics::register(&registry)?,
            audit: Audit::new(clock),
            registry,
        })))
    }

    /// Where components register metrics of their own.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// What is remembered of spans that were not taken.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Counts what one receiver takes in over one transport (`grpc`, `http`, `udp`).
    pub fn receiver(&self, id: &ComponentId, transport: &'static str) -> ReceiverMeter {
        self.0.receivers.meter(id, transport, &self.0.audit)
    }

    /// Counts what goes into and out of one processor.
    pub fn processor(&self, id: &ComponentId) -> ProcessorMeter {
        self.0.processors.meter(id)
    }

    /// Counts what a batcher sends on.
    pub fn batch(&self, id: &ComponentId) -> BatchMeter {
        self.0.processors.batch(id)
    }

    /// Counts what a memory limiter lets through.
    pub fn limiter(&self, id: &ComponentId) -> LimiterMeter {
        self.0.processors.limiter(id)
    }

    /// Counts what one exporter hands over.
    pub fn exporter(&self, id: &ComponentId) -> ExporterMeter {
        self.0.exporters.meter(id, &self.0.audit)
    }
}

#[cfg(test)]
mod tests;
