//! What is done now and then: looks at free space, lets the retention act, deletes files nobody needs.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use model::time::UnixNanos;

use super::Inner;
use crate::{
    error::Result,
    retain::{self, Grace, Plan},
};

/// What the journal holds takes less than this part of its size in blocks; so much is kept free for them.
const JOURNAL_PER_BLOCK_BYTES: u64 = 3;

const SPACE_EVERY: Duration = Duration::from_secs(1);
const RETENTION_EVERY: Duration = Duration::from_secs(60);
const DELETION_EVERY: Duration = Duration::from_secs(600);

/// The next look at the retention when a pass held blocks back: the clock may be wrong, and someone may notice.
const RETENTION_EVERY_HELD_BACK: Duration = Duration::from_secs(3600);

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn tend_forever(self: Arc<Self>) {
        let began = Instant::now();
        let (mut retention_at, mut deletion_at) = (began, began);
        while !self.ended.is_cancelled() {
            self.look_at_space();
            self.look_at_clock();
            let now = Instant::now();
            let is_full = self.disk_full.load(Relaxed);
            let is_due = retention_at <= now || is_full && retention_at > now + RETENTION_EVERY;
            let is_tended = self.settings.is_tended && !self.settings.reads_only;
            if is_tended && is_due {
                let plan = self.retain().await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "cannot drop old blocks; trying again");
                    Plan::default()
                });
                retention_at = now + pause(&plan, is_full);
                if !plan.due.is_empty() {
                    deletion_at = deletion_at.min(now + self.files_go_after());
                }
            }
            let soon = self.deletion_soon.swap(false, Relaxed);
            if soon {
                deletion_at = deletion_at.min(now + self.files_go_after());
            }
            if is_tended && deletion_at <= now {
                if let Err(error) = self.delete_garbage().await {
                    tracing::warn!(%error, "cannot delete files of dropped blocks; trying again");
                }
                deletion_at = now + DELETION_EVERY;
            }
            let _ended = tokio::time::timeout(SPACE_EVERY, self.ended.cancelled()).await;
        }
    }

    /// Refuses writes while the disk is almost full, so that what is accepted still fits into blocks.
    pub(super) fn look_at_space(&self) {
        let Ok(space) = rustix::fs::statvfs(&self.settings.path) else { return };
        let free = space.f_bavail.saturating_mul(space.f_frsize);
        let size = space.f_blocks.saturating_mul(space.f_frsize);
        let room = self.settings.limits.free_bytes_min.min(size / 20);
        let full = free < room + self.journal.stat().bytes / JOURNAL_PER_BLOCK_BYTES;
        self.disk_bytes.store(size, Relaxed);
        self.metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
        if self.disk_full.swap(full, Relaxed) != full {
            self.freeze.notify_one();
            match full {
                true => tracing::error!(free, size, "the disk is almost full: refusing writes"),
                false => tracing::info!(free, size, "the disk has room again: accepting writes"),
            }
        }
    }

    /// The time at which something is old enough to go; a clock that jumped is noticed.
    pub(super) fn look_at_clock(&self) -> UnixNanos {
        if self.settings.is_tended { self.watch.look(&*self.clock) } else { self.clock.now() }
    }

    /// How many bytes blocks may take.
    pub(super) fn bytes_max(&self) -> Option<u64> {
        self.settings.retention.bytes.map(|quota| quota.bytes(self.disk_bytes.load(Relaxed)))
    }

    /// How long after a block was dropped its files are certainly deleted, if nothing goes wrong.
    pub(super) fn files_go_after(&self) -> Duration {
        self.grace().removed + 2 * SPACE_EVERY
    }

    fn grace(&self) -> Grace {
        let limits = &self.settings.limits;
        Grace { removed: 2 * limits.query_time_max, orphan: limits.orphan_age_max }
    }

    /// Deletes files of blocks that were removed or never committed, once nobody can be using them.
    pub(super) async fn delete_garbage(&self) -> Result<()> {
        self.delete_after(&self.grace()).await
    }

    /// The same with another patience.
    pub(super) async fn delete_after(&self, grace: &Grace) -> Result<()> {
        // What another node has just committed must not look like something left behind.
        let files = self.shelf.list().await?;
        self.manifest.lock().await.follow().await?;
        let mut garbage = Vec::new();
        {
            let mut manifest = self.manifest.lock().await;
            // A clock that jumped ahead must not make files old that were written a moment ago.
            let newest = files.values().copied().max().unwrap_or(0);
            let now = self.clock.now();
            let gone = |id: &&String| !files.contains_key(*id);
            let forgotten: Vec<_> = manifest.state().removed.keys().filter(gone).cloned().collect();
            forgotten.iter().for_each(|id| manifest.forget(id));
            let state = manifest.state();
            for (id, modified) in &files {
                let is_removed = state.removed.contains_key(id);
                let is_on_its_way = !is_removed && self.identity.names(id);
                let now = if is_removed { now } else { now.min(newest) };
                if !is_on_its_way && retain::is_garbage(state, id, *modified, grace, now) {
                    garbage.push(id.clone());
                }
            }
        }
        for id in garbage {
            self.shelf.remove(&id).await?;
            tracing::info!(block = id, "deleted the files of a block that is no longer listed");
        }
        Ok(())
    }
}

/// How long until the retention is looked at again.
fn pause(plan: &Plan, is_full: bool) -> Duration {
    match (is_full, plan.is_short, plan.held_back) {
        (true, ..) | (_, true, _) | (.., 0) => RETENTION_EVERY,
        _ => RETENTION_EVERY_HELD_BACK,
    }
}
