//! Where the pages of each column of a row group lie, and their checksums.

use std::ops::Deref;

use model::proto::{Field, Message};

use super::packed::{Packed, Parsed, Unpacked, each};
use super::section::{About, Section, kind};
use crate::columns::sink::{Chunk, Part};

/// The pages of a row group, column by column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts(pub(crate) Vec<Chunk>);

impl Deref for Parts {
    type Target = [Chunk];

    fn deref(&self) -> &[Chunk] {
        &self.0
    }
}

impl Section for Parts {
    const KIND: u32 = kind::PARTS;

    fn write(&self) -> Vec<u8> {
        let mut out = Message::new();
        for chunk in &self.0 {
            out.message(1, |message| {
                let mut numbers = Packed::default();
                let mut last = 0_u64;
                for part in chunk.dictionary.iter().chain(&chunk.pages) {
                    numbers.signed(part.at.wrapping_sub(last) as i64);
                    numbers.put(u64::from(part.length));
                    numbers.put(u64::from(part.crc));
                    last = part.at + u64::from(part.length);
                }
                message.varint(1, u64::from(chunk.dictionary.is_some()));
                message.bytes(2, &numbers.0);
            });
        }
        out.into_bytes()
    }

    fn read(raw: &[u8], about: About) -> Option<Self> {
        let mut chunks = Vec::new();
        each(raw, |number, field| {
            if let (1, Field::Bytes(raw)) = (number, field) {
                chunks.push(chunk(raw)?);
            }
            Some(())
        })?;
        let whole = chunks.iter().all(|chunk| chunk.pages.is_empty() || chunk.pages.len() == about.pages());
        (whole && chunks.len() == about.leaves).then_some(Self(chunks))
    }

    fn bytes(&self) -> usize {
        let pages: usize = self.0.iter().map(|chunk| chunk.pages.len()).sum();
        self.0.len() * size_of::<Chunk>() + pages * size_of::<Part>()
    }
}

fn chunk(raw: &[u8]) -> Option<Chunk> {
    let chunk = Parsed::of(raw)?;
    let mut numbers = Unpacked(chunk.bytes(2).unwrap_or_default());
    let (mut parts, mut last) = (Vec::new(), 0_u64);
    while !numbers.is_done() {
        let at = last.wrapping_add(numbers.signed()? as u64);
        let (length, crc) = (numbers.u32()?, numbers.u32()?);
        last = at.checked_add(u64::from(length))?;
        parts.push(Part { at, length, crc });
    }
    let dictionary = (chunk.number(1) == Some(1) && !parts.is_empty()).then(|| parts.remove(0));
    Some(Chunk { dictionary, pages: parts })
}
