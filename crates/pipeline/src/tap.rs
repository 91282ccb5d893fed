//! Lets viewers watch accepted batches go by.
//!
//! Watching never slows the pipeline: a viewer that is slower than [`BATCHES_MAX`] batches misses
//! the oldest ones and is told how many spans of its tenant were in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::{Batch, Tenant};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::{Consumer, Outcome};

/// Batches that wait for a slow viewer; older ones are dropped and counted.
pub const BATCHES_MAX: usize = 256;

/// Where accepted batches can be watched; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tap {
    sender: broadcast::Sender<Shown>,
    /// Spans of each tenant that were shown since somebody watches.
    spans: Arc<Mutex<HashMap<Tenant, u64>>>,
}

/// One viewer, of one tenant's spans.
#[derive(Debug)]
pub struct View {
    receiver: broadcast::Receiver<Shown>,
    tenant: Tenant,
    /// Spans of the tenant that went by, seen or missed.
    spans: u64,
    /// What comes after what was missed.
    next: Option<Batch>,
}

#[derive(Clone, Debug)]
struct Shown {
    batch: Batch,
    /// Spans of its tenant that were shown before it.
    before: u64,
}

/// What a viewer sees next.
#[derive(Debug)]
pub enum Seen {
    /// Spans that were accepted.
    Batch(Batch),
    /// It was too slow and missed so many spans.
    Missed(u64),
}

impl Default for Tap {
    fn default() -> Self {
        Self { sender: broadcast::channel(BATCHES_MAX).0, spans: Arc::default() }
    }
}

impl Tap {
    /// Nobody watches yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Watches the spans of a tenant from now on.
    pub fn watch(&self, tenant: Tenant) -> View {
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if self.viewers() == 0 {
            spans.clear();
        }
        let receiver = self.sender.subscribe();
        View { receiver, spans: spans.get(&tenant).copied().unwrap_or(0), tenant, next: None }
    }

    /// How many watch.
    pub fn viewers(&self) -> usize {
        self.sender.receiver_count()
    }

    /// Shows a batch to all who watch.
    pub fn show(&self, batch: &Batch) {
        if self.viewers() == 0 {
            return;
        }
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = spans.entry(batch.tenant().clone()).or_default();
        let before = *shown;
        *shown += batch.len() as u64;
        // Fails only where the last viewer has gone meanwhile.
        let _ = self.sender.send(Shown { batch: batch.clone(), before });
    }

    /// Shows what `next` has stored, at least in part.
    pub fn before(&self, next: Arc<dyn Consumer>) -> Arc<dyn Consumer> {
        Arc::new(Tapped { tap: self.clone(), next })
    }
}

impl View {
    /// Waits for what comes next; nothing more comes when the pipeline has ended.
    pub async fn next(&mut self) -> Option<Seen> {
        if let Some(batch) = self.next.take() {
            return Some(Seen::Batch(batch));
        }
        loop {
            let Shown { batch, before } = match self.receiver.recv().await {
                Ok(shown) => shown,
                // How much was in them shows with the next batch.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return None,
            };
            if *batch.tenant() != self.tenant {
                continue;
            }
            let missed = before.saturating_sub(self.spans);
            self.spans = before + batch.len() as u64;
            if missed == 0 {
                return Some(Seen::Batch(batch));
            }
            self.next = Some(batch);
            return Some(Seen::Missed(missed));
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
