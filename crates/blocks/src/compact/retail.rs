//! Between the promoted keys of the merged blocks and those of the output.
//!
//! A key that has a column here and stands in the tail there moves, under the same rule by which spans are taken apart:
//! the first value of a key goes into the key's column if its type fits, everything else into the tail. So values come
//! first that were in a column of their input; the order of a key's values stays, and so do their types.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::Value;
use store::Level;

use super::gather::{Copier, Interned, Slice};
use super::order::Merge;
use super::pages::{Pages, Placed};
use crate::columns::conventions::FIXED;
use crate::columns::cursor;
use crate::columns::schema::{Kind, Layout, leaf};
use crate::columns::shred::{Read, cell};
use crate::columns::tail;
use crate::columns::values::{Column, Values};
use crate::error::Result;

/// The tails whose keys may have columns: their level and first leaf.
const TAILS: [(Level, usize); 2] = [(Level::Span, leaf::ATTRS), (Level::Resource, leaf::RESOURCE_ATTRS)];

/// The first leaf of a promoted key.
const PROMOTED: usize = leaf::FIXED + FIXED.len();

/// What moves, for all inputs.
pub(super) struct Retail {
    inputs: Vec<Moves>,
    /// For each promoted leaf of the output, the tail that some input has its key in.
    tail_of: Vec<Option<usize>>,
    /// The tails that change.
    changed: Vec<usize>,
}

/// What moves in one input.
#[derive(Default)]
struct Moves {
    /// The leaf of each promoted leaf of the output.
    leaves: Vec<Option<usize>>,
    /// By tail: keys whose column goes into the tail, and the column.
    into_tail: [Vec<(usize, String)>; 2],
    /// By tail: keys that go from the tail into a column of the output.
    into_column: [HashMap<Vec<u8>, (usize, Kind), FixedState>; 2],
}

impl Retail {
    pub(super) fn new<'a>(output: &Layout, inputs: impl Iterator<Item = &'a Layout>) -> Self {
        let inputs: Vec<Moves> = inputs.map(|input| Moves::between(input, output)).collect();
        let level_tail = |level| TAILS.iter().position(|(other, _)| *other == level);
        let is_missing = |at: usize| inputs.iter().any(|moves| moves.leaves[at].is_none());
        let tail_of = output.promoted.iter().enumerate();
        let tail_of: Vec<Option<usize>> =
            tail_of.map(|(at, key)| level_tail(key.level).filter(|_| is_missing(at))).collect();
        let is_changed = |tail: &usize| {
            let moves = |moves: &Moves| !moves.into_tail[*tail].is_empty();
            tail_of.contains(&Some(*tail)) || inputs.iter().any(moves)
        };
        let changed = (0..TAILS.len()).filter(is_changed).collect();
        Self { inputs, tail_of, changed }
    }

    /// The tails that change; the others are copied like any column.
    pub(super) fn tails(&self) -> impl Iterator<Item = usize> + use<> {
        self.changed.clone().into_iter()
    }

    /// True where a leaf of the output is gathered with a tail.
    pub(super) fn concerns(&self, at: usize) -> bool {
        let of_tail = |tail: &usize| (TAILS[*tail].1..=TAILS[*tail].1 + leaf::TYPES).contains(&at);
        match at.checked_sub(PROMOTED) {
            Some(place) => self.tail_of[place].is_some(),
            None => self.changed.iter().any(of_tail),
        }
    }

    /// The leaf of an input that becomes a leaf of the output as it is.
    pub(super) fn source(&self, at: usize, input: u32) -> Option<usize> {
        match at.checked_sub(PROMOTED) {
            Some(place) => self.inputs[input as usize].leaves[place],
            None => Some(at),
        }
    }

    /// Gathers a tail with the columns that its keys go into.
    pub(super) fn gather(
        &self,
        tail: usize,
        columns: &mut [Column],
        slices: &[Slice],
        merge: &mut Merge<'_>,
    ) -> Result<()> {
        let of_tail = self.tail_of.iter().enumerate().filter(|(_, of)| **of == Some(tail));
        let keyed: Vec<usize> = of_tail.map(|(place, _)| PROMOTED + place).collect();
        let mut copiers: Vec<Copier> = keyed.iter().map(|_| Copier::new(merge.inputs.len())).collect();
        let mut rewriter = Rewriter::new(TAILS[tail].1, merge.inputs.len());
        for slice in slices {
            let pages = &mut merge.inputs[slice.input as usize].pages;
            for (at, copier) in keyed.iter().zip(&mut copiers) {
                if let Some(from) = self.source(*at, slice.input) {
                    copier.copy(&mut columns[*at], slice, from, pages)?;
                }
            }
            let moves = &self.inputs[slice.input as usize];
            let (into_tail, into_column) = (&moves.into_tail[tail], &moves.into_column[tail]);
            if into_tail.is_empty() && into_column.is_empty() {
                rewriter.copy(columns, slice, pages)?;
            } else {
                rewriter.rewrite(columns, slice, pages, (into_tail, into_column))?;
            }
        }
        Ok(())
    }
}

impl Moves {
    fn between(input: &Layout, output: &Layout) -> Self {
        let mut moves = Self::default();
        let tail = |level| TAILS.iter().position(|(other, _)| *other == level).unwrap_or(0);
        for (at, key) in output.promoted.iter().enumerate() {
            let same = input.promoted.iter().position(|other| other == key);
            moves.leaves.push(same.map(|place| PROMOTED + place));
            if same.is_none() {
                let to = (PROMOTED + at, key.kind);
                moves.into_column[tail(key.level)].insert(key.key.clone().into_bytes(), to);
            }
        }
        for (at, key) in input.promoted.iter().enumerate().filter(|(_, key)| !output.promoted.contains(key)) {
            moves.into_tail[tail(key.level)].push((PROMOTED + at, key.key.clone()));
        }
        moves
    }
}

/// Keys that leave a column, and keys that get one.
type Keys<'a> = (&'a [(usize, String)], &'a HashMap<Vec<u8>, (usize, Kind), FixedState>);

/// Writes a tail anew, row by row where something moves.
struct Rewriter {
    base: usize,
    copiers: [Copier; 3],
    keys: Interned,
    scratch: String,
    types: Vec<u8>,
    /// Keys of the row whose first value was met.
    met: Vec<usize>,
}

/// The pages of a tail.
type Three = [Option<Arc<Placed>>; 3];

impl Rewriter {
    fn new(base: usize, inputs: usize) -> Self {
        Self {
            base,
            copiers: [0; 3].map(|_| Copier::new(inputs)),
            keys: Interned::default(),
            scratch: String::new(),
            types: Vec::new(),
            met: Vec::new(),
        }
    }

    fn copy(&mut self, columns: &mut [Column], slice: &Slice, pages: &mut Pages<'_>) -> Result<()> {
        for (place, copier) in self.copiers.iter_mut().enumerate() {
            copier.copy(&mut columns[self.base + place], slice, self.base + place, pages)?;
        }
        Ok(())
    }

    fn rewrite(
        &mut self,
        columns: &mut [Column],
        slice: &Slice,
        pages: &mut Pages<'_>,
        (into_tail, into_column): Keys<'_>,
    ) -> Result<()> {
        let mut three: Three = [None, None, None];
        for (place, page) in three.iter_mut().enumerate() {
            *page = pages.of(self.base + place, slice.first)?;
        }
        let mut leaving = Vec::with_capacity(into_tail.len());
        for (leaf, key) in into_tail {
            leaving.push((pages.of(*leaf, slice.first)?, key));
        }
        for (row, in_page) in (slice.row..).zip(slice.in_page()) {
            self.types.clear();
            self.met.clear();
            for (page, key) in &leaving {
                let Some(value) = page.as_ref().and_then(|page| page.value(in_page)) else { continue };
                self.met.extend(into_column.get(key.as_bytes()).map(|(leaf, _)| *leaf));
                self.entry(columns, row, key.as_bytes(), cursor::value(value));
            }
            self.tail(columns, row, (&three, in_page), into_column);
            if self.types.iter().any(|letter| *letter != tail::TEXT) {
                columns[self.base + leaf::TYPES].text(row, &self.types);
            }
        }
        Ok(())
    }

    /// The entries of a row's tail, each into a column or the new tail.
    fn tail(
        &mut self,
        columns: &mut [Column],
        row: u32,
        (three, in_page): (&Three, usize),
        into_column: &HashMap<Vec<u8>, (usize, Kind), FixedState>,
    ) {
        let [Some(keys), Some(values), types] = three else { return };
        let types =
            types.as_ref().and_then(|page| page.value(in_page)).map_or("", |(plain, at)| plain.text(at));
        let entries = keys.values(keys.levels(in_page..in_page + 1));
        for (place, at) in entries.enumerate() {
            let ((keys, key), (texts, text)) = (keys.page.values.at(at), values.page.values.at(at));
            let (key, text) = (keys.bytes(key), texts.text(text));
            let letter = types.as_bytes().get(place).copied().unwrap_or(tail::TEXT);
            let target = into_column.get(key).filter(|(leaf, _)| !self.met.contains(leaf));
            let is_moved = target.is_some_and(|(leaf, kind)| {
                self.met.push(*leaf);
                let column = &mut columns[*leaf];
                let found = tail::read(letter, text, |value| match value {
                    Value::Text(text) => cell(column, *kind, Read::Text(text.as_bytes())),
                    other => cell(column, *kind, Read::Other(other)),
                });
                found.inspect(|cell| column.cell(row, *cell)).is_some()
            });
            if !is_moved {
                self.text_entry(columns, row, key, (letter, text.as_bytes()));
            }
        }
    }

    fn entry(&mut self, columns: &mut [Column], row: u32, key: &[u8], value: Value<'_>) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let letter = tail::write(value, &mut scratch);
        self.text_entry(columns, row, key, (letter, scratch.as_bytes()));
        self.scratch = scratch;
    }

    fn text_entry(&mut self, columns: &mut [Column], row: u32, key: &[u8], (letter, text): (u8, &[u8])) {
        let rep = u8::from(!self.types.is_empty());
        let column = &mut columns[self.base];
        column.level(row, 2, rep);
        if let Values::Text(texts) = &mut column.values {
            let place = self.keys.place(texts, key);
            texts.places.push(place);
        }
        let column = &mut columns[self.base + leaf::VALUES];
        column.level(row, 2, rep);
        let place = column.store(text);
        column.push_place(place);
        self.types.push(letter);
    }
}
