//! From the journal back into the head after a start, and into a block again after a failure.

use std::{collections::BTreeMap, mem, sync::atomic::Ordering::Relaxed, time::Duration};

use journal::{Position, Recovered, Replay};
use model::{Batch, Tenant, time::UnixNanos};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit};

use super::{
    Inner,
    head::{Drained, Part, cost},
    record::{Record, SPANS},
};
use crate::{
    error::{Doing, Error, Next, Result},
    manifest::State,
};

/// How often a replay that waits for room looks whether the engine ends.
const WAIT_TICK: Duration = Duration::from_millis(200);

/// What replay does to the head, in its own generations.
struct Refill<'a> {
    inner: &'a Inner,
    generation: u64,
    /// After the last frame that was put into the head.
    end: Position,
}

impl Inner {
    /// Puts what the journal held at the start into the head. Blocking; returns early if the engine ends.
    pub(super) fn refill(&self, replay: &mut Replay, committed: &State, generation: u64) -> Result<()> {
        let mut refill = Refill { inner: self, generation, end: Position::START };
        loop {
            self.recovery.bytes_left.store(replay.bytes_left(), Relaxed);
            if self.closing.load(Relaxed) {
                self.head.cut_replayed(refill.generation, refill.end);
                return Ok(());
            }
            match replay.next() {
                None => break,
                Some(Ok(frame)) if committed.is_committed(&self.identity.node, frame.position) => {}
                Some(Ok(frame)) => refill.take(frame)?,
                Some(Err(error)) => self.recovery.lost_frame(&error),
            }
        }
        let tally = replay.tally();
        self.recovery.lost.fetch_add(tally.damaged, Relaxed);
        self.head.cut_replayed(refill.generation, self.live_from);
        tracing::info!(
            frames = tally.frames,
            bytes = tally.bytes,
            damaged = tally.damaged,
            torn = tally.torn,
            "everything in the journal is searchable"
        );
        Ok(())
    }

    /// Builds the content of a generation again from the journal. Blocking.
    pub(super) fn rebuild(
        &self,
        drained: &Drained,
        mut append: impl FnMut(&[Batch], bool, UnixNanos) -> Result<()>,
    ) -> Result<()> {
        tracing::warn!(from = ?drained.from, to = ?drained.to, "building a block again from the journal");
        let replay = journal::replay(self.disk.clone()).doing(Next::Retry, "read the journal")?;
        let committed = self.manifest.blocking_lock().state().clone();
        let mut gathered = Gathered::default();
        for frame in replay.start_at(drained.from) {
            let frame = frame.doing(Next::Retry, "read the journal")?;
            if frame.position >= drained.to {
                break;
            }
            if committed.is_committed(&self.identity.node, frame.position) {
                continue;
            }
            let Some(record) = record(frame)? else { continue };
            record.split(&self.settings, None).into_iter().for_each(|part| gathered.push(part));
            if gathered.bytes >= self.settings.limits.chunk_bytes_max {
                gathered.flush(&mut append)?;
            }
        }
        gathered.flush(&mut append)
    }
}

impl Refill<'_> {
    fn take(&mut self, frame: Recovered) -> Result<()> {
        let position = frame.position;
        let record = match record(frame) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(()),
            Err(error) if error.next == Next::Refuse => return Err(error),
            Err(error) => {
                self.inner.recovery.lost_frame(&error);
                return Ok(());
            }
        };
        let Some(room) = self.room(cost(&record.batch)) else { return Ok(()) };
        if self.inner.head.is_replay_due(self.generation) {
            let next = self.inner.head.begin_replay(position);
            self.inner.head.cut_replayed(mem::replace(&mut self.generation, next), position);
            self.inner.freeze.notify_one();
        }
        self.inner.recovery.spans.fetch_add(record.batch.len() as u64, Relaxed);
        let parts = record.split(&self.inner.settings, Some(room));
        if self.inner.head.insert_replayed(self.generation, parts, self.inner.clock.now()) {
            self.inner.freeze.notify_one();
        }
        self.end = Position { offset: position.offset + 1, ..position };
        Ok(())
    }

    /// Waits for room in the head for as long as the engine runs.
    fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let runtime = Handle::current();
        let permits = self.inner.permits(bytes);
        while !self.inner.closing.load(Relaxed) {
            let acquire = self.inner.room.clone().acquire_many_owned(permits);
            if let Ok(Ok(room)) = runtime.block_on(async { tokio::time::timeout(WAIT_TICK, acquire).await }) {
                return Some(room);
            }
            self.inner.head.make_room();
            self.inner.freeze.notify_one();
        }
        None
    }
}

/// The batch in a frame; none if it may be skipped.
fn record(frame: Recovered) -> Result<Option<Record>> {
    match frame.kind {
        SPANS => Record::decode(&frame.meta, frame.body).map(Some),
        _ if frame.skippable => Ok(None),
        kind => {
            let what = format!("the journal holds a frame of kind {kind}, which only a newer version knows");
            Err(Error::new(Next::Refuse, what))
        }
    }
}

/// Batches by tenant and skew, gathered to chunks.
#[derive(Default)]
struct Gathered {
    chunks: BTreeMap<(Tenant, bool), (Vec<Batch>, UnixNanos)>,
    bytes: usize,
}

impl Gathered {
    fn push(&mut self, part: Part) {
        self.bytes += cost(&part.batch);
        let key = (part.batch.tenant().clone(), part.skew);
        let (batches, received_ns) = self.chunks.entry(key).or_default();
        batches.push(part.batch);
        *received_ns = part.received_ns.max(*received_ns);
    }

    fn flush(&mut self, append: &mut impl FnMut(&[Batch], bool, UnixNanos) -> Result<()>) -> Result<()> {
        self.bytes = 0;
        for ((_, skew), (batches, received_ns)) in mem::take(&mut self.chunks) {
            append(&batches, skew, received_ns)?;
        }
        Ok(())
    }
}
