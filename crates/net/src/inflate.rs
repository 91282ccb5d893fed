//! Decompresses request bodies without trusting them.
//!
//! In: a compressed body and a cap. Out: all of the content, or an error; never a part of it.
//! The cap is checked while the output grows, so a bomb costs at most the cap. Every member of a
//! gzip stream is read; bytes that follow the compressed content are an error. The zstd window is
//! bounded by [`ZSTD_WINDOW_LOG_MAX`], the number of encodings laid over each other by [`LAYERS_MAX`].

mod lz4;
mod snappy;

use std::io::{self, BufRead, Read};

use crate::budget::Permit;

/// The largest zstd window that is accepted, as a power of two: 8 MiB. A frame that needs more is refused.
pub const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// How many encodings one header may lay over each other. More are refused.
pub const LAYERS_MAX: usize = 2;

const CHUNK: usize = 64 << 10;
/// A snappy block cannot expand by more than this factor (three bytes copy at most sixty-four).
const SNAPPY_RATIO_MAX: usize = 22;
const SNAPPY_MAGIC: &[u8] = b"\xff\x06\0\0sNaPpY";

/// One way to compress a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 1950; raw RFC 1951 is understood as well.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// One snappy block, which is what `snappy` means in HTTP.
    Snappy,
    /// The snappy framing format, which is what `snappy` means in gRPC.
    SnappyFramed,
    /// The LZ4 frame format.
    Lz4,
}

impl Encoding {
    /// The encoding that a `content-encoding` or `grpc-encoding` header names.
    pub fn named(name: &str) -> Option<Encoding> {
        const NAMES: [(&str, Encoding); 8] = [
            ("gzip", Encoding::Gzip),
            ("x-gzip", Encoding::Gzip),
            ("deflate", Encoding::Deflate),
            ("zlib", Encoding::Deflate),
            ("zstd", Encoding::Zstd),
            ("snappy", Encoding::Snappy),
            ("x-snappy-framed", Encoding::SnappyFramed),
            ("lz4", Encoding::Lz4),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, encoding)| *encoding)
    }
}

/// Why a body could not be decompressed.
#[derive(Debug)]
pub enum InflateError {
    /// The content is larger than the cap.
    TooLarge {
        /// The cap.
        bytes_max: usize,
    },
    /// The shared budget has no room for the content now.
    Busy,
    /// The bytes are not what the encoding promises.
    Broken(io::Error),
    /// The header names an encoding that is not known, or too many of them.
    Unknown(String),
}

impl std::fmt::Display for InflateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            InflateError::TooLarge { bytes_max } => write!(f, "inflates to more than {bytes_max} bytes"),
            InflateError::Busy => f.write_str("no room to inflate now"),
            InflateError::Broken(cause) => write!(f, "cannot be inflated: {cause}"),
            InflateError::Unknown(name) => write!(f, "unknown content encoding {name:?}"),
        }
    }
}

impl std::error::Error for InflateError {}

/// How much a body may inflate to, and the permit that pays for it.
#[derive(Debug)]
pub struct Cap<'a> {
    /// The most bytes that may come out.
    pub bytes_max: usize,
    /// Grows with the output. None: only the cap counts.
    pub permit: Option<&'a mut Permit>,
}

/// Reads a `content-encoding` header; `identity` and the empty name vanish.
pub fn encodings(header: &str) -> Result<Vec<Encoding>, InflateError> {
    let mut found = Vec::new();
    for name in header.split(',').map(str::trim) {
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            continue;
        }
        if found.len() == LAYERS_MAX {
            return Err(InflateError::Unknown(shortened(header)));
        }
        found.push(Encoding::named(name).ok_or_else(|| InflateError::Unknown(shortened(name)))?);
    }
    Ok(found)
}

/// Decompresses all of `input`.
pub fn inflate(encoding: Encoding, input: &[u8], cap: &mut Cap<'_>) -> Result<Vec<u8>, InflateError> {
    match encoding {
        Encoding::Gzip => {
            let mut decoder = flate2::bufread::MultiGzDecoder::new(input);
            let output = drain(&mut decoder, guess(input, 6), cap)?;
            finish(decoder.into_inner(), output)
        }
        Encoding::Deflate if is_zlib(input) => {
            let mut decoder = flate2::bufread::ZlibDecoder::new(input);
            let output = drain(&mut decoder, guess(input, 6), cap)?;
            finish(decoder.into_inner(), output)
        }
        Encoding::Deflate => {
            let mut decoder = flate2::bufread::DeflateDecoder::new(input);
            let output = drain(&mut decoder, guess(input, 6), cap)?;
            finish(decoder.into_inner(), output)
        }
        Encoding::Zstd => inflate_zstd(input, cap),
        Encoding::Snappy | Encoding::SnappyFramed if input.starts_with(SNAPPY_MAGIC) => {
            if snappy::would_skip(input) {
                return Err(broken("the snappy stream has a chunk of a reserved type"));
            }
            drain(&mut snap::read::FrameDecoder::new(input), guess(input, 3), cap)
        }
        Encoding::SnappyFramed if input.is_empty() => Ok(Vec::new()),
        Encoding::SnappyFramed => Err(broken("the snappy stream has no header")),
        Encoding::Snappy => inflate_snappy_block(input, cap),
        Encoding::Lz4 => inflate_lz4(input, cap),
    }
}

fn inflate_zstd(input: &[u8], cap: &mut Cap<'_>) -> Result<Vec<u8>, InflateError> {
    let announced = zstd::zstd_safe::get_frame_content_size(input).ok().flatten();
    let expected = announced.map_or(guess(input, 6), |size| usize::try_from(size).unwrap_or(usize::MAX));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(InflateError::Broken)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(InflateError::Broken)?;
    // One more than announced, so that the end is seen without a further growth.
    drain(&mut decoder, expected.min(guess(input, 64)).saturating_add(1), cap)
}

fn inflate_snappy_block(input: &[u8], cap: &mut Cap<'_>) -> Result<Vec<u8>, InflateError> {
    let size = snap::raw::decompress_len(input).map_err(|cause| broken(&cause.to_string()))?;
    if size > cap.bytes_max {
        return Err(InflateError::TooLarge { bytes_max: cap.bytes_max });
    }
    if size > guess(input, SNAPPY_RATIO_MAX) {
        return Err(broken("the snappy block announces more than it can hold"));
    }
    pay(cap, size)?;
    snap::raw::Decoder::new().decompress_vec(input).map_err(|cause| broken(&cause.to_string()))
}

/// Frames may follow each other, as the format allows.
fn inflate_lz4(mut input: &[u8], cap: &mut Cap<'_>) -> Result<Vec<u8>, InflateError> {
    let mut output = Vec::new();
    while !input.is_empty() {
        let next = lz4::next(input).ok_or_else(|| broken("not a whole lz4 frame"))?;
        let (lz4::Next::Frame(end) | lz4::Next::Skip(end)) = next;
        let (frame, rest) = input.split_at(end);
        if matches!(next, lz4::Next::Frame(_)) {
            let mut decoder = lz4_flex::frame::FrameDecoder::new(frame);
            drain_into(&mut decoder, guess(frame, 4), cap, &mut output)?;
        }
        input = rest;
    }
    Ok(output)
}

fn drain(from: &mut dyn Read, expected: usize, cap: &mut Cap<'_>) -> Result<Vec<u8>, InflateError> {
    let mut output = Vec::new();
    drain_into(from, expected, cap, &mut output)?;
    Ok(output)
}

/// Reads until the end. The buffer grows by doubling, each step paid for before it is taken.
fn drain_into(
    from: &mut dyn Read,
    expected: usize,
    cap: &mut Cap<'_>,
    output: &mut Vec<u8>,
) -> Result<(), InflateError> {
    let mut filled = output.len();
    loop {
        if filled == output.len() {
            let step = if filled == 0 { expected.max(CHUNK) } else { filled.max(CHUNK) };
            // One byte beyond the cap tells content that just fits from content that does not.
            let size = filled.saturating_add(step).min(cap.bytes_max.saturating_add(1));
            if size == filled {
                return Err(InflateError::TooLarge { bytes_max: cap.bytes_max });
            }
            pay(cap, size)?;
            output.reserve_exact(size - filled);
            output.resize(size, 0);
        }
        let window_end = output.len().min(filled + CHUNK);
        match from.read(&mut output[filled..window_end]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(InflateError::Broken(cause)),
        }
        if filled > cap.bytes_max {
            return Err(InflateError::TooLarge { bytes_max: cap.bytes_max });
        }
    }
    output.truncate(filled);
    Ok(())
}

fn pay(cap: &mut Cap<'_>, bytes: usize) -> Result<(), InflateError> {
    let paid = cap.permit.as_mut().is_none_or(|permit| permit.grow_to(bytes));
    if paid { Ok(()) } else { Err(InflateError::Busy) }
}

fn finish(mut rest: impl BufRead, output: Vec<u8>) -> Result<Vec<u8>, InflateError> {
    match rest.fill_buf() {
        Ok([]) => Ok(output),
        _ => Err(broken("bytes follow the compressed content")),
    }
}

/// Two bytes say whether the deflate stream wears the zlib coat.
fn is_zlib(input: &[u8]) -> bool {
    matches!(input, [cmf, flags, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0)
}

fn guess(input: &[u8], ratio: usize) -> usize {
    input.len().saturating_mul(ratio)
}

fn broken(what: &str) -> InflateError {
    InflateError::Broken(io::Error::new(io::ErrorKind::InvalidData, what.to_owned()))
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests;
