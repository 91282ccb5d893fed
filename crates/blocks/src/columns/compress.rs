//! Compresses the pages of every column with one zstd context.
//!
//! The `parquet` crate makes a compressor and a decompressor for each column of each row group, which cost a sixth of
//! all that storing a span costs. Its column writers are therefore told not to compress, and their pages pass here.

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use zstd::bulk::Compressor;

/// The level of blocks that were just cut.
const LEVEL: i32 = 1;

/// A page writer behind which pages are compressed.
pub(crate) struct Compressing<'a, P> {
    pages: P,
    zstd: &'a mut Compressor<'static>,
}

/// The context that all columns share.
pub(crate) fn context() -> Compressor<'static> {
    Compressor::new(LEVEL).expect("1 is a level of zstd")
}

/// Notes in a column's metadata that its pages were compressed here.
///
/// # Errors
/// Where the metadata can't be put together.
pub(crate) fn noted(close: ColumnCloseResult) -> Result<ColumnCloseResult> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(LEVEL)?);
    let metadata = close.metadata.clone().into_builder().set_compression(zstd).build()?;
    Ok(ColumnCloseResult { metadata, ..close })
}

impl<'a, P> Compressing<'a, P> {
    pub(crate) fn new(pages: P, zstd: &'a mut Compressor<'static>) -> Self {
        Self { pages, zstd }
    }

    fn compressed(&mut self, bytes: &Bytes) -> Result<Bytes> {
        let small = self.zstd.compress(bytes).map_err(|error| ParquetError::External(Box::new(error)))?;
        Ok(small.into())
    }
}

impl<P: PageWriter> PageWriter for Compressing<'_, P> {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec> {
        let whole = page.uncompressed_size();
        let mut page = page.compressed_page().clone();
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = self.compressed(buf)?,
            Page::DataPageV2 { .. } => {
                return Err(ParquetError::General("pages of version 2 are not written here".into()));
            }
        }
        self.pages.write_page(CompressedPage::new(page, whole))
    }

    fn close(&mut self) -> Result<()> {
        self.pages.close()
    }
}
