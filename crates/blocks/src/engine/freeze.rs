//! From the head into blocks: seals, packs, writes, cuts and closes.
//!
//! Several chunks are packed at once ([`Packing`]); what they become is written into blocks one at a time, in their
//! order, and so are blocks closed. A block whose file could not be written is of no more use, but what it holds stays
//! searchable. Its generation is *broken*: when it closes, its blocks are built again from the journal.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    Inner,
    bench::Benches,
    head::Drained,
    packing::{Packing, Ready},
};
use crate::error::{Doing, Error, Next, Result};

/// How often time is looked at when nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// How often it is looked whether the last writers have left a generation that was cut.
const DRAIN_TICK: Duration = Duration::from_millis(5);

/// How long after a failure the same is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What there is to write next.
enum Work {
    Freeze(Ready),
    Close(Drained),
}

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn freeze_forever(self: Arc<Self>) {
        let mut benches = Benches::default();
        let mut packing = Packing::default();
        while !self.ended.is_cancelled() {
            let Some(work) = self.next_work(&mut packing).await else { continue };
            let inner = self.clone();
            let working = tokio::task::spawn_blocking(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| inner.work(&mut benches, work)));
                let panicked = |_| Err(Error::new(Next::Repair, "writing a block panicked"));
                (benches, outcome.unwrap_or_else(panicked))
            });
            let outcome = match working.await.doing(Next::Repair, "write a block") {
                Ok((back, outcome)) => {
                    benches = back;
                    outcome
                }
                Err(error) => {
                    tracing::error!(%error, "the runtime ends: no more blocks are written");
                    return;
                }
            };
            if let Err(error) = outcome {
                packing.forget();
                self.head.freeze_again();
                self.metrics.freeze_failures.inc();
                tracing::error!(%error, "cannot write a block; trying again");
                let _ended = tokio::time::timeout(RETRY_AFTER, self.ended.cancelled()).await;
            }
        }
    }

    /// Waits for what there is to write; none if it is worth looking again.
    ///
    /// Neither freezing nor closing happens while too many blocks wait for the object store. On an almost full disk a
    /// block is cut early: once it is committed, its part of the journal goes.
    async fn next_work(&self, packing: &mut Packing) -> Option<Work> {
        if self.head.is_due(self.clock.now()) || self.disk_full.load(Relaxed) && !self.head.is_fresh() {
            self.head.cut(&self.journal);
        }
        if !self.is_backlog_full() {
            packing.begin(&self.head, self.settings.limits.packing_max);
            if let Some(drained) = self.head.next_drained() {
                packing.closes(drained.generation);
                return Some(Work::Close(drained));
            }
        }
        let tick = if self.head.is_draining() { DRAIN_TICK } else { TICK };
        tokio::select! {
            ready = packing.next() => return Some(Work::Freeze(ready)),
            () = self.freeze.notified() => {}
            () = self.ended.cancelled() => {}
            () = tokio::time::sleep(tick) => {}
        }
        None
    }

    fn work(&self, benches: &mut Benches, work: Work) -> Result<()> {
        match work {
            Work::Freeze(ready) => self.freeze(benches, ready),
            Work::Close(drained) => self.close_generation(benches, drained),
        }
    }

    fn freeze(&self, benches: &mut Benches, ready: Ready) -> Result<()> {
        let began = Instant::now();
        let Ready { chunk, packed, packing } = ready;
        let packed = packed?;
        let place = (chunk.generation, chunk.skew);
        let view = benches.append(self, place, chunk.received_ns, |block| match packed {
            Some(packed) => block.append_packed(packed),
            None => Ok(()),
        })?;
        self.head.frozen(&chunk, view, benches.bytes(chunk.generation));
        let spans = chunk.batches.iter().map(|batch| batch.len() as u64).sum();
        self.metrics.frozen(spans, packing + began.elapsed());
        Ok(())
    }

    fn close_generation(&self, benches: &mut Benches, drained: Drained) -> Result<()> {
        let generation = drained.generation;
        if benches.is_broken(generation) {
            benches.abandon(self, generation);
            self.rebuild(&drained, |batches, skew, received_ns| {
                benches.append(self, (generation, skew), received_ns, |block| block.append(batches)).map(drop)
            })?;
        }
        let blocks = benches.close(self, generation)?;
        self.head.closed(generation, blocks);
        self.publish.notify_one();
        Ok(())
    }
}
