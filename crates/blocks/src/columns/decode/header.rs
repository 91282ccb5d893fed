//! The header of a page: Thrift's compact protocol, as far as pages need it.
//!
//! Source: parquet-format, `PageHeader`; Apache Thrift, compact protocol.

use super::Damaged;

/// How the values of a page are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Dictionary,
    Delta,
    DeltaLength,
}

/// What a page header says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) is_dictionary: bool,
    pub(super) bytes: usize,
    pub(super) values: usize,
    pub(super) encoding: Encoding,
}

/// Levels of structures inside a header; deeper ones are refused.
const DEPTH_MAX: usize = 8;

/// Reads the header; answers it and the body of the page.
pub(super) fn read(raw: &[u8]) -> Result<(Header, &[u8]), Damaged> {
    let mut thrift = Thrift { rest: raw };
    parse(&mut thrift).ok_or(Damaged("the page header can't be read"))
}

fn parse<'a>(thrift: &mut Thrift<'a>) -> Option<(Header, &'a [u8])> {
    let (mut kind, mut bytes, mut packed) = (None, None, None);
    let (mut values, mut encoding) = (None, None);
    let mut id = 0;
    while let Some(wire) = thrift.field(&mut id)? {
        match (id, wire) {
            (1, Thrift::I32) => kind = Some(thrift.zigzag()?),
            (2, Thrift::I32) => bytes = Some(thrift.zigzag()?),
            (3, Thrift::I32) => packed = Some(thrift.zigzag()?),
            (5 | 7, Thrift::STRUCT) => {
                let mut inner = 0;
                while let Some(wire) = thrift.field(&mut inner)? {
                    match (inner, wire) {
                        (1, Thrift::I32) => values = Some(thrift.zigzag()?),
                        (2, Thrift::I32) => encoding = Some(thrift.zigzag()?),
                        _ => thrift.skip(wire, 1)?,
                    }
                }
            }
            _ => thrift.skip(wire, 0)?,
        }
    }
    let is_dictionary = match kind? {
        0 => false,
        2 => true,
        _ => return None,
    };
    let encoding = match encoding? {
        0 => Encoding::Plain,
        2 | 8 => Encoding::Dictionary,
        5 => Encoding::Delta,
        6 => Encoding::DeltaLength,
        _ => return None,
    };
    let body = thrift.rest.get(..usize::try_from(packed?).ok()?)?;
    let header = Header {
        is_dictionary,
        bytes: usize::try_from(bytes?).ok()?,
        values: usize::try_from(values?).ok()?,
        encoding,
    };
    Some((header, body))
}

struct Thrift<'a> {
    rest: &'a [u8],
}

impl Thrift<'_> {
    const I32: u8 = 5;
    const STRUCT: u8 = 12;

    /// The type of the next field, whose id follows the last one; `None` inside at the end of the structure.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => self.zigzag()?,
            delta => id.wrapping_add(i64::from(delta)),
        };
        Some(Some(byte & 15))
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let raw = self.varint()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn skip(&mut self, wire: u8, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match wire {
            1 | 2 => {}
            3 => _ = self.byte()?,
            4..=6 => _ = self.varint()?,
            7 => self.rest = self.rest.get(8..)?,
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.rest = self.rest.get(length..)?;
            }
            Self::STRUCT => {
                let mut id = 0;
                while let Some(wire) = self.field(&mut id)? {
                    self.skip(wire, depth + 1)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}
