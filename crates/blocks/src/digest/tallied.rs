//! Counts the values of the keys of a row group, from its columns before they are encoded.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::Value;
use store::Level;

use super::users::old_names;
use super::valued::{KeyValues, OfKey, TEXTS_MAX, VALUES_MAX, type_number};
use crate::columns::conventions::older_name;
use crate::columns::keys::KeyFacts;
use crate::columns::schema::{Layout, leaf};
use crate::columns::shred::Shredded;
use crate::columns::values::{Column, Levels, Place, Texts, Values};

/// What a place has that has no number.
const NONE: u16 = u16::MAX;

/// The values of all keys that have few.
pub(super) fn values(layout: &Layout, shredded: &Shredded) -> KeyValues {
    let mut tally = Tally::of(shredded);
    let in_columns = |facts: &&KeyFacts| {
        facts.in_tail == 0 && matches!(facts.level, Level::Span | Level::Resource) && facts.spans > 0
    };
    let of_key = |facts: &KeyFacts| {
        let (leaf, older) = layout.find(facts.level, &facts.key)?;
        let of_type = type_number(layout.leaves[leaf].kind)?;
        let values = tally.count(&shredded.columns[leaf], (leaf, older))?;
        Some(OfKey { level: facts.level, key: facts.key.as_str().into(), of_type, values })
    };
    let mut keys: Vec<OfKey> = shredded.keys.iter().filter(in_columns).filter_map(of_key).collect();
    keys.sort_unstable_by(|left, right| (left.level, &left.key).cmp(&(right.level, &right.key)));
    KeyValues { keys }
}

/// The values of one key after the other.
struct Tally {
    /// The bits of older names of each row, where any has some.
    older: Option<Vec<i64>>,
    /// The values of a column, and how many rows have each.
    texts: Vec<Box<str>>,
    counts: Vec<u64>,
    /// The numbers of the places of texts.
    by_place: Vec<u16>,
}

impl Tally {
    fn of(shredded: &Shredded) -> Self {
        let has_older = shredded.columns[leaf::OLD_NAMES].values.len() > 0;
        let older = has_older.then(|| old_names(shredded));
        Self { older, texts: Vec::new(), counts: Vec::new(), by_place: Vec::new() }
    }

    /// The values that a column has under a name, ascending; `None` where they are too many.
    fn count(&mut self, column: &Column, (at, older): (usize, Option<u8>)) -> Option<Vec<(Box<str>, u64)>> {
        self.texts.clear();
        self.counts.clear();
        let Levels::Present(rows) = &column.levels else { return None };
        let bits = self.older.take();
        let is_so = |row: u32| match (&bits, older) {
            (None, older) => older.is_none(),
            (Some(bits), Some(bit)) => bits[row as usize] >> bit & 1 == 1,
            (Some(bits), None) => {
                let bits = bits[row as usize];
                bits == 0 || older_name(bits, at - leaf::FIXED).is_none()
            }
        };
        let there = rows.iter().enumerate().filter(|(_, row)| is_so(**row)).map(|(value, _)| value);
        let are_few = match &column.values {
            Values::Text(texts) => self.count_texts(texts, there),
            Values::Int(values) => self.count_others(there, |at| (values[at] as u64, Value::Int(values[at]))),
            Values::Double(values) => {
                self.count_others(there, |at| (values[at].to_bits(), Value::Double(values[at])))
            }
            Values::Bool(values) => {
                self.count_others(there, |at| (values[at].into(), Value::Bool(values[at])))
            }
            Values::Int32(_) | Values::Id { .. } => None,
        };
        self.older = bits;
        are_few?;
        let mut values: Vec<_> = self.texts.drain(..).zip(self.counts.drain(..)).collect();
        values.sort_unstable();
        Some(values)
    }

    fn count_texts(&mut self, texts: &Texts, there: impl Iterator<Item = usize>) -> Option<()> {
        // Equal texts mostly lie in the same place, so those of a column with few take little.
        if texts.bytes.len() > TEXTS_MAX {
            return None;
        }
        self.by_place.clear();
        self.by_place.resize(texts.bytes.len() + 1, NONE);
        let mut by_text: HashMap<&[u8], u16, FixedState> = HashMap::default();
        for value in there {
            let place = texts.places[value];
            // An empty text lies where another one does.
            let at = if place.length == 0 { 0 } else { place.at as usize + 1 };
            if self.by_place[at] == NONE {
                self.by_place[at] = self.number_text(texts, place, &mut by_text)?;
            }
            self.counts[usize::from(self.by_place[at])] += 1;
        }
        Some(())
    }

    fn number_text<'t>(
        &mut self,
        texts: &'t Texts,
        place: Place,
        by_text: &mut HashMap<&'t [u8], u16, FixedState>,
    ) -> Option<u16> {
        let bytes = texts.slice(place);
        if let Some(known) = by_text.get(bytes) {
            return Some(*known);
        }
        let number = self.push(std::str::from_utf8(bytes).ok()?.into())?;
        by_text.insert(bytes, number);
        Some(number)
    }

    fn count_others<'v>(
        &mut self,
        there: impl Iterator<Item = usize>,
        value: impl Fn(usize) -> (u64, Value<'v>),
    ) -> Option<()> {
        let mut by_bits: HashMap<u64, u16, FixedState> = HashMap::default();
        let mut last: Option<(u64, u16)> = None;
        for at in there {
            let (bits, value) = value(at);
            let number = match last {
                Some((known, number)) if known == bits => number,
                _ => match by_bits.get(&bits) {
                    Some(known) => *known,
                    None => {
                        let number = self.number_other(value)?;
                        by_bits.insert(bits, number);
                        number
                    }
                },
            };
            last = Some((bits, number));
            self.counts[usize::from(number)] += 1;
        }
        Some(())
    }

    /// The number of a value that may read as another one does.
    fn number_other(&mut self, value: Value<'_>) -> Option<u16> {
        let text = value.to_text();
        match self.texts.iter().position(|known| **known == *text) {
            Some(known) => Some(known as u16),
            None => self.push(text.into()),
        }
    }

    /// The number of a new text; `None` where there are too many.
    fn push(&mut self, text: Box<str>) -> Option<u16> {
        let is_room = self.texts.len() < VALUES_MAX;
        is_room.then(|| {
            self.texts.push(text);
            self.counts.push(0);
            self.texts.len() as u16 - 1
        })
    }
}
