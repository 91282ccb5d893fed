//! The pages of one row group that is merged, with the places of their rows.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, SpanId};

use crate::block::{BlockView, GroupReader};
use crate::columns::decode::{Page, Plain};
use crate::columns::rebuild::Rebuilder;
use crate::columns::schema::{Layout, leaf};
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::section::kind;
use crate::index::{Group, Traces};
use crate::memory::{Cache, Key};

/// The decoded pages of a row group; they stay until they are forgotten.
pub(super) struct Pages<'a> {
    reader: GroupReader<'a>,
    /// Its place among the row groups that are merged, whose traces are kept together.
    number: u64,
    kept: Arc<Cache>,
    known: HashMap<(usize, usize), Option<Arc<Placed>>, FixedState>,
}

/// A page, and where the levels and values of each row begin.
pub(super) struct Placed {
    pub(super) page: Arc<Page>,
    /// For each row its first level, and after the last row the end; empty where every row has one level.
    levels: Vec<u32>,
    /// For each level the values before it, and after the last level all; empty where all have a value, or none.
    values: Vec<u32>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        view: &'a BlockView,
        group: &'a Group,
        (number, kept): (u64, &Arc<Cache>),
    ) -> Result<Self> {
        let reader = GroupReader::new(view, group)?.passing();
        Ok(Self { reader, number, kept: kept.clone(), known: HashMap::default() })
    }

    pub(super) fn layout(&self) -> &'a Layout {
        &self.reader.view.layout
    }

    pub(super) fn group(&self) -> &'a Group {
        self.reader.group
    }

    /// The traces of the row group.
    pub(super) fn traces(&self) -> Result<Arc<Traces>> {
        let key = Key { block: 0, kind: kind::TRACES, number: self.number };
        if let Some(known) = self.kept.get::<Traces>(key) {
            return Ok(known);
        }
        let traces = Arc::new(self.reader.view.passing_traces(self.reader.group)?);
        self.kept.put(key, traces.clone(), traces.bytes());
        Ok(traces)
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
        let mut levels = Vec::new();
        if !page.rep.is_empty() {
            levels.extend((0_u32..).zip(&page.rep).filter(|(_, rep)| **rep == 0).map(|(at, _)| at));
            levels.push(page.rep.len() as u32);
        }
        let mut values = Vec::new();
        let count = page.values.len();
        if count > 0 && count < page.def.len() {
            values.reserve(page.def.len() + 1);
            let mut before = 0;
            values.push(0);
            values.extend(page.def.iter().map(|def| {
                before += u32::from(*def == def_max);
                before
            }));
        }
        Self { page, levels, values }
    }

    /// The levels of a range of the page's rows.
    #[inline]
    pub(super) fn levels(&self, rows: Range<usize>) -> Range<usize> {
        match self.levels.is_empty() {
            true => rows,
            false => self.levels[rows.start] as usize..self.levels[rows.end] as usize,
        }
    }

    /// The values of a range of the page's levels.
    #[inline]
    pub(super) fn values(&self, levels: Range<usize>) -> Range<usize> {
        if !self.values.is_empty() {
            return self.values[levels.start] as usize..self.values[levels.end] as usize;
        }
        if self.page.values.len() == 0 { 0..0 } else { levels }
    }

    /// The value of a row of a column that does not repeat.
    pub(super) fn value(&self, row: usize) -> Option<(&Plain, usize)> {
        let values = self.values(row..row + 1);
        (!values.is_empty()).then(|| self.page.values.at(values.start))
    }
}
