//! The pages of a block: read from its file, believed once their checksums hold.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::file::RangeFile;
use crate::columns::sink::Part;
use crate::error::{Error, Next, Result};
use crate::sum;

/// Reads bytes that have this checksum; none if they have another. A copy that is damaged is read anew.
pub(crate) fn checked(file: &dyn RangeFile, range: Range<u64>, crc: u32) -> Result<Option<Bytes>> {
    let bytes = file.read(range.clone())?;
    if sum::holds(&bytes, crc) {
        return Ok(Some(bytes));
    }
    if !file.distrust(range.clone()) {
        return Ok(None);
    }
    let bytes = file.read(range)?;
    Ok(sum::holds(&bytes, crc).then_some(bytes))
}

fn range(part: Part) -> Range<u64> {
    part.at..part.at + u64::from(part.length)
}

/// An open `spans.parquet`.
#[derive(Debug)]
pub(crate) struct Source {
    file: Arc<dyn RangeFile>,
}

impl Source {
    pub(crate) fn new(file: Arc<dyn RangeFile>) -> Self {
        Self { file }
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &Arc<dyn RangeFile> {
        &self.file
    }

    /// Reads a page and compares its checksum.
    pub(crate) fn part(&self, part: Part) -> Result<Bytes> {
        checked(&*self.file, range(part), part.crc)?
            .ok_or_else(|| self.damaged(part, "the checksum of a page does not hold"))
    }

    /// Announces pages that are read next, in the order of the file.
    pub(crate) fn expect(&self, parts: impl Iterator<Item = Part>) -> Result<()> {
        if !self.file.is_far() {
            return Ok(());
        }
        let mut ranges: Vec<Range<u64>> = parts.map(range).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        self.file.expect(&ranges)
    }

    /// The error for a page that is not what it should be.
    pub(crate) fn damaged(&self, part: Part, what: &str) -> Error {
        Error::new(Next::Repair, format!("{} is damaged at byte {}: {what}", self.file.name(), part.at))
    }
}
