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
#[derive(Debug)]
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

    /// The spans that others are like, with what they have in common, in the order in which that was found; one may stand
    /// there several times.
    pub(super) fn alike(&self) -> &[(Token, Spot)] {
        &self.alike
    }

    /// What it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let spans = (self.spans.capacity() + self.alike.capacity()) * size_of::<(Token, Spot)>();
        spans + size_of_val(&*self.slots) + self.noted.capacity() * 2 * size_of::<usize>()
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
#[derive(Debug)]
pub(super) struct Traces {
    bits: Vec<u64>,
    /// How many times one was added.
    added: usize,
}

/// Bits for each hash that is added.
const BITS_EACH: usize = 32;

impl Traces {
    /// With room for so many.
    pub(super) fn of(count: usize) -> Self {
        let bits = (count * BITS_EACH).next_power_of_two().max(64);
        Self { bits: vec![0; bits / 64], added: 0 }
    }

    pub(super) fn add(&mut self, hash: u32) {
        if self.added * BITS_EACH >= self.bits.len() * 64 {
            // A hash is at its remainder: in twice the bits that is the same place, or as far behind the middle.
            self.bits.extend_from_within(..);
        }
        let (word, bit) = self.place(hash);
        self.bits[word] |= bit;
        self.added += 1;
    }

    /// Those of an ascending list that may have been added, each once.
    pub(super) fn among(&self, hashes: &[u32]) -> Vec<u32> {
        let may_hold = |hash: &u32| {
            let (word, bit) = self.place(*hash);
            self.bits[word] & bit != 0
        };
        let mut found: Vec<u32> = hashes.iter().copied().filter(may_hold).collect();
        found.dedup();
        found
    }

    /// What they take in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.bits)
    }

    fn place(&self, hash: u32) -> (usize, u64) {
        let at = hash as usize & (self.bits.len() * 64 - 1);
        (at / 64, 1 << (at % 64))
    }
}
