//! The blocks that are being written: for each generation one for spans in time and one for skewed ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use model::time::UnixNanos;

use super::Inner;
use crate::{
    block::{BlockView, OpenBlock},
    error::{Doing, Next, Result},
    manifest::{Block, BlockMeta},
};

/// Open blocks by generation and skew.
#[derive(Default)]
pub(super) struct Benches {
    open: BTreeMap<(u64, bool), Bench>,
    /// Generations with a block that could not be written.
    broken: BTreeSet<u64>,
    /// Their blocks, still searched but of no more use.
    spoilt: BTreeMap<u64, Vec<String>>,
    begun: u64,
}

struct Bench {
    id: String,
    folder: PathBuf,
    block: OpenBlock,
    received_ns: UnixNanos,
}

impl Benches {
    /// Writes a chunk into the block of its generation, which is begun if need be.
    ///
    /// After an error or a panic the block is spoilt, and the next chunk begins another.
    pub(super) fn append(
        &mut self,
        inner: &Inner,
        place: (u64, bool),
        received_ns: UnixNanos,
        write: impl FnOnce(&mut OpenBlock) -> Result<()>,
    ) -> Result<(String, Arc<BlockView>)> {
        let mut bench = match self.open.remove(&place) {
            Some(bench) => bench,
            None => self.begin(inner)?,
        };
        self.broken.insert(place.0);
        self.spoilt.entry(place.0).or_default().push(bench.id.clone());
        let was_empty = bench.block.spans() == 0;
        if let Err(error) = write(&mut bench.block) {
            if was_empty {
                self.forget(inner, place.0, &bench.id);
            }
            return Err(error);
        }
        self.unspoil(place.0, &bench.id);
        bench.received_ns = bench.received_ns.max(received_ns);
        let view = (bench.id.clone(), bench.block.view());
        self.open.insert(place, bench);
        Ok(view)
    }

    /// Finishes the blocks of a generation; after an error it is broken.
    pub(super) fn close(&mut self, inner: &Inner, generation: u64) -> Result<Vec<(Block, Arc<BlockView>)>> {
        let mut blocks = Vec::new();
        self.broken.insert(generation);
        for skew in [false, true] {
            let Some(bench) = self.open.remove(&(generation, skew)) else { continue };
            let Bench { id, folder, block, received_ns } = bench;
            self.spoilt.entry(generation).or_default().push(id.clone());
            let meta = block.close().doing(Next::Retry, format!("close block {id}"))?;
            let meta = BlockMeta { skew, ..meta };
            let view = Arc::new(BlockView::open(&folder, &meta, &inner.memory)?);
            blocks.push((Block { meta, received_ns }, view));
        }
        self.broken.remove(&generation);
        self.spoilt.remove(&generation);
        Ok(blocks)
    }

    /// Does a generation have to be built again?
    pub(super) fn is_broken(&self, generation: u64) -> bool {
        self.broken.contains(&generation)
    }

    /// Throws away every block of a generation.
    pub(super) fn abandon(&mut self, inner: &Inner, generation: u64) {
        let open = [false, true].into_iter().filter_map(|skew| self.open.remove(&(generation, skew)));
        let mut ids: Vec<String> = open.map(|bench| bench.id).collect();
        ids.extend(self.spoilt.remove(&generation).into_iter().flatten());
        for id in ids {
            discard(inner, &id);
        }
        self.broken.remove(&generation);
    }

    /// Encoded bytes of a generation.
    pub(super) fn bytes(&self, generation: u64) -> u64 {
        self.open.range((generation, false)..=(generation, true)).map(|(_, bench)| bench.block.bytes()).sum()
    }

    fn begin(&mut self, inner: &Inner) -> Result<Bench> {
        self.begun += 1;
        let id = format!("{}-{:06}-{:06}", inner.identity.node, inner.identity.epoch, self.begun);
        let folder = inner.shelf.begin(&id)?;
        match OpenBlock::create(&folder, &id, &inner.memory) {
            Ok(block) => Ok(Bench { id, folder, block, received_ns: 0 }),
            Err(error) => {
                discard(inner, &id);
                Err(error)
            }
        }
    }

    fn unspoil(&mut self, generation: u64, id: &str) {
        let spoilt = self.spoilt.entry(generation).or_default();
        spoilt.retain(|spoilt| spoilt != id);
        if spoilt.is_empty() {
            self.spoilt.remove(&generation);
            self.broken.remove(&generation);
        }
    }

    /// A block without a single row group is not missed.
    fn forget(&mut self, inner: &Inner, generation: u64, id: &str) {
        discard(inner, id);
        self.unspoil(generation, id);
    }
}

fn discard(inner: &Inner, id: &str) {
    if let Err(error) = inner.shelf.abandon(id) {
        tracing::warn!(%error, "cannot remove an unfinished block; the next start does");
    }
}
