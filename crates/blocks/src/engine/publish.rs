//! From closed blocks to committed ones: placed, listed in the manifest, and only then gone from the journal.

use std::{sync::Arc, time::Duration};

use super::{Inner, head::Closed};
use crate::{
    error::{Doing, Next, Result},
    manifest::{Entry, JournalRange},
};

/// The first wait after a failure; it doubles up to the greatest.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn publish_forever(self: Arc<Self>) {
        let mut wait = RETRY_AFTER;
        while !self.ended.is_cancelled() {
            let Some(closed) = self.head.next_closed() else {
                tokio::select! {
                    () = self.publish.notified() => {}
                    () = self.ended.cancelled() => {}
                }
                continue;
            };
            match self.publish(&closed).await {
                Ok(()) => wait = RETRY_AFTER,
                Err(error) => {
                    self.metrics.publish_failures.inc();
                    tracing::error!(%error, retry_s = wait.as_secs(), "cannot publish a block");
                    let _ended = tokio::time::timeout(wait, self.ended.cancelled()).await;
                    wait = (wait * 2).min(RETRY_AFTER_MAX);
                }
            }
        }
    }

    async fn publish(self: &Arc<Self>, closed: &Closed) -> Result<()> {
        for block in &closed.blocks {
            self.shelf.place(&block.meta.id).await?;
        }
        if !closed.blocks.is_empty() {
            let mut entry = self.entry();
            entry.add = closed.blocks.clone();
            entry.journal = vec![JournalRange::new(closed.from, closed.to)];
            self.manifest.lock().await.commit(entry).await?;
        }
        let spans: u64 = closed.blocks.iter().map(|block| block.meta.spans).sum();
        self.metrics.published(closed.blocks.len() as u64, spans);
        let position = self.head.needed_without(closed.generation);
        let inner = self.clone();
        let truncated = tokio::task::spawn_blocking(move || inner.journal.truncate(position)).await;
        if let Err(error) = truncated.doing(Next::Repair, "truncate the journal")? {
            tracing::warn!(%error, "cannot truncate the journal; trying again after the next block");
        }
        self.head.published(closed.generation);
        Ok(())
    }

    /// An entry of this node that does nothing yet.
    pub(super) fn entry(&self) -> Entry {
        Entry::new(&self.identity.node, self.identity.epoch, self.clock.now())
    }
}
