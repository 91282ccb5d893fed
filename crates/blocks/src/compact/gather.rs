//! Gathers the columns of a row group from those of the merged ones, column by column.
//!
//! Values are copied from decoded pages in runs. A text of a dictionary is stored once, and equal texts of different
//! dictionaries share their place, so that the encoder need not compare them again. In memory at a time: the pages of
//! one column that the rows lie in, and the columns of one row group.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::Site;
use super::order::{Merge, Ordered, Parent, Segment};
use super::pages::{Pages, Placed};
use super::retail::Retail;
use crate::columns::decode::{Held, Plain};
use crate::columns::schema::{Layout, leaf};
use crate::columns::shred::{Shredded, TraceRows};
use crate::columns::sink::PAGE_ROWS;
use crate::columns::values::{Column, Levels, Place, Texts, Values};
use crate::error::{Error, Next, Result};

/// Bytes of texts that one column of a row group may have; blocks that come to more stay as they are. A page adds less than
/// the rest up to 4 GiB, which is what the places of texts can tell apart.
const TEXT_BYTES_MAX: usize = 1 << 30;

/// The columns of these rows, as the layout says, in the memory of spare ones of that layout if there are any.
pub(super) fn gather(
    merge: &mut Merge<'_>,
    ordered: Ordered,
    (layout, spare): (&Layout, Vec<Column>),
    site: &mut dyn Site,
) -> Result<Shredded> {
    let slices = slices(&ordered.segments);
    let retail = Retail::new(layout, merge.inputs.iter().map(|input| input.pages.layout()));
    let mut columns = Column::all(layout, spare);
    for (at, column) in columns.iter_mut().enumerate() {
        match at {
            leaf::TRACE_ID => trace_ids(column, &ordered.traces),
            leaf::PARENT_DISTANCE => parents(column, at, (&slices, &ordered.parents), merge)?,
            leaf::PARENT_ID => parents(column, at, (&slices, &ordered.parents), merge)?,
            _ if retail.concerns(at) => continue,
            _ => whole(column, at, &slices, (merge, &retail))?,
        }
        merge.forget();
        site.pause()?;
    }
    for tail in retail.tails() {
        retail.gather(tail, &mut columns, &slices, merge)?;
        merge.forget();
        site.pause()?;
    }
    columns.iter_mut().for_each(|column| column.pad(ordered.rows));
    let keys = super::facts::keys(layout, &columns);
    Ok(Shredded { rows: ordered.rows, columns, traces: ordered.traces, keys })
}

/// Neighbouring rows of one input that lie in one page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) input: u32,
    /// The first row in its input.
    pub(super) first: u32,
    pub(super) count: u32,
    /// The first row in the output.
    pub(super) row: u32,
    has_new_parents: bool,
}

impl Slice {
    /// Its rows in the page.
    pub(super) fn in_page(&self) -> Range<usize> {
        let first = self.first as usize % PAGE_ROWS;
        first..first + self.count as usize
    }
}

fn slices(segments: &[Segment]) -> Vec<Slice> {
    let mut slices = Vec::with_capacity(segments.len());
    let mut row = 0;
    for segment in segments {
        let Segment { input, mut first, mut count, has_new_parents } = *segment;
        while count > 0 {
            let here = count.min(PAGE_ROWS as u32 - first % PAGE_ROWS as u32);
            slices.push(Slice { input, first, count: here, row, has_new_parents });
            (first, count, row) = (first + here, count - here, row + here);
        }
    }
    slices
}

fn trace_ids(column: &mut Column, traces: &[TraceRows]) {
    for trace in traces {
        (0..trace.count).for_each(|_| column.push_id(&trace.id.0));
    }
}

/// A column of which every input has the same leaf, or one that the retail found, or none.
fn whole(
    column: &mut Column,
    at: usize,
    slices: &[Slice],
    (merge, retail): (&mut Merge<'_>, &Retail),
) -> Result<()> {
    let mut copier = Copier::new(merge.inputs.len());
    for slice in slices {
        if let Some(from) = retail.source(at, slice.input) {
            copier.copy(column, slice, from, &mut merge.inputs[slice.input as usize].pages)?;
        }
    }
    Ok(())
}

/// Distances to parents, or their ids: those that changed are known, the others are copied.
fn parents(
    column: &mut Column,
    at: usize,
    (slices, changed): (&[Slice], &[(u32, Parent)]),
    merge: &mut Merge<'_>,
) -> Result<()> {
    let mut copier = Copier::new(merge.inputs.len());
    let mut changed = changed.iter();
    for slice in slices {
        if !slice.has_new_parents {
            copier.copy(column, slice, at, &mut merge.inputs[slice.input as usize].pages)?;
            continue;
        }
        for (row, parent) in changed.by_ref().take(slice.count as usize) {
            match (at, parent) {
                (leaf::PARENT_DISTANCE, Parent::Distance(distance)) => column.int(*row, i64::from(*distance)),
                (leaf::PARENT_ID, Parent::Id(id)) => column.id(*row, &id.0),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Copies slices into one column.
pub(super) struct Copier {
    /// For each input the page that it is at.
    current: Vec<Current>,
    interned: Interned,
}

#[derive(Default)]
struct Current {
    number: Option<usize>,
    page: Option<Arc<Placed>>,
    /// Where the texts of the input's dictionary lie in the column.
    places: Vec<Option<Place>>,
}

impl Copier {
    pub(super) fn new(inputs: usize) -> Self {
        let current = std::iter::repeat_with(Current::default).take(inputs).collect();
        Self { current, interned: Interned::default() }
    }

    /// Appends the levels and values of a slice of an input's leaf.
    pub(super) fn copy(
        &mut self,
        column: &mut Column,
        slice: &Slice,
        leaf: usize,
        pages: &mut Pages<'_>,
    ) -> Result<()> {
        let current = &mut self.current[slice.input as usize];
        let number = slice.first as usize / PAGE_ROWS;
        if current.number != Some(number) {
            current.number = Some(number);
            current.page = pages.of(leaf, slice.first)?;
        }
        let Some(placed) = &current.page else { return Ok(()) };
        let rows = slice.in_page();
        let values = placed.values(placed.levels(rows.clone()));
        match &mut column.levels {
            Levels::Required => {}
            Levels::Present(_) if values.is_empty() => return Ok(()),
            Levels::Present(present) if values.len() == rows.len() => {
                present.extend(slice.row..slice.row + slice.count);
            }
            Levels::Present(present) => {
                let defs = placed.page.def[rows].iter().zip(slice.row..);
                present.extend(defs.filter(|(def, _)| **def == 1).map(|(_, row)| row));
            }
            Levels::Nested { .. } => {
                column.pad(slice.row);
                let levels = placed.levels(rows);
                if let Levels::Nested { def, rep, rows } = &mut column.levels {
                    def.extend_from_slice(&placed.page.def[levels.clone()]);
                    rep.extend_from_slice(&placed.page.rep[levels]);
                    *rows = slice.row + slice.count;
                }
            }
        }
        if let Values::Text(texts) = &column.values
            && texts.bytes.len() > TEXT_BYTES_MAX
        {
            let what =
                format!("the texts of a column take more than {TEXT_BYTES_MAX} bytes in one row group");
            return Err(Error::new(Next::Repair, what));
        }
        match &placed.page.values {
            Held::Plain(plain) => extend(&mut column.values, plain, values),
            Held::Ids(ids, dictionary) => {
                if let Values::Text(texts) = &mut column.values {
                    current.places.resize(dictionary.len(), None);
                    texts.places.reserve(values.len());
                    for id in &ids[values] {
                        let place = &mut current.places[*id as usize];
                        let place = place.get_or_insert_with(|| {
                            self.interned.place(texts, dictionary.bytes(*id as usize))
                        });
                        texts.places.push(*place);
                    }
                } else {
                    for id in &ids[values] {
                        extend(&mut column.values, dictionary, *id as usize..*id as usize + 1);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Appends a range of values.
fn extend(values: &mut Values, plain: &Plain, range: Range<usize>) {
    match (values, plain) {
        (Values::Text(texts), Plain::Text { bytes, ends }) => {
            let begin = |at: usize| if at == 0 { 0 } else { ends[at - 1] };
            let (from, to) = (begin(range.start), begin(range.end));
            let moved = u32::try_from(texts.bytes.len()).expect("a row group stays below 4 GiB");
            texts.bytes.extend_from_slice(&bytes[from as usize..to as usize]);
            let mut start = from;
            texts.places.extend(ends[range].iter().map(|end| {
                let place = Place { at: start - from + moved, length: end - start };
                start = *end;
                place
            }));
        }
        (Values::Int(values), Plain::Int(plain)) => values.extend_from_slice(&plain[range]),
        (Values::Int32(values), Plain::Int(plain)) => {
            values.extend(plain[range].iter().map(|value| *value as i32));
        }
        (Values::Double(values), Plain::Double(plain)) => values.extend_from_slice(&plain[range]),
        (Values::Bool(values), Plain::Bool(plain)) => values.extend_from_slice(&plain[range]),
        (Values::Id { width, bytes }, Plain::Id { bytes: plain, .. }) => {
            bytes.extend_from_slice(&plain[range.start * *width..range.end * *width]);
        }
        _ => debug_assert!(false, "a page was checked to be of its column's type"),
    }
}

/// Texts of a column that are stored once.
#[derive(Default)]
pub(super) struct Interned(HashMap<u64, Place, FixedState>);

impl Interned {
    /// Where the text lies; two texts of one hash are both stored each time.
    pub(super) fn place(&mut self, texts: &mut Texts, text: &[u8]) -> Place {
        let hash = std::hash::BuildHasher::hash_one(&FixedState::default(), text);
        match self.0.get(&hash) {
            Some(place) if texts.slice(*place) == text => *place,
            Some(_) => texts.store(text),
            None => {
                let place = texts.store(text);
                self.0.insert(hash, place);
                place
            }
        }
    }
}
