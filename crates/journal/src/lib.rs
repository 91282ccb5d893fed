//! An append-only log of checksummed frames: what was answered as stored is on the disk.
//!
//! In: frames (a kind, a short `meta`, a body). Out: their positions, once one fsync covers them.
//! Many appenders share one write and one fsync (group commit, `writer.rs`). After a crash, `Replay`
//! gives back every acknowledged frame in order; a torn tail ends a segment, a damaged frame is lost
//! alone and counted. The journal knows nothing of spans.
//!
//! Bounded by [`Limits`]. The bytes on disk are described in `docs/format/journal.md`.

mod codec;
mod disk;
mod error;
mod frame;
mod replay;
mod segment;
pub mod testing;
mod writer;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

pub use crate::{
    codec::Compression,
    disk::{Directory, Disk, File},
    error::{Error, Next, Result},
    frame::{BODY_BYTES_MAX, Frame, META_BYTES_MAX},
    replay::{Recovered, Replay, Tally},
    segment::{Intact, intact},
    writer::{Journal, Stat},
};

/// Where a frame begins: the number of its segment and the byte offset in it.
///
/// Positions are totally ordered; later frames have greater positions, over restarts too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The number of the segment, from 1.
    pub segment: u64,
    /// The byte offset in the segment's file.
    pub offset: u64,
}

impl Position {
    /// Where nothing has been written yet.
    pub const START: Self = Self { segment: 0, offset: 0 };
}

/// When an appended frame counts as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// After fdatasync: it survives a power cut.
    #[default]
    Always,
    /// After the write: it survives the end of the process, not of the machine.
    Never,
}

/// How a journal works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When a frame counts as kept.
    pub sync: Sync,
    /// How bodies are compressed that do not come compressed.
    pub compression: Compression,
    /// What bounds it.
    pub limits: Limits,
    /// New segments are numbered above this one, whatever the directory holds. Whoever remembers
    /// positions elsewhere passes the greatest, so that no position is ever used twice.
    pub segment_floor: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync: Sync::Always,
            compression: Compression::Lz4,
            limits: Limits::default(),
            segment_floor: 0,
        }
    }
}

/// What bounds a journal.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A segment that reached this size is followed by a new one.
    pub segment_bytes_max: u64,
    /// Bytes written with one fsync; what waits beyond it goes into the next group.
    pub group_bytes_max: usize,
    /// Bytes that wait for the disk; when full, appenders wait.
    pub queue_bytes_max: usize,
    /// Frames that wait for the disk; when full, appenders wait.
    pub queue_frames_max: usize,
    /// A journal that failed twice in a row tries the disk again no sooner than after this.
    pub probe_every: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 << 20,
            group_bytes_max: 1 << 20,
            queue_bytes_max: 32 << 20,
            queue_frames_max: 4096,
            probe_every: Duration::from_secs(1),
        }
    }
}

/// Opens the journal in `disk` and says how to get back what it holds.
///
/// Appending may begin at once: new frames go to a new segment that `Replay` does not read.
pub fn open(disk: Arc<dyn Disk>, settings: Settings) -> Result<(Journal, Replay)> {
    let found = segment::survey(&*disk)?;
    let journal = Journal::start(disk.clone(), settings, &found)?;
    Ok((journal, Replay::new(disk, found)))
}

/// Reads what the journal in `disk` holds now, and changes nothing; a writer may go on meanwhile.
pub fn replay(disk: Arc<dyn Disk>) -> Result<Replay> {
    let found = segment::survey(&*disk)?;
    Ok(Replay::new(disk, found))
}
