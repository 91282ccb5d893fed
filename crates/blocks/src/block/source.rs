//! Where the bytes of a block come from: a local file, read at any place by any number of threads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::columns::sink::Part;
use crate::error::{Doing, Error, Next, Result};

/// An open `spans.parquet`.
#[derive(Debug)]
pub(crate) struct Source {
    file: File,
    path: PathBuf,
}

impl Source {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).doing(Next::Repair, format!("open {}", path.display()))?;
        Ok(Self { file, path: path.into() })
    }

    /// Reads a page and compares its checksum.
    pub(crate) fn part(&self, part: Part) -> Result<Vec<u8>> {
        let mut bytes = vec![0; part.length as usize];
        let reading = || format!("read {} at byte {}", self.path.display(), part.at);
        self.file.read_exact_at(&mut bytes, part.at).map_err(|cause| {
            let next =
                if cause.kind() == std::io::ErrorKind::UnexpectedEof { Next::Repair } else { Next::Retry };
            Err::<(), _>(cause).doing(next, reading()).expect_err("made from an error")
        })?;
        if crc32c::crc32c(&bytes) != part.crc {
            return Err(self.damaged(part, "the checksum of a page does not hold"));
        }
        Ok(bytes)
    }

    /// The error for a page that is not what it should be.
    pub(crate) fn damaged(&self, part: Part, what: &str) -> Error {
        Error::new(Next::Repair, format!("{} is damaged at byte {}: {what}", self.path.display(), part.at))
    }
}
