//! Looks over the chunks of snappy's framing format, because the decoder passes over those that it does not know.
//!
//! Chunks of the types 0x80 to 0xfd are reserved and to be skipped (framing format, section 4.6). No encoder writes
//! them, but content turns into one where the highest bit of its type is damaged: it would be lost in silence.

const RESERVED_SKIPPABLE: std::ops::RangeInclusive<u8> = 0x80..=0xfd;

/// True where a chunk is of a type that is reserved and would be skipped.
pub(super) fn would_skip(mut input: &[u8]) -> bool {
    while let Some(([kind, length @ ..], rest)) = input.split_first_chunk::<4>() {
        if RESERVED_SKIPPABLE.contains(kind) {
            return true;
        }
        let [low, middle, high] = *length;
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
        input = rest.get(length..).unwrap_or_default();
    }
    false
}
