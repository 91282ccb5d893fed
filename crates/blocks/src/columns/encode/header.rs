//! The header of a page: Thrift's compact protocol, as far as pages need it.
//!
//! Source: parquet-format, `PageHeader`; Apache Thrift, compact protocol.

use super::hybrid::zigzag;

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Dictionary,
}

/// What the header says of a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Levels of a data page, entries of a dictionary.
    pub(super) values: usize,
    /// The number of the encoding in the format.
    pub(super) encoding: i32,
    pub(super) bytes: usize,
    pub(super) packed_bytes: usize,
}

/// The number of `RLE` in the format: the encoding of levels.
const RLE: i32 = 3;

/// A 32-bit integer whose field number is one more than the last.
const NEXT_I32: u8 = 0x15;

impl Header {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut int = |value: usize| {
            out.push(NEXT_I32);
            zigzag(value as i64, out);
        };
        // Fields 1 to 3, then a structure: field 5 for data, 7 for a dictionary.
        int(if self.kind == Kind::Data { 0 } else { 2 });
        int(self.bytes);
        int(self.packed_bytes);
        out.push(if self.kind == Kind::Data { 0x2c } else { 0x4c });
        let levels: &[i32] = if self.kind == Kind::Data { &[RLE, RLE] } else { &[] };
        out.push(NEXT_I32);
        zigzag(self.values as i64, out);
        for encoding in [self.encoding].iter().chain(levels) {
            out.push(NEXT_I32);
            zigzag(i64::from(*encoding), out);
        }
        out.extend_from_slice(&[0, 0]);
    }
}
