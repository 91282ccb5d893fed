//! Adds spans up by what they have in common, with a number for each text.
//!
//! Bounded by [`GROUPS_MAX`]: with so many groups at once, they move on to the table of the answer, which keeps no more
//! than the answer's rows.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use store::metrics::{FIELDS_MAX, Group, Table, Tally};

/// So many groups are added up before they move on to the table.
const GROUPS_MAX: usize = 16 * 1024;

/// What the spans of a group have in common: the numbers of texts, and the step of time.
pub(super) type Key = ([u32; FIELDS_MAX], u64);

/// The number of spans without a text.
pub(super) const NO_TEXT: u32 = 0;

/// Groups on their way to a table.
pub(super) struct Groups {
    table: Table,
    has_time: bool,
    texts: Vec<Texts>,
    places: HashMap<Key, usize, FixedState>,
    keys: Vec<Key>,
    tallies: Vec<Tally>,
    last: Option<(Key, usize)>,
    /// Spans that are counted too often: their group, how long they took, and whether they failed.
    surplus: Vec<(Group, u64, bool)>,
}

/// The texts of one field, each with a number.
#[derive(Default)]
struct Texts {
    numbers: HashMap<Box<str>, u32, FixedState>,
    texts: Vec<Box<str>>,
}

impl Groups {
    /// Groups by so many fields, and by time or not, for an answer of so many rows.
    pub(super) fn new(fields: usize, has_time: bool, rows_max: usize) -> Self {
        Self {
            table: Table::new(rows_max),
            has_time,
            texts: std::iter::repeat_with(Texts::default).take(fields).collect(),
            places: HashMap::default(),
            keys: Vec::new(),
            tallies: Vec::new(),
            last: None,
            surplus: Vec::new(),
        }
    }

    /// Takes a span out of its group in the end: another one that equals it stays there.
    pub(super) fn take_out(&mut self, group: Group, duration: u64, failed: bool) {
        self.surplus.push((group, duration, failed));
    }

    /// The number of a text of a field; it holds until [`settle`](Self::settle).
    pub(super) fn number(&mut self, field: usize, text: &str) -> u32 {
        let Texts { numbers, texts } = &mut self.texts[field];
        if let Some(number) = numbers.get(text) {
            return *number;
        }
        texts.push(text.into());
        numbers.insert(text.into(), texts.len() as u32);
        texts.len() as u32
    }

    /// Where the spans of a group add up.
    pub(super) fn tally(&mut self, key: Key) -> &mut Tally {
        let place = match self.last {
            Some((last, place)) if last == key => place,
            _ => *self.places.entry(key).or_insert(self.keys.len()),
        };
        if place == self.keys.len() {
            self.keys.push(key);
            self.tallies.push(Tally::default());
        }
        self.last = Some((key, place));
        &mut self.tallies[place]
    }

    /// Moves groups on where they are many; true where they were, and all numbers begin anew.
    pub(super) fn settle(&mut self) -> bool {
        let is_full = self.keys.len() > GROUPS_MAX;
        if is_full {
            self.move_on();
        }
        is_full
    }

    /// The rows, and whether there were more groups.
    pub(super) fn finish(mut self) -> (Vec<store::Metric>, bool) {
        self.move_on();
        for (group, duration, failed) in &self.surplus {
            self.table.take_out(group, *duration, *failed);
        }
        self.table.finish()
    }

    fn move_on(&mut self) {
        for ((numbers, time), tally) in self.keys.drain(..).zip(self.tallies.drain(..)) {
            if tally.spans() == 0 {
                continue;
            }
            let text = |(number, texts): (&u32, &Texts)| {
                let at = number.checked_sub(NO_TEXT + 1)?;
                Some(texts.texts[at as usize].clone().into_string())
            };
            let by = numbers.iter().zip(&self.texts).map(text).collect();
            if let Some(kept) = self.table.tally((by, self.has_time.then_some(time))) {
                kept.merge(&tally);
            }
        }
        self.places.clear();
        self.last = None;
        self.texts.iter_mut().for_each(|texts| *texts = Texts::default());
    }
}
