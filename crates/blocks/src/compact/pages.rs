//! The pages of one row group that is merged, with the places of their rows.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, SpanId};

use crate::block::{BlockView, GroupReader};
use crate::columns::decode::{Page, Plain};
use crate::columns::rebuild::Rebuilder;
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Group;

/// The decoded pages of a row group; they stay until they are forgotten.
pub(super) struct Pages<'a> {
    reader: GroupReader<'a>,
    known: HashMap<(usize, usize), Option<Arc<Placed>>, FixedState>,
}

/// A page of a column that does not repeat, and where the value of each row is.
pub(super) struct Placed {
    page: Arc<Page>,
    /// For each row the values before it, and after the last row all; empty where every row has a value.
    values: Vec<u32>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(view: &'a BlockView, group: &'a Group) -> Result<Self> {
        Ok(Self { reader: GroupReader::new(view, group)?, known: HashMap::default() })
    }

    pub(super) fn group(&self) -> &'a Group {
        self.reader.group
    }

    /// The page of a leaf in which a row lies; `None` where no row of the group has a value.
    pub(super) fn of(&mut self, leaf: usize, row: u32) -> Result<Option<Arc<Placed>>> {
        let key = (leaf, row as usize / PAGE_ROWS);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let def_max = self.reader.view.layout.leaves[leaf].def_max;
        let page = self.reader.page(leaf, key.1)?.map(|page| Arc::new(Placed::new(page, def_max)));
        self.known.insert(key, page.clone());
        Ok(page)
    }

    /// Forgets every page.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.reader.forget_all();
    }

    /// A number of a row; `None` where it has none.
    pub(super) fn int(&mut self, leaf: usize, row: u32) -> Result<Option<i64>> {
        let page = self.of(leaf, row)?;
        let found = page.as_ref().and_then(|page| page.value(row as usize % PAGE_ROWS));
        Ok(found.map(|(plain, at)| plain.int(at)))
    }

    /// A span's id in a row; `None` where it has none.
    pub(super) fn id(&mut self, leaf: usize, row: u32) -> Result<Option<SpanId>> {
        let page = self.of(leaf, row)?;
        let found = page.as_ref().and_then(|page| page.value(row as usize % PAGE_ROWS));
        Ok(found.and_then(|(plain, at)| plain.bytes(at).try_into().ok()).map(SpanId))
    }

    /// The parent of a row's span, wherever that is.
    pub(super) fn parent(&mut self, row: u32) -> Result<Option<SpanId>> {
        let Some(distance) = self.int(leaf::PARENT_DISTANCE, row)? else {
            return self.id(leaf::PARENT_ID, row);
        };
        match u32::try_from(i64::from(row) - distance).ok().filter(|row| *row < self.group().rows) {
            Some(parent) => self.id(leaf::SPAN_ID, parent),
            None => Ok(None),
        }
    }

    /// Rows, in ascending order, put together again.
    pub(super) fn rebuilt(&mut self, rows: &[u32]) -> Result<Batch> {
        let mut rebuilder = Rebuilder::default();
        self.reader.rebuild(rows, None, &mut rebuilder)?;
        let bytes = rebuilder.finish();
        Batch::read(bytes.into(), self.group().tenant.clone()).doing(Next::Repair, "put a span together")
    }
}

impl Placed {
    fn new(page: Arc<Page>, def_max: u8) -> Self {
        let mut values = Vec::new();
        if !page.def.is_empty() {
            values.reserve(page.def.len() + 1);
            let mut before = 0;
            values.push(0);
            for def in &page.def {
                before += u32::from(*def == def_max);
                values.push(before);
            }
        }
        Self { page, values }
    }

    /// The value of a row.
    fn value(&self, row: usize) -> Option<(&Plain, usize)> {
        if self.values.is_empty() {
            return Some(self.page.values.at(row));
        }
        let at = self.values[row];
        (at < self.values[row + 1]).then(|| self.page.values.at(at as usize))
    }
}
