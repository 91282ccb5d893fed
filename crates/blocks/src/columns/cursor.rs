//! Walks the levels and values of one decoded page, row by row, forwards only.

use model::Value;

use super::decode::{Page, Plain};
use super::marks;

/// A place in a page.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    page: &'a Page,
    def_max: u8,
    /// The row with which the page begins.
    first: usize,
    /// This and what follows are counted from there.
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
        Self { page, def_max, first: 0, row: 0, level: 0, value: 0 }
    }

    /// The same in a page that begins with another row than the first.
    pub(crate) fn from(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// Goes to the first level of a row, which is not before the last one.
    #[inline]
    pub(crate) fn seek(&mut self, row: usize) {
        let row = row - self.first;
        if row > self.row + marks::ROWS {
            self.jump(row);
        }
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

    /// Goes to the last mark that is not beyond a row.
    fn jump(&mut self, row: usize) {
        let Page { def, rep, marks, .. } = self.page;
        if let Some((at, mark)) = marks.before(row, (def, rep, self.def_max))
            && at > self.row
        {
            (self.row, self.level, self.value) = (at, mark.level as usize, mark.value as usize);
        }
    }

    /// The value of a row of a column that does not repeat.
    #[inline]
    pub(crate) fn get(&mut self, row: usize) -> Option<(&'a Plain, usize)> {
        self.seek(row);
        let is_there = self.page.def.get(row - self.first).is_none_or(|def| *def == self.def_max);
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

#[cfg(test)]
mod tests {
    use super::Cursor;
    use crate::columns::decode::{Held, Page, Plain};

    /// A page of 500 rows: with lists of none to three values, or with a value in every third row.
    fn page(has_lists: bool) -> Page {
        let (mut def, mut rep, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..500_i64 {
            let count = if has_lists { row % 4 } else { i64::from(row % 3 == 0) };
            for place in 0..count.max(1) {
                rep.extend(has_lists.then_some(u8::from(place > 0)));
                def.push(u8::from(count > 0));
                values.extend((count > 0).then_some(row * 10 + place));
            }
        }
        Page { def, rep, values: Held::Plain(Plain::Int(values)), marks: super::marks::Marks::default() }
    }

    #[test]
    fn a_row_is_where_walking_finds_it_however_far_one_jumps() {
        for has_lists in [true, false] {
            let page = page(has_lists);
            for step in [1, 7, 64, 65, 66, 129, 200, 499] {
                let mut cursor = Cursor::new(&page, 1);
                let mut walker = Cursor::new(&page, 1);
                for row in (0..500).step_by(step) {
                    cursor.seek(row);
                    (walker.row..=row).for_each(|row| walker.seek(row));
                    let at = |cursor: &Cursor<'_>| (cursor.row, cursor.level, cursor.value);
                    assert_eq!(at(&cursor), at(&walker), "row {row} by {step}, lists: {has_lists}");
                    let begins = page.rep.iter().enumerate().filter(|(_, rep)| **rep == 0).nth(row);
                    assert_eq!(cursor.level, begins.map_or(row, |(level, _)| level));
                }
            }
        }
    }
}
