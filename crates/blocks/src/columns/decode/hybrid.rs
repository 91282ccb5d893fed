//! Parquet's mixture of repeated and bit-packed integers.

use super::Damaged;

/// Reads `count` integers of `width` bits; `put` gets each value and how often it follows itself.
#[inline]
pub(in crate::columns) fn read(
    encoded: &[u8],
    width: u32,
    count: usize,
    mut put: impl FnMut(u32, usize),
) -> Result<(), Damaged> {
    if width > 32 {
        return Err(Damaged("integers are wider than 32 bits"));
    }
    let short = Damaged("the run lengths end early");
    let value_bytes = width.div_ceil(8) as usize;
    let (mut rest, mut left) = (encoded, count);
    while left > 0 {
        let (head, after) = varint(rest).ok_or(short)?;
        if head & 1 == 0 {
            let times = usize::try_from(head >> 1).map_err(|_| short)?.min(left);
            let (value, after) = after.split_at_checked(value_bytes).ok_or(short)?;
            if times == 0 {
                return Err(Damaged("a run is empty"));
            }
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            put(value, times);
            left -= times;
            rest = after;
        } else {
            let groups = usize::try_from(head >> 1).map_err(|_| short)?;
            let length = groups.checked_mul(width as usize).ok_or(short)?;
            if groups == 0 {
                return Err(Damaged("a run is empty"));
            }
            let here = left.min(groups.saturating_mul(8));
            let needed = (here * width as usize).div_ceil(8);
            let packed =
                after.get(..length.min(after.len())).filter(|packed| packed.len() >= needed).ok_or(short)?;
            unpack(packed, width, here, &mut put);
            left -= here;
            rest = &after[packed.len()..];
        }
    }
    Ok(())
}

#[inline]
fn unpack(packed: &[u8], width: u32, count: usize, put: &mut impl FnMut(u32, usize)) {
    if width == 0 {
        put(0, count);
        return;
    }
    let mask = (1_u64 << width) - 1;
    let (mut buffer, mut bits, mut at) = (0_u64, 0_u32, 0);
    for _ in 0..count {
        while bits < width {
            if bits <= 32
                && let Some(word) = packed[at..].first_chunk::<4>()
            {
                buffer |= u64::from(u32::from_le_bytes(*word)) << bits;
                bits += 32;
                at += 4;
            } else {
                buffer |= u64::from(packed[at]) << bits;
                bits += 8;
                at += 1;
            }
        }
        put((buffer & mask) as u32, 1);
        buffer >>= width;
        bits -= width;
    }
}

#[inline]
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * place as u32)?;
        if *byte < 0x80 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}
