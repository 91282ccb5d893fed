//! Lists services, operations, keys and values with their spans.
//!
//! Where the plan asks for all spans of a row group, its catalogue answers; else the columns are read.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Kind, Value};
use store::names::{Counts, OfSpans};
use store::plan::{Ask, Compare, Condition, Field, Filter};
use store::{Name, eval};

use super::mask::Evaluator;
use super::values::{self, Source};
use super::{Place, Run};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Operation;

pub(super) fn names(run: &mut Run<'_>) -> Vec<Name> {
    let mut counts = Counts::default();
    head(run, &mut counts);
    for place in run.groups.clone() {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = group(run, place, &mut counts) {
            run.go_on_without(&error);
        }
    }
    run.cut(counts.finish())
}

fn head(run: &mut Run<'_>, counts: &mut Counts) {
    for batch in run.head_candidates() {
        if run.is_over_time() {
            return;
        }
        let mut here = OfSpans::default();
        for span in batch.spans() {
            if run.finds(span) {
                here.count(&run.plan.ask, span);
            }
        }
        here.add_to(counts);
    }
}

fn group(run: &mut Run<'_>, place: Place<'_>, counts: &mut Counts) -> Result<()> {
    if by_catalogue(run, place, counts)? { Ok(()) } else { by_columns(run, place, counts) }
}

/// Counts by the catalogue of a row group; false where that does not suffice.
fn by_catalogue(run: &Run<'_>, place: Place<'_>, counts: &mut Counts) -> Result<bool> {
    let plan = run.plan;
    let (first, last) = place.group.extent;
    if plan.ids.is_some() || !plan.time.contains(first) || !plan.time.contains(last) {
        return Ok(!plan.time.overlaps(first, last) && plan.ids.is_none());
    }
    match plan.ask {
        Ask::Services | Ask::Operations if is_of_operations(&plan.spans) => {
            let operations = place.group.operations()?;
            for operation in operations.iter().filter(|operation| passes(&plan.spans, operation)) {
                let (name, kind) = match plan.ask {
                    Ask::Services => (&*operation.service, "service"),
                    _ => (&*operation.name, operation.kind.as_str()),
                };
                counts.add(name, kind, u64::from(operation.spans));
            }
            Ok(true)
        }
        Ask::Keys if matches!(plan.spans, Filter::All) => {
            for facts in place.group.keys()?.iter() {
                counts.add(&facts.key, facts.level.as_str(), facts.spans);
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// True where service, name and kind decide.
fn is_of_operations(filter: &Filter) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => matches!(condition.field, Field::Service | Field::Name | Field::Kind),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().all(is_of_operations),
        Filter::Not(filter) => is_of_operations(filter),
    }
}

fn passes(filter: &Filter, operation: &Operation) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => holds(condition, operation),
        Filter::And(all) => all.iter().all(|filter| passes(filter, operation)),
        Filter::Or(any) => any.iter().any(|filter| passes(filter, operation)),
        Filter::Not(filter) => !passes(filter, operation),
    }
}

fn holds(condition: &Condition, operation: &Operation) -> bool {
    let word = match condition.field {
        Field::Service => &*operation.service,
        Field::Name => &*operation.name,
        _ => operation.kind.as_str(),
    };
    let compares = |compare| eval::compares(compare, Value::Text(word), &condition.operand);
    match condition.compare {
        Compare::Exists => true,
        Compare::Missing => false,
        Compare::Unequal => !compares(Compare::Equal),
        Compare::MatchesNot => !compares(Compare::Matches),
        compare => compares(compare),
    }
}

fn by_columns(run: &mut Run<'_>, place: Place<'_>, counts: &mut Counts) -> Result<()> {
    let mut evaluator = Evaluator::new(place)?;
    let mut tally = Tally::default();
    for number in 0..place.group.pages() {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = page(run, &mut evaluator, number, (counts, &mut tally)) {
            tally.here.clear();
            run.go_on_without(&error);
        }
        evaluator.reader.forget(number);
    }
    run.work += evaluator.reader.work;
    for ((name, kind), number) in tally.numbers {
        counts.add(&name, kind, tally.spans[number as usize]);
    }
    Ok(())
}

/// Counts the names of one page.
fn page(
    run: &Run<'_>,
    evaluator: &mut Evaluator<'_>,
    number: usize,
    (counts, tally): (&mut Counts, &mut Tally),
) -> Result<()> {
    if !evaluator.may_hold(run.plan, number)? {
        evaluator.reader.work.pages_pruned += 1;
        return Ok(());
    }
    let mask = evaluator.page(run.plan, number)?;
    if !mask.contains(&true) {
        return Ok(());
    }
    match &run.plan.ask {
        Ask::Keys => keys(&run.plan.ask, evaluator, (&mask, number), counts),
        ask => columns(ask, evaluator, (&mask, number), tally),
    }
}

/// Counts of names, by a number for each.
#[derive(Default)]
struct Tally {
    numbers: HashMap<(String, &'static str), u32, FixedState>,
    spans: Vec<u64>,
    here: Vec<(u32, u32)>,
}

impl Tally {
    fn name(&mut self, row: usize, name: String, kind: &'static str) {
        let next = self.spans.len() as u32;
        let number = *self.numbers.entry((name, kind)).or_insert(next);
        if number == next {
            self.spans.push(0);
        }
        self.here.push((row as u32, number));
    }

    /// Counts the names of a page, each once for every row.
    fn count(&mut self) {
        self.here.sort_unstable();
        self.here.dedup();
        for (_, number) in self.here.drain(..) {
            self.spans[number as usize] += 1;
        }
    }
}

fn columns(
    ask: &Ask,
    evaluator: &mut Evaluator<'_>,
    (mask, number): (&[bool], usize),
    tally: &mut Tally,
) -> Result<()> {
    let field = match ask {
        Ask::Services => Field::Service,
        Ask::Operations => Field::Name,
        Ask::Values { key, level } => Field::Attribute { level: *level, key: key.clone() },
        _ => return Ok(()),
    };
    let mut kinds = Vec::new();
    if *ask == Ask::Operations {
        values::visit(&mut evaluator.reader, Source::Kind, ("", number), &mut |_, value| {
            kinds.push(Kind::parse(&value.to_text()).unwrap_or(Kind::Unspecified).as_str());
        })?;
    }
    let key = if let Field::Attribute { key, .. } = &field { key.as_str() } else { "" };
    for source in values::sources(&field, evaluator.place, &evaluator.keys) {
        values::visit(&mut evaluator.reader, source, (key, number), &mut |row, value| {
            if mask[row] {
                let kind = match ask {
                    Ask::Services => "service",
                    Ask::Operations => kinds.get(row).copied().unwrap_or("unspecified"),
                    _ => eval::type_word(value),
                };
                tally.name(row, value.to_text().into_owned(), kind);
            }
        })?;
    }
    tally.count();
    Ok(())
}

fn keys(
    ask: &Ask,
    evaluator: &mut Evaluator<'_>,
    (mask, number): (&[bool], usize),
    counts: &mut Counts,
) -> Result<()> {
    let base = (number * PAGE_ROWS) as u32;
    let rows = mask.iter().enumerate().filter(|(_, passed)| **passed).map(|(row, _)| base + row as u32);
    let mut rebuilder = Rebuilder::default();
    evaluator.reader.rebuild(&rows.collect::<Vec<_>>(), None, &mut rebuilder)?;
    let tenant = evaluator.place.group.tenant.clone();
    let batch =
        model::Batch::read(rebuilder.finish().into(), tenant).doing(Next::Repair, "put spans together")?;
    let mut here = OfSpans::default();
    batch.spans().for_each(|span| here.count(ask, span));
    here.add_to(counts);
    Ok(())
}
