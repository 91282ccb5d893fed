//! Parquet's differences, bit-packed (`DELTA_BINARY_PACKED`): blocks of 128, each of four parts with a width of its own.

use super::hybrid::{varint, zigzag};

const BLOCK: usize = 128;
const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// Writes 64-bit integers.
pub(super) fn integers(values: impl ExactSizeIterator<Item = i64>, out: &mut Vec<u8>) {
    write(values, i64::wrapping_sub, out);
}

/// Writes 32-bit integers, whose differences wrap at 32 bits.
pub(super) fn narrow_integers(values: impl ExactSizeIterator<Item = i32>, out: &mut Vec<u8>) {
    write(values.map(i64::from), |value, last| i64::from(value.wrapping_sub(last) as i32), out);
}

#[inline]
fn write(
    mut values: impl ExactSizeIterator<Item = i64>,
    difference: impl Fn(i64, i64) -> i64,
    out: &mut Vec<u8>,
) {
    varint(BLOCK as u64, out);
    varint(PARTS as u64, out);
    varint(values.len() as u64, out);
    let mut last = values.next().unwrap_or(0);
    zigzag(last, out);
    let mut block = [0; BLOCK];
    while values.len() > 0 {
        let count = values.len().min(BLOCK);
        for (slot, value) in block.iter_mut().zip(&mut values) {
            *slot = difference(value, last);
            last = value;
        }
        differences(&mut block, count, out);
    }
}

fn differences(block: &mut [i64; BLOCK], count: usize, out: &mut Vec<u8>) {
    let least = block[..count].iter().copied().min().unwrap_or(0);
    zigzag(least, out);
    block[..count].iter_mut().for_each(|difference| *difference = difference.wrapping_sub(least));
    block[count..].fill(0);
    let (parts, _) = block.as_chunks::<PART>();
    let widths = out.len();
    out.extend_from_slice(&[0; PARTS]);
    for (number, part) in parts.iter().take(count.div_ceil(PART)).enumerate() {
        let all = part.iter().fold(0, |all, difference| all | *difference as u64);
        let width = u64::BITS - all.leading_zeros();
        out[widths + number] = width as u8;
        pack(part, width, out);
    }
}

fn pack(part: &[i64; PART], width: u32, out: &mut Vec<u8>) {
    let (mut buffer, mut bits) = (0_u128, 0);
    for difference in part {
        buffer |= u128::from(*difference as u64) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(buffer as u64).to_le_bytes());
            buffer >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&(buffer as u64).to_le_bytes()[..bits.div_ceil(8) as usize]);
}
