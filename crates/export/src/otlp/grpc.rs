//! One attempt over gRPC.

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use async_trait::async_trait;
use config::Block;
use model::Batch;
use net::grpc::Client;
use net::settings::{self, GrpcClientSettings};
use pipeline::{BuildExporter, Outcome, StartError};

use super::answer;
use crate::remote::Attempt;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

pub(super) struct Settings {
    client: GrpcClientSettings,
    timeout: Duration,
}

struct Grpc {
    client: Client,
    timeout: Duration,
    exporter: String,
}

pub(super) fn parse(block: &mut Block<'_>) -> BuildExporter {
    let settings = Settings::read(block);
    super::build(block, move |exporter| settings.open(exporter))
}

impl Settings {
    pub(super) fn read(block: &mut Block<'_>) -> Self {
        Self { client: settings::grpc_client(block), timeout: settings::timeout(block, "5s") }
    }

    pub(super) fn open(self, exporter: &str) -> Result<Arc<dyn Attempt>, StartError> {
        let client = self.client.client().map_err(|cause| StartError::new(cause.to_string()))?;
        Ok(Arc::new(Grpc { client, timeout: self.timeout, exporter: exporter.to_owned() }))
    }
}

#[async_trait]
impl Attempt for Grpc {
    async fn attempt(&self, batch: &Batch) -> Outcome {
        let spans = batch.len() as u64;
        let answer = self.client.unary(EXPORT, batch.bytes().clone(), &HeaderMap::new(), self.timeout).await;
        match answer {
            Ok(answer) => answer::of_success(&answer::from_proto(&answer), spans, &self.exporter),
            Err(status) => answer::of_status(&status, spans),
        }
    }
}
