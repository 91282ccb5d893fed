//! Where a hash leads to: sorted hashes with their places, in pieces that are read and checked alone.
//!
//! A lookup reads one piece of a few KiB, whatever the size of the block. It may answer a place too many, as often as
//! hashes of its few bits agree by chance, and never one too few.

use std::ops::Range;

use model::proto::Message;

use super::packed::{Bits, Packed, Parsed, Unpacked, bit_width, bits_at};
use super::section::{About, Section};

/// A piece holds about so many entries.
const PIECE_ENTRIES: usize = 1024;

/// Hashes of so many bits are kept in memory, and at most so many on disk.
pub(crate) const HASH_BITS: u32 = 32;

/// The part of a token's or an id's hash that is looked up.
pub(crate) fn short(hash: u64) -> u32 {
    (hash >> (64 - HASH_BITS)) as u32
}

/// Hashes with their places, sorted, in memory: of a row group of a block that grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sorted(Vec<u64>);

impl Sorted {
    /// Takes pairs in any order.
    pub(crate) fn new(pairs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut entries: Vec<u64> = pairs.map(|(hash, place)| entry(hash, place)).collect();
        entries.sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        Self(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Its bytes, for another node.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u64).to_le_bytes());
        self.0.iter().for_each(|entry| out.extend_from_slice(&entry.to_le_bytes()));
    }

    /// Reads what `write` wrote, and answers what follows it; `None` where that is something else.
    pub(crate) fn read(raw: &[u8]) -> Option<(Self, &[u8])> {
        let (count, rest) = raw.split_first_chunk::<8>()?;
        let bytes = usize::try_from(u64::from_le_bytes(*count)).ok()?.checked_mul(8)?;
        let (entries, rest) = rest.split_at_checked(bytes)?;
        let entries: Vec<u64> =
            entries.as_chunks::<8>().0.iter().map(|entry| u64::from_le_bytes(*entry)).collect();
        entries.is_sorted().then_some((Self(entries), rest))
    }

    /// The places of a hash.
    pub(crate) fn places(&self, hash: u32) -> impl Iterator<Item = u32> {
        let first = self.0.partition_point(|entry| *entry < u64::from(hash) << 32);
        let same = self.0[first..].iter().take_while(move |entry| (**entry >> 32) as u32 == hash);
        same.map(|entry| *entry as u32)
    }

    /// The hashes, each as often as it has places.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|entry| (*entry >> 32) as u32)
    }

    /// One list of several, each with what becomes of its places.
    pub(crate) fn merged<'a, F: Fn(u32) -> u32>(lists: impl Iterator<Item = (&'a Self, F)>) -> Self {
        let mut entries = Vec::new();
        for (list, moved) in lists {
            entries.extend(list.0.iter().map(|known| (known >> 32 << 32) | u64::from(moved(*known as u32))));
        }
        entries.sort_unstable();
        Self(entries)
    }

    /// Replaces the places of every hash that has more than `places_max` by the one place `everywhere`.
    pub(crate) fn folded(self, places_max: usize, everywhere: u32) -> Self {
        let mut entries = Vec::with_capacity(self.0.len());
        for same in self.0.chunk_by(|left, right| left >> 32 == right >> 32) {
            if same.len() > places_max {
                entries.push(entry((same[0] >> 32) as u32, everywhere));
            } else {
                entries.extend_from_slice(same);
            }
        }
        Self(entries)
    }
}

fn entry(hash: u32, place: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(place)
}

/// How the entries of a lookup are laid out, and where its pieces lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head<const KIND: u32> {
    /// Leading bits of a hash that are kept.
    hash_bits: u32,
    /// Of them, the leading ones, that say in which piece it is.
    piece_bits: u32,
    /// Of them, the last ones, that stand beside the place.
    low_bits: u32,
    place_bits: u32,
    /// Where the first piece begins in the file.
    at: u64,
    /// The length of each piece, and its checksum.
    pieces: Vec<(u32, u32)>,
    /// Where each piece begins, from the first one.
    begins: Vec<u64>,
}

/// Bytes of one piece and what they are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) number: u32,
    pub(crate) range: Range<u64>,
    pub(crate) crc: u32,
}

impl<const KIND: u32> Head<KIND> {
    /// Lays entries out; `spare_bits` of the hash make a wrong place as seldom as 1 in 2 to that power. Answers the
    /// pieces too, which begin at `at`.
    pub(crate) fn lay_out(sorted: &Sorted, spare_bits: u32, at: u64) -> (Self, Vec<u8>) {
        let count = sorted.len().max(1);
        let hash_bits = (bit_width(count as u64 - 1) + spare_bits).min(HASH_BITS);
        let piece_bits = bit_width((count / PIECE_ENTRIES) as u64).min(hash_bits);
        let per_piece = bit_width((count >> piece_bits) as u64);
        let low_bits = (hash_bits - piece_bits).saturating_sub(per_piece);
        let largest = sorted.0.iter().map(|entry| *entry as u32).max().unwrap_or(0);
        let mut head = Self {
            hash_bits,
            piece_bits,
            low_bits,
            place_bits: bit_width(largest.into()),
            at,
            ..Self::default()
        };
        let (mut body, mut rest) = (Vec::new(), &sorted.0[..]);
        for number in 0..1_u64 << piece_bits {
            let end = (number + 1) << (HASH_BITS - piece_bits);
            let (here, after) = rest.split_at(rest.partition_point(|entry| entry >> 32 < end));
            let piece = head.piece_of(here);
            head.pieces.push((piece.len() as u32, crc32c::crc32c(&piece)));
            body.extend(piece);
            rest = after;
        }
        head.begin();
        (head, body)
    }

    /// Where the piece lies that a hash is in.
    pub(crate) fn spot(&self, hash: u32) -> Option<Spot> {
        let number = (u64::from(hash) >> (HASH_BITS - self.piece_bits)) as u32;
        let (length, crc) = *self.pieces.get(number as usize)?;
        let begin = self.at.checked_add(self.begins[number as usize])?;
        Some(Spot { number, range: begin..begin.checked_add(u64::from(length))?, crc })
    }

    /// The bytes of a piece, if they are one of this lookup's.
    pub(crate) fn piece(&self, raw: &[u8]) -> Option<Piece> {
        let count = u32::from_le_bytes(raw.get(..4)?.try_into().ok()?) as usize;
        let upper = count.checked_add(self.buckets())?;
        let entry_bits = (self.low_bits + self.place_bits) as usize;
        let length = 4 + upper.div_ceil(8) + count.checked_mul(entry_bits)?.div_ceil(8);
        if raw.len() != length {
            return None;
        }
        let piece = Piece { raw: raw.into(), upper, entry_bits };
        let ones = (0..upper).filter(|at| piece.is_entry(*at)).count();
        (ones == count && !piece.is_entry(upper - 1)).then_some(piece)
    }

    /// The places of a hash in its piece.
    pub(crate) fn places(&self, hash: u32, piece: &Piece) -> Vec<u32> {
        let in_piece = self.in_piece(hash);
        let (bucket, low) = ((in_piece >> self.low_bits) as usize, in_piece & self.low_mask());
        let mut found = Vec::new();
        let mut at = piece.begin_of(bucket);
        while piece.is_entry(at) {
            let entry = piece.entry(at - bucket);
            if entry & self.low_mask() == low {
                found.push((entry >> self.low_bits) as u32);
            }
            at += 1;
        }
        found
    }

    /// The first hash of each piece.
    pub(crate) fn piece_hashes(&self) -> impl Iterator<Item = u32> {
        let bits = HASH_BITS - self.piece_bits;
        (0..self.pieces.len() as u64).map(move |number| (number << bits) as u32)
    }

    /// The hashes in a piece that begins with this one, as far as their bits are kept.
    pub(crate) fn hashes(&self, first: u32, piece: &Piece) -> Vec<u32> {
        let (mut bucket, mut number) = (0_u64, 0);
        let mut found = Vec::new();
        for at in 0..piece.upper {
            if !piece.is_entry(at) {
                bucket += 1;
                continue;
            }
            let kept = bucket << self.low_bits | (piece.entry(number) & self.low_mask());
            found.push(first | (kept << (HASH_BITS - self.hash_bits)) as u32);
            number += 1;
        }
        found
    }

    /// The kept bits of a hash after those that say its piece.
    fn in_piece(&self, hash: u32) -> u64 {
        let kept = u64::from(hash) >> (HASH_BITS - self.hash_bits);
        kept & ((1 << (self.hash_bits - self.piece_bits)) - 1)
    }

    fn low_mask(&self) -> u64 {
        (1 << self.low_bits) - 1
    }

    fn buckets(&self) -> usize {
        1 << (self.hash_bits - self.piece_bits - self.low_bits)
    }

    fn piece_of(&self, entries: &[u64]) -> Vec<u8> {
        let mut out = (entries.len() as u32).to_le_bytes().to_vec();
        let mut upper = Bits::default();
        let mut bucket = 0;
        for entry in entries {
            let of = self.in_piece((entry >> 32) as u32) >> self.low_bits;
            upper.put(0, (of - bucket) as u32);
            upper.put(1, 1);
            bucket = of;
        }
        upper.put(0, (self.buckets() as u64 - bucket) as u32);
        let mut lower = Bits::default();
        for entry in entries {
            lower.put(self.in_piece((entry >> 32) as u32) & self.low_mask(), self.low_bits);
            lower.put(u64::from(*entry as u32), self.place_bits);
        }
        out.extend(upper.bytes);
        out.extend(lower.bytes);
        out
    }

    fn begin(&mut self) {
        let mut next = 0;
        for (length, _) in &self.pieces {
            self.begins.push(next);
            next += u64::from(*length);
        }
    }
}

impl<const KIND: u32> Section for Head<KIND> {
    const KIND: u32 = KIND;

    fn write(&self) -> Vec<u8> {
        let mut pieces = Packed::default();
        for (length, crc) in &self.pieces {
            pieces.put(u64::from(*length));
            pieces.put(u64::from(*crc));
        }
        let mut out = Message::new();
        out.varint(1, u64::from(self.hash_bits));
        out.varint(2, u64::from(self.piece_bits));
        out.varint(3, u64::from(self.low_bits));
        out.varint(4, u64::from(self.place_bits));
        out.varint(5, self.at);
        out.bytes(6, &pieces.0);
        out.into_bytes()
    }

    fn read(raw: &[u8], _: About) -> Option<Self> {
        let parsed = Parsed::of(raw)?;
        let number = |field| parsed.number(field).unwrap_or(0);
        let small = |field| u32::try_from(number(field)).ok().filter(|bits| *bits <= HASH_BITS);
        let (hash_bits, piece_bits, low_bits) = (small(1)?, small(2)?, small(3)?);
        let mut head =
            Self { hash_bits, piece_bits, low_bits, place_bits: small(4)?, at: number(5), ..Self::default() };
        let mut pieces = Unpacked(parsed.bytes(6)?);
        while !pieces.is_done() {
            head.pieces.push((pieces.u32()?, pieces.u32()?));
        }
        let bucket_bits = hash_bits.checked_sub(piece_bits)?.checked_sub(low_bits)?;
        head.begin();
        (bucket_bits <= BUCKET_BITS_MAX && head.pieces.len() as u64 == 1 << piece_bits).then_some(head)
    }

    fn bytes(&self) -> usize {
        self.pieces.len() * 16
    }
}

/// More buckets than this are not made for a piece.
const BUCKET_BITS_MAX: u32 = 20;

/// A piece of a lookup: for every bucket of hashes its entries, each a 1, and then a 0; after these bits the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    raw: Box<[u8]>,
    /// How many bits stand before the entries.
    upper: usize,
    entry_bits: usize,
}

impl Piece {
    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.raw.len()
    }

    fn is_entry(&self, at: usize) -> bool {
        at < self.upper && self.raw[4 + at / 8] >> (at % 8) & 1 == 1
    }

    /// The place after the zero that ends the bucket before.
    fn begin_of(&self, bucket: usize) -> usize {
        let (mut at, mut left) = (0, bucket);
        // Words, and then a byte at a time, are passed as long as the zero is not among theirs.
        while let Some(word) = self.raw[4 + at / 8..].first_chunk().filter(|_| at + 64 <= self.upper) {
            let zeros = u64::from_le_bytes(*word).count_zeros() as usize;
            if zeros >= left {
                break;
            }
            (at, left) = (at + 64, left - zeros);
        }
        while at + 8 <= self.upper {
            let zeros = self.raw[4 + at / 8].count_zeros() as usize;
            if zeros >= left {
                break;
            }
            (at, left) = (at + 8, left - zeros);
        }
        while left > 0 && at < self.upper {
            left -= usize::from(!self.is_entry(at));
            at += 1;
        }
        at
    }

    fn entry(&self, number: usize) -> u64 {
        let entries = &self.raw[4 + self.upper.div_ceil(8)..];
        bits_at(entries, number * self.entry_bits, self.entry_bits)
    }
}
