//! Blocks that grow, are closed and are merged, as in a store.

use std::sync::Arc;

use model::Batch;

use crate::block::{BlockView, OpenBlock};
use crate::compact::{Form, LEVEL, Site, merge};
use crate::error::Result;
use crate::manifest::BlockMeta;
use crate::memory::Memory;

/// Where blocks are made that share a memory.
pub(super) struct Yard {
    folder: tempfile::TempDir,
    pub(super) memory: Arc<Memory>,
    begun: usize,
}

impl Yard {
    pub(super) fn new() -> Self {
        Self::with(Memory::default())
    }

    pub(super) fn with(memory: Memory) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), memory: Arc::new(memory), begun: 0 }
    }

    /// A block that takes chunks.
    pub(super) fn open(&mut self, chunks: &[Vec<Batch>]) -> OpenBlock {
        let (id, folder) = self.begin().unwrap();
        let mut block = OpenBlock::create(&folder, &id, &self.memory).unwrap();
        chunks.iter().for_each(|chunk| block.append(chunk).unwrap());
        block
    }

    pub(super) fn closed(&mut self, chunks: &[Vec<Batch>]) -> Arc<BlockView> {
        let meta = self.open(chunks).close().unwrap();
        self.view(&meta)
    }

    pub(super) fn view(&self, meta: &BlockMeta) -> Arc<BlockView> {
        let folder = self.folder.path().join(&meta.id);
        Arc::new(BlockView::open(&folder, meta, &self.memory).unwrap())
    }

    pub(super) fn merged(&mut self, blocks: &[Arc<BlockView>]) -> Arc<BlockView> {
        let merged = merge(blocks, Form { own_min: 0, level: LEVEL }, self).unwrap();
        self.view(&BlockMeta { level: 1, ..merged.outputs[0].clone() })
    }
}

impl Site for Yard {
    fn begin(&mut self) -> Result<(String, std::path::PathBuf)> {
        self.begun += 1;
        let id = format!("b{}", self.begun);
        let path = self.folder.path().join(&id);
        std::fs::create_dir(&path).unwrap();
        Ok((id, path))
    }

    fn pause(&mut self) -> Result<()> {
        Ok(())
    }
}
