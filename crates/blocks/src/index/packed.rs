//! Numbers and messages as sections hold them: varints without tags, and protobuf messages.

use model::proto::{Cursor, Field};

/// Varints, one after the other.
#[derive(Default)]
pub(crate) struct Packed(pub(crate) Vec<u8>);

impl Packed {
    pub(crate) fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(crate) fn signed(&mut self, number: i64) {
        self.put((number << 1 ^ number >> 63) as u64);
    }
}

/// Reads what [`Packed`] wrote.
pub(crate) struct Unpacked<'a>(pub(crate) &'a [u8]);

impl Unpacked<'_> {
    pub(crate) fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn next(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.next()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let raw = self.next()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }
}

/// Numbers of any width, one after the other, the lowest bit first.
#[derive(Default)]
pub(crate) struct Bits {
    pub(crate) bytes: Vec<u8>,
    /// Bits of the last byte that are taken; 0 where a new one begins.
    used: u32,
}

impl Bits {
    /// Appends the last `count` bits of a number; a 0 may have any count.
    pub(crate) fn put(&mut self, mut number: u64, mut count: u32) {
        while count > 0 {
            if self.used == 0 {
                self.bytes.push(0);
            }
            let taken = count.min(8 - self.used);
            let last = self.bytes.len() - 1;
            self.bytes[last] |= ((number & ((1 << taken) - 1)) << self.used) as u8;
            self.used = (self.used + taken) % 8;
            number >>= taken;
            count -= taken;
        }
    }
}

/// The number of at most 64 bits that [`Bits`] put here; missing bytes count as zero.
pub(crate) fn bits_at(raw: &[u8], bit: usize, width: usize) -> u64 {
    let mut word = [0_u8; 16];
    let from = raw.get(bit / 8..).unwrap_or_default();
    let length = from.len().min(16);
    word[..length].copy_from_slice(&from[..length]);
    let shifted = u128::from_le_bytes(word) >> (bit % 8);
    (shifted & ((1 << width) - 1)) as u64
}

/// How many bits a number takes.
pub(crate) fn bit_width(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Visits the fields of a message in order.
pub(crate) fn each(raw: &[u8], mut visit: impl FnMut(u32, Field<'_>) -> Option<()>) -> Option<()> {
    let mut cursor = Cursor::new(raw);
    while let Some((number, field)) = cursor.next_field().ok()? {
        visit(number, field)?;
    }
    Some(())
}

/// The single fields of a message.
pub(crate) struct Parsed<'a>(Vec<(u32, Field<'a>)>);

impl<'a> Parsed<'a> {
    pub(crate) fn of(raw: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut cursor = Cursor::new(raw);
        while let Some(field) = cursor.next_field().ok()? {
            fields.push(field);
        }
        Some(Self(fields))
    }

    fn get(&self, number: u32) -> Option<Field<'a>> {
        self.0.iter().find(|(found, _)| *found == number).map(|(_, field)| *field)
    }

    pub(crate) fn number(&self, number: u32) -> Option<u64> {
        self.get(number)?.varint()
    }

    pub(crate) fn bytes(&self, number: u32) -> Option<&'a [u8]> {
        self.get(number)?.bytes()
    }

    pub(crate) fn text(&self, number: u32) -> Option<&'a str> {
        std::str::from_utf8(self.bytes(number)?).ok()
    }
}
