//! The pages of a block: read from its file, believed once their checksums hold.

use std::sync::Arc;

use bytes::Bytes;

use super::file::RangeFile;
use crate::columns::sink::Part;
use crate::error::{Error, Next, Result};

/// An open `spans.parquet`.
#[derive(Debug)]
pub(crate) struct Source {
    file: Arc<dyn RangeFile>,
}

impl Source {
    pub(crate) fn new(file: Arc<dyn RangeFile>) -> Self {
        Self { file }
    }

    /// Reads a page and compares its checksum.
    pub(crate) fn part(&self, part: Part) -> Result<Bytes> {
        let bytes = self.file.read(part.at..part.at + u64::from(part.length))?;
        if crc32c::crc32c(&bytes) != part.crc {
            return Err(self.damaged(part, "the checksum of a page does not hold"));
        }
        Ok(bytes)
    }

    /// The error for a page that is not what it should be.
    pub(crate) fn damaged(&self, part: Part, what: &str) -> Error {
        Error::new(Next::Repair, format!("{} is damaged at byte {}: {what}", self.file.name(), part.at))
    }
}
