//! Which distinct values a column has, and which of them each value is.
//!
//! Texts that share a place are equal, and only the first of them is looked at.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use super::hybrid::id_width;
use crate::columns::slots::{Slots, spread};
use crate::columns::values::{Place, Texts, Values};

/// The values of a column as numbers of distinct ones.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// For each value, which entry it is.
    pub(super) ids: Vec<u32>,
    /// For each entry, a value that it is.
    pub(super) entries: Vec<u32>,
    /// What the entries take.
    bytes: usize,
}

/// When a dictionary is worth making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Where the column gets smaller.
    Bytes,
    /// Where values repeat often, or the column gets much smaller: what repeats less is looked for by the tokens of
    /// the index, which is quicker than to look through many entries.
    Repeats,
}

/// Makes dictionaries, one after the other.
#[derive(Debug, Default)]
pub(super) struct Maker {
    values: Slots,
    places: Slots,
    /// The places that were met, and what they are.
    known: Vec<(Place, u32)>,
}

/// From so many values on, after each power of two of them, it is looked whether they repeat at all.
const LOOK_AFTER: usize = 4096;

/// Values repeat often where at most one of so many is distinct.
const DISTINCT_PART: usize = 8;

/// A column gets much smaller where at most one of so many bytes is left.
const BYTES_PART: usize = 4;

impl Maker {
    /// The dictionary of a column, if it is worth its bytes.
    pub(super) fn make(&mut self, values: &Values, worth: Worth) -> Option<Dictionary> {
        self.values.clear();
        match values {
            Values::Text(texts) => self.texts(texts, worth),
            Values::Int32(ints) => {
                let hash = |at: usize| spread(ints[at] as u64);
                self.fixed(ints.len(), 4, worth, (hash, |left, right| ints[left] == ints[right]))
            }
            Values::Int(ints) => {
                let hash = |at: usize| spread(ints[at] as u64);
                self.fixed(ints.len(), 8, worth, (hash, |left, right| ints[left] == ints[right]))
            }
            Values::Id { width, bytes } => {
                let id = |at: usize| &bytes[at * width..(at + 1) * width];
                let hash = |at| FixedState::default().hash_one(id(at));
                self.fixed(bytes.len() / width, *width, worth, (hash, |left, right| id(left) == id(right)))
            }
            Values::Double(_) | Values::Bool(_) => None,
        }
    }

    fn fixed(
        &mut self,
        count: usize,
        width: usize,
        worth: Worth,
        (hash, is_same): (impl Fn(usize) -> u64, impl Fn(usize, usize) -> bool),
    ) -> Option<Dictionary> {
        let mut made = Dictionary { ids: Vec::with_capacity(count), ..Dictionary::default() };
        for at in 0..count {
            let id = match made.ids.last() {
                Some(last) if is_same(at - 1, at) => *last,
                _ => {
                    let entries = &made.entries;
                    let new = entries.len() as u32;
                    self.values.number(hash(at), new, |id| is_same(entries[id as usize] as usize, at))
                }
            };
            made.put(at, id, width);
            if made.is_hopeless(worth, made.ids.len() * width) {
                return None;
            }
        }
        made.worth(worth, count * width)
    }

    fn texts(&mut self, texts: &Texts, worth: Worth) -> Option<Dictionary> {
        self.places.clear();
        self.known.clear();
        let mut made = Dictionary { ids: Vec::with_capacity(texts.places.len()), ..Dictionary::default() };
        let mut bytes = 0;
        let mut last = None;
        for (at, place) in texts.places.iter().enumerate() {
            let id = match (last, made.ids.last()) {
                (Some(last), Some(id)) if last == *place => *id,
                _ => self.text(texts, &made.entries, *place),
            };
            last = Some(*place);
            made.put(at, id, place.length as usize + 4);
            bytes += place.length as usize + 1;
            if made.is_hopeless(worth, bytes) {
                return None;
            }
        }
        made.worth(worth, bytes)
    }

    /// The entry that a text is: by its place, if that was met before, else by its bytes.
    #[inline]
    fn text(&mut self, texts: &Texts, entries: &[u32], place: Place) -> u32 {
        let Self { values, places, known } = self;
        let next = known.len() as u32;
        let number = places.number(spread(place.into()), next, |number| known[number as usize].0 == place);
        if number == next {
            let text = texts.slice(place);
            let entry = |id: u32| texts.slice(texts.places[entries[id as usize] as usize]);
            let hash = FixedState::default().hash_one(text);
            known.push((place, values.number(hash, entries.len() as u32, |id| entry(id) == text)));
        }
        known[number as usize].1
    }
}

impl Dictionary {
    /// For each entry, which value of the column it is.
    pub(crate) fn entries(&self) -> &[u32] {
        &self.entries
    }

    /// How many bits an id takes in the file.
    pub(super) fn width(&self) -> u32 {
        id_width(self.entries.len())
    }

    #[inline]
    fn put(&mut self, at: usize, id: u32, bytes: usize) {
        if id as usize == self.entries.len() {
            self.entries.push(at as u32);
            self.bytes += bytes;
        }
        self.ids.push(id);
    }

    /// True where so few values of the first ones repeat that it will not do.
    #[inline]
    fn is_hopeless(&self, worth: Worth, plain_bytes: usize) -> bool {
        let count = self.ids.len();
        let looks = count >= LOOK_AFTER && count.is_power_of_two();
        looks
            && match worth {
                Worth::Bytes => 4 * self.bytes > 3 * plain_bytes,
                Worth::Repeats => 4 * self.entries.len() > 3 * count,
            }
    }

    fn worth(self, worth: Worth, plain_bytes: usize) -> Option<Self> {
        let count = self.ids.len();
        let bytes = self.bytes + count * self.width() as usize / 8;
        let is_worth = match worth {
            Worth::Bytes => 4 * bytes <= 3 * plain_bytes,
            Worth::Repeats => {
                DISTINCT_PART * self.entries.len() <= count || BYTES_PART * bytes <= plain_bytes
            }
        };
        (is_worth && count > 0).then_some(self)
    }
}

impl From<Place> for u64 {
    fn from(place: Place) -> Self {
        Self::from(place.at) << 32 | Self::from(place.length)
    }
}
