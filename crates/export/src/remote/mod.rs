//! What all exporters share that send to another process.
//!
//! Order of the layers, from outside: a [`Queue`] in memory (if enabled), retries, one attempt. Without the
//! queue the outcome of the remote is the outcome of the batch; with it a batch is done when it is
//! queued, unless `wait_for_result` is set.

mod queue;
mod retry;

use std::sync::Arc;

use async_trait::async_trait;
use config::Block;
use model::Batch;
use net::retry::RetryPolicy;
use pipeline::{Consumer, Context, Exporter, ExporterMeter, Outcome, StartError};
use tokio::sync::watch;

use queue::{Queue, QueueSettings};
use retry::Retrying;

/// One way to hand a batch over.
#[async_trait]
pub trait Attempt: Send + Sync {
    /// Sends the batch once. [`Outcome::Retry`] is tried again, the other outcomes are final.
    async fn attempt(&self, batch: &Batch) -> Outcome;
}

/// The blocks that every remote exporter has.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSettings {
    pub(crate) retry: RetryPolicy,
    pub(crate) queue: QueueSettings,
}

impl RemoteSettings {
    /// Reads `retry_on_failure` and `sending_queue`.
    pub(crate) fn read(block: &mut Block<'_>) -> Self {
        Self { retry: net::settings::retry_on_failure(block), queue: QueueSettings::read(block) }
    }
}

/// An exporter made of one kind of attempt.
pub(crate) struct Remote {
    sender: Arc<Sender>,
    queue: Option<Queue>,
    stopping: watch::Sender<bool>,
}

/// Sends with retries and counts what became of each batch.
struct Sender {
    retrying: Retrying,
    meter: ExporterMeter,
    id: String,
}

impl Remote {
    /// Nothing is sent before the exporter is started.
    pub(crate) fn exporter(
        settings: &RemoteSettings,
        context: &Context,
        attempt: Arc<dyn Attempt>,
    ) -> Arc<dyn Exporter> {
        let (stopping, stop) = watch::channel(false);
        let meter = context.telemetry.exporter(&context.id);
        let retrying = Retrying::new(settings.retry.clone(), attempt, context.clock.now(), stop);
        let sender = Arc::new(Sender { retrying, meter, id: context.id.to_string() });
        let queue =
            settings.queue.is_enabled.then(|| Queue::new(settings.queue.clone(), Arc::clone(&sender)));
        Arc::new(Self { sender, queue, stopping })
    }
}

impl Sender {
    async fn send(&self, batch: &Batch) -> Outcome {
        let spans = batch.len() as u64;
        self.meter.in_flight.inc();
        self.meter.send_size.observe(spans as f64);
        self.meter.send_bytes.observe(batch.bytes().len() as f64);
        let outcome = self.retrying.send(batch).await;
        self.meter.in_flight.dec();
        self.meter.settle(spans, &outcome);
        if let Outcome::Rejected { spans, reason } = &outcome {
            tracing::warn!(exporter = self.id, rejected = spans, %reason, "the remote rejected spans");
        }
        outcome
    }
}

#[async_trait]
impl Consumer for Remote {
    async fn consume(&self, batch: Batch) -> Outcome {
        match &self.queue {
            Some(queue) => queue.put(batch).await,
            None => self.sender.send(&batch).await,
        }
    }
}

#[async_trait]
impl Exporter for Remote {
    async fn start(&self) -> Result<(), StartError> {
        if let Some(queue) = &self.queue {
            queue.start();
        }
        Ok(())
    }

    async fn shutdown(&self) {
        // Whoever waits for a retry gives up now; what is queued is sent once more each.
        self.stopping.send_replace(true);
        if let Some(queue) = &self.queue {
            queue.drain().await;
        }
    }
}

#[cfg(test)]
mod tests;
