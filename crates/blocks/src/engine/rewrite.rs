//! Writes a block again with some of its spans, and puts the new one in the place of the old.
//!
//! A crash leaves either the old block or the new one: both files are whole before the one manifest entry that adds the
//! new block and removes the old. Memory is bounded by a chunk of the head; ingest and questions go on.

use std::{
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use model::{Batch, Span, Tenant, TraceId};

use super::{Inner, head::cost};
use crate::{
    block::{BlockView, LEVEL, OpenBlock, pieces},
    compact,
    error::{Doing, Error, Next, Result},
    manifest::{Block, BlockMeta, Entry, Removal, State, Tier},
    settings::Cold,
};

/// How long after a commit that may or may not have happened the same is tried again.
const COMMIT_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Which spans of a block are written again.
pub(super) trait Choice: Send + Sync {
    /// May something of the trace stay?
    fn trace(&self, tenant: &Tenant, id: TraceId) -> bool;

    /// Does the span stay, if its trace may?
    fn span(&self, _tenant: &Tenant, _span: Span<'_>) -> bool {
        true
    }
}

/// What became of a block.
#[derive(Clone, Debug, Default)]
pub(super) struct Replaced {
    /// The new block; none where nothing stayed.
    pub(super) block: Option<Block>,
    /// Spans of the old block that are gone.
    pub(super) spans_gone: u64,
}

impl Inner {
    /// Puts a block with the chosen spans in the place of this one.
    ///
    /// # Errors
    /// [`Next::Refuse`] if the block is gone meanwhile, or `still` says that the choice no longer holds; nothing has
    /// changed then.
    pub(super) async fn replace(
        self: &Arc<Self>,
        old: &Block,
        choice: Arc<dyn Choice>,
        (why, describe): (&str, impl FnOnce(BlockMeta) -> BlockMeta),
        still: impl Fn(&State) -> bool,
    ) -> Result<Replaced> {
        let view = self.view(&old.meta.id)?;
        let (inner, level) = (self.clone(), self.compression_of(&old.meta));
        let writing = tokio::task::spawn_blocking(move || inner.write_again(&view, level, &*choice));
        let written = writing.await.doing(Next::Repair, "write a block again")??;
        let block = written.map(|meta| {
            let BlockMeta { level, skew, tier, .. } = old.meta;
            let bytes_before = old.meta.bytes_before_of(meta.spans);
            let meta = BlockMeta { level, skew, tier, bytes_before, ..meta };
            Block { meta: describe(meta), received_ns: old.received_ns }
        });
        let spans_gone = old.meta.spans - block.as_ref().map_or(0, |block| block.meta.spans);
        let mut entry = self.entry();
        entry.remove = vec![Removal { id: old.meta.id.clone(), why: why.into(), spans: spans_gone }];
        if let Some(block) = &block {
            self.shelf.place(&block.meta.id).await?;
            // Nothing goes before it is known that what stays can be read.
            self.open_block(block.meta.clone()).await?;
            entry.add = vec![block.clone()];
        }
        if let Err(error) = self.commit_surely(entry, still).await {
            if let (Some(block), Next::Refuse) = (&block, error.next) {
                self.shelf.remove(&block.meta.id).await?;
                if self.shelf.is_remote() {
                    self.shelf.abandon(&block.meta.id)?;
                }
            }
            return Err(error);
        }
        self.see(&self.known.now()).await?;
        if let Some(block) = &block {
            self.shelf.placed(&block.meta);
        }
        self.metrics.dropped(why, u64::from(spans_gone > 0), spans_gone);
        Ok(Replaced { block, spans_gone })
    }

    /// Commits an entry, again and again while nobody knows whether it is there. `still` is asked before each time.
    pub(super) async fn commit_surely(&self, entry: Entry, still: impl Fn(&State) -> bool) -> Result<()> {
        if self.settings.reads_only {
            let what = "this node only answers questions: ask one that stores spans to change what is kept";
            return Err(Error::new(Next::Refuse, what));
        }
        loop {
            let outcome = {
                let mut manifest = self.manifest.lock().await;
                if !still(manifest.state()) {
                    return Err(Error::new(Next::Refuse, "what was decided on no longer holds"));
                }
                manifest.commit(entry.clone()).await
            };
            match outcome {
                Err(error) if error.next == Next::Retry && !self.ended.is_cancelled() => {
                    tracing::warn!(%error, "cannot commit; trying again");
                    let _ended = tokio::time::timeout(COMMIT_AGAIN_AFTER, self.ended.cancelled()).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The view on a committed block.
    pub(super) fn view(&self, id: &str) -> Result<Arc<BlockView>> {
        let unreadable =
            || Error::new(Next::Repair, format!("block {id} cannot be read: run `faden store check`"));
        self.head.view(id).ok_or_else(unreadable)
    }

    /// How strongly a block is compressed that takes the place of this one.
    fn compression_of(&self, meta: &BlockMeta) -> i32 {
        match (meta.tier, meta.level) {
            (Tier::Cold, _) => self.settings.tiers.cold.map_or(Cold::COMPRESSION, |cold| cold.compression),
            (_, 0) => LEVEL,
            _ => compact::LEVEL,
        }
    }

    /// Writes the chosen spans into a new block; none where there are none.
    fn write_again(&self, view: &BlockView, level: i32, choice: &dyn Choice) -> Result<Option<BlockMeta>> {
        let number = self.rewritten.fetch_add(1, Relaxed) + 1;
        let id = format!("{}-{:06}-r{number:06}", self.identity.node, self.identity.epoch);
        let folder = self.shelf.begin(&id)?;
        let written = OpenBlock::create(&folder, &id, &self.memory).and_then(|block| {
            let mut block = block.packed(level);
            let mut chunk = Chunk::new(self.settings.limits.chunk_bytes_max);
            for group in &view.groups {
                let mut wanted = |trace| choice.trace(&group.tenant, trace);
                pieces(view, group, &mut wanted, &mut |piece| {
                    if self.ended.is_cancelled() {
                        return Err(Error::new(Next::Retry, "the store is shutting down"));
                    }
                    let chosen = chosen(piece, choice);
                    if chosen.is_empty() { Ok(()) } else { chunk.push(chosen, &mut block) }
                })?;
                chunk.flush(&mut block)?;
            }
            if block.spans() == 0 { Ok(None) } else { block.close().map(Some) }
        });
        if !matches!(written, Ok(Some(_))) {
            self.shelf.abandon(&id)?;
        }
        written
    }
}

fn chosen(piece: Batch, choice: &dyn Choice) -> Batch {
    let stays: Vec<bool> = piece.spans().map(|span| choice.span(piece.tenant(), span)).collect();
    if stays.contains(&false) { piece.select(|place| stays[place]) } else { piece }
}

/// Batches of one tenant on their way into a row group.
struct Chunk {
    batches: Vec<Batch>,
    bytes: usize,
    bytes_max: usize,
}

impl Chunk {
    fn new(bytes_max: usize) -> Self {
        Self { batches: Vec::new(), bytes: 0, bytes_max }
    }

    fn push(&mut self, batch: Batch, block: &mut OpenBlock) -> Result<()> {
        self.bytes += cost(&batch);
        self.batches.push(batch);
        if self.bytes >= self.bytes_max { self.flush(block) } else { Ok(()) }
    }

    fn flush(&mut self, block: &mut OpenBlock) -> Result<()> {
        self.bytes = 0;
        block.append(&mem::take(&mut self.batches))
    }
}
