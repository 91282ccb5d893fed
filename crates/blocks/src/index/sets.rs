//! Lookups of tokens and of trace ids, each over several row groups.
//!
//! While a block grows, the lookups of its last row groups are in memory ([`Live`]); once there are many, and when the
//! block is closed, they become one on disk.

use std::sync::Arc;

use model::TraceId;

use super::block::GroupFacts;
use super::file::IndexWriter;
use super::held::Index;
use super::lookup::{Head, Sorted, short};
use super::section::{About, kind};
use super::tokens::id_token;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;

/// So many entries are in memory before a lookup is written: 8 MiB, and three times that while it is.
const ENTRIES_MAX: usize = 1 << 20;

/// Of how many lookups of absent tokens one leads to a page, as a power of two.
const TOKEN_SPARE_BITS: u32 = 4;

/// Ids are told apart by so many bits more than there are runs, at most 32 in all.
const ID_SPARE_BITS: u32 = 32;

/// A token on more than this part of the pages of a set seems to be everywhere.
const EVERYWHERE_PART: usize = 2;

/// The place of a row group's dictionaries, after those of its pages.
const DICTIONARIES: u32 = 32;

/// The lookup of trace ids: the runs of rows, counted over the set.
type Ids = Head<{ kind::IDS }>;

/// The lookup of tokens: the pages, counted over the set, then the dictionaries of its groups, then everywhere.
type Tokens = Head<{ kind::TOKENS }>;

/// What of one row group can be looked up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Live {
    tokens: Sorted,
    ids: Sorted,
}

/// Where in a row group a token may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// A bit for each page.
    pub(crate) pages: u32,
    pub(crate) in_dictionary: bool,
}

/// Where a row group stands in its set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InSet {
    set: u32,
    first_page: u32,
    pages: u32,
    /// The place of its dictionaries.
    dictionaries: u32,
    /// The place of what is everywhere.
    everywhere: u32,
    first_run: u32,
    runs: u32,
}

impl InSet {
    /// Where the groups stand of which so many, one after the other, are a set; `None` where they are not as many.
    pub(crate) fn all(groups: &[GroupFacts], sets: &[u32]) -> Option<Vec<Self>> {
        let mut places = Vec::with_capacity(groups.len());
        let mut rest = groups;
        for (set, count) in (0..).zip(sets) {
            let (here, after) = rest.split_at_checked(*count as usize)?;
            let (mut first_page, mut first_run) = (0_u32, 0_u32);
            let set_pages: u32 = here.iter().map(pages).sum();
            for (number, group) in (0..).zip(here) {
                let (pages, runs) = (pages(group), group.runs);
                let (dictionaries, everywhere) = (set_pages + number, set_pages + count);
                places.push(Self { set, first_page, pages, dictionaries, everywhere, first_run, runs });
                first_page += pages;
                first_run = first_run.checked_add(runs)?;
            }
            rest = after;
        }
        rest.is_empty().then_some(places)
    }

    /// The number of the set.
    pub(crate) fn set(self) -> u32 {
        self.set
    }

    /// The places in the set that have a token.
    pub(crate) fn with_token(self, index: &Index, token: u64) -> Result<Vec<u32>> {
        look::<{ kind::TOKENS }>(index, self.set, short(token))
    }

    /// Which of these places are in the group.
    pub(crate) fn found(self, places: &[u32]) -> Found {
        let mut found = Found::default();
        for place in places {
            if *place == self.everywhere {
                return Found { pages: u32::MAX, in_dictionary: true };
            }
            found.in_dictionary |= *place == self.dictionaries;
            if self.first_page <= *place && *place < self.first_page + self.pages {
                found.pages |= 1 << (place - self.first_page);
            }
        }
        found
    }

    /// The runs of the set that may be of a trace.
    pub(crate) fn with_id(self, index: &Index, id: TraceId) -> Result<Vec<u32>> {
        self.with_hash(index, short(id_token(id)))
    }

    /// The runs of the set whose trace ids have this hash.
    pub(crate) fn with_hash(self, index: &Index, hash: u32) -> Result<Vec<u32>> {
        look::<{ kind::IDS }>(index, self.set, hash)
    }

    /// Which of these runs are the group's, counted from its first.
    pub(crate) fn own_runs(self, runs: &[u32]) -> Vec<u32> {
        let own = |run: &&u32| self.first_run <= **run && **run - self.first_run < self.runs;
        runs.iter().filter(own).map(|run| run - self.first_run).collect()
    }

    /// The hashes of all trace ids of the set.
    pub(crate) fn id_hashes(self, index: &Index) -> Result<Vec<u32>> {
        let head = index.section::<Ids>(self.set, NOTHING)?;
        let mut hashes = Vec::new();
        for first in head.piece_hashes() {
            let Some(spot) = head.spot(first) else { continue };
            let piece = index.piece(&head, self.set, &spot)?;
            hashes.extend(head.hashes(first, &piece));
        }
        Ok(hashes)
    }
}

impl Live {
    /// Takes the tokens of each page, those in dictionaries, and the ids of the runs, in row order.
    pub(crate) fn new(
        paged: &[Vec<u64>],
        in_dictionaries: &[u64],
        ids: impl Iterator<Item = TraceId>,
    ) -> Self {
        let paged =
            (0..).zip(paged).flat_map(|(page, tokens)| tokens.iter().map(move |token| (*token, page)));
        let tokens = paged.chain(in_dictionaries.iter().map(|token| (*token, DICTIONARIES)));
        Self {
            tokens: Sorted::new(tokens.map(|(token, place)| (short(token), place))),
            ids: Sorted::new((0..).zip(ids).map(|(run, id)| (short(id_token(id)), run))),
        }
    }

    /// Its bytes, for another node.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity((self.tokens.len() + self.ids.len() + 2) * 8);
        self.tokens.write(&mut out);
        self.ids.write(&mut out);
        out
    }

    /// Reads what `write` wrote; `None` where that is something else.
    pub(crate) fn read(raw: &[u8]) -> Option<Self> {
        let (tokens, rest) = Sorted::read(raw)?;
        let (ids, rest) = Sorted::read(rest)?;
        rest.is_empty().then_some(Self { tokens, ids })
    }

    /// The places that have a token.
    pub(crate) fn with_token(&self, token: u64) -> Vec<u32> {
        self.tokens.places(short(token)).collect()
    }

    /// Where in the group these places are.
    pub(crate) fn found(places: &[u32]) -> Found {
        let mut found = Found::default();
        for place in places {
            match *place {
                DICTIONARIES => found.in_dictionary = true,
                page => found.pages |= 1 << page,
            }
        }
        found
    }

    /// The runs that may be of a trace.
    pub(crate) fn with_id(&self, id: TraceId) -> Vec<u32> {
        self.with_hash(short(id_token(id)))
    }

    /// The runs whose trace ids have this hash.
    pub(crate) fn with_hash(&self, hash: u32) -> Vec<u32> {
        self.ids.places(hash).collect()
    }

    /// The hashes of all trace ids.
    pub(crate) fn id_hashes(&self) -> Vec<u32> {
        self.ids.hashes().collect()
    }
}

// A group's pages are told by the bits of one number.
const _: () = assert!(crate::columns::order::GROUP_ROWS_MAX <= DICTIONARIES as usize * PAGE_ROWS);

/// A lookup needs to know nothing of its row groups.
const NOTHING: About = About { rows: 0, leaves: 0 };

fn pages(group: &GroupFacts) -> u32 {
    group.rows.div_ceil(PAGE_ROWS as u32)
}

fn look<const KIND: u32>(index: &Index, set: u32, hash: u32) -> Result<Vec<u32>> {
    let head = index.section::<Head<KIND>>(set, NOTHING)?;
    let Some(spot) = head.spot(hash) else { return Ok(Vec::new()) };
    let piece = index.piece(&head, set, &spot)?;
    Ok(head.places(hash, &piece))
}

/// The row groups whose lookups are not on disk yet.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    open: Vec<(Arc<Live>, u32, u32)>,
    /// How many groups each written set has.
    pub(crate) written: Vec<u32>,
}

impl Sets {
    /// Adds the next row group.
    pub(crate) fn add(&mut self, live: Arc<Live>, facts: &GroupFacts) {
        self.open.push((live, pages(facts), facts.runs));
    }

    /// How many groups are not on disk yet.
    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    /// True where it is time to write what is in memory.
    pub(crate) fn is_full(&self) -> bool {
        self.open.iter().map(|(live, _, _)| live.tokens.len() + live.ids.len()).sum::<usize>() >= ENTRIES_MAX
    }

    /// Writes the lookups of the groups that are in memory.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write(&mut self, writer: &mut IndexWriter) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let set = self.written.len() as u32;
        let set_pages: u32 = self.open.iter().map(|(_, pages, _)| pages).sum();
        let everywhere = set_pages + self.open.len() as u32;
        let (mut first_page, mut dictionaries) = (0, set_pages);
        let tokens = Sorted::merged(self.open.iter().map(|(live, pages, _)| {
            let (base, own) = (first_page, dictionaries);
            (first_page, dictionaries) = (first_page + pages, dictionaries + 1);
            (&live.tokens, move |place| if place == DICTIONARIES { own } else { base + place })
        }));
        let tokens = tokens.folded((set_pages as usize / EVERYWHERE_PART).max(1), everywhere);
        let (head, pieces) = Tokens::lay_out(&tokens, TOKEN_SPARE_BITS, writer.at());
        drop(tokens);
        writer.raw(kind::TOKENS + kind::PIECES, set, &pieces)?;
        writer.section(set, &head)?;
        let mut first_run = 0;
        let ids = Sorted::merged(self.open.iter().map(|(live, _, runs)| {
            let base = first_run;
            first_run += runs;
            (&live.ids, move |run| base + run)
        }));
        let (head, pieces) = Ids::lay_out(&ids, ID_SPARE_BITS, writer.at());
        writer.raw(kind::IDS + kind::PIECES, set, &pieces)?;
        writer.section(set, &head)?;
        self.written.push(self.open.len() as u32);
        self.open.clear();
        Ok(())
    }
}
