//! How the body of a frame is compressed.

use crate::{
    BODY_BYTES_MAX,
    error::{Error, Next, Result},
};
use bytes::Bytes;

/// How the body of a frame is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As it is.
    None,
    /// LZ4 block: a third of the time of zstd for spans.
    #[default]
    Lz4,
    /// Zstandard level 1: smaller, for slow disks.
    Zstd,
}

/// Bodies below this are not worth compressing.
const COMPRESS_BYTES_MIN: usize = 256;

impl Compression {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Lz4 => 1,
            Self::Zstd => 2,
        }
    }

    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Lz4),
            2 => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The compressed body, or the body itself where compressing does not make it smaller.
    pub(crate) fn pack(self, body: &Bytes) -> (Self, Bytes) {
        let packed = match self {
            _ if body.len() < COMPRESS_BYTES_MIN => None,
            Self::None => None,
            Self::Lz4 => Some(lz4_flex::block::compress(body)),
            Self::Zstd => zstd::bulk::compress(body, 1).ok(),
        };
        match packed {
            Some(packed) if packed.len() < body.len() => (self, packed.into()),
            _ => (Self::None, body.clone()),
        }
    }

    /// The body that was packed; it must have exactly `size` bytes.
    pub(crate) fn unpack(self, packed: Bytes, size: usize) -> Result<Bytes> {
        let body = match self {
            _ if size > BODY_BYTES_MAX => return Err(damaged("its size is over the limit")),
            Self::None => packed,
            Self::Lz4 => lz4_flex::block::decompress(&packed, size).map_err(damaged)?.into(),
            Self::Zstd => zstd::bulk::decompress(&packed, size).map_err(damaged)?.into(),
        };
        if body.len() == size { Ok(body) } else { Err(damaged("its size is not the one announced")) }
    }
}

fn damaged(cause: impl std::fmt::Display) -> Error {
    Error::new(Next::Repair, "decompress a frame", cause)
}
