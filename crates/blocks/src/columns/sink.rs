//! Where the columns of a row group go, and what they become: encoded pages with a directory.
//!
//! Pages hold [`PAGE_ROWS`] rows in every column, so a row's page number is the same in all of them.

use std::borrow::Cow;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;

use super::encode::Dictionary;
use super::schema::Leaf;
use super::values::Column;

/// Rows of a page, in every column.
pub(crate) const PAGE_ROWS: usize = 8192;

/// Turns the columns of a row group into pages; what stands behind it decides how.
pub(crate) trait ColumnSink {
    /// How the values of a column will be written.
    fn plan(&mut self, leaf: &Leaf, column: &Column) -> Plan;

    /// The pages of one column of `rows` rows, as it was planned.
    ///
    /// # Errors
    /// Where the values can't be compressed.
    fn encode(
        &mut self,
        leaf: &Leaf,
        rows: u32,
        column: &Column,
        plan: &Plan,
    ) -> Result<Encoded, ParquetError>;
}

/// How the values of a column are written.
#[derive(Debug)]
pub(crate) enum Plan {
    /// As they are.
    Values,
    /// As numbers of distinct ones.
    Dictionary(Dictionary),
}

/// Where the pages of one column lie in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// The dictionary page, if there is one.
    pub(crate) dictionary: Option<Part>,
    /// The data pages in row order; none where no row has a value.
    pub(crate) pages: Vec<Part>,
}

/// A range of the file and its CRC-32C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) at: u64,
    pub(crate) length: u32,
    pub(crate) crc: u32,
}

/// An encoded column, not yet in a file.
pub(crate) struct Encoded {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
    pub(crate) chunk: Chunk,
}

impl Plan {
    /// Which values of the column its dictionary holds, if it gets one.
    pub(crate) fn entries(&self) -> Option<Cow<'_, [u32]>> {
        match self {
            Self::Values => None,
            Self::Dictionary(dictionary) => Some(dictionary.entries().into()),
        }
    }
}

impl Chunk {
    /// The same pages where the chunk begins at this offset.
    pub(crate) fn moved(mut self, by: u64) -> Self {
        self.dictionary.iter_mut().chain(&mut self.pages).for_each(|part| part.at += by);
        self
    }
}
