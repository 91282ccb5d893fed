//! A filter of tokens per page: says which pages may hold a key with a value.
//!
//! A token is the hash of level, key and value as text. The filter of a page holds the tokens of every value that no
//! dictionary holds: those of the tails and of the columns without a dictionary. It never says no to a value that is
//! there, and says yes to about one of a hundred that are not.

use std::ops::Deref;

use model::proto::{Field, Message};
use store::Level;

use super::packed::each;
use super::section::{About, Section, kind};

/// Bits of a filter per token.
const BITS_PER_TOKEN: usize = 10;

/// Bits that are set for a token, all in one line of the filter.
const PROBES: u32 = 6;

/// Words of a line: 512 bits, one cache line.
const LINE_WORDS: usize = 8;

/// The filter of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Lines of eight words.
    pub(crate) words: Vec<u64>,
}

/// The filters of the pages of a row group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filters(pub(crate) Vec<Filter>);

impl Deref for Filters {
    type Target = [Filter];

    fn deref(&self) -> &[Filter] {
        &self.0
    }
}

impl Section for Filters {
    const KIND: u32 = kind::FILTERS;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for filter in &self.0 {
            let words: Vec<u8> = filter.words.iter().flat_map(|word| word.to_le_bytes()).collect();
            out.bytes(1, &words);
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        let mut filters = Vec::new();
        each(raw, |number, field| {
            if let (1, Field::Bytes(raw)) = (number, field) {
                let (words, rest) = raw.as_chunks::<8>();
                (rest.is_empty() && words.len() % LINE_WORDS == 0).then_some(())?;
                let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
                filters.push(Filter { words });
            }
            Some(())
        })?;
        (filters.len() == about.pages()).then_some(Self(filters))
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|filter| size_of::<Filter>() + filter.words.len() * 8).sum()
    }
}

/// The hash of a level and key, to which values are added.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyToken(u64);

impl KeyToken {
    pub(crate) fn new(level: Level, key: &str) -> Self {
        Self(absorb(level_number(level) + 1, key.as_bytes()))
    }

    /// The token of the key with a value.
    pub(crate) fn with(self, text: &[u8]) -> u64 {
        finish(absorb(self.0, text))
    }
}

/// The number of a level in the format.
pub(crate) fn level_number(level: Level) -> u64 {
    match level {
        Level::Any => 0,
        Level::Resource => 1,
        Level::Scope => 2,
        Level::Span => 3,
        Level::Event => 4,
        Level::Link => 5,
    }
}

/// The token of a trace id.
pub(crate) fn id_token(id: model::TraceId) -> u64 {
    finish(absorb(0, &id.0))
}

impl Filter {
    /// The filter of these tokens, which come in any order and may repeat.
    pub(crate) fn of(tokens: &mut Vec<u64>) -> Self {
        tokens.sort_unstable();
        tokens.dedup();
        let lines = (tokens.len() * BITS_PER_TOKEN).div_ceil(64 * LINE_WORDS);
        let mut filter = Self { words: vec![0; lines * LINE_WORDS] };
        for token in tokens.iter() {
            for (word, bit) in places(*token, lines) {
                filter.words[word] |= bit;
            }
        }
        filter
    }

    /// False where the token is certainly not in the page.
    pub(crate) fn may_hold(&self, token: u64) -> bool {
        let lines = self.words.len() / LINE_WORDS;
        lines > 0 && places(token, lines).all(|(word, bit)| self.words[word] & bit != 0)
    }
}

fn places(token: u64, lines: usize) -> impl Iterator<Item = (usize, u64)> {
    let line = (((token >> 32) * lines as u64) >> 32) as usize;
    let bits = token.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..PROBES).map(move |probe| {
        let place = ((bits >> (9 * probe + 10)) & 511) as usize;
        (line * LINE_WORDS + place / 64, 1 << (place % 64))
    })
}

/// Mixes bytes in, eight at a time; part of the format.
fn absorb(mut state: u64, bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x517c_c1b7_2722_0a95;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = (state.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    state = (state.rotate_left(5) ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    (state.rotate_left(5) ^ bytes.len() as u64).wrapping_mul(FACTOR)
}

fn finish(mut state: u64) -> u64 {
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    state = state.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}
