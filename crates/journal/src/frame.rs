//! One frame: a header that can be recognised anywhere, `meta`, and the body.
//!
//! Header and content have a checksum each, so that a damaged body does not hide where the next
//! frame begins. The header's checksum is salted with the segment, so that a frame from another
//! segment, or text that looks like a frame, is never taken for one.

use crate::{
    codec::Compression,
    error::{Error, Next, Result},
};
use bytes::{BufMut, Bytes};

/// Bytes of a body, before compression; a longer one is refused.
pub const BODY_BYTES_MAX: usize = 128 << 20;

/// Bytes of `meta`; a longer one is refused.
pub const META_BYTES_MAX: usize = 64 << 10;

/// Bytes of a frame's header.
pub(crate) const HEADER_BYTES: usize = 36;

/// The first bytes of every frame.
pub(crate) const MAGIC: [u8; 4] = *b"\xf5fJr";

const FLAG_SKIPPABLE: u8 = 1;

/// The kind of a mark: a frame of the journal's own, which says that all frames before it were acknowledged. Its
/// sequence number is that of the frame that comes next.
pub(crate) const MARK: u8 = 0;

/// What is appended.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What the frame means to whoever wrote it; not 0.
    pub kind: u8,
    /// A reader that does not know the kind may go on without it.
    pub skippable: bool,
    /// The body comes compressed, so that trying again is a waste.
    pub compressed: bool,
    /// A few bytes that are never compressed.
    pub meta: Bytes,
    /// The content.
    pub body: Bytes,
}

impl Frame {
    /// A frame that every reader has to know.
    pub fn new(kind: u8, meta: impl Into<Bytes>, body: impl Into<Bytes>) -> Self {
        Self { kind, skippable: false, compressed: false, meta: meta.into(), body: body.into() }
    }
}

/// A frame that waits for its place: all but sequence number and header checksum.
pub(crate) struct Packed {
    kind: u8,
    codec: Compression,
    flags: u8,
    body_bytes_raw: u32,
    content_crc: u32,
    meta: Bytes,
    body: Bytes,
}

impl Packed {
    /// A mark.
    pub(crate) fn mark() -> Self {
        let (codec, flags) = (Compression::None, FLAG_SKIPPABLE);
        let (meta, body) = (Bytes::new(), Bytes::new());
        Self { kind: MARK, codec, flags, body_bytes_raw: 0, content_crc: 0, meta, body }
    }

    /// Compresses and checksums a frame.
    pub(crate) fn new(frame: &Frame, compression: Compression) -> Result<Self> {
        if frame.kind == MARK {
            return Err(Error::new(Next::Refuse, "append a frame", "its kind is the journal's own"));
        }
        if frame.body.len() > BODY_BYTES_MAX || frame.meta.len() > META_BYTES_MAX {
            return Err(Error::new(Next::Refuse, "append a frame", "it is over the size limit"));
        }
        let (codec, body) = if frame.compressed { Compression::None } else { compression }.pack(&frame.body);
        let content_crc = crc32c::crc32c_append(crc32c::crc32c(&frame.meta), &body);
        let flags = if frame.skippable { FLAG_SKIPPABLE } else { 0 };
        let body_bytes_raw = size32(frame.body.len());
        Ok(Self {
            kind: frame.kind,
            codec,
            flags,
            body_bytes_raw,
            content_crc,
            meta: frame.meta.clone(),
            body,
        })
    }

    /// Bytes on disk.
    pub(crate) fn len(&self) -> usize {
        HEADER_BYTES + self.meta.len() + self.body.len()
    }

    /// Bytes of the body before compression.
    pub(crate) fn len_raw(&self) -> u64 {
        u64::from(self.body_bytes_raw)
    }

    /// Writes the frame into its place.
    pub(crate) fn put(&self, sequence: u64, salt: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.put_slice(&MAGIC);
        out.put_slice(&[self.kind, self.codec.number(), self.flags, 0]);
        out.put_u32_le(size32(self.meta.len()));
        out.put_u32_le(size32(self.body.len()));
        out.put_u32_le(self.body_bytes_raw);
        out.put_u64_le(sequence);
        out.put_u32_le(self.content_crc);
        let header_crc = crc32c::crc32c_append(salt, &out[start..]);
        out.put_u32_le(header_crc);
        out.put_slice(&self.meta);
        out.put_slice(&self.body);
    }
}

fn size32(size: usize) -> u32 {
    u32::try_from(size).expect("sizes are limited to far less than 4 GiB")
}

/// A header whose checksum holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) kind: u8,
    pub(crate) codec: u8,
    pub(crate) skippable: bool,
    pub(crate) meta_bytes: usize,
    pub(crate) body_bytes: usize,
    pub(crate) body_bytes_raw: usize,
    pub(crate) sequence: u64,
    content_crc: u32,
}

impl Header {
    /// The header at the start of `bytes`, if there is one.
    pub(crate) fn parse(bytes: &[u8], salt: u32) -> Option<Self> {
        let header = bytes.first_chunk::<HEADER_BYTES>()?;
        let (fields, crc) = header.split_last_chunk::<4>()?;
        if fields[..4] != MAGIC || crc32c::crc32c_append(salt, fields) != u32::from_le_bytes(*crc) {
            return None;
        }
        let meta_bytes = word(fields, 8) as usize;
        let body_bytes = word(fields, 12) as usize;
        let body_bytes_raw = word(fields, 16) as usize;
        let sane = meta_bytes <= META_BYTES_MAX && body_bytes.max(body_bytes_raw) <= BODY_BYTES_MAX;
        sane.then(|| Self {
            kind: fields[4],
            codec: fields[5],
            skippable: fields[6] & FLAG_SKIPPABLE != 0,
            meta_bytes,
            body_bytes,
            body_bytes_raw,
            sequence: u64::from(word(fields, 20)) | u64::from(word(fields, 24)) << 32,
            content_crc: word(fields, 28),
        })
    }

    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> usize {
        HEADER_BYTES + self.meta_bytes + self.body_bytes
    }

    /// Does the content belong to this header?
    pub(crate) fn fits(&self, content: &[u8]) -> bool {
        crc32c::crc32c(content) == self.content_crc
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let word = bytes[at..].first_chunk().expect("the caller checked the length");
    u32::from_le_bytes(*word)
}
