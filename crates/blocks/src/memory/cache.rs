//! A budget of bytes for things that can be read again.
//!
//! What was asked for twice, or took long to make, is kept longer than what was asked for once, so that a question that reads
//! everything does not drive out what every question needs.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::FixedState;

/// Of the budget, what has proven itself takes at most four fifths.
const PROVEN_FIFTHS: usize = 4;

/// What alone takes more than this part of the budget is not kept.
const PART_MAX: usize = 2;

/// What was used within this part of the last uses of all need not be moved to be the last used.
const RECENT_PART: usize = 8;

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
    /// What is kept at each rank, by the turn of its last use.
    ranks: [BTreeMap<u64, Key>; RANKS],
    /// The bytes of each rank.
    bytes: [usize; RANKS],
    turn: u64,
}

/// How long something is kept beside others; those of a lower rank go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It was asked for once.
    Fresh,
    /// It was asked for again, or took long to make.
    Proven,
    /// Of a tenant there is one, from which many questions are answered.
    Dear,
}

const RANKS: usize = 3;

#[derive(Debug)]
struct Kept {
    value: Arc<dyn Any + Send + Sync>,
    bytes: usize,
    turn: u64,
    rank: Rank,
}

impl Cache {
    /// Keeps at most so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { bytes_max, state: Mutex::default(), hits, misses }
    }

    /// What is kept under a key.
    pub(crate) fn get<T: Any + Send + Sync>(&self, key: Key) -> Option<Arc<T>> {
        let found = self.lock().touch(key, self.bytes_max);
        let found = found.and_then(|value| value.downcast().ok());
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Relaxed);
        found
    }

    /// Keeps a value that takes so many bytes, and lets others go that were not used for longest.
    pub(crate) fn put(&self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        self.keep(key, value, (bytes, Rank::Fresh));
    }

    /// The same for what takes long to make: as if it had been asked for again.
    pub(crate) fn put_made(&self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        self.keep(key, value, (bytes, Rank::Proven));
    }

    /// The same for what is brought up to date again and again, and takes seconds to make anew: everything else goes first.
    pub(crate) fn put_dear(&self, key: Key, value: Arc<dyn Any + Send + Sync>, bytes: usize) {
        self.keep(key, value, (bytes, Rank::Dear));
    }

    fn keep(&self, key: Key, value: Arc<dyn Any + Send + Sync>, (bytes, rank): (usize, Rank)) {
        let bytes = bytes + OVERHEAD_BYTES;
        if bytes > self.bytes_max / PART_MAX {
            return;
        }
        // What goes is dropped after the lock is free.
        let gone = self.lock().put(key, (value, rank), (bytes, self.bytes_max));
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
            bytes: self.lock().bytes.iter().sum::<usize>() as u64,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn touch(&mut self, key: Key, bytes_max: usize) -> Option<Arc<dyn Any + Send + Sync>> {
        let kept = self.known.get(&key)?;
        let is_recent = self.turn - kept.turn < (self.known.len() / RECENT_PART) as u64;
        if kept.rank >= Rank::Proven && is_recent {
            return Some(kept.value.clone());
        }
        let rank = kept.rank.max(Rank::Proven);
        self.move_to(key, rank);
        let value = self.known.get(&key).map(|kept| kept.value.clone());
        self.demote(bytes_max);
        value
    }

    /// Makes something the last used of a rank.
    fn move_to(&mut self, key: Key, rank: Rank) {
        let Some(kept) = self.known.get_mut(&key) else { return };
        self.turn += 1;
        self.ranks[kept.rank as usize].remove(&kept.turn);
        self.bytes[kept.rank as usize] -= kept.bytes;
        (kept.turn, kept.rank) = (self.turn, rank);
        self.ranks[rank as usize].insert(self.turn, key);
        self.bytes[rank as usize] += kept.bytes;
    }

    /// Takes those that were proven longest ago for fresh ones again, until the others keep to their part.
    fn demote(&mut self, bytes_max: usize) {
        let (proven, dear) = (Rank::Proven as usize, Rank::Dear as usize);
        while self.bytes[proven] + self.bytes[dear] > bytes_max / 5 * PROVEN_FIFTHS {
            let mut oldest = self.ranks[proven].values().chain(self.ranks[dear].values());
            let Some(oldest) = oldest.next().copied() else { break };
            self.move_to(oldest, Rank::Fresh);
        }
    }

    fn put(
        &mut self,
        key: Key,
        (value, rank): (Arc<dyn Any + Send + Sync>, Rank),
        (bytes, bytes_max): (usize, usize),
    ) -> Vec<Kept> {
        let mut gone = Vec::new();
        gone.extend(self.remove(key));
        // What replaces something is the same, brought up to date.
        let rank = gone.first().map_or(rank, |before: &Kept| before.rank.max(rank));
        self.turn += 1;
        self.bytes[rank as usize] += bytes;
        self.ranks[rank as usize].insert(self.turn, key);
        self.known.insert(key, Kept { value, bytes, turn: self.turn, rank });
        self.demote(bytes_max);
        while self.bytes.iter().sum::<usize>() > bytes_max {
            let Some(oldest) = self.ranks.iter().find_map(BTreeMap::first_key_value) else { break };
            let oldest = *oldest.1;
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
        self.bytes[kept.rank as usize] -= kept.bytes;
        self.ranks[kept.rank as usize].remove(&kept.turn);
        Some(kept)
    }
}
