//! Finds spans that have trace, id and start in common: they may be one.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use model::SpanId;

/// Where a span stands; those of blocks come before those of the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Spot {
    /// The number of the block, or [`HEAD`].
    pub(super) block: u64,
    /// The number of the row group, or of the batch.
    pub(super) group: u32,
    pub(super) row: u32,
}

/// The block of spans that are in none.
pub(super) const HEAD: u64 = u64::MAX;

/// What spans that may be one have in common, as a number; others have it as well as seldom as chance has it.
pub(super) type Token = u64;

/// The token of a span, given that of its trace.
pub(super) fn token(trace: u64, span: SpanId, start: u64) -> Token {
    FixedState::with_seed(trace).hash_one((u64::from_le_bytes(span.0), start))
}

/// Spans by their tokens.
pub(super) struct Table {
    spans: Vec<(Token, Spot)>,
    /// Where a token leads to: its lower half, and the place of its first span after that; 0 where nothing is.
    slots: Vec<u64>,
    /// Spans whose tokens others have as well.
    alike: Vec<(Token, Spot)>,
    /// The places of the first spans among them.
    noted: HashSet<usize, FixedState>,
}

impl Table {
    /// With room for so many spans.
    pub(super) fn with_room(spans: usize) -> Self {
        let slots = vec![0; (2 * spans).next_power_of_two().max(2)];
        Self { spans: Vec::with_capacity(spans), slots, alike: Vec::new(), noted: HashSet::default() }
    }

    /// Compares a span with those that were added, and adds it.
    pub(super) fn add(&mut self, token: Token, spot: Spot) {
        if 2 * self.spans.len() >= self.slots.len() {
            self.grow();
        }
        let at = self.slot(token);
        if self.slots[at] == 0 {
            self.spans.push((token, spot));
            self.slots[at] = entry(token, self.spans.len());
        } else {
            self.note(at, token, spot);
        }
    }

    /// Compares a span with those that were added.
    pub(super) fn compare(&mut self, token: Token, spot: Spot) {
        let at = self.slot(token);
        if self.slots[at] != 0 {
            self.note(at, token, spot);
        }
    }

    /// The spans that others are like, with what they have in common.
    pub(super) fn alike(self) -> Vec<(Token, Spot)> {
        self.alike
    }

    /// The slot of a token, or the one that it would get.
    fn slot(&self, token: Token) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (token >> 32) as usize & mask;
        while self.slots[at] != 0 && self.slots[at] >> 32 != token & u64::from(u32::MAX) {
            at = (at + 1) & mask;
        }
        at
    }

    fn note(&mut self, at: usize, token: Token, spot: Spot) {
        let first = self.slots[at] as u32 as usize - 1;
        if self.noted.insert(first) {
            self.alike.push((token, self.spans[first].1));
        }
        self.alike.push((token, spot));
    }

    fn grow(&mut self) {
        self.slots = vec![0; 2 * self.slots.len()];
        for place in 0..self.spans.len() {
            let token = self.spans[place].0;
            let at = self.slot(token);
            self.slots[at] = entry(token, place + 1);
        }
    }
}

fn entry(token: Token, place: usize) -> u64 {
    token << 32 | place as u64
}

/// Hashes of traces: it may seem to hold one that was not added, never the other way round.
pub(super) struct Traces {
    bits: Vec<u64>,
    mask: usize,
}

/// Bits for each span of which the traces are added.
const BITS_PER_SPAN: usize = 32;

impl Traces {
    /// For the traces of so many spans.
    pub(super) fn of(spans: usize) -> Self {
        let bits = (spans * BITS_PER_SPAN).next_power_of_two().max(64);
        Self { bits: vec![0; bits / 64], mask: bits - 1 }
    }

    pub(super) fn add(&mut self, hash: u32) {
        let at = hash as usize & self.mask;
        self.bits[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn may_hold(&self, hash: u32) -> bool {
        let at = hash as usize & self.mask;
        self.bits[at / 64] >> (at % 64) & 1 == 1
    }
}
