//! Makes the index of a row group from its columns, before they are encoded.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{TraceId, Value};
use store::Level;

use super::catalogue::Keys;
use super::file::IndexWriter;
use super::held::Index;
use super::sets::Live;
use super::summaries::Summaries;
use super::tokens::{KeyToken, NAME_KEY, link_token};
use super::traces::Runs;
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
    pub(crate) runs: Runs,
    pub(crate) keys: Keys,
    pub(crate) summaries: Option<Summaries>,
    pub(crate) live: Live,
}

impl Built {
    /// Writes the sections of the row group with this number.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write(&self, writer: &mut IndexWriter, number: u32) -> Result<()> {
        writer.section(number, &self.zones)?;
        writer.section(number, &self.runs)?;
        writer.section(number, &self.keys)?;
        self.summaries.as_ref().map_or(Ok(()), |summaries| writer.section(number, summaries))
    }

    /// Keeps the sections in memory while there is room; answers what can be looked up.
    pub(crate) fn keep(self, index: &Index, number: u32) -> Live {
        index.keep(number, self.zones);
        index.keep(number, self.runs);
        index.keep(number, self.keys);
        self.summaries.map(|summaries| index.keep(number, summaries));
        self.live
    }
}

/// Makes the sections of a row group whose runs are summed up. `dictionaries` says of each leaf that has a dictionary which
/// values are all that it holds.
pub(crate) fn build(
    layout: &Layout,
    (shredded, summaries): (&Shredded, Option<Summaries>),
    dictionaries: &[Option<Cow<'_, [u32]>>],
) -> Built {
    Built {
        zones: zones::zones(shredded),
        runs: Runs::new(&shredded.traces),
        keys: Keys(shredded.keys.clone()),
        summaries,
        live: live(layout, shredded, dictionaries),
    }
}

fn live(layout: &Layout, shredded: &Shredded, dictionaries: &[Option<Cow<'_, [u32]>>]) -> Live {
    let pages = (shredded.rows as usize).div_ceil(PAGE_ROWS);
    let mut tokens: Vec<Vec<u64>> = vec![Vec::new(); pages];
    let mut in_dictionaries = Vec::new();
    let columns = &shredded.columns;
    for (at, column) in columns.iter().enumerate() {
        let Some((level, key)) = keyed(layout, at) else { continue };
        let token = KeyToken::new(level, key);
        if let Some(values) = &dictionaries[at] {
            dictionary_tokens(column, token, values, &mut in_dictionaries);
        } else {
            let older = older_names(columns, at);
            column_tokens(column, token, &older, level, &mut tokens);
        }
    }
    for (level, base) in TAILS {
        tail_tokens(columns, level, base, &mut tokens);
    }
    link_tokens(&columns[leaf::LINK_TRACE_ID], &mut tokens);
    Live::new(&tokens, &in_dictionaries, shredded.traces.iter().map(|rows| rows.id))
}

/// Under which key the values of a leaf are looked up.
fn keyed(layout: &Layout, at: usize) -> Option<(Level, &str)> {
    if at == leaf::NAME { Some((Level::Any, NAME_KEY)) } else { layout.key(at) }
}

/// The tokens of what a dictionary holds, under the name of the column whatever a value came under.
fn dictionary_tokens(column: &Column, key: KeyToken, values: &[u32], tokens: &mut Vec<u64>) {
    let Values::Text(texts) = &column.values else { return };
    tokens.extend(values.iter().map(|at| key.with(texts.slice(texts.places[*at as usize]))));
}

/// The rows whose value of a column came under an older name.
fn older_names(columns: &[Column], at: usize) -> HashMap<u32, &'static str> {
    let (Levels::Present(rows), Values::Int(bits)) =
        (&columns[leaf::OLD_NAMES].levels, &columns[leaf::OLD_NAMES].values)
    else {
        return HashMap::new();
    };
    if !(leaf::FIXED..leaf::FIXED + conventions::FIXED.len()).contains(&at) {
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
    let Values::Text(texts) = &column.values else { return };
    let Levels::Present(rows) = &column.levels else {
        // Every row has a name.
        let rows = texts.iter().enumerate();
        return rows.for_each(|(row, text)| tokens[row / PAGE_ROWS].push(key.with(text)));
    };
    for (row, text) in rows.iter().zip(texts.iter()) {
        let key = match older.get(row) {
            Some(name) => KeyToken::new(level, name),
            None => key,
        };
        tokens[*row as usize / PAGE_ROWS].push(key.with(text));
    }
}

fn link_tokens(links: &Column, tokens: &mut [Vec<u64>]) {
    let Values::Id { bytes, .. } = &links.values else { return };
    let (ids, _) = bytes.as_chunks::<16>();
    if ids.is_empty() {
        return;
    }
    let mut ids = ids.iter().map(|id| link_token(TraceId(*id)));
    each_entry(links, |row, _, _| tokens[row / PAGE_ROWS].extend(ids.next()));
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
