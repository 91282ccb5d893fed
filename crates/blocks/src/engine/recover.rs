//! After a start: what is searchable again, and what is not yet or never.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use journal::Replay;
use tokio::sync::Notify;

use super::Inner;
use crate::{
    error::Next,
    manifest::{BlockMeta, State},
};

/// Blocks that are opened at once.
const OPENING_MAX: usize = 4;

/// The wait before a block that cannot be reached is tried again; it doubles up to the greatest.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// How long a question waits for a start to be over; then its answer is partial.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How far a start is.
#[derive(Debug, Default)]
pub(super) struct Recovery {
    /// Bytes of the journal still to be read.
    pub(super) bytes_left: AtomicU64,
    /// Spans that were put back from the journal.
    pub(super) spans: AtomicU64,
    /// Frames of the journal that are damaged.
    pub(super) lost: AtomicU64,
    /// Everything that can be searchable is.
    pub(super) done: AtomicBool,
    /// Wakes who waits for `done`.
    finished: Notify,
    /// Blocks that cannot be read.
    unreadable: Mutex<Vec<String>>,
    /// A part of the journal cannot be used by this program, and is kept.
    unused: AtomicBool,
}

impl Recovery {
    /// A frame of the journal cannot be used.
    pub(super) fn lost_frame(&self, error: &dyn std::error::Error) {
        self.lost.fetch_add(1, Relaxed);
        tracing::error!(%error, "a frame of the journal is lost");
    }

    /// Waits until everything is searchable that can be, but not for ever.
    pub(super) async fn settled(&self) {
        let finished = self.finished.notified();
        if !self.done.load(Acquire) {
            let _late = tokio::time::timeout(SETTLE_MAX, finished).await;
        }
    }

    /// Why an answer may not be whole.
    pub(super) fn missing(&self) -> Option<String> {
        if !self.done.load(Acquire) {
            return Some("the store has just started and does not search everything yet".into());
        }
        let mut missing = Vec::new();
        let unreadable = self.unreadable();
        if let Some(first) = unreadable.first() {
            let count = unreadable.len();
            missing.push(format!("{count} blocks cannot be read ({first}): run `faden store check`"));
        }
        match self.lost.load(Relaxed) {
            0 => {}
            lost => missing.push(format!("{lost} frames of the journal were damaged at the last start")),
        }
        if self.unused.load(Relaxed) {
            missing.push("a part of the journal cannot be read by this version".into());
        }
        (!missing.is_empty()).then(|| missing.join("; "))
    }

    /// Blocks that cannot be read.
    pub(super) fn blocks_unreadable(&self) -> u64 {
        self.unreadable().len() as u64
    }

    /// The rest of the journal is kept but not searchable.
    fn cannot_use(&self, error: &dyn std::error::Error) {
        tracing::error!(%error, "the rest of the journal is kept but not searchable");
        self.unused.store(true, Relaxed);
    }

    /// A block is damaged; said once.
    pub(super) fn cannot_read(&self, id: &str, error: &dyn std::error::Error) {
        tracing::error!(block = id, %error, "a block cannot be read; its spans are missing");
        self.unreadable().push(id.to_owned());
    }

    /// Was it tried to read this block?
    pub(super) fn is_unreadable(&self, id: &str) -> bool {
        self.unreadable().iter().any(|unreadable| unreadable == id)
    }

    /// Blocks that are no longer listed need not be read.
    pub(super) fn forget_unreadable(&self, is_listed: impl Fn(&str) -> bool) {
        self.unreadable().retain(|id| is_listed(id));
    }

    fn unreadable(&self) -> MutexGuard<'_, Vec<String>> {
        self.unreadable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Makes everything searchable that was there before the start: the journal, and the newest blocks first.
    pub(super) async fn recover(self: &Arc<Self>, mut replay: Replay, committed: State, generation: u64) {
        let inner = self.clone();
        let refilled = tokio::task::spawn_blocking(move || {
            if let Err(error) = inner.refill(&mut replay, &committed, generation) {
                inner.recovery.cannot_use(&error);
            }
            inner.freeze.notify_one();
        });
        self.open_listed().await;
        if let Err(error) = refilled.await {
            self.recovery.cannot_use(&error);
        }
        self.recovery.bytes_left.store(0, Relaxed);
        self.recovery.done.store(true, Release);
        self.recovery.finished.notify_waiters();
    }

    /// Opens what is committed, the newest blocks first, each searchable at once.
    async fn open_listed(self: &Arc<Self>) {
        let state = self.known.now();
        let mut metas: Vec<BlockMeta> = state.blocks.values().map(|block| block.meta.clone()).collect();
        metas.sort_by_key(|meta| std::cmp::Reverse(meta.end_ns));
        let opened = stream::iter(metas).for_each_concurrent(OPENING_MAX, |meta| async move {
            let mut wait = RETRY_AFTER;
            while !self.closing.load(Relaxed) {
                match self.open_block(meta.clone()).await {
                    Ok(view) => return self.head.add(meta.id, Arc::new(view)),
                    Err(error) if error.next == Next::Retry && self.shelf.is_remote() => {
                        tracing::warn!(%error, block = meta.id, "cannot open a block yet; trying again");
                        let _ended = tokio::time::timeout(wait, self.ended.cancelled()).await;
                        wait = (wait * 2).min(RETRY_AFTER_MAX);
                    }
                    Err(error) => return self.recovery.cannot_read(&meta.id, &error),
                }
            }
        });
        opened.await;
        self.head.see(state, BTreeMap::new(), &[]);
    }
}
