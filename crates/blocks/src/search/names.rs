//! Lists services, operations, keys and values with their spans.
//!
//! Where the plan asks for all spans of a row group, its catalogue answers; else the columns are read.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::{Kind, Span, Value};
use store::plan::{Ask, Compare, Condition, Field, Filter, Level};
use store::{Name, eval};

use super::mask::Evaluator;
use super::values::{self, Source};
use super::{Place, Run};
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::error::{Doing, Next, Result};
use crate::index::Operation;

type Counts = BTreeMap<(String, &'static str), u64>;

pub(super) fn names(run: &mut Run<'_>) -> Result<Vec<Name>> {
    let mut counts = Counts::new();
    head(run, &mut counts);
    for place in run.groups.clone() {
        if run.is_over_time() {
            break;
        }
        if !by_catalogue(run, place, &mut counts) {
            by_columns(run, place, &mut counts)?;
        }
    }
    let rows = counts.into_iter().map(|((name, kind), spans)| Name { name, kind, spans }).collect();
    Ok(run.cut(rows))
}

fn head(run: &mut Run<'_>, counts: &mut Counts) {
    for batch in run.head_candidates() {
        if run.is_over_time() {
            return;
        }
        let mut here = OfBatch::default();
        for span in batch.spans() {
            if run.finds(span) {
                here.count(&run.plan.ask, span);
            }
        }
        here.add_to(counts);
    }
}

/// The names that the spans of one batch carry, counted without copying them.
#[derive(Default)]
struct OfBatch<'a> {
    counts: HashMap<(Cow<'a, str>, &'static str), u64, FixedState>,
    of_span: Vec<(Cow<'a, str>, &'static str)>,
}

impl<'a> OfBatch<'a> {
    fn count(&mut self, ask: &Ask, span: Span<'a>) {
        let names = &mut self.of_span;
        match ask {
            Ask::Services => names.push((span.service().into(), "service")),
            Ask::Operations => names.push((span.name().into(), span.kind().as_str())),
            Ask::Keys => {
                for level in Level::EACH {
                    eval::any_attribute(level, span, &mut |attributes| {
                        names.extend(attributes.map(|attribute| (attribute.key.into(), level.as_str())));
                        false
                    });
                }
            }
            Ask::Values { key, level } => {
                eval::any_attribute(*level, span, &mut |attributes| {
                    let of_key = attributes.filter(|attribute| attribute.key == key);
                    names.extend(of_key.map(|found| (found.value.to_text(), eval::type_word(found.value))));
                    false
                });
            }
            Ask::Traces | Ask::Summaries | Ask::Edges => {}
        }
        names.sort_unstable();
        names.dedup();
        for name in names.drain(..) {
            *self.counts.entry(name).or_default() += 1;
        }
    }

    fn add_to(self, counts: &mut Counts) {
        for ((name, kind), spans) in self.counts {
            *counts.entry((name.into_owned(), kind)).or_default() += spans;
        }
    }
}

/// Counts by the catalogue of a row group; false where that does not suffice.
fn by_catalogue(run: &Run<'_>, place: Place<'_>, counts: &mut Counts) -> bool {
    let plan = run.plan;
    let (first, last) = place.group.extent();
    if plan.ids.is_some() || !plan.time.contains(first) || !plan.time.contains(last) {
        return !plan.time.overlaps(first, last) && plan.ids.is_none();
    }
    match plan.ask {
        Ask::Services | Ask::Operations if is_of_operations(&plan.spans) => {
            let operations = &place.group.operations;
            for operation in operations.iter().filter(|operation| passes(&plan.spans, operation)) {
                let name = match plan.ask {
                    Ask::Services => (operation.service.to_string(), "service"),
                    _ => (operation.name.to_string(), operation.kind.as_str()),
                };
                *counts.entry(name).or_default() += u64::from(operation.spans);
            }
            true
        }
        Ask::Keys if matches!(plan.spans, Filter::All) => {
            for facts in &place.group.keys {
                *counts.entry((facts.key.clone(), facts.level.as_str())).or_default() += facts.spans;
            }
            true
        }
        _ => false,
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
    let mut evaluator = Evaluator::new(place);
    let mut tally = Tally::default();
    for number in 0..place.group.zones.len() {
        if run.is_over_time() {
            break;
        }
        if !evaluator.may_hold(run.plan, number)? {
            evaluator.reader.work.pages_pruned += 1;
            continue;
        }
        let mask = evaluator.page(run.plan, number)?;
        if mask.contains(&true) {
            match &run.plan.ask {
                Ask::Keys => keys(&run.plan.ask, &mut evaluator, (&mask, number), counts)?,
                ask => columns(ask, &mut evaluator, (&mask, number), &mut tally)?,
            }
        }
        evaluator.reader.forget(number);
    }
    run.work += evaluator.reader.work;
    for ((name, kind), number) in tally.numbers {
        *counts.entry((name, kind)).or_default() += tally.spans[number as usize];
    }
    Ok(())
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
    for source in values::sources(&field, evaluator.place) {
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
    let mut here = OfBatch::default();
    batch.spans().for_each(|span| here.count(ask, span));
    here.add_to(counts);
    Ok(())
}
