//! Makes the index of a row group from its columns, before they are encoded.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::Value;
use store::Level;

use super::catalogue::Keys;
use super::file::IndexWriter;
use super::held::Index;
use super::tokens::{Filter, Filters, KeyToken};
use super::traces::Traces;
use super::zones::{self, Zones};
use crate::columns::conventions::{self, older_name};
use crate::columns::schema::{Layout, leaf};
use crate::columns::shred::Shredded;
use crate::columns::sink::PAGE_ROWS;
use crate::columns::tail;
use crate::columns::values::{Column, Levels, Place, Values};
use crate::error::Result;

/// The tails of the levels and where their leaves are.
pub(crate) const TAILS: [(Level, usize); 5] = [
    (Level::Span, leaf::ATTRS),
    (Level::Resource, leaf::RESOURCE_ATTRS),
    (Level::Scope, leaf::SCOPE_ATTRS),
    (Level::Event, leaf::EVENT_ATTRS),
    (Level::Link, leaf::LINK_ATTRS),
];

/// The sections of a row group whose pages are not written yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Built {
    pub(crate) zones: Zones,
    pub(crate) filters: Filters,
    pub(crate) traces: Traces,
    pub(crate) keys: Keys,
}

impl Built {
    /// Writes the sections of the row group with this number.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write(&self, writer: &mut IndexWriter, number: u32) -> Result<()> {
        writer.section(number, &self.zones)?;
        writer.section(number, &self.traces)?;
        writer.section(number, &self.keys)?;
        writer.section(number, &self.filters)
    }

    /// Keeps the sections in memory while there is room.
    pub(crate) fn keep(self, index: &Index, number: u32) {
        index.keep(number, self.zones);
        index.keep(number, self.traces);
        index.keep(number, self.keys);
        index.keep(number, self.filters);
    }
}

/// Makes the sections of a row group; `dictionaries` says which leaves get one.
pub(crate) fn build(layout: &Layout, shredded: &Shredded, dictionaries: &[bool]) -> Built {
    Built {
        zones: zones::zones(shredded),
        filters: filters(layout, shredded, dictionaries),
        traces: Traces::new(shredded.traces.clone()),
        keys: Keys(shredded.keys.clone()),
    }
}

fn filters(layout: &Layout, shredded: &Shredded, dictionaries: &[bool]) -> Filters {
    let pages = (shredded.rows as usize).div_ceil(PAGE_ROWS);
    let mut tokens: Vec<Vec<u64>> = vec![Vec::new(); pages];
    let columns = &shredded.columns;
    for (at, column) in columns.iter().enumerate().skip(leaf::FIXED) {
        if let (Some((level, key)), false) = (layout.key(at), dictionaries[at]) {
            let older = older_names(columns, at);
            column_tokens(column, KeyToken::new(level, key), &older, level, &mut tokens);
        }
    }
    for (level, base) in TAILS {
        tail_tokens(columns, level, base, &mut tokens);
    }
    Filters(tokens.iter_mut().map(Filter::of).collect())
}

/// The rows whose value of a column came under an older name.
fn older_names(columns: &[Column], at: usize) -> HashMap<u32, &'static str> {
    let (Levels::Present(rows), Values::Int(bits)) =
        (&columns[leaf::OLD_NAMES].levels, &columns[leaf::OLD_NAMES].values)
    else {
        return HashMap::new();
    };
    if at - leaf::FIXED >= conventions::FIXED.len() {
        return HashMap::new();
    }
    let named =
        rows.iter().zip(bits).filter_map(|(row, bits)| Some((*row, older_name(*bits, at - leaf::FIXED)?)));
    named.collect()
}

fn column_tokens(
    column: &Column,
    key: KeyToken,
    older: &HashMap<u32, &'static str>,
    level: Level,
    tokens: &mut [Vec<u64>],
) {
    let (Levels::Present(rows), Values::Text(texts)) = (&column.levels, &column.values) else { return };
    for (row, text) in rows.iter().zip(texts.iter()) {
        let key = match older.get(row) {
            Some(name) => KeyToken::new(level, name),
            None => key,
        };
        tokens[*row as usize / PAGE_ROWS].push(key.with(text));
    }
}

fn tail_tokens(columns: &[Column], level: Level, base: usize, tokens: &mut [Vec<u64>]) {
    let (Values::Text(keys), Values::Text(values)) =
        (&columns[base].values, &columns[base + leaf::VALUES].values)
    else {
        return;
    };
    if keys.places.is_empty() {
        return;
    }
    let types = types_by_tail(&columns[base], &columns[base + leaf::TYPES]);
    let mut known: HashMap<Place, KeyToken, FixedState> = HashMap::default();
    let mut entry = 0;
    each_entry(&columns[base], |row, tail_number, place_in_tail| {
        let place = keys.places[entry];
        let key = *known
            .entry(place)
            .or_insert_with(|| KeyToken::new(level, std::str::from_utf8(keys.slice(place)).unwrap_or("")));
        let text = values.slice(values.places[entry]);
        let letter = types.get(&tail_number).map_or(tail::TEXT, |types| types[place_in_tail]);
        let page = &mut tokens[row / PAGE_ROWS];
        match letter {
            b'a' | b'm' | b'y' | b'x' => nested_tokens(key, letter, text, page),
            _ => page.push(key.with(text)),
        }
        entry += 1;
    });
}

/// The tokens of a value that is not kept as people write it; an array is found by each of its elements too.
fn nested_tokens(key: KeyToken, letter: u8, text: &[u8], page: &mut Vec<u64>) {
    tail::read(letter, std::str::from_utf8(text).unwrap_or(""), |value| {
        page.push(key.with(value.to_text().as_bytes()));
        if let Value::Array(values) = value {
            page.extend(values.iter().map(|element| key.with(element.to_text().as_bytes())));
        }
    });
}

/// Visits the entries of a tail: row, which tail of the leaf, place in the tail.
pub(crate) fn each_entry(keys: &Column, mut visit: impl FnMut(usize, usize, usize)) {
    let Levels::Nested { def, rep, .. } = &keys.levels else { return };
    let depth = keys.def_max() / 2;
    let (mut row, mut tail_number, mut place) = (0_usize, 0_usize, 0);
    for (at, (def, rep)) in def.iter().zip(rep).enumerate() {
        if *rep == 0 && at > 0 {
            row += 1;
        }
        if *rep < depth && at > 0 {
            tail_number += 1;
        }
        place = if *rep < depth { 0 } else { place + 1 };
        if *def == keys.def_max() {
            visit(row, tail_number, place);
        }
    }
}

/// The types of those tails that have any, by the number of the tail.
pub(crate) fn types_by_tail<'a>(keys: &Column, types: &'a Column) -> HashMap<usize, &'a [u8], FixedState> {
    let Values::Text(texts) = &types.values else { return HashMap::default() };
    match &types.levels {
        Levels::Present(rows) => rows.iter().map(|row| *row as usize).zip(texts.iter()).collect(),
        Levels::Nested { def, .. } => {
            debug_assert!(keys.def_max() > types.def_max());
            let there = def.iter().enumerate().filter(|(_, def)| **def == types.def_max());
            there.map(|(at, _)| at).zip(texts.iter()).collect()
        }
        Levels::Required => HashMap::default(),
    }
}
