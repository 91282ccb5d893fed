//! Reads pages of one row group, each at most once per question.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use foldhash::fast::FixedState;
use model::{SpanId, TraceId};
use store::Work;

use super::view::BlockView;
use crate::columns::cursor::Cursor;
use crate::columns::decode::{self, Begun, Page, Plain};
use crate::columns::rebuild::{Placed, Rebuilder, Slab};
use crate::columns::schema::leaf;
use crate::columns::sink::{PAGE_ROWS, Part};
use crate::error::Result;
use crate::index::{Group, Parts};
use crate::memory::Key;

/// Of so many rows of a page, or fewer, only these are decoded,
const SLICED_ROWS_MAX: usize = 1024;

/// so often; whoever comes more often finds the whole page kept.
const SLICED_TURNS: u32 = 2;

/// The page number under which a dictionary is kept.
const DICTIONARY: u32 = u32::MAX;

/// The numbers of the pages that hold rows.
pub(crate) fn pages(rows: &Range<u32>) -> Range<usize> {
    rows.start as usize / PAGE_ROWS..(rows.end as usize).div_ceil(PAGE_ROWS)
}

/// The pages of a row group that a question has read.
pub(crate) struct GroupReader<'a> {
    pub(crate) view: &'a BlockView,
    pub(crate) group: &'a Group,
    pub(crate) parts: Arc<Parts>,
    dictionaries: HashMap<usize, Arc<Plain>, FixedState>,
    pages: HashMap<(usize, usize), Arc<Page>, FixedState>,
    /// Does what was decoded stay for the next question?
    keeps: bool,
    pub(crate) work: Work,
}

impl<'a> GroupReader<'a> {
    /// # Errors
    /// Where it can't be learnt where the pages lie.
    pub(crate) fn new(view: &'a BlockView, group: &'a Group) -> Result<Self> {
        Ok(Self::with_parts(view, group, group.parts()?))
    }

    /// The same where it is known already where the pages lie.
    pub(crate) fn with_parts(view: &'a BlockView, group: &'a Group, parts: Arc<Parts>) -> Self {
        let (dictionaries, pages) = (HashMap::default(), HashMap::default());
        Self { view, group, parts, dictionaries, pages, keeps: true, work: Work::default() }
    }

    /// Keeps nothing for others: for whoever reads everything once.
    pub(crate) fn passing(self) -> Self {
        Self { keeps: false, ..self }
    }

    /// How many rows a page has.
    pub(crate) fn rows(&self, number: usize) -> usize {
        (self.group.rows as usize - number * PAGE_ROWS).min(PAGE_ROWS)
    }

    /// The dictionary of a leaf, if it has one.
    pub(crate) fn dictionary(&mut self, leaf: usize) -> Result<Option<Arc<Plain>>> {
        let Some(part) = self.parts[leaf].dictionary else { return Ok(None) };
        if let Some(known) = self.dictionaries.get(&leaf) {
            return Ok(Some(known.clone()));
        }
        let (kept, key) = (&self.group.index().memory().pages, self.key(leaf, DICTIONARY));
        let dictionary = match kept.get::<Plain>(key) {
            Some(known) => known,
            None => {
                let raw = self.view.source.part(part)?;
                self.work.bytes_read += raw.len() as u64;
                let dictionary = decode::dictionary(&self.view.layout.leaves[leaf], &raw);
                let dictionary = dictionary.map_err(|damage| self.view.source.damaged(part, damage.0))?;
                let (bytes, dictionary) = (dictionary.memory(), Arc::new(dictionary));
                if self.keeps {
                    kept.put(key, dictionary.clone(), bytes);
                }
                dictionary
            }
        };
        self.dictionaries.insert(leaf, dictionary.clone());
        Ok(Some(dictionary))
    }

    /// A page of a leaf; `None` where no row of the group has a value.
    pub(crate) fn page(&mut self, leaf: usize, number: usize) -> Result<Option<Arc<Page>>> {
        let Some(part) = self.parts[leaf].pages.get(number).copied() else { return Ok(None) };
        if let Some(known) = self.pages.get(&(leaf, number)) {
            return Ok(Some(known.clone()));
        }
        // The dictionary first, so that no page outlives the dictionary that it refers to.
        let dictionary = self.dictionary(leaf)?;
        let (kept, key) = (&self.group.index().memory().pages, self.key(leaf, number as u32));
        let page = match kept.get::<Page>(key) {
            Some(known) => known,
            None => {
                let raw = self.view.source.part(part)?;
                self.work.bytes_read += raw.len() as u64;
                self.work.pages_read += 1;
                let leaf = &self.view.layout.leaves[leaf];
                let page = decode::page(leaf, &raw, self.rows(number), dictionary.as_ref());
                let page = page.map_err(|damage| self.view.source.damaged(part, damage.0))?;
                let (bytes, page) = (page.memory(), Arc::new(page));
                if self.keeps {
                    kept.put(key, page.clone(), bytes);
                }
                page
            }
        };
        self.pages.insert((leaf, number), page.clone());
        Ok(Some(page))
    }

    /// True where few rows of a page are wanted, and its neighbours were not wanted lately: then decoding all of it does not
    /// pay.
    fn is_passed_by(&self, number: usize, rows: &[u32]) -> bool {
        if rows.len() > SLICED_ROWS_MAX || !self.keeps {
            return false;
        }
        let (kept, key) = (&self.group.index().memory().pages, self.key(usize::MAX, number as u32));
        let turns = kept.get::<AtomicU32>(key).unwrap_or_else(|| {
            let turns = Arc::new(AtomicU32::new(0));
            kept.put(key, turns.clone(), size_of::<AtomicU32>());
            turns
        });
        turns.fetch_add(1, Relaxed) < SLICED_TURNS
    }

    /// What some rows have of a page; `None` where none of them has a value.
    fn slice(&mut self, leaf: usize, number: usize, rows: &[u32]) -> Result<Option<Placed>> {
        let Some(part) = self.parts[leaf].pages.get(number).copied() else { return Ok(None) };
        let kept = self.pages.get(&(leaf, number)).cloned();
        let key = self.key(leaf, number as u32);
        if let Some(page) = kept.or_else(|| self.group.index().memory().pages.get::<Page>(key)) {
            return Ok(Some(Placed { page, first: 0 }));
        }
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(None) };
        let raw = self.view.source.part(part)?;
        self.work.bytes_read += raw.len() as u64;
        self.work.pages_read += 1;
        let view = self.view;
        let damaged = |damage: decode::Damaged| view.source.damaged(part, damage.0);
        let begun = Begun::new(&view.layout.leaves[leaf], &raw, self.rows(number)).map_err(damaged)?;
        let cut = begun.cut(*first as usize..*last as usize + 1);
        if cut.is_empty() {
            return Ok(None);
        }
        let dictionary = self.dictionary(leaf)?;
        let page = begun.finish(cut, dictionary.as_ref()).map_err(damaged)?;
        Ok(Some(Placed { page: Arc::new(page), first: *first }))
    }

    /// The trace of a row.
    pub(crate) fn trace_id(&mut self, row: u32) -> Result<TraceId> {
        let page = self.page(leaf::TRACE_ID, row as usize / PAGE_ROWS)?;
        let id = page.as_deref().map(|page| page.values.at(row as usize % PAGE_ROWS));
        Ok(TraceId(id.and_then(|(plain, at)| plain.bytes(at).try_into().ok()).unwrap_or_default()))
    }

    /// What of the file is still to be read for a page of a leaf.
    fn parts(&self, leaf: usize, number: usize) -> impl Iterator<Item = Part> {
        let chunk = &self.parts[leaf];
        let page = chunk.pages.get(number).copied().filter(|_| !self.pages.contains_key(&(leaf, number)));
        let dictionary = chunk.dictionary.filter(|_| !self.dictionaries.contains_key(&leaf));
        dictionary.into_iter().chain(page)
    }

    /// Announces the pages of a leaf that hold rows, where files are far.
    pub(crate) fn expect(&self, leaf: usize, rows: &Range<u32>) -> Result<()> {
        self.view.source.expect(pages(rows).flat_map(|number| self.parts(leaf, number)))
    }

    /// Under which key a page, or the dictionary, of a leaf is kept.
    fn key(&self, leaf: usize, page: u32) -> Key {
        let number = u64::from(self.group.number) << 32 | u64::from(page);
        Key { block: self.group.index().block(), kind: leaf as u32, number }
    }

    /// Forgets the pages of a page number.
    pub(crate) fn forget(&mut self, number: usize) {
        self.pages.retain(|(_, other), _| *other != number);
    }

    /// Forgets every page and dictionary.
    pub(crate) fn forget_all(&mut self) {
        self.pages.clear();
        self.dictionaries.clear();
    }

    /// Forgets the pages of lower page numbers.
    pub(crate) fn forget_before(&mut self, number: usize) {
        self.pages.retain(|(_, other), _| *other >= number);
    }

    /// Puts rows of the group, in ascending order, together again; `only` these leaves, if some are given.
    pub(crate) fn rebuild(
        &mut self,
        rows: &[u32],
        only: Option<&[usize]>,
        into: &mut Rebuilder,
    ) -> Result<()> {
        for run in rows.chunk_by(|left, right| left / PAGE_ROWS as u32 == right / PAGE_ROWS as u32) {
            let number = run[0] as usize / PAGE_ROWS;
            let base = (number * PAGE_ROWS) as u32;
            let leaves = self.view.layout.leaves.len();
            let is_wanted = |leaf: &usize| only.is_none_or(|only| only.contains(leaf));
            self.view
                .source
                .expect((0..leaves).filter(is_wanted).flat_map(|leaf| self.parts(leaf, number)))?;
            let local: Vec<u32> = run.iter().map(|row| row - base).collect();
            let slices = self.is_passed_by(number, &local);
            let mut pages = Vec::with_capacity(leaves);
            for leaf in 0..leaves {
                pages.push(match is_wanted(&leaf) {
                    true if slices => self.slice(leaf, number, &local)?,
                    true => self.page(leaf, number)?.map(|page| Placed { page, first: 0 }),
                    false => None,
                });
            }
            let parents = self.parents(&pages, &local, base)?;
            let slab = Slab { layout: &self.view.layout, pages: &pages };
            into.add(&slab, &local, &mut |row, _| parents.get(&row).copied());
        }
        Ok(())
    }

    /// The parents of rows whose parents stand in the same group.
    fn parents(
        &mut self,
        pages: &[Option<Placed>],
        rows: &[u32],
        base: u32,
    ) -> Result<HashMap<u32, SpanId, FixedState>> {
        let mut parents = HashMap::default();
        let Some(distances) = &pages[leaf::PARENT_DISTANCE] else { return Ok(parents) };
        let def_max = self.view.layout.leaves[leaf::PARENT_DISTANCE].def_max;
        let mut cursor = Cursor::new(&distances.page, def_max).from(distances.first as usize);
        let mut ids: (usize, Option<Arc<Page>>) = (usize::MAX, None);
        for row in rows {
            let Some((plain, at)) = cursor.get(*row as usize) else { continue };
            let parent = i64::from(base + row) - plain.int(at);
            let Ok(parent) = usize::try_from(parent) else { continue };
            if parent >= self.group.rows as usize {
                continue;
            }
            if ids.0 != parent / PAGE_ROWS {
                ids = (parent / PAGE_ROWS, self.page(leaf::SPAN_ID, parent / PAGE_ROWS)?);
            }
            if let Some(ids) = &ids.1 {
                let (plain, at) = ids.values.at(parent % PAGE_ROWS);
                parents.insert(*row, SpanId(plain.bytes(at).try_into().unwrap_or_default()));
            }
        }
        Ok(parents)
    }
}
