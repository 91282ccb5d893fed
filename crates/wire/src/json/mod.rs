//! JSON, both ways, without objects: a reader that hands over what it meets, and a writer that places the commas.
//!
//! Source: RFC 8259. The reader recurses only where its caller does; values that nobody asks for are skipped in a
//! loop. Strings stay bytes: invalid UTF-8 is passed on, since the walk over a batch mends and counts it.

mod read;
pub(crate) mod scalar;
mod write;

pub use read::JsonError;
pub(crate) use read::{Outcome, Reader, shown};
pub use write::Writer;

/// How many bytes come before the first one that a JSON string can't hold as it is: a quote, a backslash, a control.
///
/// Eight bytes at a time: a byte that equals a letter is zero after the exclusive or, and subtracting one from a zero
/// byte (or a blank from a control) sets its highest bit. A borrow can only set bits above the first true one.
#[inline]
fn plain_run(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * u64::from(b' ')) & !word;
        let found = (quotes | backslashes | controls) & HIGHS;
        if found != 0 {
            return place * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let run = rest.iter().position(is_special).unwrap_or(rest.len());
    words.len() * 8 + run
}

#[cfg(test)]
mod tests;
