//! The attribute keys of a row group: where each goes, and how many spans carry it.

use std::collections::HashMap;

use store::Level;

use super::schema::{Kind, Layout};
use super::values::Place;

/// Where a key's values go.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Route {
    /// Into a column of its own, if the type fits; the bit marks an older name.
    Column { leaf: u32, kind: Kind, bit: Option<u8> },
    /// Into the tail.
    Tail,
}

/// What was seen of a key on one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// Where it stands.
    pub(crate) level: Level,
    /// The key.
    pub(crate) key: String,
    /// How many spans carry it.
    pub(crate) spans: u64,
    /// How many values lie outside a column of their own.
    pub(crate) in_tail: u64,
    /// How many bytes its values take there, all written as text.
    pub(crate) tail_bytes: u64,
    /// How often the tail's values had each type: text, int, double, bool, other.
    pub(crate) tail_types: [u64; 5],
}

/// A key that was met, with what the row group keeps of it.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) route: Route,
    /// Where the key lies in the tail's key column, once it is there.
    pub(crate) place: Option<Place>,
    pub(crate) facts: KeyFacts,
    last_row: u32,
    /// The key that came after this one when it was last met.
    follower: u32,
}

/// All keys of one level, by number.
#[derive(Debug)]
pub(crate) struct Keys {
    level: Level,
    by_name: HashMap<Box<[u8]>, u32, foldhash::fast::FixedState>,
    pub(crate) known: Vec<Known>,
    /// The key that was met last.
    last: usize,
}

const NONE: u32 = u32::MAX;

impl Keys {
    pub(crate) fn new(level: Level) -> Self {
        Self { level, by_name: HashMap::default(), known: Vec::new(), last: 0 }
    }

    /// The number of a key, which may be new; spans of one kind have the same keys in the same order.
    #[inline]
    pub(crate) fn number(&mut self, key: &[u8], layout: &Layout) -> usize {
        let guess = self.known.get(self.last).map_or(NONE, |last| last.follower);
        let number = match self.known.get(guess as usize) {
            Some(known) if known.facts.key.as_bytes() == key => guess as usize,
            _ => self.look_up(key, layout),
        };
        self.last = number;
        number
    }

    #[inline(never)]
    fn look_up(&mut self, key: &[u8], layout: &Layout) -> usize {
        let number = match self.by_name.get(key) {
            Some(number) => *number as usize,
            None => self.add(key, layout),
        };
        if let Some(last) = self.known.get_mut(self.last) {
            last.follower = number as u32;
        }
        number
    }

    #[cold]
    fn add(&mut self, raw: &[u8], layout: &Layout) -> usize {
        let number = self.known.len();
        self.by_name.insert(raw.into(), number as u32);
        let key = std::str::from_utf8(raw).unwrap_or("");
        let route = match layout.find(self.level, key) {
            Some((leaf, bit)) if matches!(self.level, Level::Span | Level::Resource) => {
                Route::Column { leaf: leaf as u32, kind: layout.leaves[leaf].kind, bit }
            }
            _ => Route::Tail,
        };
        let facts = KeyFacts {
            level: self.level,
            key: key.into(),
            spans: 0,
            in_tail: 0,
            tail_bytes: 0,
            tail_types: [0; 5],
        };
        self.known.push(Known { route, place: None, facts, last_row: NONE, follower: NONE });
        number
    }
}

impl Known {
    /// Counts a span that carries the key, once however often it does.
    #[inline]
    pub(crate) fn count(&mut self, row: u32) {
        if self.last_row != row {
            self.last_row = row;
            self.facts.spans += 1;
        }
    }

    /// Counts values in the tail.
    #[inline]
    pub(crate) fn count_tail(&mut self, values: u64, bytes: usize, letter: u8) {
        self.facts.in_tail += values;
        self.facts.tail_bytes += values * bytes as u64;
        let class = match letter {
            b's' => 0,
            b'i' => 1,
            b'd' | b'x' => 2,
            b'b' => 3,
            _ => 4,
        };
        self.facts.tail_types[class] += values;
    }
}
