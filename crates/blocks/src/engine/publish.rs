//! From closed blocks to committed ones: placed, listed in the manifest, and only then gone from the journal.
//!
//! While the object store is away, closed blocks wait in `open/` and their spans in the journal, up to
//! `Limits::backlog_bytes_max`; what waits is searched as ever. Each block is tried again after a growing, uneven
//! pause; the first that gets through wakes the others, and several are uploaded at once, oldest first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    task::{Id, JoinSet},
};

use super::{Inner, head::Closed};
use crate::{
    block::BlockView,
    error::{Doing, Error, Next, Result},
    manifest::{Entry, JournalRange},
};

/// Generations on their way to the object store at once.
const UPLOADS_MAX: usize = 4;

/// The first wait after a failure; it doubles up to the greatest.
const RETRY_AFTER: Duration = Duration::from_millis(500);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// Whether the object store answers.
#[derive(Default)]
pub(super) struct Away {
    since: Mutex<Option<(Instant, String)>>,
    /// Wakes who waits for it to come back.
    back: Notify,
}

impl Away {
    /// Why it is away and since when, if it is.
    pub(super) fn why(&self) -> Option<(Duration, String)> {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        since.as_ref().map(|(since, why)| (since.elapsed(), why.clone()))
    }

    fn begins(&self, error: &Error) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            tracing::error!(%error, "cannot publish blocks: they wait on the local disk");
        }
        let began = since.as_ref().map_or_else(Instant::now, |(began, _)| *began);
        *since = Some((began, error.to_string()));
    }

    fn ends(&self) {
        if let Some((since, _)) = self.since.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tracing::info!(after_s = since.elapsed().as_secs(), "blocks are published again");
            self.back.notify_waiters();
        }
    }
}

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn publish_forever(self: Arc<Self>) {
        let mut uploads = JoinSet::new();
        let mut busy: BTreeMap<Id, u64> = BTreeMap::new();
        loop {
            while uploads.len() < UPLOADS_MAX {
                let is_busy = |generation| busy.values().any(|busy| *busy == generation);
                let Some(closed) = self.head.next_closed(is_busy) else { break };
                let generation = closed.generation;
                let upload = uploads.spawn(self.clone().publish_at_last(closed));
                busy.insert(upload.id(), generation);
            }
            tokio::select! {
                () = self.publish.notified() => {}
                () = self.ended.cancelled() => return,
                Some(ended) = uploads.join_next_with_id() => {
                    let id = ended.map_or_else(|panicked| panicked.id(), |(id, ())| id);
                    busy.remove(&id);
                }
            }
        }
    }

    /// Publishes until it succeeds, or the engine ends.
    async fn publish_at_last(self: Arc<Self>, closed: Closed) {
        let mut placed = None;
        let mut wait = RETRY_AFTER;
        let mut attempt = 0;
        while !self.ended.is_cancelled() {
            match self.publish(&closed, &mut placed).await {
                Ok(()) => return self.away.ends(),
                Err(error) => {
                    self.metrics.publish_failures.inc();
                    self.away.begins(&error);
                }
            }
            attempt += 1;
            let pause = self.uneven(wait, closed.generation, attempt);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.away.back.notified() => {}
                () = self.ended.cancelled() => return,
            }
            wait = (wait * 2).min(RETRY_AFTER_MAX);
        }
    }

    /// Between half of it and one and a half, so that nodes which failed together do not come back together.
    fn uneven(&self, wait: Duration, generation: u64, attempt: u64) -> Duration {
        let turn = format!("{} {} {generation} {attempt}", self.identity.node, self.identity.epoch);
        wait / 2 + wait.mul_f64(f64::from(crc32c::crc32c(turn.as_bytes())) / f64::from(u32::MAX))
    }

    /// `placed` is when the blocks were last brought to their place: files without an entry are deleted after a while.
    async fn publish(self: &Arc<Self>, closed: &Closed, placed: &mut Option<Instant>) -> Result<()> {
        let stays = self.settings.limits.orphan_age_max / 2;
        if placed.is_none_or(|placed| placed.elapsed() > stays) {
            for block in &closed.blocks {
                self.shelf.place(&block.meta.id).await?;
                self.metrics.uploaded(block.meta.data_bytes + block.meta.index_bytes);
            }
            *placed = Some(Instant::now());
        }
        if !closed.blocks.is_empty() {
            let mut entry = self.entry();
            entry.add = closed.blocks.clone();
            entry.journal = vec![JournalRange::new(closed.from, closed.to)];
            self.manifest.lock().await.commit(entry).await?;
        }
        let spans: u64 = closed.blocks.iter().map(|block| block.meta.spans).sum();
        self.metrics.published(closed.blocks.len() as u64, spans);
        self.settle_in(closed).await;
        let position = self.head.needed_without(closed.generation);
        let inner = self.clone();
        let truncated = tokio::task::spawn_blocking(move || inner.journal.truncate(position)).await;
        if let Err(error) = truncated.doing(Next::Repair, "truncate the journal")? {
            tracing::warn!(%error, "cannot truncate the journal; trying again after the next block");
        }
        self.head.published(closed.generation, self.known.now().number);
        self.freeze.notify_one();
        self.compact.notify_one();
        Ok(())
    }

    /// What was uploaded is read like every other block in the bucket from now on, so that its file may go.
    async fn settle_in(self: &Arc<Self>, closed: &Closed) {
        if !self.shelf.is_remote() {
            return;
        }
        for block in &closed.blocks {
            let (inner, meta) = (self.clone(), block.meta.clone());
            let runtime = tokio::runtime::Handle::current();
            let opening = tokio::task::spawn_blocking(move || {
                let _entered = runtime.enter();
                inner.shelf.placed(&meta);
                BlockView::of(&inner.shelf.files(&meta)?, &meta, &inner.memory)
            });
            match opening.await.doing(Next::Repair, "open a block").flatten() {
                Ok(view) => self.head.replace(&block.meta.id, Arc::new(view)),
                Err(error) => tracing::warn!(%error, block = block.meta.id, "keeping the local file open"),
            }
        }
    }

    /// Is so much waiting for the object store that no more may?
    pub(super) fn is_backlog_full(&self) -> bool {
        let waiting = self.head.waiting_bytes();
        waiting > 0 && waiting + self.journal.stat().bytes >= self.settings.limits.backlog_bytes_max
    }

    /// An entry of this node that does nothing yet.
    pub(super) fn entry(&self) -> Entry {
        Entry::new(&self.identity.node, self.identity.epoch, self.clock.now())
    }
}
