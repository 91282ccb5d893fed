//! The traces that pages look at: the last ones are kept at hand, so that a look into a span does not read them again.
//!
//! Bounded by [`RECENT_BYTES_MAX`]; what was not asked for longest goes first, and a trace that is larger is never kept.
//! After [`RECENT_AGE_MAX`] it is read again, since spans come late and go by their age.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use model::time::UnixNanos;
use model::{Clock, Tenant, Trace, TraceId};

/// Bytes of all traces that are kept at hand, structure included.
pub const RECENT_BYTES_MAX: u64 = 128 << 20;

/// How old they may be, in nanoseconds.
pub(super) const RECENT_AGE_MAX: u64 = 30_000_000_000;

/// The last traces, the latest first.
pub(super) struct Recent {
    clock: Arc<dyn Clock>,
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    tenant: Tenant,
    trace: Arc<Trace>,
    bytes: u64,
    read: UnixNanos,
}

impl Recent {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// The trace, if it is at hand and young enough.
    pub(super) fn get(&self, tenant: &Tenant, id: TraceId) -> Option<Arc<Trace>> {
        let now = self.clock.now();
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| now.saturating_sub(kept.read) <= RECENT_AGE_MAX);
        let at = all.iter().position(|kept| kept.trace.id() == id && kept.tenant == *tenant)?;
        let kept = all.remove(at)?;
        let trace = Arc::clone(&kept.trace);
        all.push_front(kept);
        Some(trace)
    }

    /// Keeps a trace that was just read, instead of what was known of it.
    pub(super) fn put(&self, tenant: &Tenant, trace: &Arc<Trace>) {
        let bytes = trace.memory_bytes();
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|kept| kept.trace.id() != trace.id() || kept.tenant != *tenant);
        if bytes > RECENT_BYTES_MAX {
            return;
        }
        let kept = Kept { tenant: tenant.clone(), trace: Arc::clone(trace), bytes, read: self.clock.now() };
        all.push_front(kept);
        let mut sum: u64 = all.iter().map(|kept| kept.bytes).sum();
        while sum > RECENT_BYTES_MAX {
            sum -= all.pop_back().map_or(0, |oldest| oldest.bytes);
        }
    }

    /// Keeps nothing, since spans were erased.
    pub(super) fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
