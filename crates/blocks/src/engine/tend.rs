//! What is done now and then: looks at free space, drops old blocks, deletes files nobody needs.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::Inner;
use crate::{
    error::{Next, Result},
    manifest::Removal,
    retain::{self, Grace},
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
            let now = Instant::now();
            if self.settings.reads_only {
                (retention_at, deletion_at) = (now + RETENTION_EVERY, now + DELETION_EVERY);
            }
            if retention_at <= now {
                let every = match self.drop_old_blocks().await {
                    Ok(0) => RETENTION_EVERY,
                    Ok(_) => RETENTION_EVERY_HELD_BACK,
                    Err(error) => {
                        tracing::warn!(%error, "cannot drop old blocks; trying again");
                        RETENTION_EVERY
                    }
                };
                retention_at = now + every;
            }
            if deletion_at <= now {
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
        self.metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
        if self.disk_full.swap(full, Relaxed) != full {
            self.freeze.notify_one();
            match full {
                true => tracing::error!(free, size, "the disk is almost full: refusing writes"),
                false => tracing::info!(free, size, "the disk has room again: accepting writes"),
            }
        }
    }

    /// Drops blocks past the retention; returns how many more are due but held back.
    pub(super) async fn drop_old_blocks(&self) -> Result<usize> {
        let mut manifest = self.manifest.lock().await;
        let verdict = retain::due(manifest.state(), self.settings.retention, self.clock.now());
        if verdict.drop.is_empty() {
            return Ok(0);
        }
        if verdict.held_back > 0 {
            tracing::warn!(
                dropped = verdict.drop.len(),
                held_back = verdict.held_back,
                "many blocks are past the retention at once; is the clock right? the rest waits"
            );
        }
        let mut entry = self.entry();
        let state = manifest.state();
        let removal = |id: &String| {
            let spans = state.blocks.get(id).map_or(0, |block| block.meta.spans);
            Removal { id: id.clone(), why: "time".into(), spans }
        };
        entry.remove = verdict.drop.iter().map(removal).collect();
        match manifest.commit(entry).await {
            Err(error) if error.next == Next::Refuse => tracing::info!(%error, "another node dropped them"),
            outcome => outcome?,
        }
        self.head.remove(&verdict.drop);
        self.metrics.dropped(verdict.drop.len() as u64);
        Ok(verdict.held_back)
    }

    /// Deletes files of blocks that were removed or never committed, once nobody can be using them.
    pub(super) async fn delete_garbage(&self) -> Result<()> {
        let limits = &self.settings.limits;
        let grace = Grace { removed: 2 * limits.query_time_max, orphan: limits.orphan_age_max };
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
                if !is_on_its_way && retain::is_garbage(state, id, *modified, &grace, now) {
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
