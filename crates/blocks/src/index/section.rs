//! What the index of a block is made of: sections, each of which is read and checked alone.
//!
//! A new kind of section is a type that implements [`Section`], written with
//! [`IndexWriter::section`](super::file::IndexWriter::section) and loaded with
//! [`Index::section`](super::held::Index::section); readers that do not know the kind pass over it.

use crate::columns::sink::PAGE_ROWS;

/// The numbers of the kinds in the file.
pub(crate) mod kind {
    pub(crate) const BLOCK: u32 = 1;
    /// In version 1 only.
    pub(crate) const FIRST_GROUP: u32 = 2;
    pub(crate) const ZONES: u32 = 3;
    pub(crate) const RUNS: u32 = 4;
    pub(crate) const KEYS: u32 = 5;
    pub(crate) const PARTS: u32 = 7;
    pub(crate) const LISTING: u32 = 9;
    pub(crate) const CUBE: u32 = 10;
    pub(crate) const IDS: u32 = 11;
    pub(crate) const TOKENS: u32 = 12;
    pub(crate) const CALLS: u32 = 13;
    pub(crate) const CALL_CUBE: u32 = 14;
    pub(crate) const SUMMARIES: u32 = 15;
    pub(crate) const USES: u32 = 16;
    pub(crate) const USE_CUBE: u32 = 17;
    pub(crate) const VALUES: u32 = 18;
    /// The pieces of the lookup whose kind is this less.
    pub(crate) const PIECES: u32 = 128;
    /// The runs of a row group with their ids, which are kept in memory only.
    pub(crate) const TRACES: u32 = 1 << 16;
    /// The calls of a tenant's traces in several places, which are kept in memory only.
    pub(crate) const JOINED: u32 = (1 << 16) + 1;
    /// The hashes of the trace ids of a set, which are kept in memory only.
    pub(crate) const HASHES: u32 = (1 << 16) + 4;
    /// The spans of a tenant that stand there several times, which are kept in memory only.
    pub(crate) const REPEATS: u32 = (1 << 16) + 5;
    /// The spans of a tenant's head that stand there several times, which are kept in memory only.
    pub(crate) const REPEATS_OF_HEAD: u32 = (1 << 16) + 6;
    /// What some row groups of a block add up to, which is kept in memory only.
    pub(crate) const SUMS: u32 = (1 << 16) + 7;
    /// What the head adds up to, which is kept in memory only.
    pub(crate) const SUMS_OF_HEAD: u32 = (1 << 16) + 8;
    /// Where the traces of a tenant lie that lie in several places, which is kept in memory only.
    pub(crate) const WHEREABOUTS: u32 = (1 << 16) + 9;
    /// The directory of sections, which is kept in memory like a section.
    pub(crate) const DIRECTORY: u32 = 0;
}

/// What is known of the row group, or the block, that a section is about; of a tenant nothing is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// Its rows.
    pub(crate) rows: u32,
    /// The columns of the block.
    pub(crate) leaves: usize,
}

impl About {
    /// How many pages a column has.
    pub(crate) fn pages(self) -> usize {
        (self.rows as usize).div_ceil(PAGE_ROWS)
    }
}

/// A part of the index that is read at once.
pub(crate) trait Section: Sized + Send + Sync + 'static {
    /// Its number in the file.
    const KIND: u32;

    /// Its bytes, before they are compressed.
    fn write(&self) -> Vec<u8>;

    /// Reads what `write` wrote; `None` where the bytes are nothing of that kind. Their checksum was compared before.
    /// Nothing is reserved for a length that was only claimed.
    fn read(raw: &[u8], about: About) -> Option<Self>;

    /// What it takes in memory, about.
    fn bytes(&self) -> usize;
}
