//! Keeps spans in Faden's own store; the outcome of a batch is known when they are durable.
//!
//! The store is opened by the binary and lent through [`Context::shared`]; how it keeps spans is
//! its own section of the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use config::Block;
use model::Batch;
use pipeline::{
    BuildExporter, Consumer, Context, Exporter, ExporterKind, ExporterMeter, Outcome, Stability, StartError,
};
use store::{WriteError, Writer};

pub(crate) const KIND: ExporterKind = ExporterKind {
    name: "store",
    aliases: &[],
    summary: "keeps spans durably in Faden's own store, which the section `store` describes",
    stability: Stability::Beta,
    parse,
};

struct Store {
    writer: Arc<dyn Writer>,
    meter: ExporterMeter,
}

fn parse(_: &mut Block<'_>) -> BuildExporter {
    Box::new(|context: Context| {
        let writer = context.shared.get::<Arc<dyn Writer>>().ok_or_else(|| {
            StartError::new("no store is open here").remedy("add the section `store:` to the configuration")
        })?;
        let exporter: Arc<dyn Exporter> =
            Arc::new(Store { writer, meter: context.telemetry.exporter(&context.id) });
        Ok(exporter)
    })
}

#[async_trait]
impl Consumer for Store {
    async fn consume(&self, batch: Batch) -> Outcome {
        let spans = batch.len() as u64;
        let outcome = match self.writer.write(batch).await {
            Ok(()) => Outcome::Stored,
            Err(WriteError::Retry { after, reason }) => Outcome::retry(after, "store", reason),
            Err(WriteError::Refused { reason }) => Outcome::rejected(spans, "store", reason),
        };
        self.meter.settle(spans, &outcome);
        outcome
    }
}

impl Exporter for Store {}

#[cfg(test)]
mod tests;
