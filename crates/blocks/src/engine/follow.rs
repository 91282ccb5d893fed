//! What other nodes do to the store: blocks that they commit are opened, blocks that they drop are closed.
//!
//! The manifest is read on every few seconds, and views are changed all at once, so that a question sees the store as
//! it was after one entry. While a block cannot be reached, nothing changes; one that is damaged is left out and said.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Relaxed},
    },
};

use futures_util::{StreamExt, stream};

use super::Inner;
use crate::{
    block::BlockView,
    error::{Doing, Next, Result},
    manifest::{BlockMeta, State},
};

/// Blocks that are opened at once.
const OPENING_MAX: usize = 8;

impl Inner {
    /// Works until the engine ends, where others may write to the same store.
    pub(super) async fn follow_forever(self: Arc<Self>) {
        if self.settings.url.is_none() {
            return;
        }
        let mut is_silent = false;
        while !self.ended.is_cancelled() {
            let every = self.settings.limits.follow_every;
            let _ended = tokio::time::timeout(every, self.ended.cancelled()).await;
            if !self.recovery.done.load(Acquire) {
                continue;
            }
            match self.follow().await {
                Ok(()) => is_silent = false,
                Err(error) if !is_silent => {
                    is_silent = true;
                    tracing::warn!(%error, "cannot see what other nodes have committed; trying again");
                }
                Err(_) => {}
            }
        }
    }

    /// Reads the manifest on and brings the views up to it.
    pub(super) async fn follow(self: &Arc<Self>) -> Result<()> {
        self.manifest.lock().await.follow().await?;
        self.see(&self.known.now()).await
    }

    /// Brings the views up to this state, unless they are.
    pub(super) async fn see(self: &Arc<Self>, state: &Arc<State>) -> Result<()> {
        let _one_at_a_time = self.seeing.lock().await;
        if self.head.seen().number >= state.number {
            return Ok(());
        }
        let change = self.head.difference(state);
        self.recovery.forget_unreadable(|id| state.blocks.contains_key(id));
        let missing = change.missing.into_iter().filter(|id| !self.recovery.is_unreadable(id));
        let metas: Vec<BlockMeta> = missing.map(|id| state.blocks[&id].meta.clone()).collect();
        let opened = self.open_all(metas).await?;
        if self.closing.load(Relaxed) {
            // Not all may be open: what is searched now stays so to the end.
            return Ok(());
        }
        self.head.see(state.clone(), opened, &change.gone);
        self.shelf.forget_copies(|id| state.blocks.contains_key(id));
        Ok(())
    }

    /// Opens blocks; one that is damaged is left out.
    pub(super) async fn open_all(
        self: &Arc<Self>,
        metas: Vec<BlockMeta>,
    ) -> Result<BTreeMap<String, Arc<BlockView>>> {
        let mut opening = stream::iter(metas)
            .map(|meta| async move { (meta.id.clone(), self.open_block(meta).await) })
            .buffer_unordered(OPENING_MAX);
        let mut opened = BTreeMap::new();
        while let Some((id, view)) = opening.next().await {
            if self.closing.load(Relaxed) {
                break;
            }
            match view {
                Ok(view) => drop(opened.insert(id, Arc::new(view))),
                Err(error) if error.next == Next::Retry => return Err(error),
                Err(error) => self.recovery.cannot_read(&id, &error),
            }
        }
        Ok(opened)
    }

    /// Opens a block wherever it is.
    pub(super) async fn open_block(self: &Arc<Self>, meta: BlockMeta) -> Result<BlockView> {
        let inner = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let opening = tokio::task::spawn_blocking(move || {
            let _entered = runtime.enter();
            BlockView::of(&inner.shelf.files(&meta)?, &meta, &inner.memory)
        });
        opening.await.doing(Next::Repair, "open a block")?
    }
}
