//! What the spans of a row group use, read from its columns.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Kind, Value};
use store::uses::{KEYS, Means, Target};
use store::{Field, Level};

use super::mask::Evaluator;
use super::values::{self, Source};
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;

/// What rows use, by number.
#[derive(Default)]
pub(super) struct Told {
    targets: Vec<Target<String>>,
    numbers: HashMap<Target<String>, u32, FixedState>,
    of_row: Vec<Option<u32>>,
}

impl Told {
    /// Reads a page; the pages come in their order.
    pub(super) fn read(&mut self, evaluator: &mut Evaluator<'_>, number: usize) -> Result<()> {
        let (base, rows) = (number * PAGE_ROWS, evaluator.reader.rows(number));
        let mut texts: Vec<[Option<String>; KEYS.len()]> = vec![Default::default(); rows];
        for (at, key) in KEYS.into_iter().enumerate() {
            let mut seen = vec![false; rows];
            let field = Field::Attribute { level: Level::Span, key: key.into() };
            for source in values::sources(&field, evaluator.place, &evaluator.keys) {
                values::visit(&mut evaluator.reader, source, (key, number), &mut |row, value| {
                    if let (false, Value::Text(text)) = (std::mem::replace(&mut seen[row], true), value) {
                        texts[row][at] = Some(text.into());
                    }
                })?;
            }
        }
        let mut kinds = vec![Kind::Unspecified; rows];
        values::codes(&mut evaluator.reader, Source::Kind, number, |row, code| {
            kinds[row] = Kind::from_number(code);
        })?;
        self.lose(base, base);
        for (kind, texts) in kinds.into_iter().zip(&texts) {
            let texts = texts.each_ref().map(Option::as_deref);
            let target = Target::of(kind, &texts).map(|target| self.number(target.to_owned()));
            self.of_row.push(target);
        }
        Ok(())
    }

    /// Makes these rows, the last ones, use nothing.
    pub(super) fn lose(&mut self, base: usize, end: usize) {
        self.of_row.truncate(base);
        self.of_row.resize(end, None);
    }

    fn number(&mut self, target: Target<String>) -> u32 {
        let next = self.targets.len() as u32;
        let number = *self.numbers.entry(target.clone()).or_insert(next);
        if number == next {
            self.targets.push(target);
        }
        number
    }

    /// What a row uses, and whether that is a peer.
    pub(super) fn of_row(&self, row: usize) -> Option<(u32, bool)> {
        let number = (*self.of_row.get(row)?)?;
        Some((number, self.targets[number as usize].means == Means::Peer))
    }

    pub(super) fn target(&self, number: u32) -> Target<String> {
        self.targets[number as usize].clone()
    }
}
