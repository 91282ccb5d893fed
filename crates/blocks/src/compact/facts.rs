//! What a row group's columns tell of its keys: the same as what taking its spans apart would have told.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use store::Level;

use crate::columns::conventions::{OLD_NAMES, older_name};
use crate::columns::keys::{KeyFacts, Keys};
use crate::columns::schema::{EXCEPTION_KEYS, Layout, leaf};
use crate::columns::tail;
use crate::columns::values::{Column, Levels, Place, Values};
use crate::index::{TAILS, each_entry, types_by_tail};

/// The facts of every key that some span carries.
pub(super) fn keys(layout: &Layout, columns: &[Column]) -> Vec<KeyFacts> {
    let columns = Columns::new(layout, columns);
    let mut facts: Vec<KeyFacts> = Vec::new();
    for (level, base) in TAILS {
        facts.extend(columns.tail(level, base).known.into_iter().map(|known| known.facts));
    }
    let in_tails = facts.len();
    for (level, key) in columns.names() {
        let is_known = facts[..in_tails].iter().any(|facts| facts.level == level && facts.key == key);
        let spans = if is_known { 0 } else { columns.rows(level, key).len() as u64 };
        if spans > 0 {
            let tail_types = [0; 5];
            facts.push(KeyFacts { level, key: key.into(), spans, in_tail: 0, tail_bytes: 0, tail_types });
        }
    }
    facts
}

struct Columns<'a> {
    layout: &'a Layout,
    columns: &'a [Column],
    /// The rows of which some value came under an older name, and which.
    older: HashMap<u32, i64, FixedState>,
}

impl<'a> Columns<'a> {
    fn new(layout: &'a Layout, columns: &'a [Column]) -> Self {
        let older = match (&columns[leaf::OLD_NAMES].levels, &columns[leaf::OLD_NAMES].values) {
            (Levels::Present(rows), Values::Int(bits)) => {
                rows.iter().copied().zip(bits.iter().copied()).collect()
            }
            _ => HashMap::default(),
        };
        Self { layout, columns, older }
    }

    /// Every key that may have values in a column of its own.
    fn names(&self) -> impl Iterator<Item = (Level, &'a str)> {
        let keyed = (leaf::FIXED..self.columns.len()).filter(|at| self.columns[*at].values.len() > 0);
        let keyed = keyed.filter_map(|at| self.layout.key(at)).flat_map(|(level, key)| {
            let older = OLD_NAMES.iter().filter(move |old| old.now == key).map(|old| old.key);
            let older = older.filter(|_| !self.older.is_empty());
            std::iter::once(key).chain(older).map(move |key| (level, key))
        });
        keyed.chain(EXCEPTION_KEYS.map(|key| (Level::Event, key)))
    }

    /// The rows that carry a key in its column, in ascending order.
    fn rows(&self, level: Level, key: &str) -> Vec<u32> {
        if let (Level::Event, Some(place)) = (level, EXCEPTION_KEYS.iter().position(|other| *other == key)) {
            return rows_of_list(&self.columns[leaf::EXCEPTION + place]);
        }
        let Some((at, bit)) = self.layout.find(level, key) else { return Vec::new() };
        let Levels::Present(rows) = &self.columns[at].levels else { return Vec::new() };
        let name = |row: &u32| self.older.get(row).and_then(|bits| older_name(*bits, at - leaf::FIXED));
        match bit {
            Some(_) => rows.iter().copied().filter(|row| name(row) == Some(key)).collect(),
            None if self.older.is_empty() => rows.clone(),
            None => rows.iter().copied().filter(|row| name(row).is_none()).collect(),
        }
    }

    /// The keys of a tail; of those that have a column too, what is there counts as well.
    fn tail(&self, level: Level, base: usize) -> Keys {
        let mut keys = Keys::new(level);
        let (Values::Text(names), Values::Text(texts)) =
            (&self.columns[base].values, &self.columns[base + leaf::VALUES].values)
        else {
            return keys;
        };
        let types = types_by_tail(&self.columns[base], &self.columns[base + leaf::TYPES]);
        let mut by_place: HashMap<Place, usize, FixedState> = HashMap::default();
        let mut in_column: Vec<Vec<u32>> = Vec::new();
        let mut entry = 0;
        each_entry(&self.columns[base], |row, tail_number, place_in_tail| {
            let name = names.places[entry];
            let number = *by_place.entry(name).or_insert_with(|| keys.number(names.slice(name), self.layout));
            if number == in_column.len() {
                in_column.push(self.rows(level, &keys.known[number].facts.key));
                keys.known[number].facts.spans = in_column[number].len() as u64;
            }
            let known = &mut keys.known[number];
            if in_column[number].is_empty() || in_column[number].binary_search(&(row as u32)).is_err() {
                known.count(row as u32);
            }
            let letter = types.get(&tail_number).and_then(|letters| letters.get(place_in_tail).copied());
            known.count_tail(1, texts.places[entry].length as usize, letter.unwrap_or(tail::TEXT));
            entry += 1;
        });
        keys
    }
}

/// The rows with a value in some element of a list.
fn rows_of_list(column: &Column) -> Vec<u32> {
    let Levels::Nested { def, rep, .. } = &column.levels else { return Vec::new() };
    let mut rows: Vec<u32> = Vec::new();
    let mut row = 0;
    for (at, (def, rep)) in def.iter().zip(rep).enumerate() {
        row += u32::from(*rep == 0 && at > 0);
        if *def == column.def_max() && rows.last() != Some(&row) {
            rows.push(row);
        }
    }
    rows
}
