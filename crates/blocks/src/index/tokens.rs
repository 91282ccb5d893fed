//! Tokens: what is looked up to know which pages may hold a key with a value, or where a trace is.
//!
//! A token is the hash of level, key and value as text. A lookup leads from it to the pages of row groups that have the
//! value in a tail or a column without a dictionary, and to the row groups that have it in a dictionary. It never leaves
//! out a place that has the value.

use store::Level;

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

/// The key under which the names of spans are looked up, at no level.
pub(crate) const NAME_KEY: &str = "name";

/// The key under which the traces that links lead to are looked up, at no level.
const LINK_KEY: &str = "link";

/// The token of links that lead to a trace.
pub(crate) fn link_token(to: model::TraceId) -> u64 {
    KeyToken::new(Level::Any, LINK_KEY).with(&to.0)
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
