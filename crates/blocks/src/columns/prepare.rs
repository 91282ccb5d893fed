//! What the spans of a resource, or of a scope, have in common: read once, referred to by every row.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::proto::{Cursor, Field};
use model::{Batch, Value, otlp};
use store::Level;

use super::keys::{KeyFacts, Keys, Route};
use super::order::At;
use super::schema::{Layout, leaf};
use super::shred::{Read, cell, key_value};
use super::tail;
use super::values::{Cell, Column, Place};

/// The cells that every row of a resource or scope gets.
#[derive(Debug, Default)]
struct Prepared {
    cells: Vec<(u32, Cell)>,
    tail: Vec<(Place, Place)>,
    bits: i64,
    keys: Vec<u32>,
    tail_facts: Vec<(u32, usize, u8)>,
}

/// Prepares each resource and scope when its first span comes; one that many batches bring is prepared once.
#[derive(Debug)]
pub(super) struct Preparer<'a> {
    resources: Owners<'a>,
    scopes: Owners<'a>,
}

/// The resources, or the scopes, of a row group.
#[derive(Debug)]
struct Owners<'a> {
    keys: Keys,
    /// The first leaf of their tail.
    base: usize,
    prepared: Vec<Prepared>,
    /// For each batch, which of them are its own.
    of_batch: Vec<Vec<u32>>,
    /// For each row, which of them it has.
    of_row: Vec<u32>,
    /// By bytes and schema address.
    known: HashMap<(&'a [u8], &'a str), u32, FixedState>,
}

const NOT_YET: u32 = u32::MAX;

impl<'a> Preparer<'a> {
    pub(super) fn new(batches: &'a [Batch]) -> Self {
        let resources = batches.iter().map(Batch::resource_count);
        let scopes = batches.iter().map(Batch::scope_count);
        Self {
            resources: Owners::new(Level::Resource, leaf::RESOURCE_ATTRS, resources),
            scopes: Owners::new(Level::Scope, leaf::SCOPE_ATTRS, scopes),
        }
    }

    /// Notes the resource of the next row, and answers the bits of older names.
    pub(super) fn resource(
        &mut self,
        at: At,
        batch: &'a Batch,
        layout: &Layout,
        columns: &mut [Column],
    ) -> i64 {
        let row = batch.rows()[at.place as usize];
        let place = (at.batch as usize, row.resource as usize);
        let number = match self.resources.known(place) {
            Some(number) => number,
            None => {
                let resource = batch.resource(row.resource);
                let made = (layout, columns, (resource.raw(), resource.schema_url()));
                self.resources.add(place, made, |maker| {
                    maker.attributes(resource.raw(), otlp::resource::ATTRIBUTES);
                    maker.text(leaf::RESOURCE_SCHEMA, resource.schema_url());
                    maker.count(leaf::RESOURCE_DROPPED, resource.dropped());
                })
            }
        };
        self.resources.of_row.push(number);
        self.resources.prepared[number as usize].bits
    }

    /// Notes the scope of the next row.
    pub(super) fn scope(&mut self, at: At, batch: &'a Batch, layout: &Layout, columns: &mut [Column]) {
        let row = batch.rows()[at.place as usize];
        let place = (at.batch as usize, row.scope as usize);
        let number = match self.scopes.known(place) {
            Some(number) => number,
            None => {
                let scope = batch.scope(row.scope);
                let made = (layout, columns, (scope.raw(), scope.schema_url()));
                self.scopes.add(place, made, |maker| {
                    maker.attributes(scope.raw(), otlp::scope::ATTRIBUTES);
                    maker.text(leaf::SCOPE_NAME, scope.name());
                    maker.text(leaf::SCOPE_VERSION, scope.version());
                    maker.text(leaf::SCOPE_SCHEMA, scope.schema_url());
                    maker.count(leaf::SCOPE_DROPPED, scope.dropped());
                })
            }
        };
        self.scopes.of_row.push(number);
    }

    /// Fills the columns of resources and scopes, and answers the facts about their keys.
    pub(super) fn finish(&mut self, columns: &mut [Column]) -> Vec<KeyFacts> {
        let mut facts = self.resources.finish(columns);
        facts.extend(self.scopes.finish(columns));
        facts
    }
}

/// The columns that are made, and what tells an owner from others.
type Making<'m, 'a> = (&'m Layout, &'m mut [Column], (&'a [u8], &'a str));

impl<'a> Owners<'a> {
    fn new(level: Level, base: usize, counts: impl Iterator<Item = usize>) -> Self {
        Self {
            keys: Keys::new(level),
            base,
            prepared: Vec::new(),
            of_batch: counts.map(|count| vec![NOT_YET; count]).collect(),
            of_row: Vec::new(),
            known: HashMap::default(),
        }
    }

    #[inline]
    fn known(&self, (batch, place): (usize, usize)) -> Option<u32> {
        Some(self.of_batch[batch][place]).filter(|number| *number != NOT_YET)
    }

    fn add(
        &mut self,
        (batch, place): (usize, usize),
        (layout, columns, identity): Making<'_, 'a>,
        make: impl FnOnce(&mut Maker<'_>),
    ) -> u32 {
        let next = self.prepared.len() as u32;
        let number = *self.known.entry(identity).or_insert(next);
        if number == next {
            let (keys, base) = (&mut self.keys, self.base);
            let mut maker = Maker { layout, keys, columns, base, made: Prepared::default() };
            make(&mut maker);
            self.prepared.push(maker.made);
        }
        self.of_batch[batch][place] = number;
        number
    }

    fn finish(&mut self, columns: &mut [Column]) -> Vec<KeyFacts> {
        let mut uses = vec![0; self.prepared.len()];
        self.of_row.iter().for_each(|number| uses[*number as usize] += 1);
        for (prepared, uses) in self.prepared.iter().zip(uses) {
            for number in &prepared.keys {
                self.keys.known[*number as usize].facts.spans += uses;
            }
            for (number, bytes, letter) in &prepared.tail_facts {
                self.keys.known[*number as usize].count_tail(uses, *bytes, *letter);
            }
        }
        self.fill(columns);
        self.keys.known.drain(..).map(|known| known.facts).collect()
    }

    /// Fills one column after the other, and the tails last.
    fn fill(&self, columns: &mut [Column]) {
        let mut by_leaf: BTreeMap<u32, Vec<Option<Cell>>> = BTreeMap::new();
        for (number, prepared) in self.prepared.iter().enumerate() {
            for (leaf, cell) in &prepared.cells {
                by_leaf.entry(*leaf).or_insert_with(|| vec![None; self.prepared.len()])[number] = Some(*cell);
            }
        }
        for (leaf, cells) in by_leaf {
            let rows = (0..).zip(&self.of_row);
            columns[leaf as usize]
                .fill(rows.filter_map(|(row, number)| Some((row, cells[*number as usize]?))));
        }
        if self.prepared.iter().all(|prepared| prepared.tail.is_empty()) {
            return;
        }
        for (row, number) in (0..).zip(&self.of_row) {
            for (place, (key, value)) in self.prepared[*number as usize].tail.iter().enumerate() {
                let rep = u8::from(place > 0);
                columns[self.base].level(row, 2, rep);
                columns[self.base].push_place(*key);
                columns[self.base + leaf::VALUES].level(row, 2, rep);
                columns[self.base + leaf::VALUES].push_place(*value);
            }
        }
    }
}

struct Maker<'a> {
    layout: &'a Layout,
    keys: &'a mut Keys,
    columns: &'a mut [Column],
    base: usize,
    made: Prepared,
}

impl Maker<'_> {
    fn attributes(&mut self, raw: &[u8], field: u32) {
        let mut seen: Vec<u32> = Vec::new();
        let mut types = Vec::new();
        let mut scratch = String::new();
        let mut cursor = Cursor::new(raw);
        while let Ok(Some((number, content))) = cursor.next_field() {
            let (true, Field::Bytes(pair)) = (number == field, content) else { continue };
            let (key, value) = key_value(pair);
            let number = self.keys.number(key, self.layout);
            if !self.made.keys.contains(&(number as u32)) {
                self.made.keys.push(number as u32);
            }
            let known = &mut self.keys.known[number];
            if let Route::Column { leaf, kind, bit } = known.route {
                let is_first = !seen.contains(&leaf);
                seen.push(leaf);
                if is_first && let Some(cell) = cell(&mut self.columns[leaf as usize], kind, value) {
                    self.made.cells.push((leaf, cell));
                    self.made.bits |= bit.map_or(0, |bit| 1 << bit);
                    continue;
                }
            }
            let value = match value {
                Read::Text(text) => Value::Text(std::str::from_utf8(text).unwrap_or("")),
                Read::Other(value) => value,
            };
            let letter = tail::write(value, &mut scratch);
            let column = &mut self.columns[self.base];
            let key = *known.place.get_or_insert_with(|| column.store(known.facts.key.as_bytes()));
            let value = self.columns[self.base + leaf::VALUES].store(scratch.as_bytes());
            self.made.tail.push((key, value));
            self.made.tail_facts.push((number as u32, scratch.len(), letter));
            types.push(letter);
        }
        if types.iter().any(|letter| *letter != tail::TEXT) {
            let types_leaf = self.base + leaf::TYPES;
            let place = self.columns[types_leaf].store(&types);
            self.made.cells.push((types_leaf as u32, Cell::Text(place)));
        }
    }

    fn text(&mut self, leaf: usize, text: &str) {
        if !text.is_empty() {
            let place = self.columns[leaf].store(text.as_bytes());
            self.made.cells.push((leaf as u32, Cell::Text(place)));
        }
    }

    fn count(&mut self, leaf: usize, count: u32) {
        if count != 0 {
            self.made.cells.push((leaf as u32, Cell::Int(i64::from(count as i32))));
        }
    }
}
