//! One segment: a file that begins with its header, twice, followed by frames.
//!
//! The header says where the segment before it ended when it was still trusted, so that what a
//! failed write left behind there is not replayed, and what is missing there is counted.

use std::ops::Range;

use bytes::{BufMut, Bytes};

use crate::{
    disk::Disk,
    error::{Doing, Error, Next, Result},
    frame::{self, Header},
};

/// Bytes before the first frame: the header and its copy.
pub(crate) const START: u64 = 128;

/// Version 2 brought marks.
const VERSION: u32 = 2;
const VERSION_MIN: u32 = 1;
const MAGIC: [u8; 8] = *b"\xf5FadenJ\n";
const LABEL_BYTES: usize = 64;
const SUFFIX: &str = ".journal";

/// What the header of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) version: u32,
    pub(crate) segment: u64,
    pub(crate) epoch: u64,
    /// The sequence number of the first frame.
    pub(crate) sequence: u64,
    /// The segment before this one and where its trusted frames end; zeros if there was none.
    pub(crate) previous: (u64, u64),
}

impl Label {
    /// The label of a segment that is begun now.
    pub(crate) fn new(segment: u64, epoch: u64, sequence: u64, previous: (u64, u64)) -> Self {
        Self { version: VERSION, segment, epoch, sequence, previous }
    }

    /// The bytes at the start of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut label = Vec::with_capacity(START as usize);
        label.put_slice(&MAGIC);
        label.put_u32_le(self.version);
        for field in [self.segment, self.epoch, self.sequence, self.previous.0, self.previous.1, 0] {
            label.put_u64_le(field);
        }
        let crc = crc32c::crc32c(&label);
        label.put_u32_le(crc);
        label.extend_from_within(..);
        label
    }

    /// The checksum that salts the segment's frames.
    pub(crate) fn salt(&self) -> u32 {
        crc32c::crc32c(&self.encode()[..LABEL_BYTES - 4])
    }

    /// The label at the start of a file; none if both copies are damaged.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        for copy in bytes.chunks_exact(LABEL_BYTES).take(2) {
            let (fields, crc) = copy.split_at(LABEL_BYTES - 4);
            if fields[..8] != MAGIC || crc32c::crc32c(fields).to_le_bytes() != crc {
                continue;
            }
            let version = u32::from_le_bytes([fields[8], fields[9], fields[10], fields[11]]);
            if !(VERSION_MIN..=VERSION).contains(&version) {
                let cause = format!("it has version {version} of the format, this program knows {VERSION}");
                return Err(Error::new(Next::Repair, "read a segment", cause));
            }
            let field = |index: usize| {
                let bytes = fields[12 + 8 * index..].first_chunk().expect("a label has six fields");
                u64::from_le_bytes(*bytes)
            };
            let [segment, epoch, sequence] = [field(0), field(1), field(2)];
            return Ok(Some(Self { version, segment, epoch, sequence, previous: (field(3), field(4)) }));
        }
        Ok(None)
    }
}

/// The file of a segment.
pub(crate) fn name(segment: u64) -> String {
    format!("{segment:020}{SUFFIX}")
}

/// Walks the frames of a segment that can be trusted.
pub(crate) struct Scan {
    bytes: Bytes,
    salt: u32,
    /// Where the last trusted frame ended.
    pub(crate) end: usize,
    /// The sequence number of the next frame.
    pub(crate) expected: u64,
    /// Frames that should have been between trusted ones.
    pub(crate) damaged: u64,
}

impl Scan {
    pub(crate) fn new(bytes: Bytes, label: &Label) -> Self {
        let start = bytes.len().min(START as usize);
        Self { bytes, salt: label.salt(), end: start, expected: label.sequence, damaged: 0 }
    }

    /// The offset and header of the next trusted frame.
    pub(crate) fn next(&mut self) -> Option<(usize, Header)> {
        let mut at = self.end;
        loop {
            let header = Header::parse(&self.bytes[at..], self.salt);
            let past = match &header {
                Some(header) => at.saturating_add(header.frame_bytes()),
                None => at + 1,
            };
            if let Some(header) = header.filter(|header| self.holds(at, header)) {
                self.damaged += header.sequence - self.expected;
                self.expected = header.sequence;
                self.end = past;
                if header.kind != frame::MARK {
                    self.expected += 1;
                    return Some((at, header));
                }
                at = past;
                continue;
            }
            at = self.candidate(past)?;
        }
    }

    /// The content of a frame.
    pub(crate) fn content(&self, at: usize, header: &Header) -> (Bytes, Bytes) {
        let meta = at + frame::HEADER_BYTES;
        let body = meta + header.meta_bytes;
        (self.bytes.slice(meta..body), self.bytes.slice(body..body + header.body_bytes))
    }

    /// Bytes after the last trusted frame.
    pub(crate) fn torn(&self) -> usize {
        self.bytes.len() - self.end
    }

    fn holds(&self, at: usize, header: &Header) -> bool {
        let content = at + frame::HEADER_BYTES..at.saturating_add(header.frame_bytes());
        header.sequence >= self.expected
            && header.sequence < u64::MAX
            && self.bytes.get(content).is_some_and(|content| header.fits(content))
    }

    /// Where a frame might begin, from `at` on.
    fn candidate(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        rest.windows(frame::MAGIC.len()).position(|window| window == frame::MAGIC).map(|skip| at + skip)
    }
}

/// The frames of a segment that survived.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Intact {
    /// The byte range of every trusted frame.
    pub frames: Vec<Range<usize>>,
    /// Frames that are missing between them.
    pub damaged: u64,
    /// Bytes after the last one.
    pub torn: usize,
}

/// Finds the frames of a segment that survived.
///
/// A torn tail ends the segment: it was never acknowledged. A damaged frame is lost alone.
pub fn intact(segment: &[u8]) -> Result<Intact> {
    let Some(label) = Label::parse(segment)? else {
        return Ok(Intact { torn: segment.len(), ..Intact::default() });
    };
    let mut scan = Scan::new(Bytes::copy_from_slice(segment), &label);
    let mut frames = Vec::new();
    while let Some((at, header)) = scan.next() {
        frames.push(at..at + header.frame_bytes());
    }
    Ok(Intact { frames, damaged: scan.damaged, torn: scan.torn() })
}

/// A segment found in the directory.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    pub(crate) segment: u64,
    pub(crate) bytes: u64,
    /// None if the header is torn or damaged: nothing in the file can be trusted.
    pub(crate) label: Option<Label>,
}

/// What a directory holds before anything is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// In order.
    pub(crate) segments: Vec<Present>,
    /// The sequence number after the last frame.
    pub(crate) sequence: u64,
    /// The last segment with a label and the end of its trusted frames.
    pub(crate) last: (u64, u64),
}

/// Looks at every header and at the frames of the last segment; changes nothing.
pub(crate) fn survey(disk: &dyn Disk) -> Result<Found> {
    let mut segments = Vec::new();
    for (name, bytes) in disk.list().doing(Next::Retry, "list its segments")? {
        let number = name.strip_suffix(SUFFIX).filter(|number| number.len() == 20);
        let Some(segment) = number.and_then(|number| number.parse().ok()) else {
            tracing::warn!(file = name, "foreign file in the journal's directory");
            continue;
        };
        let start = disk.read(&name, START).doing(Next::Retry, "read a segment")?;
        let label = Label::parse(&start)?.filter(|label| label.segment == segment);
        segments.push(Present { segment, bytes, label });
    }
    segments.sort_by_key(|present| present.segment);
    let mut found = Found { segments, sequence: 1, last: (0, 0) };
    if let Some(label) = found.segments.iter().rev().find_map(|present| present.label) {
        let bytes = disk.read(&name(label.segment), u64::MAX).doing(Next::Retry, "read the last segment")?;
        let mut scan = Scan::new(bytes.into(), &label);
        while scan.next().is_some() {}
        found.sequence = scan.expected;
        found.last = (label.segment, scan.end as u64);
    }
    Ok(found)
}
