//! Encodes the columns of a row group as pages of Parquet.
//!
//! In: columns in memory. Out: pages of [`PAGE_ROWS`] rows in version 1 of the format, compressed with zstd, and what
//! Parquet's footer says of them. What repeats gets a dictionary; texts that share a place are compared by it alone.

mod chunk;
mod delta;
mod dictionary;
mod header;
mod hybrid;
mod levels;
mod plain;
mod statistics;
#[cfg(test)]
mod tests;

use parquet::basic::Encoding;
use parquet::errors::ParquetError;

pub(crate) use dictionary::Dictionary;

use super::schema::{Leaf, Style};
use super::sink::{ColumnSink, Encoded, PAGE_ROWS, Plan};
use super::values::Column;
use chunk::{Packer, Writer};
use dictionary::{Maker, Worth};

/// Encodes one column after the other.
pub(crate) struct Encoder {
    packer: Packer,
    maker: Maker,
    /// The page that is put together.
    raw: Vec<u8>,
}

impl Encoder {
    /// An encoder whose pages are compressed at this level of zstd.
    pub(crate) fn new(level: i32) -> Self {
        Self { packer: Packer::new(level), maker: Maker::default(), raw: Vec::new() }
    }
}

impl ColumnSink for Encoder {
    fn plan(&mut self, leaf: &Leaf, column: &Column) -> Plan {
        let worth = match leaf.style {
            Style::Raw | Style::Delta => return Plan::Values,
            Style::Sized => Worth::Bytes,
            Style::Keyed => Worth::Repeats,
        };
        self.maker.make(&column.values, worth).map_or(Plan::Values, Plan::Dictionary)
    }

    fn encode(
        &mut self,
        leaf: &Leaf,
        rows: u32,
        column: &Column,
        plan: &Plan,
    ) -> Result<Encoded, ParquetError> {
        if !column.is_of(leaf) {
            return Err(ParquetError::General(format!("a column of another kind than {:?}", leaf.kind)));
        }
        let mut chunk = Writer::new(leaf, &mut self.packer);
        let encoding = match plan {
            Plan::Values => plain::encoding(&column.values),
            Plan::Dictionary(dictionary) => {
                self.raw.clear();
                plain::entries(&column.values, &dictionary.entries, &mut self.raw);
                chunk.dictionary(dictionary.entries.len(), &self.raw)?;
                Encoding::RLE_DICTIONARY
            }
        };
        let rows = rows as usize;
        let mut walk = levels::Walk::new(column, leaf.rep_max);
        for first in (0..rows).step_by(PAGE_ROWS) {
            let page = first..rows.min(first + PAGE_ROWS);
            let count = page.len();
            self.raw.clear();
            let here = walk.page(page, &mut self.raw);
            match plan {
                Plan::Values => plain::write(&column.values, here.values, &mut self.raw),
                Plan::Dictionary(dictionary) => {
                    let width = dictionary.width();
                    self.raw.push(width as u8);
                    hybrid::ids(&dictionary.ids[here.values], width, &mut self.raw);
                }
            }
            chunk.data(count, here.levels, encoding, &self.raw)?;
        }
        let statistics = if leaf.statistics { statistics::of(&column.values) } else { None };
        let mut encoded = chunk.finish(encoding, statistics)?;
        if column.is_empty() {
            encoded.chunk = Default::default();
        }
        Ok(encoded)
    }
}
