//! Lets viewers watch accepted batches go by.
//!
//! Watching never slows the pipeline: a viewer that is slower than [`BATCHES_MAX`] batches misses
//! the oldest ones and is told how many.

use std::sync::Arc;

use async_trait::async_trait;
use model::Batch;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::{Consumer, Outcome};

/// Batches that wait for a slow viewer; older ones are dropped and counted.
pub const BATCHES_MAX: usize = 256;

/// Where accepted batches can be watched; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tap(broadcast::Sender<Batch>);

/// One viewer.
#[derive(Debug)]
pub struct View(broadcast::Receiver<Batch>);

/// What a viewer sees next.
#[derive(Debug)]
pub enum Seen {
    /// Spans that were accepted.
    Batch(Batch),
    /// It was too slow and missed this many batches.
    Missed(u64),
}

impl Default for Tap {
    fn default() -> Self {
        Self(broadcast::channel(BATCHES_MAX).0)
    }
}

impl Tap {
    /// Nobody watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches from now on.
    pub fn watch(&self) -> View {
        View(self.0.subscribe())
    }

    /// How many watch.
    pub fn viewers(&self) -> usize {
        self.0.receiver_count()
    }

    /// Shows a batch to all who watch.
    pub fn show(&self, batch: &Batch) {
        if self.viewers() > 0 {
            let _ = self.0.send(batch.clone());
        }
    }

    /// Shows what `next` has stored, at least in part.
    pub fn before(&self, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
        Arc::new(Tapped { tap: self.clone(), next })
    }
}

impl View {
    /// Waits for what comes next; nothing more comes when the pipeline has ended.
    pub async fn next(&mut self) -> Option<Seen> {
        match self.0.recv().await {
            Ok(batch) => Some(Seen::Batch(batch)),
            Err(RecvError::Lagged(missed)) => Some(Seen::Missed(missed)),
            Err(RecvError::Closed) => None,
        }
    }
}

struct Tapped {
    tap: Tap,
    next: Arc<dyn Consumer>,
}

#[async_trait]
impl Consumer for Tapped {
    async fn consume(&self, batch: Batch) -> Outcome {
        let shown = batch.clone();
        let outcome = self.next.consume(batch).await;
        if !matches!(outcome, Outcome::Retry { .. }) {
            self.tap.show(&shown);
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
