//! Adds spans up by what they have in common, with a number for each text.
//!
//! Bounded by [`GROUPS_MAX`]: with so many groups at once, they move on to the table of the answer, which keeps no more
//! than the answer's rows.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use store::metrics::{FIELDS_MAX, Group, Table, Tally};

use super::remembered::{ROWS_MAX, Sum};

/// So many groups are added up before they move on to the table.
const GROUPS_MAX: usize = 16 * 1024;

/// What the spans of a group have in common: the numbers of texts, and the step of time.
pub(super) type Key = ([u32; FIELDS_MAX], u64);

/// The number of spans without a text.
pub(super) const NO_TEXT: u32 = 0;

/// A group that has no place yet.
const NOT_YET: u32 = u32::MAX;

/// Groups that are kept: each small, and none twice.
pub(super) struct Sums {
    rows: Vec<Row>,
    /// True where there were more groups.
    has_more: bool,
}

struct Row {
    by: Box<[Option<Box<str>>]>,
    time: u64,
    errors: u64,
    /// A sketch, as it is written.
    durations: Box<[u8]>,
}

impl Sums {
    pub(super) fn of(groups: Groups) -> Self {
        let (rows, has_more) = groups.finish();
        let row = |metric: store::Metric| {
            let mut durations = Vec::new();
            metric.sum.durations.write(&mut durations);
            Row {
                by: metric.by.into_iter().map(|text| text.map(String::into_boxed_str)).collect(),
                time: metric.time.unwrap_or(0),
                errors: metric.sum.errors,
                durations: durations.into_boxed_slice(),
            }
        };
        Self { rows: rows.into_iter().map(row).collect(), has_more }
    }
}

impl Sum for Sums {
    fn bytes(&self) -> Option<usize> {
        let texts = |row: &Row| row.by.iter().flatten().map(|text| text.len()).sum::<usize>();
        let of_row = |row: &Row| size_of::<Row>() + size_of_val(&*row.by) + texts(row) + row.durations.len();
        let is_kept = !self.has_more && self.rows.len() <= ROWS_MAX;
        is_kept.then(|| self.rows.iter().map(of_row).sum())
    }
}

/// Groups on their way to a table.
pub(super) struct Groups {
    table: Table,
    has_time: bool,
    texts: Vec<Texts>,
    places: HashMap<Key, usize, FixedState>,
    keys: Vec<Key>,
    tallies: Vec<Tally>,
    last: Option<(Key, usize)>,
    /// The places of groups that one text alone makes, by its number.
    of_number: Vec<u32>,
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
            of_number: Vec::new(),
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

    /// The same for the only field of groups without time.
    pub(super) fn tally_of(&mut self, number: u32) -> &mut Tally {
        let at = number as usize;
        if self.of_number.len() <= at {
            self.of_number.resize(at + 1, NOT_YET);
        }
        if self.of_number[at] == NOT_YET {
            let mut numbers = [NO_TEXT; FIELDS_MAX];
            numbers[0] = number;
            self.tally((numbers, 0));
            self.of_number[at] = self.places[&(numbers, 0)] as u32;
        }
        &mut self.tallies[self.of_number[at] as usize]
    }

    /// Adds groups that were summed up before.
    pub(super) fn add(&mut self, sums: &Sums) {
        for row in &sums.rows {
            let mut numbers = [NO_TEXT; FIELDS_MAX];
            for (place, text) in row.by.iter().enumerate() {
                numbers[place] = text.as_ref().map_or(NO_TEXT, |text| self.number(place, text));
            }
            let tally = self.tally((numbers, row.time));
            tally.errors += row.errors;
            let added = tally.durations.merge_bytes(&mut &*row.durations);
            debug_assert!(added.is_some(), "what was written comes back");
            self.settle();
        }
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
        self.of_number.clear();
        self.texts.iter_mut().for_each(|texts| *texts = Texts::default());
    }
}
