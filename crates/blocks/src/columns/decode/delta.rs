//! Parquet's differences, bit-packed (`DELTA_BINARY_PACKED`), and texts with such lengths.

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

/// Reads texts: all lengths, then all bytes.
pub(super) fn texts(raw: &[u8], count: usize) -> Result<Plain, Damaged> {
    let (lengths, bytes) = integers(raw, count)?;
    let mut ends = Vec::with_capacity(lengths.len());
    let mut end = 0_usize;
    for length in lengths {
        let length = usize::try_from(length).map_err(|_| Damaged("a text has a negative length"))?;
        end = end.checked_add(length).filter(|end| *end <= bytes.len()).ok_or(SHORT)?;
        ends.push(end as u32);
    }
    Ok(Plain::Text { bytes: bytes[..end].to_vec(), ends })
}

#[inline]
fn unpack(packed: &[u8], width: u32, count: usize, mut put: impl FnMut(u64)) {
    if width == 0 {
        (0..count).for_each(|_| put(0));
        return;
    }
    let mask = if width == 64 { u128::from(u64::MAX) } else { (1_u128 << width) - 1 };
    let (mut buffer, mut bits, mut at) = (0_u128, 0_u32, 0);
    for _ in 0..count {
        while bits < width {
            if let Some(word) = packed[at..].first_chunk::<8>().filter(|_| bits <= 64) {
                buffer |= u128::from(u64::from_le_bytes(*word)) << bits;
                bits += 64;
                at += 8;
            } else {
                buffer |= u128::from(packed[at]) << bits;
                bits += 8;
                at += 1;
            }
        }
        put((buffer & mask) as u64);
        buffer >>= width;
        bits -= width;
    }
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
