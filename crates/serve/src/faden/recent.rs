//! What pages look at, kept at hand: whole traces, so that a look into a span does not read one again, and skeletons, so
//! that a part of a large one is unfolded at once.
//!
//! Each kind is bounded by its bytes; what was not asked for longest goes first, and what is larger is never kept. After
//! its time it is made again, since spans come late and go by their age.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::time::UnixNanos;
use model::{Clock, Tenant, TraceId};

/// Bytes of all traces that are kept at hand, structure included.
pub const RECENT_BYTES_MAX: u64 = 128 << 20;
/// Bytes of all skeletons that are kept at hand.
pub const SKELETON_BYTES_MAX: u64 = 192 << 20;

/// How old a trace may be, in nanoseconds.
pub(super) const RECENT_AGE_MAX: u64 = 30_000_000_000;
/// How old a skeleton may be: whoever unfolds a part means the rows that they have seen.
pub(super) const SKELETON_AGE_MAX: u64 = 600_000_000_000;

/// The last things of one kind, the latest first.
pub(super) struct Recent<T> {
    clock: Arc<dyn Clock>,
    bytes_max: u64,
    age_max: u64,
    kept: Mutex<VecDeque<Kept<T>>>,
}

struct Kept<T> {
    tenant: Tenant,
    id: TraceId,
    thing: Arc<T>,
    bytes: u64,
    read: UnixNanos,
}

impl<T> Recent<T> {
    pub(super) fn new(clock: &Arc<dyn Clock>, bytes_max: u64, age_max: u64) -> Self {
        Self { clock: Arc::clone(clock), bytes_max, age_max, kept: Mutex::default() }
    }

    /// What is at hand of a trace, if it is young enough.
    pub(super) fn get(&self, tenant: &Tenant, id: TraceId) -> Option<Arc<T>> {
        let now = self.clock.now();
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| now.saturating_sub(kept.read) <= self.age_max);
        let at = all.iter().position(|kept| kept.id == id && kept.tenant == *tenant)?;
        let kept = all.remove(at)?;
        let thing = Arc::clone(&kept.thing);
        all.push_front(kept);
        Some(thing)
    }

    /// Keeps what was just made of a trace, instead of what was known of it.
    pub(super) fn put(&self, (tenant, id): (&Tenant, TraceId), thing: &Arc<T>, bytes: u64) {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.id != id || kept.tenant != *tenant);
        if bytes > self.bytes_max {
            return;
        }
        let thing = Arc::clone(thing);
        all.push_front(Kept { tenant: tenant.clone(), id, thing, bytes, read: self.clock.now() });
        let mut sum: u64 = all.iter().map(|kept| kept.bytes).sum();
        while sum > self.bytes_max {
            sum -= all.pop_back().map_or(0, |oldest| oldest.bytes);
        }
    }

    /// Keeps nothing, since spans were erased.
    pub(super) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
