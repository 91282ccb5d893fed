//! Gives back what a journal held when it was opened.

use std::{collections::VecDeque, ops::AddAssign, sync::Arc};

use bytes::Bytes;

use crate::{
    Position,
    codec::Compression,
    disk::Disk,
    error::{Doing, Error, Next, Result},
    frame::Header,
    segment::{self, Found, Present, Scan},
};

/// A frame that survived.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Where it begins.
    pub position: Position,
    /// What the frame means to whoever wrote it.
    pub kind: u8,
    /// A reader that does not know the kind may go on without it.
    pub skippable: bool,
    /// The few bytes that were not compressed.
    pub meta: Bytes,
    /// The content.
    pub body: Bytes,
}

/// What a replay found so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames given back.
    pub frames: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Frames that were once complete and are lost.
    pub damaged: u64,
    /// Segments whose last write was not finished; it was never acknowledged.
    pub torn: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.damaged += other.damaged;
        self.torn += other.torn;
    }
}

/// The frames of all segments in order; holds one segment in memory at a time.
///
/// After an error the next call goes on with what follows.
pub struct Replay {
    disk: Arc<dyn Disk>,
    segments: VecDeque<Present>,
    /// The sequence number after the last frame of all.
    sequence_end: u64,
    start: Position,
    reading: Option<Reading>,
    tally: Tally,
}

struct Reading {
    segment: u64,
    scan: Scan,
    /// What the segment after this one says about the sequence numbers in this one.
    sequence_end: u64,
    ended_early: bool,
}

impl Replay {
    pub(crate) fn new(disk: Arc<dyn Disk>, found: Found) -> Self {
        Self {
            disk,
            segments: found.segments.into(),
            sequence_end: found.sequence,
            start: Position::START,
            reading: None,
            tally: Tally::default(),
        }
    }

    /// Leaves out frames before `position`.
    pub fn start_at(mut self, position: Position) -> Self {
        self.segments.retain(|present| present.segment >= position.segment);
        self.start = position;
        self
    }

    /// What was found so far; complete once `next` has returned none.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Bytes on disk that are still to be read, about.
    pub fn bytes_left(&self) -> u64 {
        self.segments.iter().map(|present| present.bytes).sum()
    }

    fn next_frame(&mut self) -> Result<Option<Recovered>> {
        loop {
            let Some(reading) = &mut self.reading else {
                if !self.open_next()? {
                    return Ok(None);
                }
                continue;
            };
            let Some((at, header)) = reading.scan.next() else {
                self.end_segment();
                continue;
            };
            let position = Position { segment: reading.segment, offset: at as u64 };
            if position < self.start {
                continue;
            }
            self.tally.frames += 1;
            self.tally.bytes += header.frame_bytes() as u64;
            let (meta, body) = reading.scan.content(at, &header);
            return recovered(position, &header, meta, body).map(Some);
        }
    }

    /// Begins with the next segment that can be read.
    fn open_next(&mut self) -> Result<bool> {
        while let Some(present) = self.segments.pop_front() {
            let Some(label) = present.label else {
                self.tally.torn += 1;
                continue;
            };
            let next = self.segments.iter().find_map(|present| present.label);
            let trusted = next.map(|next| next.previous).filter(|previous| previous.0 == present.segment);
            let bytes_max = trusted.map_or(u64::MAX, |previous| previous.1);
            let bytes = self.disk.read(&segment::name(present.segment), bytes_max);
            let bytes = Bytes::from(bytes.doing(Next::Retry, "read a segment")?);
            self.reading = Some(Reading {
                segment: present.segment,
                scan: Scan::new(bytes, &label),
                sequence_end: next.map_or(self.sequence_end, |next| next.sequence),
                ended_early: bytes_max < present.bytes,
            });
            return Ok(true);
        }
        Ok(false)
    }

    fn end_segment(&mut self) {
        let Some(reading) = self.reading.take() else { return };
        self.tally.damaged += reading.scan.damaged;
        self.tally.damaged += reading.sequence_end.saturating_sub(reading.scan.expected);
        self.tally.torn += u64::from(reading.ended_early || reading.scan.torn() > 0);
    }
}

impl Iterator for Replay {
    type Item = Result<Recovered>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_frame().transpose()
    }
}

fn recovered(position: Position, header: &Header, meta: Bytes, body: Bytes) -> Result<Recovered> {
    let codec = Compression::from_number(header.codec)
        .ok_or_else(|| Error::new(Next::Repair, "read a frame", "its compression is not known"))?;
    let body = codec.unpack(body, header.body_bytes_raw)?;
    Ok(Recovered { position, kind: header.kind, skippable: header.skippable, meta, body })
}
