//! What all blocks keep in memory together: parts of indexes, and decoded pages, each under a budget.
//!
//! Nothing here is the only copy. What a budget has no room for is read from the block's files again, which costs time
//! and nothing else; so a store may hold any number of blocks.

mod cache;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::columns::schema::{Layout, Promoted};
pub use cache::Use;
pub(crate) use cache::{Cache, Key};

/// Bytes for indexes where nothing else is said (`store.memory.index`).
pub const INDEX_BYTES: usize = 192 << 20;

/// Bytes for decoded pages where nothing else is said (`store.memory.cache`).
pub const PAGE_BYTES: usize = 64 << 20;

/// What all blocks of a store share.
#[derive(Debug)]
pub struct Memory {
    pub(crate) index: Cache,
    pub(crate) pages: Cache,
    layouts: Mutex<HashMap<Vec<Promoted>, Weak<Layout>>>,
    numbers: Mutex<HashMap<String, Weak<u64>>>,
    blocks: AtomicU64,
    damaged: AtomicU64,
    rebuilt: Option<PathBuf>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(INDEX_BYTES, PAGE_BYTES)
    }
}

impl Memory {
    /// Keeps at most so many bytes of indexes and of decoded pages.
    #[must_use]
    pub fn new(index_bytes_max: usize, page_bytes_max: usize) -> Self {
        Self {
            index: Cache::new(index_bytes_max),
            pages: Cache::new(page_bytes_max),
            layouts: Mutex::default(),
            numbers: Mutex::default(),
            blocks: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            rebuilt: None,
        }
    }

    /// Rebuilds indexes that are of no use into this folder; without one, their blocks can't be opened.
    #[must_use]
    pub fn rebuilding_in(self, folder: impl Into<PathBuf>) -> Self {
        Self { rebuilt: Some(folder.into()), ..self }
    }

    /// How the budget for indexes is used.
    #[must_use]
    pub fn index(&self) -> Use {
        self.index.used()
    }

    /// How the budget for decoded pages is used.
    #[must_use]
    pub fn pages(&self) -> Use {
        self.pages.used()
    }

    /// How often a part of an index was found to be damaged.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Relaxed)
    }

    pub(crate) fn note_damage(&self) {
        self.damaged.fetch_add(1, Relaxed);
    }

    pub(crate) fn rebuilt(&self) -> Option<&Path> {
        self.rebuilt.as_deref()
    }

    /// A number for one more block, under which its parts are kept.
    pub(crate) fn block(&self) -> u64 {
        self.blocks.fetch_add(1, Relaxed)
    }

    /// Lets everything go that is kept of a block which nobody asks any more.
    pub(crate) fn forget(&self, block: u64) {
        self.index.forget(block);
        self.pages.forget(block);
    }

    /// The number by which the row groups of a block are known: the same while any view on it is there, whether the block
    /// grows, is closed, or was opened again.
    pub(crate) fn number(&self, id: &str) -> Arc<u64> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = numbers.get(id).and_then(Weak::upgrade) {
            return known;
        }
        numbers.retain(|_, number| number.strong_count() > 0);
        let number = Arc::new(self.block());
        numbers.insert(id.into(), Arc::downgrade(&number));
        number
    }

    /// The columns of blocks that promote these keys, made once for all of them.
    pub(crate) fn layout(&self, promoted: Vec<Promoted>) -> Arc<Layout> {
        let mut layouts = self.layouts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = layouts.get(&promoted).and_then(Weak::upgrade) {
            return known;
        }
        layouts.retain(|_, layout| layout.strong_count() > 0);
        let made = Arc::new(Layout::new(promoted.clone()));
        layouts.insert(promoted, Arc::downgrade(&made));
        made
    }
}
