//! Where the columns of a row group go, and what they become: encoded pages with a directory.
//!
//! Pages hold [`PAGE_ROWS`] rows in every column, so a row's page number is the same in all of them.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::PageWriter;
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr, WriterVersion};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use zstd::bulk::Compressor;

use super::compress::{self, Compressing};
use super::schema::{Kind, Leaf, Style};
use super::values::{Column, Levels, Place, Texts, Values};

/// Rows of a page, in every column.
pub(crate) const PAGE_ROWS: usize = 8192;

/// Values that are compared to decide about a dictionary.
const SAMPLE_VALUES: usize = 16_384;

/// A dictionary is made where at most one of so many sampled values is distinct.
const DISTINCT_PART: usize = 4;

/// A page is bounded by its rows alone; a row group is bounded by [`crate::block::GROUP_BYTES_MAX`].
const NO_BYTE_LIMIT: usize = i32::MAX as usize;

/// Turns the columns of a row group into pages; what stands behind it decides how.
pub(crate) trait ColumnSink {
    /// True where the column will get a dictionary.
    fn repeats(&self, leaf: &Leaf, column: &Column) -> bool;

    /// The pages of one column, with a dictionary or not.
    ///
    /// # Errors
    /// Where the values are not of the leaf's type.
    fn encode(
        &mut self,
        leaf: &Leaf,
        rows: u32,
        column: Column,
        dictionary: bool,
    ) -> Result<Encoded, ParquetError>;
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

/// Encodes columns with the `parquet` crate.
pub(crate) struct Encoder {
    properties: Vec<(Choice, WriterPropertiesPtr)>,
    zstd: Compressor<'static>,
    scratch: Scratch,
}

/// The levels of the page that is being written.
#[derive(Default)]
struct Scratch {
    def: Vec<i16>,
    rep: Vec<i16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Choice {
    encoding: Option<Encoding>,
    statistics: bool,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self { properties: Vec::new(), zstd: compress::context(), scratch: Scratch::default() }
    }

    fn encoded(
        &mut self,
        leaf: &Leaf,
        rows: u32,
        column: Column,
        dictionary: bool,
    ) -> Result<Encoded, ParquetError> {
        let is_empty = column.is_empty();
        let properties = self.properties(choose(leaf, dictionary));
        let mut out = TrackedWrite::new(Vec::new());
        let close = {
            let pages = SerializedPageWriter::new(&mut out);
            let is_raw = leaf.is_uncompressed();
            let pages: Box<dyn PageWriter + '_> =
                if is_raw { Box::new(pages) } else { Box::new(Compressing::new(pages, &mut self.zstd)) };
            let mut writer = get_column_writer(leaf.descriptor.clone(), properties, pages);
            self.scratch.pages(&mut writer, column, rows as usize)?;
            if is_raw { writer.close()? } else { compress::noted(writer.close()?)? }
        };
        let bytes = Bytes::from(out.into_inner()?);
        let mut chunk = directory(&close, &bytes);
        if is_empty {
            chunk = Chunk::default();
        }
        Ok(Encoded { bytes, close, chunk })
    }

    fn properties(&mut self, choice: Choice) -> WriterPropertiesPtr {
        if let Some((_, known)) = self.properties.iter().find(|(other, _)| *other == choice) {
            return known.clone();
        }
        let made = Arc::new(properties(choice));
        self.properties.push((choice, made.clone()));
        made
    }
}

impl Scratch {
    fn pages(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        column: Column,
        rows: usize,
    ) -> Result<(), ParquetError> {
        let def_max = i16::from(column.def_max());
        let mut pages = Pages::new(column.values);
        let (mut values_at, mut levels_at) = (0, 0);
        for first in (0..rows).step_by(PAGE_ROWS) {
            let page = first..rows.min(first + PAGE_ROWS);
            self.def.clear();
            self.rep.clear();
            let count = match &column.levels {
                Levels::Required => page.len(),
                Levels::Present(present) => self.flat(&present[values_at..], &page),
                Levels::Nested { def, rep, .. } => {
                    let next = levels_at + levels_of(&rep[levels_at..], page.len());
                    self.def.extend(def[levels_at..next].iter().map(|level| i16::from(*level)));
                    self.rep.extend(rep[levels_at..next].iter().map(|level| i16::from(*level)));
                    levels_at = next;
                    self.def.iter().filter(|level| **level == def_max).count()
                }
            };
            pages.write(writer, values_at..values_at + count, (&self.def, &self.rep))?;
            values_at += count;
        }
        Ok(())
    }

    /// The definition levels of a page of a column that does not repeat; answers how many values it has.
    fn flat(&mut self, present: &[u32], page: &Range<usize>) -> usize {
        self.def.resize(page.len(), 0);
        let here = present.partition_point(|row| (*row as usize) < page.end);
        for row in &present[..here] {
            self.def[*row as usize - page.start] = 1;
        }
        here
    }
}

/// How many levels the first `rows` rows take.
fn levels_of(rep: &[u8], rows: usize) -> usize {
    let mut begun = 0;
    let more = rep.iter().position(|level| {
        begun += usize::from(*level == 0);
        begun > rows
    });
    more.unwrap_or(rep.len())
}

/// The values of a column as the writers of the `parquet` crate take them.
enum Pages {
    Text { arena: Bytes, places: Vec<Place>, page: Vec<ByteArray> },
    Id { arena: Bytes, width: usize, page: Vec<FixedLenByteArray> },
    Int32(Vec<i32>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
}

impl Pages {
    fn new(values: Values) -> Self {
        match values {
            Values::Text(Texts { bytes, places }) => {
                Self::Text { arena: bytes.into(), places, page: Vec::new() }
            }
            Values::Id { width, bytes } => Self::Id { arena: bytes.into(), width, page: Vec::new() },
            Values::Int32(values) => Self::Int32(values),
            Values::Int(values) => Self::Int(values),
            Values::Double(values) => Self::Double(values),
            Values::Bool(values) => Self::Bool(values),
        }
    }

    fn write(
        &mut self,
        writer: &mut ColumnWriter<'_>,
        values: Range<usize>,
        (def, rep): (&[i16], &[i16]),
    ) -> Result<(), ParquetError> {
        let def = (!def.is_empty()).then_some(def);
        let rep = (!rep.is_empty()).then_some(rep);
        match (self, writer) {
            (Self::Text { arena, places, page }, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let slice = |place: &Place| {
                    ByteArray::from(arena.slice(place.at as usize..(place.at + place.length) as usize))
                };
                page.clear();
                page.extend(places[values].iter().map(slice));
                writer.write_batch(page, def, rep)?;
            }
            (Self::Id { arena, width, page }, ColumnWriter::FixedLenByteArrayColumnWriter(writer)) => {
                let slice = |at: usize| ByteArray::from(arena.slice(at * *width..(at + 1) * *width));
                page.clear();
                page.extend(values.map(|at| FixedLenByteArray::from(slice(at))));
                writer.write_batch(page, def, rep)?;
            }
            (Self::Int32(all), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(&all[values], def, rep)?;
            }
            (Self::Int(all), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&all[values], def, rep)?;
            }
            (Self::Double(all), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(&all[values], def, rep)?;
            }
            (Self::Bool(all), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(&all[values], def, rep)?;
            }
            _ => return Err(ParquetError::General("a column's values are not of its type".into())),
        }
        Ok(())
    }
}

impl ColumnSink for Encoder {
    fn repeats(&self, leaf: &Leaf, column: &Column) -> bool {
        match leaf.style {
            Style::Dictionary => true,
            Style::Delta | Style::Raw => false,
            Style::Sampled => repeats(&column.values),
        }
    }

    fn encode(
        &mut self,
        leaf: &Leaf,
        rows: u32,
        column: Column,
        dictionary: bool,
    ) -> Result<Encoded, ParquetError> {
        self.encoded(leaf, rows, column, dictionary)
    }
}

fn choose(leaf: &Leaf, dictionary: bool) -> Choice {
    let plain = match leaf.kind {
        Kind::Text => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Kind::Int32 | Kind::Int => Encoding::DELTA_BINARY_PACKED,
        _ => Encoding::PLAIN,
    };
    Choice { encoding: (!dictionary).then_some(plain), statistics: leaf.statistics }
}

/// True where a sample says that a dictionary is worth its bytes.
fn repeats(values: &Values) -> bool {
    let step = values.len().div_ceil(SAMPLE_VALUES).max(1);
    let sampled = values.len().div_ceil(step);
    let distinct = match values {
        Values::Text(texts) => {
            let sample = texts.places.iter().step_by(step);
            let places: HashSet<Place, FixedState> = sample.copied().collect();
            if places.len() * DISTINCT_PART <= sampled {
                return true;
            }
            places.iter().map(|place| texts.slice(*place)).collect::<HashSet<_, FixedState>>().len()
        }
        Values::Int32(values) => values.iter().step_by(step).collect::<HashSet<_, FixedState>>().len(),
        Values::Int(values) => values.iter().step_by(step).collect::<HashSet<_, FixedState>>().len(),
        _ => return false,
    };
    distinct * DISTINCT_PART <= sampled
}

fn properties(choice: Choice) -> WriterProperties {
    let statistics = if choice.statistics { EnabledStatistics::Page } else { EnabledStatistics::None };
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(NO_BYTE_LIMIT)
        .set_dictionary_page_size_limit(NO_BYTE_LIMIT)
        .set_dictionary_enabled(choice.encoding.is_none())
        .set_statistics_enabled(statistics)
        .set_compression(Compression::UNCOMPRESSED);
    if let Some(encoding) = choice.encoding {
        builder = builder.set_encoding(encoding);
    }
    builder.build()
}

fn directory(close: &ColumnCloseResult, bytes: &[u8]) -> Chunk {
    let part = |at: usize, length: usize| Part {
        at: at as u64,
        length: length as u32,
        crc: crc32c::crc32c(&bytes[at..at + length]),
    };
    let locations = close.offset_index.as_ref().map_or(&[][..], |index| index.page_locations());
    let pages = locations.iter().map(|page| part(page.offset as usize, page.compressed_page_size as usize));
    let first_page = locations.first().map_or(0, |page| page.offset as usize);
    let dictionary =
        close.metadata.dictionary_page_offset().map(|at| part(at as usize, first_page - at as usize));
    Chunk { dictionary, pages: pages.collect() }
}

impl Chunk {
    /// The same pages where the chunk begins at this offset.
    pub(crate) fn moved(mut self, by: u64) -> Self {
        self.dictionary.iter_mut().chain(&mut self.pages).for_each(|part| part.at += by);
        self
    }
}
