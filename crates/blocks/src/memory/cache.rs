//! A budget of bytes for things that can be read again.
//!
//! What was asked for twice is kept longer than what was asked for once, so that a question that reads everything does
//! not drive out what every question needs.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

/// Of the budget, what was asked for more than once takes at most four fifths.
const PROVEN_FIFTHS: usize = 4;

/// What alone takes more than this part of the budget is not kept.
const PART_MAX: usize = 2;

/// Bytes of bookkeeping for each thing that is kept.
const OVERHEAD_BYTES: usize = 128;

/// Which part of which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The number that the block got from [`Memory::block`](super::Memory::block).
    pub(crate) block: u64,
    /// What kind of thing.
    pub(crate) kind: u32,
    /// Which one of its kind.
    pub(crate) number: u64,
}

/// How a budget is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The budget.
    pub bytes_max: u64,
    /// What is kept.
    pub bytes: u64,
    /// How often something was there when it was asked for.
    pub hits: u64,
    /// How often it had to be read.
    pub misses: u64,
}

/// Things under a budget.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    state: Mutex<State>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, Kept, FixedState>,
    /// By the turn of their last use: what was asked for once, and what was asked for again.
    fresh: BTreeMap<u64, Key>,
    proven: BTreeMap<u64, Key>,
    bytes: usize,
    proven_bytes: usize,
    turn: u64,
}

#[derive(Debug)]
struct Kept {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
    turn: u64,
    is_proven: bool,
}

impl Cache {
    /// Keeps at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bytes_max, state: Mutex::default(), hits, misses }
    }

    /// What is kept under a key.
    pub(crate) fn get<T: Any + Send + Sync>(&self, key: Key) -> Option<Arc<T>> {
        let found = self.lock().touch(key, self.bytes_max / 5 * PROVEN_FIFTHS);
        let found = found.and_then(|value| value.downcast().ok());
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Relaxed);
        found
    }

    /// Keeps a value that takes so many bytes, and lets others go that were not used for longest.
    pub(crate) fn put(&self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        let bytes = bytes + OVERHEAD_BYTES;
        if bytes > self.bytes_max / PART_MAX {
            return;
        }
        // What goes is dropped after the lock is free.
        let gone = self.lock().put(key, value, (bytes, self.bytes_max));
        drop(gone);
    }

    /// Lets everything of a block go.
    pub(super) fn forget(&self, block: u64) {
        let gone = self.lock().forget(block);
        drop(gone);
    }

    pub(super) fn used(&self) -> Use {
        Use {
            bytes_max: self.bytes_max as u64,
            bytes: self.lock().bytes as u64,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn touch(&mut self, key: Key, proven_bytes_max: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        self.turn += 1;
        let kept = self.known.get_mut(&key)?;
        if kept.is_proven {
            self.proven.remove(&kept.turn);
        } else {
            self.fresh.remove(&kept.turn);
            self.proven_bytes += kept.bytes;
        }
        (kept.turn, kept.is_proven) = (self.turn, true);
        self.proven.insert(self.turn, key);
        let value = kept.value.clone();
        while self.proven_bytes > proven_bytes_max {
            let Some((_, oldest)) = self.proven.pop_first() else { break };
            self.turn += 1;
            self.fresh.insert(self.turn, oldest);
            if let Some(kept) = self.known.get_mut(&oldest) {
                (kept.turn, kept.is_proven) = (self.turn, false);
                self.proven_bytes -= kept.bytes;
            }
        }
        Some(value)
    }

    fn put(
        &mut self,
        key: Key,
        value: Arc<dyn Any + Send + Sync>,
        (bytes, bytes_max): (usize, usize),
    ) -> Vec<Kept> {
        let mut gone = Vec::new();
        gone.extend(self.remove(key));
        self.turn += 1;
        self.bytes += bytes;
        self.fresh.insert(self.turn, key);
        self.known.insert(key, Kept { value, bytes, turn: self.turn, is_proven: false });
        while self.bytes > bytes_max {
            let oldest = self.fresh.first_key_value().or_else(|| self.proven.first_key_value());
            let Some((_, oldest)) = oldest else { break };
            let oldest = *oldest;
            gone.extend(self.remove(oldest));
        }
        gone
    }

    fn forget(&mut self, block: u64) -> Vec<Kept> {
        let of_block: Vec<Key> = self.known.keys().filter(|key| key.block == block).copied().collect();
        of_block.into_iter().filter_map(|key| self.remove(key)).collect()
    }

    fn remove(&mut self, key: Key) -> Option<Kept> {
        let kept = self.known.remove(&key)?;
        self.bytes -= kept.bytes;
        if kept.is_proven {
            self.proven_bytes -= kept.bytes;
            self.proven.remove(&kept.turn);
        } else {
            self.fresh.remove(&kept.turn);
        }
        Some(kept)
    }
}
