//! The texts by which the spans of a page are grouped, as numbers: `store::metrics::text_of` over columns.
//!
//! Where a column has a dictionary, each of its entries is given a number once, and rows are numbered by their ids.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Kind, StatusCode};
use store::metrics::INWARDS;
use store::{Field, Level};

use super::groups::{Groups, NO_TEXT};
use super::mask::{Evaluator, dictionary_leaf};
use super::values::{self, Source};
use crate::columns::decode::Held;
use crate::error::Result;

/// Numbers the texts of a row group.
#[derive(Default)]
pub(super) struct Numbering {
    /// By field and leaf, the numbers of the entries of the dictionary.
    dictionaries: HashMap<(usize, usize), Vec<u32>, FixedState>,
}

impl Numbering {
    /// Begins anew, since the groups did.
    pub(super) fn forget(&mut self) {
        self.dictionaries.clear();
    }

    /// A number for each row of a page.
    pub(super) fn numbers(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        (place, field): (usize, &Field),
        number: usize,
        groups: &mut Groups,
    ) -> Result<Vec<u32>> {
        let sources = sources(field, evaluator);
        if let [only] = sources[..]
            && let Some(numbers) = self.by_dictionary(evaluator, (place, only), number, groups)?
        {
            return Ok(numbers);
        }
        let mut texts: Vec<Option<String>> = vec![None; evaluator.reader.rows(number)];
        let mut decided = vec![false; texts.len()];
        let key = if let Field::Attribute { key, .. } = field { key.as_str() } else { "" };
        for level in sources.chunk_by(|left, right| level_of(*left) == level_of(*right)) {
            for source in level {
                values::visit(&mut evaluator.reader, *source, (key, number), &mut |row, value| {
                    let least = |text: &str| texts[row].as_ref().is_none_or(|other| text < other.as_str());
                    if !decided[row] && least(&value.to_text()) {
                        texts[row] = Some(value.to_text().into_owned());
                    }
                })?;
            }
            decided.iter_mut().zip(&texts).for_each(|(decided, text)| *decided |= text.is_some());
        }
        let number = |text: Option<String>| text.map_or(NO_TEXT, |text| groups.number(place, &text));
        Ok(texts.into_iter().map(number).collect())
    }

    fn by_dictionary(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        (place, source): (usize, Source),
        number: usize,
        groups: &mut Groups,
    ) -> Result<Option<Vec<u32>>> {
        let rows = evaluator.reader.rows(number);
        let mut numbers = vec![NO_TEXT; rows];
        let mut absent = NO_TEXT;
        match source {
            Source::Kind => {
                let known =
                    |groups: &mut Groups, code| groups.number(place, Kind::from_number(code).as_str());
                let known: Vec<u32> = (0..KINDS).map(|code| known(groups, code)).collect();
                values::codes(&mut evaluator.reader, source, number, |row, code| {
                    numbers[row] = known[Kind::from_number(code) as usize];
                })?;
                return Ok(Some(numbers));
            }
            Source::Status => {
                let word = |code| StatusCode::from_number(code).as_str();
                let known: Vec<u32> = (0..STATUSES).map(|code| groups.number(place, word(code))).collect();
                values::codes(&mut evaluator.reader, source, number, |row, code| {
                    numbers[row] = known[StatusCode::from_number(code) as usize];
                })?;
                return Ok(Some(numbers));
            }
            Source::Service => absent = groups.number(place, model::view::UNKNOWN_SERVICE),
            _ => {}
        }
        let Some(leaf) = dictionary_leaf(source) else { return Ok(None) };
        let Some(page) = evaluator.reader.page(leaf, number)? else { return Ok(None) };
        let Held::Ids(ids, dictionary) = &page.values else { return Ok(None) };
        let known = self.dictionaries.entry((place, leaf)).or_insert_with(|| {
            let mut known = Vec::with_capacity(dictionary.len());
            for at in 0..dictionary.len() {
                let value = crate::columns::cursor::value((dictionary, at));
                let is_unknown = source == Source::Service && value.to_text().is_empty();
                known.push(if is_unknown { absent } else { groups.number(place, &value.to_text()) });
            }
            known
        });
        let applies = match source {
            Source::Column { leaf, older, .. } => {
                values::named_so(&mut evaluator.reader, leaf, older, number)?
            }
            _ => None,
        };
        let max = evaluator.place.view.layout.leaves[leaf].def_max;
        let mut ids = ids.iter();
        for (row, into) in numbers.iter_mut().enumerate() {
            let is_there = page.def.get(row).is_none_or(|def| *def == max);
            *into = match is_there.then(|| ids.next()).flatten() {
                Some(id) if applies.as_ref().is_none_or(|applies| applies[row]) => known[*id as usize],
                Some(_) => NO_TEXT,
                None => absent,
            };
        }
        Ok(Some(numbers))
    }
}

/// How many codes kinds and statuses have.
const KINDS: u8 = 6;
const STATUSES: u8 = 3;

/// Where the values of a field are, the innermost level first.
fn sources(field: &Field, evaluator: &Evaluator<'_>) -> Vec<Source> {
    let mut sources = values::sources(field, evaluator.place, &evaluator.keys);
    if matches!(field, Field::Attribute { .. }) {
        sources.sort_by_key(|source| INWARDS.iter().position(|level| Some(*level) == level_of(*source)));
    }
    sources
}

fn level_of(source: Source) -> Option<Level> {
    match source {
        Source::Column { level, .. } | Source::Tail { level, .. } => Some(level),
        // Only the keys of exceptions have a leaf of this kind beside the names of events.
        Source::Many { .. } => Some(Level::Event),
        _ => None,
    }
}
