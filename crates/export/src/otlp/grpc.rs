//! One attempt over gRPC.

use std::time::Duration;

use ::http::HeaderMap;
use async_trait::async_trait;
use config::Block;
use model::Batch;
use net::grpc::Client;
use net::settings;
use pipeline::{BuildExporter, Outcome, StartError};

use super::answer;
use crate::remote::Attempt;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

struct Grpc {
    client: Client,
    timeout: Duration,
    exporter: String,
}

pub(super) fn parse(block: &mut Block<'_>) -> BuildExporter {
    let client = settings::grpc_client(block);
    let timeout = settings::timeout(block, "5s");
    super::build(block, move |context| {
        let client = client.client().map_err(|cause| StartError::new(cause.to_string()))?;
        Ok(Grpc { client, timeout, exporter: context.id.to_string() })
    })
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
