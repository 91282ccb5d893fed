//! Remembers batches that met a bug, so that their clients do not send them for ever.
//!
//! Bounded by [`REMEMBERED_MAX`]; the oldest is forgotten first.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

const REMEMBERED_MAX: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Poison {
    /// As long as there is none, nothing is hashed.
    any: AtomicBool,
    hashes: Mutex<VecDeque<u64>>,
}

impl Poison {
    /// True if these bytes met a bug before.
    pub(super) fn is_known(&self, bytes: &[u8]) -> bool {
        self.any.load(Relaxed)
            && self.hashes.lock().unwrap_or_else(PoisonError::into_inner).contains(&hash(bytes))
    }

    pub(super) fn remember(&self, bytes: &[u8]) {
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if hashes.len() == REMEMBERED_MAX {
            hashes.pop_front();
        }
        hashes.push_back(hash(bytes));
        self.any.store(true, Relaxed);
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
