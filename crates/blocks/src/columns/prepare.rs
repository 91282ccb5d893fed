//! What the spans of a resource, or of a scope, have in common: read once, referred to by every row.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::proto::{Cursor, Field};
use model::{Batch, SpanRow, Value, otlp};
use store::Level;

use super::keys::{KeyFacts, Keys, Route};
use super::order::At;
use super::schema::{Layout, leaf};
use super::shred::{Read, cell, key_value};
use super::tail;
use super::values::{Cell, Column, Place};

/// The cells that every row of a resource or scope gets.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    pub(super) cells: Vec<(u32, Cell)>,
    pub(super) counts: Vec<(u32, u32)>,
    pub(super) tail: Vec<(Place, Place)>,
    pub(super) bits: i64,
    /// Rows that got them.
    pub(super) uses: u64,
    keys: Vec<u32>,
    tail_facts: Vec<(u32, usize, u8)>,
}

/// Prepares each resource and scope when its first span comes; one that many batches bring is prepared once.
#[derive(Debug)]
pub(super) struct Preparer<'a> {
    resource_keys: Keys,
    scope_keys: Keys,
    prepared: Vec<Prepared>,
    resources: Vec<Vec<u32>>,
    scopes: Vec<Vec<u32>>,
    /// By level, bytes and schema address.
    known: HashMap<(Level, &'a [u8], &'a str), u32, FixedState>,
}

const NOT_YET: u32 = u32::MAX;

impl<'a> Preparer<'a> {
    pub(super) fn new(batches: &'a [Batch]) -> Self {
        Self {
            resource_keys: Keys::new(Level::Resource),
            scope_keys: Keys::new(Level::Scope),
            prepared: Vec::new(),
            resources: batches.iter().map(|batch| vec![NOT_YET; batch.resource_count()]).collect(),
            scopes: batches.iter().map(|batch| vec![NOT_YET; batch.scope_count()]).collect(),
            known: HashMap::default(),
        }
    }

    /// What the resource and the scope of a span give to its row.
    pub(super) fn of(
        &mut self,
        at: At,
        batch: &'a Batch,
        layout: &Layout,
        columns: &mut [Column],
    ) -> (&mut Prepared, &mut Prepared) {
        let row = batch.rows()[at.place as usize];
        let (number, resource, scope) = (at.batch as usize, row.resource as usize, row.scope as usize);
        if self.scopes[number][scope] == NOT_YET {
            if self.resources[number][resource] == NOT_YET {
                self.resources[number][resource] = self.resource(batch, row, layout, columns);
            }
            self.scopes[number][scope] = self.scope(batch, row, layout, columns);
        }
        let pair = [self.resources[number][resource] as usize, self.scopes[number][scope] as usize];
        let [resource, scope] =
            self.prepared.get_disjoint_mut(pair).expect("a resource and a scope are two things");
        (resource, scope)
    }

    fn resource(&mut self, batch: &'a Batch, row: SpanRow, layout: &Layout, columns: &mut [Column]) -> u32 {
        let resource = batch.resource(row.resource);
        let next = self.prepared.len() as u32;
        let number =
            *self.known.entry((Level::Resource, resource.raw(), resource.schema_url())).or_insert(next);
        if number == next {
            let made = prepare_resource(batch, row, layout, &mut self.resource_keys, columns);
            self.prepared.push(made);
        }
        number
    }

    fn scope(&mut self, batch: &'a Batch, row: SpanRow, layout: &Layout, columns: &mut [Column]) -> u32 {
        let scope = batch.scope(row.scope);
        let next = self.prepared.len() as u32;
        let number = *self.known.entry((Level::Scope, scope.raw(), scope.schema_url())).or_insert(next);
        if number == next {
            self.prepared.push(prepare_scope(batch, row, layout, &mut self.scope_keys, columns));
        }
        number
    }

    /// The facts about the keys of resources and scopes.
    pub(super) fn finish(&mut self) -> Vec<KeyFacts> {
        let resource_count = self.resource_of_prepared();
        for (prepared, is_resource) in self.prepared.iter().zip(resource_count) {
            let keys = if is_resource { &mut self.resource_keys } else { &mut self.scope_keys };
            for number in &prepared.keys {
                keys.known[*number as usize].facts.spans += prepared.uses;
            }
            for (number, bytes, letter) in &prepared.tail_facts {
                keys.known[*number as usize].count_tail(prepared.uses, *bytes, *letter);
            }
        }
        let all = self.resource_keys.known.drain(..).chain(self.scope_keys.known.drain(..));
        all.map(|known| known.facts).collect()
    }

    fn resource_of_prepared(&self) -> Vec<bool> {
        let mut is_resource = vec![false; self.prepared.len()];
        for number in self.resources.iter().flatten().filter(|number| **number != NOT_YET) {
            is_resource[*number as usize] = true;
        }
        is_resource
    }
}

fn prepare_resource(
    batch: &Batch,
    row: SpanRow,
    layout: &Layout,
    keys: &mut Keys,
    columns: &mut [Column],
) -> Prepared {
    let resource = batch.resource(row.resource);
    let mut made = Maker { layout, keys, columns, base: leaf::RESOURCE_ATTRS, made: Prepared::default() };
    made.attributes(resource.raw(), otlp::resource::ATTRIBUTES);
    made.text(leaf::RESOURCE_SCHEMA, resource.schema_url());
    made.count(leaf::RESOURCE_DROPPED, resource.dropped());
    made.made
}

fn prepare_scope(
    batch: &Batch,
    row: SpanRow,
    layout: &Layout,
    keys: &mut Keys,
    columns: &mut [Column],
) -> Prepared {
    let scope = batch.scope(row.scope);
    let mut made = Maker { layout, keys, columns, base: leaf::SCOPE_ATTRS, made: Prepared::default() };
    made.attributes(scope.raw(), otlp::scope::ATTRIBUTES);
    made.text(leaf::SCOPE_NAME, scope.name());
    made.text(leaf::SCOPE_VERSION, scope.version());
    made.text(leaf::SCOPE_SCHEMA, scope.schema_url());
    made.count(leaf::SCOPE_DROPPED, scope.dropped());
    made.made
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
            self.made.counts.push((leaf as u32, count));
        }
    }
}
