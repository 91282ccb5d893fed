//! The files of a block as they are read: ranges of bytes, wherever the file is.
//!
//! A file of a block never changes once the block is closed, so any number of threads read it at any place and whoever
//! has read a range may keep it. Nobody here knows what the bytes mean; who asks compares their checksum.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{DATA_FILE, INDEX_FILE};
use crate::error::{Doing, Error, Next, Result};

/// A file of which ranges are read.
pub trait RangeFile: fmt::Debug + Send + Sync {
    /// What to call it in a message.
    fn name(&self) -> String;

    /// Reads exactly these bytes. It may block for long: not to be called where a task runs.
    ///
    /// # Errors
    /// [`Next::Retry`] where the file can't be reached, [`Next::Repair`] where it is shorter or gone.
    fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// Is it far away, so that it pays to announce what is read next?
    fn is_far(&self) -> bool {
        false
    }

    /// Announces ranges that are read next, in ascending order: a file that is far away brings neighbours together.
    ///
    /// # Errors
    /// As `read`.
    fn expect(&self, _ranges: &[Range<u64>]) -> Result<()> {
        Ok(())
    }

    /// Told when what was read here is not what it should be. True if it was a copy, which is thrown away: then
    /// reading again may help.
    fn distrust(&self, _range: Range<u64>) -> bool {
        false
    }
}

/// Bytes that are read at once to sum up a file.
const SUM_BYTES: u64 = 1 << 20;

/// The CRC-32C of a file of this length.
pub(super) fn crc_of(file: &dyn RangeFile, length: u64) -> Result<u32> {
    let mut crc = 0;
    for start in (0..length).step_by(SUM_BYTES as usize) {
        crc = crc32c::crc32c_append(crc, &file.read(start..length.min(start + SUM_BYTES))?);
    }
    Ok(crc)
}

/// The two files of a block.
#[derive(Clone, Debug)]
pub struct BlockFiles {
    /// `spans.parquet`.
    pub data: Arc<dyn RangeFile>,
    /// `spans.idx`.
    pub index: Arc<dyn RangeFile>,
}

impl BlockFiles {
    /// Those in a folder on a local disk.
    ///
    /// # Errors
    /// Where the spans can't be opened; an index that is not there is noticed when it is read.
    pub fn local(folder: &Path) -> Result<Self> {
        let open =
            |name| LocalFile::open(&folder.join(name)).map(|file| Arc::new(file) as Arc<dyn RangeFile>);
        let index = open(INDEX_FILE).unwrap_or_else(|_| Arc::new(Absent(folder.join(INDEX_FILE))));
        Ok(Self { index, data: open(DATA_FILE)? })
    }
}

/// An open file on a local disk.
#[derive(Debug)]
pub(crate) struct LocalFile {
    file: File,
    path: PathBuf,
}

impl LocalFile {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).doing(Next::Repair, format!("open {}", path.display()))?;
        Ok(Self { file, path: path.into() })
    }
}

/// A file that is not there.
#[derive(Debug)]
struct Absent(PathBuf);

impl RangeFile for Absent {
    fn name(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self, _: Range<u64>) -> Result<Bytes> {
        LocalFile::open(&self.0)?;
        Err(Error::new(Next::Retry, format!("{} has come back: open the block again", self.name())))
    }
}

impl RangeFile for LocalFile {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let length = range.end.saturating_sub(range.start);
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, range.start).or_else(|cause| {
            let is_short = cause.kind() == std::io::ErrorKind::UnexpectedEof;
            let next = if is_short { Next::Repair } else { Next::Retry };
            Err(cause).doing(next, format!("read {} at byte {}", self.path.display(), range.start))
        })?;
        Ok(bytes.into())
    }
}
