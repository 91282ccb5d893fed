//! Finds where an LZ4 frame ends, because the decoder takes a frame that was cut between two blocks for a whole one.

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;

/// What stands at the beginning of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame of this many bytes.
    Frame(usize),
    /// So many bytes that carry no content.
    Skip(usize),
}

/// None if it is not a frame, or only a part of one.
pub(super) fn next(input: &[u8]) -> Option<Next> {
    let magic = input.first_chunk::<4>()?;
    if u32::from_le_bytes(*magic) & 0xffff_fff0 == SKIPPABLE_MAGIC {
        let end = 8 + word(input, 4)?;
        return (end <= input.len()).then_some(Next::Skip(end));
    }
    if *magic != MAGIC {
        return None;
    }
    let flags = *input.get(4)?;
    let has = |bit: u8| usize::from(flags >> bit & 1);
    let (block_checksum, content_size, content_checksum, dictionary) = (has(4), has(3), has(2), has(0));
    let mut at = 4 + 2 + 8 * content_size + 4 * dictionary + 1;
    loop {
        let size = word(input, at)? & 0x7fff_ffff;
        at += 4;
        if size == 0 {
            at += 4 * content_checksum;
            return (at <= input.len()).then_some(Next::Frame(at));
        }
        at += size + 4 * block_checksum;
    }
}

fn word(input: &[u8], at: usize) -> Option<usize> {
    let bytes = input.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}
