//! Where batches go.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use model::Batch;

use crate::Outcome;

/// Takes batches and says what became of them.
///
/// The future is the completion token of the batch: it ends when the outcome is known, and not
/// before. Whoever awaits it is held back as long as what follows is busy; there is no other
/// back-pressure. Stages that merge or split batches merge or split outcomes likewise.
///
/// Dropping the future gives up on the outcome, not on the batch: it may still be stored.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Takes one batch; ends when its outcome is known.
    async fn consume(&self, batch: Batch) -> Outcome;
}

/// Hands every batch to all of its destinations at once and answers with the worst outcome.
pub struct FanOut(Vec<Arc<dyn Consumer>>);

impl FanOut {
    /// One destination is returned as it is.
    pub fn over(mut destinations: Vec<Arc<dyn Consumer>>) -> Arc<dyn Consumer> {
        match (destinations.pop(), destinations.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                destinations.extend(last);
                Arc::new(Self(destinations))
            }
        }
    }
}

#[async_trait]
impl Consumer for FanOut {
    async fn consume(&self, batch: Batch) -> Outcome {
        let outcomes = join_all(self.0.iter().map(|next| next.consume(batch.clone()))).await;
        outcomes.into_iter().fold(Outcome::Stored, Outcome::worst)
    }
}
