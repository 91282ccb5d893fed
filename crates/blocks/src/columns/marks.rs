//! Where in a page every so many rows begin, so that a row is found without walking to it.

use std::sync::OnceLock;

/// Rows from one mark to the next.
pub(super) const ROWS: usize = 64;

/// Where a row begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mark {
    /// Its first level.
    pub(super) level: u32,
    /// How many values stand before it.
    pub(super) value: u32,
}

/// The marks of a page; made when they are first asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks(OnceLock<Vec<Mark>>);

impl Marks {
    /// The last marked row that is not beyond this one; `None` where every row has one value, so that nothing is marked.
    pub(super) fn before(&self, row: usize, levels: (&[u8], &[u8], u8)) -> Option<(usize, Mark)> {
        let marks = self.0.get_or_init(|| mark(levels));
        let number = (row / ROWS).min(marks.len().checked_sub(1)?);
        Some((number * ROWS, marks[number]))
    }

    /// What the marks of so many levels take in memory at most.
    pub(super) fn memory(levels: usize) -> usize {
        levels.div_ceil(ROWS) * size_of::<Mark>()
    }
}

fn mark((def, rep, def_max): (&[u8], &[u8], u8)) -> Vec<Mark> {
    let mut marks = Vec::with_capacity(def.len().div_ceil(ROWS));
    let (mut row, mut value) = (0, 0);
    for (level, here) in (0..).zip(def) {
        let begins = rep.get(level as usize).is_none_or(|rep| *rep == 0);
        if begins && row % ROWS == 0 {
            marks.push(Mark { level, value });
        }
        row += usize::from(begins);
        value += u32::from(*here == def_max);
    }
    marks.shrink_to_fit();
    marks
}
