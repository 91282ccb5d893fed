//! Parquet's differences, bit-packed (`DELTA_BINARY_PACKED`), and texts with such lengths.

use std::ops::Range;

use super::{Damaged, PAGE_VALUES_HINT, Plain};

const SHORT: Damaged = Damaged("the differences end early");

/// Reads integers; answers them and what follows.
pub(super) fn integers(raw: &[u8], expected: usize) -> Result<(Vec<i64>, &[u8]), Damaged> {
    if expected == 0 && raw.is_empty() {
        return Ok((Vec::new(), raw));
    }
    let mut reader = Reader { rest: raw };
    let block = reader.size()?;
    let minis = reader.size()?;
    let count = reader.size()?;
    let first = reader.zigzag()?;
    let per_mini = block.checked_div(minis).filter(|size| *size > 0 && size % 8 == 0 && *size <= 1 << 16);
    let per_mini = per_mini.ok_or(Damaged("the blocks of differences have no size"))?;
    if count != expected {
        return Err(Damaged("there are not as many values as there should be"));
    }
    let mut values = Vec::with_capacity(count.min(PAGE_VALUES_HINT));
    if count > 0 {
        values.push(first);
    }
    let mut last = first;
    while values.len() < count {
        let least = reader.zigzag()?;
        let widths = reader.take(minis)?;
        for width in widths {
            let width = u32::from(*width);
            if values.len() == count {
                break;
            }
            if width > 64 {
                return Err(Damaged("differences are wider than 64 bits"));
            }
            let packed = reader.take(per_mini / 8 * width as usize)?;
            let here = per_mini.min(count - values.len());
            unpack(packed, width, here, |difference| {
                last = last.wrapping_add(least).wrapping_add(difference as i64);
                values.push(last);
            });
        }
    }
    Ok((values, reader.rest))
}

/// Reads some of so many texts: all lengths come first, then all bytes.
pub(super) fn texts(raw: &[u8], count: usize, wanted: Range<usize>) -> Result<Plain, Damaged> {
    let (lengths, bytes) = integers(raw, count)?;
    let mut ends = Vec::with_capacity(wanted.len());
    let (mut first, mut end) = (0_usize, 0_usize);
    for (at, length) in lengths.into_iter().enumerate().take(wanted.end) {
        if at == wanted.start {
            first = end;
        }
        let length = usize::try_from(length).map_err(|_| Damaged("a text has a negative length"))?;
        end = end.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(SHORT)?;
        if wanted.start <= at {
            ends.push((end - first) as u32);
        }
    }
    let bytes = if wanted.is_empty() { &[][..] } else { &bytes[first..end] };
    Ok(Plain::Text { bytes: bytes.to_vec(), ends })
}

/// The widest difference that lies in one word wherever it begins.
const WORD_BITS: u32 = 57;

#[inline]
fn unpack(packed: &[u8], width: u32, count: usize, put: impl FnMut(u64)) {
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let word = |at: usize| match packed[at.min(packed.len())..].first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            packed[at.min(packed.len())..].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
        }
    };
    let narrow = |number: usize| {
        let bit = number * width as usize;
        word(bit / 8) >> (bit % 8) & mask
    };
    let wide = |number: usize| {
        let bit = number * width as usize;
        let (at, shift) = (bit / 8, bit % 8);
        let both = u128::from(word(at)) | u128::from(word(at + 8)) << 64;
        (both >> shift) as u64 & mask
    };
    if width <= WORD_BITS { (0..count).map(narrow).for_each(put) } else { (0..count).map(wide).for_each(put) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, Damaged> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(SHORT)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if *byte < 0x80 {
                return Ok(value);
            }
        }
        Err(SHORT)
    }

    fn size(&mut self) -> Result<usize, Damaged> {
        usize::try_from(self.varint()?).map_err(|_| SHORT)
    }

    fn zigzag(&mut self) -> Result<i64, Damaged> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }
}
