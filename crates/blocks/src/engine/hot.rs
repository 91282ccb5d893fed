//! Keeps young blocks whole on the local disk where blocks live in a bucket, so that questions about them need no bucket.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering::Acquire},
};

use super::Inner;
use crate::{error::Next, manifest::BlockMeta, retain};

impl Inner {
    /// Works until the engine ends, where it is told to keep anything.
    pub(super) async fn keep_hot_forever(self: Arc<Self>) {
        if self.settings.tiers.warm_after.is_none() || !self.settings.is_remote() {
            return;
        }
        let mut spoilt = BTreeSet::new();
        while !self.ended.is_cancelled() {
            let is_ready = self.recovery.done.load(Acquire);
            if is_ready && self.keep_hot(&mut spoilt).await {
                continue;
            }
            let every = self.settings.limits.follow_every;
            let _ended = tokio::time::timeout(every, self.ended.cancelled()).await;
        }
    }

    /// Pins what is hot, and fetches one block of it that is missing; false if there is none, or it cannot be fetched.
    pub(super) async fn keep_hot(&self, spoilt: &mut BTreeSet<String>) -> bool {
        let state = self.known.now();
        let hot = retain::hot(&state, &self.settings.keeping(), self.clock.now());
        self.shelf.pin(hot.iter().map(|block| block.meta.id.clone()).collect());
        spoilt.retain(|id| state.blocks.contains_key(id));
        let is_missing = |meta: &&BlockMeta| !self.shelf.is_whole(&meta.id) && !spoilt.contains(&meta.id);
        let missing: Vec<&BlockMeta> = hot.iter().map(|block| &block.meta).filter(is_missing).collect();
        let bytes = missing.iter().map(|meta| meta.bytes()).sum();
        self.metrics.hot_missing(missing.len() as u64, bytes);
        let Some(meta) = missing.first() else { return false };
        let fetched = tokio::select! {
            fetched = self.shelf.fetch_whole(meta) => fetched,
            () = self.ended.cancelled() => return false,
        };
        match fetched {
            Ok(()) => true,
            Err(error) if error.next == Next::Repair => {
                tracing::warn!(%error, "cannot keep a young block on the local disk");
                spoilt.insert(meta.id.clone())
            }
            Err(error) => {
                tracing::debug!(%error, "cannot keep a young block on the local disk; trying again");
                false
            }
        }
    }
}
