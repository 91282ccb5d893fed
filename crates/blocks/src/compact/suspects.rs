//! Which traces may stand in several runs of rows.
//!
//! Known by bits of their ids' hashes: a trace in one run may seem to be in several, never the other way round. The bits
//! take four bytes per run, and never more than [`BITS_MAX`] say.

use crate::columns::shred::TraceRows;
use crate::index::tokens::id_token;

/// Bits of each of the two sets; with more runs than a sixteenth of it, more traces seem to be in several.
const BITS_MAX: u64 = 1 << 28;

/// Bits for each run.
const BITS_PER_RUN: u64 = 16;

/// The traces that may stand in several runs.
pub(super) struct Suspects {
    once: Vec<u64>,
    twice: Vec<u64>,
    mask: u64,
}

impl Suspects {
    /// None yet; so many runs will be added.
    pub(super) fn of(runs: u64) -> Self {
        let bits = (runs * BITS_PER_RUN).next_power_of_two().clamp(64, BITS_MAX);
        let words = (bits / 64) as usize;
        Self { once: vec![0; words], twice: vec![0; words], mask: bits - 1 }
    }

    /// Adds runs; those of which another was added before may stand in several.
    pub(super) fn add(&mut self, runs: &[TraceRows]) {
        for run in runs {
            let (word, bit) = place(run.id, self.mask);
            self.twice[word] |= self.once[word] & bit;
            self.once[word] |= bit;
        }
    }

    pub(super) fn may_hold(&self, id: model::TraceId) -> bool {
        let (word, bit) = place(id, self.mask);
        self.twice[word] & bit != 0
    }
}

fn place(id: model::TraceId, mask: u64) -> (usize, u64) {
    let at = id_token(id) & mask;
    ((at / 64) as usize, 1 << (at % 64))
}
