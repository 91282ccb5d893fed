//! Which rows of a page pass a filter: `store::eval` over columns.
//!
//! Where a column has a dictionary, each of its values is compared once per row group, and rows by their ids.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{TraceId, Value, view::UNKNOWN_SERVICE};
use store::eval;
use store::plan::{Compare, Condition, Field, Filter, Plan};

use super::Place;
use super::values::{self, Source, each_flat};
use crate::block::GroupReader;
use crate::columns::conventions;
use crate::columns::decode::{Held, Plain};
use crate::columns::schema::leaf;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;
use crate::index::{Found, Keys, Runs, Zones};

/// Evaluates the filter of a plan on the pages of one row group.
pub(super) struct Evaluator<'a> {
    pub(super) place: Place<'a>,
    pub(super) reader: GroupReader<'a>,
    pub(super) zones: Arc<Zones>,
    pub(super) keys: Arc<Keys>,
    /// For a token: where it may be.
    found: HashMap<u64, Found, FixedState>,
    runs: OnceCell<Arc<Runs>>,
    /// For a condition and a leaf: which entries of the dictionary pass.
    verdicts: HashMap<(usize, usize), Arc<Vec<bool>>, FixedState>,
    /// Rows that no plan looks for, in ascending order.
    left_out: Vec<u32>,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(place: Place<'a>) -> Result<Self> {
        Ok(Self {
            place,
            reader: GroupReader::new(place.view, place.group)?,
            zones: place.group.zones()?,
            keys: place.group.keys()?,
            found: HashMap::default(),
            runs: OnceCell::new(),
            verdicts: HashMap::default(),
            left_out: Vec::new(),
        })
    }

    /// Without these rows, which come in ascending order.
    pub(super) fn without(self, left_out: &[u32]) -> Self {
        Self { left_out: left_out.to_vec(), ..self }
    }

    /// The rows of each trace of the group, in row order.
    pub(super) fn runs(&self) -> Result<Arc<Runs>> {
        if let Some(known) = self.runs.get() {
            return Ok(known.clone());
        }
        let runs = self.place.group.runs()?;
        Ok(self.runs.get_or_init(|| runs).clone())
    }

    /// False where the token is certainly not in a page.
    pub(super) fn may_hold_token(&mut self, token: u64, number: usize) -> Result<bool> {
        let found = match self.found.get(&token) {
            Some(known) => *known,
            None => {
                let group = self.place.group;
                let found = group.found(&group.with_token(token)?);
                self.found.insert(token, found);
                found
            }
        };
        Ok(found.pages >> number & 1 == 1)
    }

    /// The rows of a page that the plan looks for.
    pub(super) fn page(&mut self, plan: &Plan, number: usize) -> Result<Vec<bool>> {
        let rows = self.reader.rows(number);
        self.reader.work.spans_seen += rows as u64;
        let mut mask = vec![true; rows];
        let zone = self.zones[number];
        let time = &plan.time;
        if plan.ids.is_none() && !(time.contains(zone.start_min) && time.contains(zone.start_max)) {
            let page = self.reader.page(leaf::START, number)?;
            each_flat(&self.reader, page.as_deref(), leaf::START, |row, (plain, at)| {
                mask[row] = time.contains(plain.int(at) as u64);
            });
        }
        if let Some(ids) = &plan.ids {
            let page = self.reader.page(leaf::TRACE_ID, number)?;
            each_flat(&self.reader, page.as_deref(), leaf::TRACE_ID, |row, (plain, at)| {
                mask[row] = ids.contains(&TraceId(plain.bytes(at).try_into().unwrap_or_default()));
            });
        }
        let base = (number * PAGE_ROWS) as u32;
        let from = self.left_out.partition_point(|row| *row < base);
        let left_out = self.left_out[from..].iter().map(|row| (row - base) as usize);
        left_out.take_while(|row| *row < rows).for_each(|row| mask[row] = false);
        if !matches!(plan.spans, Filter::All) && mask.contains(&true) {
            and(&mut mask, &self.filter(&plan.spans, number)?);
        }
        Ok(mask)
    }

    fn filter(&mut self, filter: &Filter, number: usize) -> Result<Vec<bool>> {
        let rows = self.reader.rows(number);
        Ok(match filter {
            Filter::All => vec![true; rows],
            Filter::Is(condition) => self.condition(condition, number)?,
            Filter::And(all) => {
                let mut mask = vec![true; rows];
                for filter in all {
                    and(&mut mask, &self.filter(filter, number)?);
                    if !mask.contains(&true) {
                        break;
                    }
                }
                mask
            }
            Filter::Or(any) => {
                let mut mask = vec![false; rows];
                for filter in any {
                    let more = self.filter(filter, number)?;
                    mask.iter_mut().zip(more).for_each(|(left, right)| *left |= right);
                }
                mask
            }
            Filter::Not(filter) => not(self.filter(filter, number)?),
        })
    }

    fn condition(&mut self, condition: &Condition, number: usize) -> Result<Vec<bool>> {
        match condition.compare {
            Compare::Exists => self.any(condition, None, number),
            Compare::Missing => Ok(not(self.any(condition, None, number)?)),
            Compare::Unequal => self.other(condition, Compare::Equal, number),
            Compare::MatchesNot => self.other(condition, Compare::Matches, number),
            compare => self.any(condition, Some(compare), number),
        }
    }

    /// The rows that have a value of which none compares so.
    fn other(&mut self, condition: &Condition, compare: Compare, number: usize) -> Result<Vec<bool>> {
        let mut mask = self.any(condition, None, number)?;
        let not_so = not(self.any(condition, Some(compare), number)?);
        and(&mut mask, &not_so);
        Ok(mask)
    }

    /// The rows of which a value compares so, or exists at all.
    fn any(&mut self, condition: &Condition, compare: Option<Compare>, number: usize) -> Result<Vec<bool>> {
        let mut mask = vec![false; self.reader.rows(number)];
        let key = if let Field::Attribute { key, .. } = &condition.field { key.as_str() } else { "" };
        for source in values::sources(&condition.field, self.place, &self.keys) {
            if let Some(compare) = compare
                && self.by_dictionary(condition, compare, (source, number), &mut mask)?
            {
                continue;
            }
            values::visit(&mut self.reader, source, (key, number), &mut |row, value| {
                mask[row] |= compare.is_none_or(|compare| passes(condition, compare, value));
            })?;
        }
        Ok(mask)
    }

    /// Compares by the dictionary of a leaf; false where there is none.
    fn by_dictionary(
        &mut self,
        condition: &Condition,
        compare: Compare,
        (source, number): (Source, usize),
        mask: &mut [bool],
    ) -> Result<bool> {
        let Some(leaf) = dictionary_leaf(source) else { return Ok(false) };
        let Some(page) = self.reader.page(leaf, number)? else { return Ok(false) };
        let Held::Ids(ids, dictionary) = &page.values else { return Ok(false) };
        let verdict = self.verdict(condition, compare, source, dictionary);
        let applies = match source {
            Source::Column { leaf, older, .. } => values::named_so(&mut self.reader, leaf, older, number)?,
            _ => None,
        };
        let absent = source == Source::Service && passes(condition, compare, Value::Text(UNKNOWN_SERVICE));
        let max = self.place.view.layout.leaves[leaf].def_max;
        let mut ids = ids.iter();
        for (row, passed) in mask.iter_mut().enumerate() {
            let is_there = page.def.get(row).is_none_or(|def| *def == max);
            let here = match is_there.then(|| ids.next()).flatten() {
                Some(id) => verdict[*id as usize] && applies.as_ref().is_none_or(|applies| applies[row]),
                None => absent,
            };
            *passed |= here;
        }
        Ok(true)
    }

    fn verdict(
        &mut self,
        condition: &Condition,
        compare: Compare,
        source: Source,
        dictionary: &Arc<Plain>,
    ) -> Arc<Vec<bool>> {
        let leaf = dictionary_leaf(source).unwrap_or(usize::MAX);
        let key = (std::ptr::from_ref(condition).addr(), leaf);
        let judge = || {
            let judged = (0..dictionary.len()).map(|at| {
                let value = crate::columns::cursor::value((dictionary, at));
                match (source, value) {
                    (Source::Service, Value::Text("")) => {
                        passes(condition, compare, Value::Text(UNKNOWN_SERVICE))
                    }
                    (_, value) => passes(condition, compare, value),
                }
            });
            Arc::new(judged.collect::<Vec<bool>>())
        };
        self.verdicts.entry(key).or_insert_with(judge).clone()
    }

    /// False where the dictionary of a leaf shows that no row of the group compares so; true where it can't tell.
    pub(super) fn dictionary_may(
        &mut self,
        condition: &Condition,
        compare: Compare,
        source: Source,
    ) -> Result<bool> {
        let Some(leaf) = dictionary_leaf(source) else { return Ok(true) };
        let Some(dictionary) = self.reader.dictionary(leaf)? else { return Ok(true) };
        if source == Source::Service && passes(condition, compare, Value::Text(UNKNOWN_SERVICE)) {
            return Ok(true);
        }
        Ok(self.verdict(condition, compare, source, &dictionary).contains(&true))
    }
}

/// The leaf of a source whose dictionary can be compared instead of rows.
pub(super) fn dictionary_leaf(source: Source) -> Option<usize> {
    match source {
        Source::Service => Some(leaf::FIXED + conventions::SERVICE),
        Source::Text { leaf, some: false } | Source::Column { leaf, .. } => Some(leaf),
        _ => None,
    }
}

/// True where one value compares so; for an array, where one of its elements does.
fn passes(condition: &Condition, compare: Compare, value: Value<'_>) -> bool {
    let test = |value| eval::compares(compare, value, &condition.operand);
    match (&condition.field, value) {
        (Field::Attribute { .. }, Value::Array(values)) => values.iter().any(test) || test(value),
        _ => test(value),
    }
}

fn and(mask: &mut [bool], with: &[bool]) {
    mask.iter_mut().zip(with).for_each(|(left, right)| *left &= right);
}

fn not(mut mask: Vec<bool>) -> Vec<bool> {
    mask.iter_mut().for_each(|passed| *passed = !*passed);
    mask
}
