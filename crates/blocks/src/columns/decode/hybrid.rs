//! Parquet's mixture of repeated and bit-packed integers.

use super::{Damaged, PAGE_VALUES_HINT};

/// Reads `count` integers of `width` bits.
pub(in crate::columns) fn read<T: Small>(
    encoded: &[u8],
    width: u32,
    count: usize,
) -> Result<Vec<T>, Damaged> {
    if width > T::BITS {
        return Err(Damaged("integers are wider than they may be"));
    }
    let short = Damaged("the run lengths end early");
    let value_bytes = width.div_ceil(8) as usize;
    let (mut rest, mut values) = (encoded, Vec::with_capacity(count.min(PAGE_VALUES_HINT)));
    while values.len() < count {
        let left = count - values.len();
        let (head, after) = varint(rest).ok_or(short)?;
        if head >> 1 == 0 {
            return Err(Damaged("a run is empty"));
        }
        let length = usize::try_from(head >> 1).map_err(|_| short)?;
        if head & 1 == 0 {
            let (value, after) = after.split_at_checked(value_bytes).ok_or(short)?;
            let value = value.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
            values.resize(values.len() + length.min(left), T::of(value));
            rest = after;
        } else {
            let here = left.min(length.saturating_mul(8));
            let needed = here.checked_mul(width as usize).ok_or(short)?.div_ceil(8);
            let (packed, _) = after.split_at_checked(needed).ok_or(short)?;
            unpack(packed, width, here, &mut values);
            rest = &after[length.saturating_mul(width as usize).min(after.len())..];
        }
    }
    Ok(values)
}

/// An integer that is read: a level of a byte, or an id of four.
pub(in crate::columns) trait Small: Copy {
    const BITS: u32;
    fn of(value: u32) -> Self;
}

impl Small for u8 {
    const BITS: u32 = 8;
    #[inline]
    fn of(value: u32) -> Self {
        value as Self
    }
}

impl Small for u32 {
    const BITS: u32 = 32;
    #[inline]
    fn of(value: u32) -> Self {
        value
    }
}

/// Unpacks integers; `packed` holds them all.
fn unpack<T: Small>(packed: &[u8], width: u32, count: usize, values: &mut Vec<T>) {
    match width {
        0 => values.resize(values.len() + count, T::of(0)),
        1 => bits(packed, count, values),
        8 => values.extend(packed[..count].iter().map(|byte| T::of(u32::from(*byte)))),
        16 => {
            let (pairs, _) = packed.as_chunks::<2>();
            values.extend(pairs[..count].iter().map(|pair| T::of(u16::from_le_bytes(*pair).into())));
        }
        _ => {
            let mask = (1_u64 << width) - 1;
            let (mut buffer, mut held, mut at) = (0_u64, 0_u32, 0);
            values.extend((0..count).map(|_| {
                while held < width {
                    match packed[at..].first_chunk::<4>().filter(|_| held <= 32) {
                        Some(word) => {
                            buffer |= u64::from(u32::from_le_bytes(*word)) << held;
                            held += 32;
                            at += 4;
                        }
                        None => {
                            buffer |= u64::from(packed[at]) << held;
                            held += 8;
                            at += 1;
                        }
                    }
                }
                let value = (buffer & mask) as u32;
                buffer >>= width;
                held -= width;
                T::of(value)
            }));
        }
    }
}

/// Unpacks single bits, eight at once.
fn bits<T: Small>(packed: &[u8], count: usize, values: &mut Vec<T>) {
    let end = values.len() + count;
    for byte in packed {
        values.extend_from_slice(&std::array::from_fn::<T, 8, _>(|bit| T::of(u32::from(byte >> bit & 1))));
    }
    values.truncate(end);
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
