//! Compresses what clients send.
//!
//! The counterpart of `inflate.rs`: what is written here is read there.

use std::io::{self, Write};

use crate::inflate::Encoding;

impl Encoding {
    /// The name that goes into `content-encoding` or `grpc-encoding`.
    pub fn header_name(self) -> &'static str {
        match self {
            Encoding::Gzip => "gzip",
            Encoding::Deflate => "deflate",
            Encoding::Zstd => "zstd",
            Encoding::Snappy => "snappy",
            Encoding::SnappyFramed => "x-snappy-framed",
            Encoding::Lz4 => "lz4",
        }
    }
}

/// Compresses `input`; `level` means what the encoding takes it to mean, and the encoding's usual one if None.
pub fn compress(encoding: Encoding, level: Option<i32>, input: &[u8]) -> io::Result<Vec<u8>> {
    let room = Vec::with_capacity(input.len() / 4 + 64);
    let deflate_level = || match level.and_then(|level| u32::try_from(level).ok()) {
        Some(level) => flate2::Compression::new(level.min(9)),
        None => flate2::Compression::default(),
    };
    match encoding {
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(room, deflate_level());
            encoder.write_all(input)?;
            encoder.finish()
        }
        Encoding::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(room, deflate_level());
            encoder.write_all(input)?;
            encoder.finish()
        }
        Encoding::Zstd => zstd::bulk::compress(input, level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL)),
        Encoding::Snappy => snap::raw::Encoder::new().compress_vec(input).map_err(io::Error::other),
        Encoding::SnappyFramed => {
            let mut encoder = snap::write::FrameEncoder::new(room);
            encoder.write_all(input)?;
            encoder.into_inner().map_err(|failed| io::Error::other(failed.to_string()))
        }
        Encoding::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(room);
            encoder.write_all(input)?;
            encoder.finish().map_err(io::Error::other)
        }
    }
}
