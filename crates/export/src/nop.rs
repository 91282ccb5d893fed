//! Accepts everything and keeps nothing; for measuring what comes before it.

use std::sync::Arc;

use async_trait::async_trait;
use config::Block;
use model::Batch;
use pipeline::{
    BuildExporter, Consumer, Context, Exporter, ExporterKind, ExporterMeter, Outcome, Stability, StartError,
};

pub(crate) const KIND: ExporterKind = ExporterKind {
    name: "nop",
    aliases: &[],
    summary: "accepts spans and throws them away, for benchmarks",
    stability: Stability::Stable,
    parse,
};

struct Nop(ExporterMeter);

fn parse(_: &mut Block<'_>) -> BuildExporter {
    Box::new(|context: Context| {
        let exporter: Arc<dyn Exporter> = Arc::new(Nop(context.telemetry.exporter(&context.id)));
        Ok(exporter)
    })
}

#[async_trait]
impl Consumer for Nop {
    async fn consume(&self, batch: Batch) -> Outcome {
        self.0.settle(batch.len() as u64, &Outcome::Stored);
        Outcome::Stored
    }
}

#[async_trait]
impl Exporter for Nop {
    async fn start(&self) -> Result<(), StartError> {
        tracing::warn!("the exporter nop answers every batch as stored and keeps nothing");
        Ok(())
    }
}
