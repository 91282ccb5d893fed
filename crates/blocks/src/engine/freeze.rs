//! From the head into blocks: seals, freezes, cuts and closes, one thing at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use model::{Batch, time::UnixNanos};

use super::{
    Inner,
    head::{Drained, Sealed},
};
use crate::{
    block::{BlockView, OpenBlock},
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta},
};

/// How often time is looked at when nothing happens.
const TICK: Duration = Duration::from_millis(500);

/// How often it is looked whether the last writers have left a generation that was cut.
const DRAIN_TICK: Duration = Duration::from_millis(5);

/// How long after a failure the same is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The open blocks of each generation: spans in time, skewed spans.
#[derive(Default)]
pub(super) struct Benches {
    open: BTreeMap<u64, [Option<Bench>; 2]>,
    /// Generations whose blocks could not be closed: they are built again from the journal.
    broken: BTreeSet<u64>,
    begun: u64,
}

struct Bench {
    id: String,
    folder: PathBuf,
    block: OpenBlock,
    received_ns: UnixNanos,
}

impl Inner {
    /// Works until the engine ends.
    pub(super) async fn freeze_forever(self: Arc<Self>) {
        let mut benches = Benches::default();
        loop {
            match self.clone().freeze_once(benches).await {
                Ok((back, true)) => benches = back,
                Ok((back, false)) => {
                    benches = back;
                    let tick = if self.head.is_draining() { DRAIN_TICK } else { TICK };
                    let _nothing_happened = tokio::time::timeout(tick, self.freeze.notified()).await;
                }
                Err(panicked) => {
                    tracing::error!(%panicked, "freezing stopped; the store refuses writes once its head is full");
                    return;
                }
            }
            if self.ended.is_cancelled() {
                return;
            }
        }
    }

    /// Does the next thing on a blocking thread; false if there was nothing to do.
    async fn freeze_once(self: Arc<Self>, mut benches: Benches) -> Result<(Benches, bool)> {
        if self.head.is_due(self.clock.now()) {
            self.head.cut(&self.journal);
        }
        let may_close = self.head.figures().unpublished < self.settings.limits.blocks_unpublished_max as u64;
        let chunk = if may_close { self.head.next_chunk() } else { None };
        let drained = if may_close { self.head.next_drained() } else { None };
        if chunk.is_none() && drained.is_none() {
            return Ok((benches, false));
        }
        let inner = self.clone();
        let work = tokio::task::spawn_blocking(move || {
            let outcome = match (chunk, drained) {
                (Some(chunk), _) => inner.freeze(&mut benches, &chunk),
                (None, Some(drained)) => inner.close_generation(&mut benches, &drained),
                (None, None) => Ok(()),
            };
            (benches, outcome)
        });
        let (benches, outcome) = work.await.doing(Next::Repair, "freeze a chunk")?;
        if let Err(error) = outcome {
            self.metrics.freeze_failures.inc();
            tracing::error!(%error, "cannot write a block; trying again");
            let _ended = tokio::time::timeout(RETRY_AFTER, self.ended.cancelled()).await;
        }
        Ok((benches, true))
    }

    fn freeze(&self, benches: &mut Benches, chunk: &Sealed) -> Result<()> {
        let bench = benches.get(self, chunk.generation, chunk.skew)?;
        let began = std::time::Instant::now();
        bench.append(&chunk.batches, chunk.received_ns)?;
        let view = bench.block.view();
        let bytes = benches.bytes(chunk.generation);
        self.head.frozen(chunk, view, bytes);
        let spans = chunk.batches.iter().map(|batch| batch.len() as u64).sum();
        self.metrics.frozen(spans, began.elapsed());
        Ok(())
    }

    fn close_generation(&self, benches: &mut Benches, drained: &Drained) -> Result<()> {
        let generation = drained.generation;
        if benches.broken.contains(&generation) {
            benches.abandon(self, generation);
            self.rebuild(drained, |batches, skew, received_ns| {
                benches.get(self, generation, skew)?.append(batches, received_ns)
            })?;
        }
        benches.broken.insert(generation);
        let blocks = benches.close(generation)?;
        benches.broken.remove(&generation);
        self.head.closed(generation, blocks);
        self.publish.notify_one();
        Ok(())
    }
}

impl Bench {
    fn append(&mut self, batches: &[Batch], received_ns: UnixNanos) -> Result<()> {
        self.block.append(batches)?;
        self.received_ns = self.received_ns.max(received_ns);
        Ok(())
    }
}

impl Benches {
    fn get(&mut self, inner: &Inner, generation: u64, skew: bool) -> Result<&mut Bench> {
        let bench = &mut self.open.entry(generation).or_default()[usize::from(skew)];
        if bench.is_none() {
            self.begun += 1;
            let id = format!("{}-{:06}-{:06}", inner.identity.node, inner.identity.epoch, self.begun);
            let folder = inner.shelf.begin(&id)?;
            let block = OpenBlock::create(&folder, &id)?;
            *bench = Some(Bench { id, folder, block, received_ns: 0 });
        }
        bench.as_mut().ok_or_else(|| Error::new(Next::Repair, "an open block vanished"))
    }

    fn close(&mut self, generation: u64) -> Result<Vec<(Block, Arc<BlockView>)>> {
        let mut blocks = Vec::new();
        let benches = self.open.remove(&generation).into_iter().flatten();
        for (skew, bench) in [false, true].into_iter().zip(benches) {
            let Some(Bench { id, folder, block, received_ns }) = bench else { continue };
            let meta = block.close().doing(Next::Retry, format!("close block {id}"))?;
            let meta = BlockMeta { skew, ..meta };
            let view = Arc::new(BlockView::open(&folder, &meta)?);
            blocks.push((Block { meta, received_ns }, view));
        }
        Ok(blocks)
    }

    /// Throws away what is open of a generation.
    fn abandon(&mut self, inner: &Inner, generation: u64) {
        for bench in self.open.remove(&generation).into_iter().flatten().flatten() {
            if let Err(error) = inner.shelf.abandon(&bench.id) {
                tracing::warn!(%error, "cannot remove an unfinished block; the next start does");
            }
        }
    }

    fn bytes(&self, generation: u64) -> u64 {
        let benches = self.open.get(&generation).into_iter().flatten().flatten();
        benches.map(|bench| bench.block.bytes()).sum()
    }
}
