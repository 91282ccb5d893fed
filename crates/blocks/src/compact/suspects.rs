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
    bits: Vec<u64>,
    mask: u64,
}

impl Suspects {
    /// Those of which these lists hold more than one run.
    pub(super) fn among<'r>(lists: impl Iterator<Item = &'r [TraceRows]> + Clone) -> Self {
        let runs: u64 = lists.clone().map(|runs| runs.len() as u64).sum();
        let bits = (runs * BITS_PER_RUN).next_power_of_two().clamp(64, BITS_MAX);
        let words = (bits / 64) as usize;
        let (mut once, mut twice) = (vec![0_u64; words], vec![0_u64; words]);
        for run in lists.flatten() {
            let (word, bit) = place(run.id, bits - 1);
            twice[word] |= once[word] & bit;
            once[word] |= bit;
        }
        Self { bits: twice, mask: bits - 1 }
    }

    pub(super) fn may_hold(&self, id: model::TraceId) -> bool {
        let (word, bit) = place(id, self.mask);
        self.bits[word] & bit != 0
    }
}

fn place(id: model::TraceId, mask: u64) -> (usize, u64) {
    let at = id_token(id) & mask;
    ((at / 64) as usize, 1 << (at % 64))
}
