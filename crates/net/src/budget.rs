//! A budget in bytes that many requests share.
//!
//! Whoever is about to hold bytes reserves them first. A full budget never makes anybody wait: the
//! reservation fails at once, and the caller refuses the request with a retry hint.
//! What was reserved comes back when its [`Permit`] is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// So many bytes, and no more, may be in flight at one time.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    bytes_max: usize,
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl Budget {
    /// A budget of `bytes_max`.
    pub fn new(bytes_max: usize) -> Budget {
        Budget(Arc::new(Account { bytes_max, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }))
    }

    /// Takes `bytes` out of the budget, or nothing at all when there are not as many left.
    pub fn reserve(&self, bytes: usize) -> Option<Permit> {
        self.take(bytes).then(|| Permit { budget: self.clone(), bytes })
    }

    /// The size of the budget.
    pub fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// What is reserved now.
    pub fn used(&self) -> usize {
        self.0.used.load(Relaxed)
    }

    /// The most that was ever reserved at one time.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let room = |used: usize| used.checked_add(bytes).filter(|after| *after <= self.0.bytes_max);
        match self.0.used.fetch_update(Relaxed, Relaxed, room) {
            Ok(before) => {
                self.0.peak.fetch_max(before + bytes, Relaxed);
                true
            }
            Err(_) => false,
        }
    }
}

/// Bytes taken out of a [`Budget`] until this is dropped.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    bytes: usize,
}

impl Permit {
    /// How many bytes are held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// An empty permit of the same budget.
    pub fn sibling(&self) -> Permit {
        Permit { budget: self.budget.clone(), bytes: 0 }
    }

    /// Holds at least `bytes` from now on; false, and unchanged, when the budget has no room.
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let grown = more == 0 || self.budget.take(more);
        if grown {
            self.bytes += more;
        }
        grown
    }

    /// Gives back what is held beyond `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        self.budget.0.used.fetch_sub(less, Relaxed);
        self.bytes -= less;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests;
