//! Keeping a batch: room in the head, the journal, the head. And the room itself.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use model::Batch;
use store::WriteError;
use tokio::sync::OwnedSemaphorePermit;

use super::{Inner, head, record::Record};

/// What a refused client is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often a writer that waits for room looks whether a chunk should be sealed for it.
const ROOM_TICK: Duration = Duration::from_millis(50);

impl Inner {
    /// Keeps a batch durably and makes it searchable.
    pub(super) async fn keep(self: Arc<Self>, batch: Batch) -> Result<(), WriteError> {
        let began = Instant::now();
        self.admit()?;
        let room = self.room(head::cost(&batch)).await?;
        let record = Record { batch, received_ns: self.watch.received(self.clock.now()) };
        let (frame, spans) = (record.encode(), record.batch.len() as u64);
        let parts = record.split(&self.settings, Some(room));
        let staying = self.head.enter();
        let position = self.journal.append(frame).await.map_err(|error| refused(&error))?;
        if self.head.insert(position, parts, self.clock.now()) {
            self.freeze.notify_one();
        }
        drop(staying);
        self.metrics.stored(spans, began.elapsed());
        Ok(())
    }

    fn admit(&self) -> Result<(), WriteError> {
        if self.settings.reads_only {
            return Err(WriteError::Refused { reason: "this node only answers questions".into() });
        }
        if self.closing.load(Relaxed) {
            return Err(retry("the store is shutting down"));
        }
        if self.disk_full.load(Relaxed) {
            return Err(retry(
                "the disk of the store is almost full: free some space, or shorten the retention",
            ));
        }
        Ok(())
    }

    /// Waits for room in the head, not for ever.
    async fn room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, WriteError> {
        let permits = self.permits(bytes);
        if let Ok(room) = self.room.clone().try_acquire_many_owned(permits) {
            return Ok(room);
        }
        self.metrics.head_waits.inc();
        let began = Instant::now();
        let mut acquired = pin!(self.room.clone().acquire_many_owned(permits));
        while began.elapsed() < self.settings.limits.head_wait_max {
            self.head.make_room();
            self.freeze.notify_one();
            match tokio::time::timeout(ROOM_TICK, &mut acquired).await {
                Ok(Ok(room)) => return Ok(room),
                Ok(Err(_)) => break,
                Err(_) => {}
            }
        }
        if self.is_backlog_full() {
            return Err(retry("store.upload.backlog is full: the object store has been away for too long"));
        }
        Err(retry("the head is full: blocks cannot be written as fast as spans arrive"))
    }

    /// Permits for so many bytes; a batch larger than the head takes the whole head.
    pub(super) fn permits(&self, bytes: usize) -> u32 {
        kibibytes(bytes.min(self.settings.limits.head_bytes_max))
    }
}

/// Permits of the head's semaphore for so many bytes.
pub(super) fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

fn retry(reason: &str) -> WriteError {
    WriteError::Retry { after: Some(RETRY_AFTER), reason: reason.into() }
}

fn refused(error: &journal::Error) -> WriteError {
    match error.next {
        journal::Next::Retry => WriteError::Retry { after: Some(RETRY_AFTER), reason: error.to_string() },
        _ => WriteError::Refused { reason: error.to_string() },
    }
}
