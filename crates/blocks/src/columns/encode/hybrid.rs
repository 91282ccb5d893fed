//! Parquet's mixture of repeated and bit-packed integers, as a writer chooses it.
//!
//! A page of equal integers is one run. Other ids are packed without runs: zstd follows, and finds them.

/// Levels that repeat at least so often become a run.
const RUN_MIN: usize = 64;

/// Ids of at most so many bits are packed bit by bit; wider ones take whole bytes, in which zstd sees what repeats.
const PACKED_BITS_MAX: u32 = 4;

/// How many bits each id of a dictionary of this size takes.
pub(super) fn id_width(entries: usize) -> u32 {
    let natural = (usize::BITS - entries.saturating_sub(1).leading_zeros()).max(1);
    if natural <= PACKED_BITS_MAX { natural } else { natural.next_multiple_of(8) }
}

/// Writes the ids of a page.
pub(super) fn ids(ids: &[u32], width: u32, out: &mut Vec<u8>) {
    let Some(first) = ids.first() else { return };
    if ids.iter().all(|id| id == first) {
        return run(*first, ids.len(), width, out);
    }
    packed_head(ids.len(), out);
    let padding = ids.len().next_multiple_of(8) - ids.len();
    match width {
        8 => out.extend(ids.iter().map(|id| *id as u8)),
        16 => out.extend(ids.iter().flat_map(|id| (*id as u16).to_le_bytes())),
        24 => ids.iter().for_each(|id| out.extend_from_slice(&id.to_le_bytes()[..3])),
        32 => out.extend(ids.iter().flat_map(|id| id.to_le_bytes())),
        _ => return pack(ids.iter().copied(), width, out),
    }
    out.resize(out.len() + padding * width as usize / 8, 0);
}

/// Writes levels of at most three bits.
pub(super) fn levels(levels: &[u8], max: u8, out: &mut Vec<u8>) {
    let width = 8 - max.leading_zeros();
    let mut waiting = 0;
    let mut at = 0;
    while at < levels.len() {
        let here = run_length(&levels[at..]);
        if here < RUN_MIN && at + here < levels.len() {
            at += here;
            continue;
        }
        // What waits is packed in groups of eight, and takes what it lacks from the run.
        let packed = (at - waiting).next_multiple_of(8).min(levels.len() - waiting);
        pack_levels(&levels[waiting..waiting + packed], width, out);
        let left = (at + here).saturating_sub(waiting + packed);
        if left > 0 {
            run(levels[at].into(), left, width, out);
        }
        at = (at + here).max(waiting + packed);
        waiting = at;
    }
}

fn pack_levels(levels: &[u8], width: u32, out: &mut Vec<u8>) {
    if !levels.is_empty() {
        packed_head(levels.len(), out);
        pack(levels.iter().map(|level| u32::from(*level)), width, out);
    }
}

/// How often the first level follows itself.
fn run_length(levels: &[u8]) -> usize {
    let first = levels[0];
    let (words, _) = levels.as_chunks::<8>();
    let whole = 8 * words.iter().take_while(|word| **word == [first; 8]).count();
    whole + levels[whole..].iter().take_while(|level| **level == first).count()
}

/// Writes the levels of a column that does not repeat: bit `n` of `bits` says whether row `n` has a value.
pub(super) fn bitmap(bits: &[u8], rows: usize, out: &mut Vec<u8>) {
    let (whole, rest) = (rows / 8, rows % 8);
    let last = bits.get(whole).map_or(0, |byte| byte & ((1 << rest) - 1));
    let uniform = |byte: u8| bits[..whole].iter().all(|other| *other == byte);
    if uniform(0) && last == 0 {
        return run(0, rows, 1, out);
    }
    if uniform(0xff) && u32::from(last) == (1 << rest) - 1 {
        return run(1, rows, 1, out);
    }
    packed_head(rows, out);
    out.extend_from_slice(&bits[..rows.div_ceil(8)]);
}

fn run(value: u32, times: usize, width: u32, out: &mut Vec<u8>) {
    varint((times as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn packed_head(count: usize, out: &mut Vec<u8>) {
    varint((count.div_ceil(8) as u64) << 1 | 1, out);
}

/// Packs integers of fewer than 32 bits, filled up to whole groups of eight.
fn pack(values: impl ExactSizeIterator<Item = u32>, width: u32, out: &mut Vec<u8>) {
    let end = out.len() + values.len().div_ceil(8) * width as usize;
    let (mut buffer, mut bits) = (0_u64, 0);
    for value in values {
        buffer |= u64::from(value) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(buffer as u32).to_le_bytes());
            buffer >>= 32;
            bits -= 32;
        }
    }
    out.extend_from_slice(&(buffer as u32).to_le_bytes());
    out.resize(end, 0);
}

pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint((value << 1 ^ value >> 63) as u64, out);
}
