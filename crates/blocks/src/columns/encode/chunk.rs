//! Puts the pages of one column together: headers, compression, where each lies, and what Parquet notes of them.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, OffsetIndexBuilder, PageEncodingStats};
use zstd::bulk::Compressor;

use super::header::{Header, Kind};
use super::statistics::Statistics;
use crate::columns::schema::Leaf;
use crate::columns::sink::{Chunk, Encoded, Part};

/// Compresses pages; one for all columns, since making one costs as much as a page.
pub(super) struct Packer {
    zstd: Compressor<'static>,
    level: ZstdLevel,
    /// The last small page and what it became: where a column has no value, all its pages are the same.
    small: (Vec<u8>, Vec<u8>),
    packed: Vec<u8>,
}

/// Pages of at most so many bytes are compared with the last.
const SMALL_BYTES: usize = 64;

impl Packer {
    pub(super) fn new(level: i32) -> Self {
        let level = ZstdLevel::try_new(level).expect("a block's level is one of zstd's");
        let zstd = Compressor::new(level.compression_level()).expect("a level of zstd makes a compressor");
        Self { zstd, level, small: (Vec::new(), Vec::new()), packed: Vec::new() }
    }

    fn pack(&mut self, raw: &[u8]) -> Result<&[u8], ParquetError> {
        if !raw.is_empty() && self.small.0 == raw {
            return Ok(&self.small.1);
        }
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let packed = self.zstd.compress_to_buffer(raw, &mut self.packed);
        packed.map_err(|error| ParquetError::External(Box::new(error)))?;
        if raw.len() <= SMALL_BYTES {
            self.small = (raw.to_vec(), self.packed.clone());
        }
        Ok(&self.packed)
    }
}

/// A column whose pages are written one after the other.
pub(super) struct Writer<'a> {
    leaf: &'a Leaf,
    packer: &'a mut Packer,
    out: Vec<u8>,
    chunk: Chunk,
    offsets: OffsetIndexBuilder,
    raw_bytes: usize,
    levels: usize,
    rows: usize,
}

impl<'a> Writer<'a> {
    pub(super) fn new(leaf: &'a Leaf, packer: &'a mut Packer) -> Self {
        let (chunk, offsets) = (Chunk::default(), OffsetIndexBuilder::new());
        Self { leaf, packer, out: Vec::new(), chunk, offsets, raw_bytes: 0, levels: 0, rows: 0 }
    }

    /// Writes the dictionary, which comes first.
    pub(super) fn dictionary(&mut self, entries: usize, raw: &[u8]) -> Result<(), ParquetError> {
        let part = self.page(Kind::Dictionary, entries, Encoding::PLAIN, raw)?;
        self.chunk.dictionary = Some(part);
        Ok(())
    }

    /// Writes a page of data.
    pub(super) fn data(
        &mut self,
        rows: usize,
        levels: usize,
        encoding: Encoding,
        raw: &[u8],
    ) -> Result<(), ParquetError> {
        let part = self.page(Kind::Data, levels, encoding, raw)?;
        self.offsets.append_row_count(rows as i64);
        self.offsets.append_offset_and_size(part.at as i64, part.length as i32);
        self.chunk.pages.push(part);
        self.levels += levels;
        self.rows += rows;
        Ok(())
    }

    fn page(
        &mut self,
        kind: Kind,
        values: usize,
        encoding: Encoding,
        raw: &[u8],
    ) -> Result<Part, ParquetError> {
        let at = self.out.len();
        let packed = if self.leaf.is_uncompressed() { raw } else { self.packer.pack(raw)? };
        let header =
            Header { kind, values, encoding: encoding as i32, bytes: raw.len(), packed_bytes: packed.len() };
        header.write(&mut self.out);
        self.raw_bytes += self.out.len() - at + raw.len();
        self.out.extend_from_slice(packed);
        let length = self.out.len() - at;
        Ok(Part { at: at as u64, length: length as u32, crc: crc32c::crc32c(&self.out[at..]) })
    }

    /// The finished column.
    pub(super) fn finish(
        self,
        encoding: Encoding,
        statistics: Option<Statistics>,
    ) -> Result<Encoded, ParquetError> {
        let Chunk { dictionary, pages } = &self.chunk;
        let counted = |page_type, encoding, count| PageEncodingStats { page_type, encoding, count };
        let mut pages_of = vec![counted(PageType::DATA_PAGE, encoding, pages.len() as i32)];
        let mut encodings = vec![Encoding::RLE, encoding];
        if dictionary.is_some() {
            pages_of.push(counted(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
            encodings.push(Encoding::PLAIN);
        }
        let compression = match self.leaf.is_uncompressed() {
            true => Compression::UNCOMPRESSED,
            false => Compression::ZSTD(self.packer.level),
        };
        let mut metadata = ColumnChunkMetaData::builder(self.leaf.descriptor.clone())
            .set_compression(compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(pages_of)
            .set_num_values(self.levels as i64)
            .set_total_uncompressed_size(self.raw_bytes as i64)
            .set_total_compressed_size(self.out.len() as i64)
            .set_dictionary_page_offset(dictionary.map(|part| part.at as i64))
            .set_data_page_offset(pages.first().map_or(0, |part| part.at as i64));
        let column_index = match statistics {
            Some(statistics) => {
                metadata = metadata.set_statistics(statistics.whole);
                Some(statistics.pages.build()?)
            }
            None => None,
        };
        let close = ColumnCloseResult {
            bytes_written: self.out.len() as u64,
            rows_written: self.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index,
            offset_index: Some(self.offsets.build()),
        };
        Ok(Encoded { bytes: Bytes::from(self.out), close, chunk: self.chunk })
    }
}
