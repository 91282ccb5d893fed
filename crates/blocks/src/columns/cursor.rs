//! Walks the levels and values of one decoded page, row by row, forwards only.

use model::Value;

use super::decode::{Page, Plain};

/// A place in a page.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    page: &'a Page,
    def_max: u8,
    row: usize,
    level: usize,
    value: usize,
}

/// The value of one level, where it has one.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) value: Option<(&'a Plain, usize)>,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(page: &'a Page, def_max: u8) -> Self {
        Self { page, def_max, row: 0, level: 0, value: 0 }
    }

    /// Goes to the first level of a row, which is not before the last one.
    pub(crate) fn seek(&mut self, row: usize) {
        let Page { def, rep, .. } = self.page;
        if rep.is_empty() {
            let from = std::mem::replace(&mut self.level, row);
            self.value += match def.get(from..row) {
                Some(skipped) => skipped.iter().filter(|def| **def == self.def_max).count(),
                None => row - from,
            };
            self.row = row;
            return;
        }
        while self.row < row && self.level < rep.len() {
            self.value += usize::from(def[self.level] == self.def_max);
            self.level += 1;
            self.row += usize::from(rep.get(self.level).is_some_and(|rep| *rep == 0));
        }
    }

    /// The value of a row of a column that does not repeat.
    #[inline]
    pub(crate) fn get(&mut self, row: usize) -> Option<(&'a Plain, usize)> {
        self.seek(row);
        let is_there = self.page.def.get(row).is_none_or(|def| *def == self.def_max);
        (is_there && self.value < self.page.values.len()).then(|| self.page.values.at(self.value))
    }

    /// The next level of the row where the cursor stands, if its repetition is deeper than `outer`.
    pub(crate) fn next_entry(&mut self, begins: bool, outer: u8) -> Option<Entry<'a>> {
        let rep = *self.page.rep.get(self.level)?;
        if !begins && rep <= outer {
            return None;
        }
        let def = *self.page.def.get(self.level)?;
        let mut value = None;
        if def == self.def_max && self.value < self.page.values.len() {
            value = Some(self.page.values.at(self.value));
            self.value += 1;
        }
        self.level += 1;
        Some(Entry { value })
    }

    /// True where the next level belongs to the same row.
    pub(crate) fn continues(&self) -> bool {
        self.page.rep.get(self.level).is_some_and(|rep| *rep > 0)
    }

    /// Says that the levels of the row were all read.
    pub(crate) fn row_done(&mut self) {
        self.row += 1;
    }
}

/// The attribute value of a cell.
pub(crate) fn value((plain, at): (&Plain, usize)) -> Value<'_> {
    match plain {
        Plain::Text { .. } => Value::Text(plain.text(at)),
        Plain::Int(values) => Value::Int(values[at]),
        Plain::Double(values) => Value::Double(values[at]),
        Plain::Bool(values) => Value::Bool(values[at]),
        Plain::Id { .. } => Value::Bytes(plain.bytes(at)),
    }
}
