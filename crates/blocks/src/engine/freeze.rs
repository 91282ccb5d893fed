//! From the head into blocks: seals, freezes, cuts and closes, one thing at a time.
//!
//! A block whose file could not be written is of no more use, but what it holds stays searchable. Its
//! generation is *broken*: when it closes, its blocks are built again from the journal.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    Inner,
    bench::Benches,
    head::{Drained, Sealed},
};
use crate::error::{Doing, Error, Next, Result};

/// How often time is looked at when nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// How often it is looked whether the last writers have left a generation that was cut.
const DRAIN_TICK: Duration = Duration::from_millis(5);

/// How long after a failure the same is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What there is to do next.
enum Work {
    Freeze(Arc<Sealed>),
    Close(Drained),
}

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn freeze_forever(self: Arc<Self>) {
        let mut benches = Benches::default();
        while !self.ended.is_cancelled() {
            let Some(work) = self.next_work() else {
                let tick = if self.head.is_draining() { DRAIN_TICK } else { TICK };
                tokio::select! {
                    () = self.freeze.notified() => {}
                    () = self.ended.cancelled() => {}
                    () = tokio::time::sleep(tick) => {}
                }
                continue;
            };
            let inner = self.clone();
            let working = tokio::task::spawn_blocking(move || {
                let outcome = catch_unwind(AssertUnwindSafe(|| inner.work(&mut benches, &work)));
                (
                    benches,
                    outcome.unwrap_or_else(|_| Err(Error::new(Next::Repair, "writing a block panicked"))),
                )
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
                self.metrics.freeze_failures.inc();
                tracing::error!(%error, "cannot write a block; trying again");
                let _ended = tokio::time::timeout(RETRY_AFTER, self.ended.cancelled()).await;
            }
        }
    }

    /// Freezing comes before closing; neither happens while too many blocks wait for the object store.
    ///
    /// On an almost full disk a block is cut early: once it is committed, its part of the journal goes.
    fn next_work(&self) -> Option<Work> {
        if self.head.is_due(self.clock.now()) || self.disk_full.load(Relaxed) && !self.head.is_fresh() {
            self.head.cut(&self.journal);
        }
        if self.is_backlog_full() {
            return None;
        }
        self.head.next_chunk().map(Work::Freeze).or_else(|| self.head.next_drained().map(Work::Close))
    }

    fn work(&self, benches: &mut Benches, work: &Work) -> Result<()> {
        match work {
            Work::Freeze(chunk) => self.freeze(benches, chunk),
            Work::Close(drained) => self.close_generation(benches, *drained),
        }
    }

    fn freeze(&self, benches: &mut Benches, chunk: &Sealed) -> Result<()> {
        let began = Instant::now();
        let place = (chunk.generation, chunk.skew);
        let view = benches.append(self, place, &chunk.batches, chunk.received_ns)?;
        self.head.frozen(chunk, view, benches.bytes(chunk.generation));
        let spans = chunk.batches.iter().map(|batch| batch.len() as u64).sum();
        self.metrics.frozen(spans, began.elapsed());
        Ok(())
    }

    fn close_generation(&self, benches: &mut Benches, drained: Drained) -> Result<()> {
        let generation = drained.generation;
        if benches.is_broken(generation) {
            benches.abandon(self, generation);
            self.rebuild(&drained, |batches, skew, received_ns| {
                benches.append(self, (generation, skew), batches, received_ns).map(drop)
            })?;
        }
        let blocks = benches.close(self, generation)?;
        self.head.closed(generation, blocks);
        self.publish.notify_one();
        Ok(())
    }
}
