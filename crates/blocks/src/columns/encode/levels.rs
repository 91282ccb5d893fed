//! The levels of a column's pages, one page after the other.

use std::ops::Range;

use super::hybrid;
use crate::columns::values::{Column, Levels};

/// Goes through the levels of a column.
pub(super) struct Walk<'a> {
    column: &'a Column,
    rep_max: u8,
    value: usize,
    level: usize,
    bits: Vec<u8>,
}

/// What a page holds.
pub(super) struct Here {
    /// Which values of the column.
    pub(super) values: Range<usize>,
    /// How many levels, where rows without a value count as one.
    pub(super) levels: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(column: &'a Column, rep_max: u8) -> Self {
        Self { column, rep_max, value: 0, level: 0, bits: Vec::new() }
    }

    /// Writes the levels of the next page, each kind with its length before it.
    pub(super) fn page(&mut self, rows: Range<usize>, out: &mut Vec<u8>) -> Here {
        let (values, levels) = match &self.column.levels {
            Levels::Required => (rows.len(), rows.len()),
            Levels::Present(present) => {
                let here = &present[self.value..];
                let here = &here[..here.partition_point(|row| (*row as usize) < rows.end)];
                self.bits.clear();
                self.bits.resize(rows.len().div_ceil(8), 0);
                for row in here {
                    let row = *row as usize - rows.start;
                    self.bits[row / 8] |= 1 << (row % 8);
                }
                sized(out, |out| hybrid::bitmap(&self.bits, rows.len(), out));
                (here.len(), rows.len())
            }
            Levels::Nested { def, rep, .. } => {
                let levels = self.level..self.level + levels_of(&rep[self.level..], rows.len());
                sized(out, |out| hybrid::levels(&rep[levels.clone()], self.rep_max, out));
                let (def, def_max) = (&def[levels.clone()], self.column.def_max());
                sized(out, |out| hybrid::levels(def, def_max, out));
                self.level = levels.end;
                (def.iter().filter(|level| **level == def_max).count(), levels.len())
            }
        };
        let values = self.value..self.value + values;
        self.value = values.end;
        Here { values, levels }
    }
}

/// Writes four bytes that say how long the rest is.
fn sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

/// How many levels the first `rows` rows take.
fn levels_of(rep: &[u8], rows: usize) -> usize {
    if rep[..rows].iter().all(|level| *level == 0) && rep.get(rows).is_none_or(|level| *level == 0) {
        return rows;
    }
    let mut begun = 0;
    let more = rep.iter().position(|level| {
        begun += usize::from(*level == 0);
        begun > rows
    });
    more.unwrap_or(rep.len())
}
