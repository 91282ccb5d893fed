//! Trace and span ids: 16 and 8 bytes, written as lower-case hexadecimal.
//!
//! Shorter ids of older systems are padded with zeros on the left, which is what every reader of them does.

use std::fmt;

/// The id of a trace, 16 bytes (W3C Trace Context §3.2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span inside its trace, 8 bytes; all zero means "none".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// Reads 1 to 32 hexadecimal digits of any case; missing digits are zeros on the left. A zero id is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        padded(text).map(Self).filter(|id| !id.is_zero())
    }

    /// True for the id that the specification calls invalid.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl SpanId {
    /// Reads 1 to 16 hexadecimal digits of any case; missing digits are zeros on the left. A zero id is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        padded(text).map(Self).filter(|id| !id.is_zero())
    }

    /// True for the id that means "no span".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 8]
    }
}

fn padded<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 2 * N {
        return None;
    }
    let mut id = [0; N];
    for (place, digit) in digits.iter().rev().enumerate() {
        let value = char::from(*digit).to_digit(16)? as u8;
        id[N - 1 - place / 2] |= value << (4 * (place % 2));
    }
    Some(id)
}

fn write_hex(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    let text = std::str::from_utf8(&text[..2 * bytes.len()]).expect("hexadecimal digits are ASCII");
    out.pad(text)
}

impl fmt::Display for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, out)
    }
}

#[cfg(test)]
mod tests;
