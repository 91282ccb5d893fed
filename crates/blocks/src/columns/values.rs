//! The values of one column in memory, on their way into a row group.
//!
//! Nothing is allocated per value: text lies in one arena per column, and a text that repeats is stored once. A column
//! notes only the rows that have a value, so that a sparse one costs nothing.
//! Bounded by what one row group takes: [`crate::block::GROUP_BYTES_MAX`].

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::schema::{Kind, Layout, Leaf};
use super::slots::Slots;

/// One column of a row group.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) levels: Levels,
    pub(crate) values: Values,
    def_max: u8,
    /// One more than the last row that a key of this column was seen in.
    pub(crate) seen: u32,
}

/// Which rows have values.
#[derive(Debug)]
pub(crate) enum Levels {
    /// Every row has one.
    Required,
    /// These rows have one.
    Present(Vec<u32>),
    /// Parquet's levels, for what repeats.
    Nested {
        def: Vec<u8>,
        rep: Vec<u8>,
        /// How many rows the levels cover.
        rows: u32,
    },
}

/// The values that are there.
#[derive(Debug)]
pub(crate) enum Values {
    Text(Texts),
    Int32(Vec<i32>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    Id { width: usize, bytes: Vec<u8> },
}

/// Text values in one arena.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pub(crate) bytes: Vec<u8>,
    pub(crate) places: Vec<Place>,
    known: Known,
}

/// The texts that were stored, as long as they are found to repeat.
#[derive(Debug, Default)]
struct Known {
    slots: Slots,
    places: Vec<Place>,
    asked: usize,
    repeats: Repeats,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Repeats {
    #[default]
    Maybe,
    Hardly,
}

/// After so many texts, and each power of two more, it is looked whether they repeat.
const LOOK_AFTER: usize = 1024;

/// Where a text lies in its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) at: u32,
    pub(crate) length: u32,
}

/// A value that is ready to be put into a column any number of times.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Text(Place),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl Texts {
    /// Where a text lies from now on; where texts repeat, an equal one has the same place.
    #[inline]
    pub(crate) fn store(&mut self, text: &[u8]) -> Place {
        if self.known.repeats == Repeats::Hardly {
            return append(&mut self.bytes, text);
        }
        let Self { bytes, known, .. } = self;
        let Known { slots, places, asked, repeats } = known;
        *asked += 1;
        let next = places.len() as u32;
        let hash = FixedState::default().hash_one(text);
        let number = slots.number(hash, next, |number| slice(bytes, places[number as usize]) == text);
        if number == next {
            places.push(append(bytes, text));
            if *asked >= LOOK_AFTER && asked.is_power_of_two() && 4 * places.len() > 3 * *asked {
                *repeats = Repeats::Hardly;
            }
        }
        places[number as usize]
    }

    fn clear(&mut self) {
        let Self { bytes, places, known } = self;
        bytes.clear();
        places.clear();
        known.slots.clear();
        known.places.clear();
        known.asked = 0;
        known.repeats = Repeats::Maybe;
    }

    pub(crate) fn slice(&self, place: Place) -> &[u8] {
        slice(&self.bytes, place)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|place| self.slice(*place))
    }
}

#[inline]
fn append(arena: &mut Vec<u8>, text: &[u8]) -> Place {
    let at = u32::try_from(arena.len()).expect("a row group stays below 4 GiB");
    arena.extend_from_slice(text);
    Place { at, length: text.len() as u32 }
}

#[inline]
fn slice(arena: &[u8], place: Place) -> &[u8] {
    &arena[place.at as usize..(place.at + place.length) as usize]
}

impl Values {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text(Texts::default()),
            Kind::Int32 => Self::Int32(Vec::new()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Double => Self::Double(Vec::new()),
            Kind::Bool => Self::Bool(Vec::new()),
            Kind::Id(width) => Self::Id { width: usize::from(width), bytes: Vec::new() },
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Text(texts) => texts.clear(),
            Self::Int32(values) => values.clear(),
            Self::Int(values) => values.clear(),
            Self::Double(values) => values.clear(),
            Self::Bool(values) => values.clear(),
            Self::Id { bytes, .. } => bytes.clear(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.places.len(),
            Self::Int32(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Id { width, bytes } => bytes.len() / width,
        }
    }
}

impl Column {
    pub(crate) fn new(leaf: &Leaf) -> Self {
        let levels = match (leaf.def_max, leaf.rep_max) {
            (0, 0) => Levels::Required,
            (_, 0) => Levels::Present(Vec::new()),
            _ => Levels::Nested { def: Vec::new(), rep: Vec::new(), rows: 0 },
        };
        Self { levels, values: Values::new(leaf.kind), def_max: leaf.def_max, seen: 0 }
    }

    /// Those of a layout, without rows, in the memory of spare ones of the same layout if there are any.
    pub(crate) fn all(layout: &Layout, spare: Vec<Self>) -> Vec<Self> {
        let mut columns = spare;
        columns.iter_mut().for_each(Self::clear);
        columns.extend(layout.leaves.iter().skip(columns.len()).map(Self::new));
        columns
    }

    /// True where it was made for such a leaf.
    pub(crate) fn is_of(&self, leaf: &Leaf) -> bool {
        let are_levels = match self.levels {
            Levels::Required => (leaf.def_max, leaf.rep_max) == (0, 0),
            Levels::Present(_) => leaf.def_max > 0 && leaf.rep_max == 0,
            Levels::Nested { .. } => leaf.rep_max > 0,
        };
        let are_values = match (&self.values, leaf.kind) {
            (Values::Text(_), Kind::Text)
            | (Values::Int32(_), Kind::Int32)
            | (Values::Int(_), Kind::Int)
            | (Values::Double(_), Kind::Double)
            | (Values::Bool(_), Kind::Bool) => true,
            (Values::Id { width, .. }, Kind::Id(bytes)) => *width == usize::from(bytes),
            _ => false,
        };
        are_levels && are_values && self.def_max == leaf.def_max
    }

    /// Forgets all rows and keeps the memory for others.
    pub(crate) fn clear(&mut self) {
        match &mut self.levels {
            Levels::Required => {}
            Levels::Present(rows) => rows.clear(),
            Levels::Nested { def, rep, rows } => {
                def.clear();
                rep.clear();
                *rows = 0;
            }
        }
        self.values.clear();
        self.seen = 0;
    }

    #[inline]
    fn present(&mut self, row: u32) {
        if let Levels::Present(rows) = &mut self.levels {
            rows.push(row);
        }
    }

    #[inline]
    pub(crate) fn text(&mut self, row: u32, text: &[u8]) {
        let place = self.store(text);
        self.place(row, place);
    }

    /// Text that is left out where it is empty.
    #[inline]
    pub(crate) fn some_text(&mut self, row: u32, text: &[u8]) {
        if !text.is_empty() {
            self.text(row, text);
        }
    }

    #[inline]
    pub(crate) fn place(&mut self, row: u32, place: Place) {
        self.present(row);
        self.push_place(place);
    }

    #[inline]
    pub(crate) fn push_place(&mut self, place: Place) {
        if let Values::Text(texts) = &mut self.values {
            texts.places.push(place);
        }
    }

    /// Stores text that rows refer to by its place.
    #[inline]
    pub(crate) fn store(&mut self, text: &[u8]) -> Place {
        match &mut self.values {
            Values::Text(texts) => texts.store(text),
            _ => Place { at: 0, length: 0 },
        }
    }

    #[inline]
    pub(crate) fn int(&mut self, row: u32, value: i64) {
        self.present(row);
        self.push_int(value);
    }

    #[inline]
    pub(crate) fn push_int(&mut self, value: i64) {
        match &mut self.values {
            Values::Int(values) => values.push(value),
            Values::Int32(values) => values.push(value as i32),
            _ => {}
        }
    }

    /// A count that is left out where it is zero.
    #[inline]
    pub(crate) fn some_count(&mut self, row: u32, count: u32) {
        if count != 0 {
            self.int(row, i64::from(count as i32));
        }
    }

    #[inline]
    pub(crate) fn id(&mut self, row: u32, id: &[u8]) {
        self.present(row);
        self.push_id(id);
    }

    #[inline]
    pub(crate) fn push_id(&mut self, id: &[u8]) {
        if let Values::Id { bytes, .. } = &mut self.values {
            bytes.extend_from_slice(id);
        }
    }

    /// Adds the cells of rows, in ascending order.
    pub(crate) fn fill(&mut self, cells: impl Iterator<Item = (u32, Cell)>) {
        cells.for_each(|(row, cell)| self.cell(row, cell));
    }

    #[inline]
    pub(crate) fn cell(&mut self, row: u32, cell: Cell) {
        self.present(row);
        match (&mut self.values, cell) {
            (Values::Text(texts), Cell::Text(place)) => texts.places.push(place),
            (Values::Int(values), Cell::Int(value)) => values.push(value),
            (Values::Int32(values), Cell::Int(value)) => values.push(value as i32),
            (Values::Double(values), Cell::Double(value)) => values.push(value),
            (Values::Bool(values), Cell::Bool(value)) => values.push(value),
            _ => debug_assert!(false, "a cell is made for its column"),
        }
    }

    /// Notes the levels of one entry of something that repeats; `row` is its span.
    #[inline]
    pub(crate) fn level(&mut self, row: u32, level_def: u8, level_rep: u8) {
        self.pad(row);
        if let Levels::Nested { def, rep, rows } = &mut self.levels {
            def.push(level_def);
            rep.push(level_rep);
            *rows = row + 1;
        }
    }

    /// Says that the rows before this one that were not mentioned have nothing.
    pub(crate) fn pad(&mut self, row: u32) {
        if let Levels::Nested { def, rep, rows } = &mut self.levels
            && *rows < row
        {
            let missing = (row - *rows) as usize;
            def.resize(def.len() + missing, 0);
            rep.resize(rep.len() + missing, 0);
            *rows = row;
        }
    }

    /// True where no row has a value and nothing is nested in it.
    pub(crate) fn is_empty(&self) -> bool {
        let nested = matches!(&self.levels, Levels::Nested { def, .. } if def.iter().any(|def| *def > 0));
        self.values.len() == 0 && !nested
    }

    /// The highest definition level: that of a value.
    pub(crate) fn def_max(&self) -> u8 {
        self.def_max
    }
}
