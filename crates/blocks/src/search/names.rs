//! Lists services, operations, keys and values with their spans.
//!
//! Where the plan asks for all spans of a block, what is listed for it answers; else the columns are read.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use foldhash::fast::FixedState;
use model::{Batch, Kind, StatusCode};
use store::names::{Counts, OfBatch};
use store::plan::{Ask, Field, Filter};
use store::{Level, Name, eval};

use super::mask::Evaluator;
use super::remembered::{self, Question, ROWS_MAX, Sum};
use super::repeats::Repeats;
use super::skeleton::SKELETON;
use super::valued::Told;
use super::values::{self, Source};
use super::words::{self, Words};
use super::{Place, Run, counted};
use crate::block::BlockView;
use crate::columns::cursor;
use crate::columns::decode::Held;
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::digest::{Digested, Listing};
use crate::error::{Doing, Next, Result};

pub(super) fn names(run: &mut Run<'_>) -> Vec<Name> {
    let mut counts = Counts::default();
    run.repeats = Rc::new(Repeats::of(run));
    let question = Question::of(run.plan);
    remembered::of_head(run, question.as_ref(), head, |here: &Names| here.add_to(&mut counts));
    let groups = run.groups.clone();
    for block in groups.chunk_by(|left, right| std::ptr::eq(left.view, right.view)) {
        let left = by_listing(run, block, &mut counts).unwrap_or_else(|error| {
            // What is listed can be counted, too.
            run.go_on_without(&error);
            block.to_vec()
        });
        for unit in remembered::units(run, run.plan, &left) {
            if run.is_over_time() {
                break;
            }
            match unit.keeps(question.as_ref()) {
                None => of_places(run, unit.places, &mut counts),
                Some(question) => {
                    let make = |run: &mut Run<'_>| {
                        let mut here = Counts::default();
                        of_places(run, unit.places, &mut here);
                        Names(here.finish())
                    };
                    remembered::of_unit(run, (question, unit), make).sum.add_to(&mut counts);
                }
            }
        }
    }
    run.cut(counts.finish())
}

/// Names with their spans, in the order of an answer.
struct Names(Vec<Name>);

impl Names {
    fn add_to(&self, counts: &mut Counts) {
        self.0.iter().for_each(|name| counts.add(&name.name, name.kind, name.spans));
    }
}

impl Sum for Names {
    fn bytes(&self) -> Option<usize> {
        let texts: usize = self.0.iter().map(|name| name.name.len()).sum();
        (self.0.len() <= ROWS_MAX).then_some(texts + self.0.len() * size_of::<Name>())
    }
}

/// Counts the columns of row groups.
fn of_places(run: &mut Run<'_>, places: &[Place<'_>], counts: &mut Counts) {
    for place in places {
        if run.is_over_time() {
            break;
        }
        if !run.may_pass(run.plan, *place) {
            continue;
        }
        if let Err(error) = by_columns(run, *place, counts) {
            run.go_on_without(&error);
        }
    }
}

/// Counts batches of the head, on top of others.
fn head<'a>(run: &mut Run<'a>, known: Option<&Names>, batches: &[&'a Batch]) -> Names {
    let plan = run.plan;
    let mut counts = Counts::default();
    known.iter().for_each(|known| known.add_to(&mut counts));
    for batch in run.candidates(batches) {
        if run.is_over_time() {
            break;
        }
        if plan.ask == Ask::Services {
            let mut spans = vec![0; batch.resource_count()];
            run.each_found(batch, |span, _| spans[span.row().resource as usize] += 1);
            for (number, spans) in (0..).zip(spans).filter(|(_, spans)| *spans > 0) {
                counts.add(batch.resource(number).service(), "service", spans);
            }
            continue;
        }
        let mut here = OfBatch::default();
        run.each_found(batch, |span, _| here.count(&plan.ask, span));
        here.add_to(&mut counts);
    }
    Names(counts.finish())
}

/// Counts by what is listed for a block; answers the row groups of which that does not suffice.
fn by_listing<'a>(run: &mut Run<'_>, block: &[Place<'a>], counts: &mut Counts) -> Result<Vec<Place<'a>>> {
    let plan = run.plan;
    let view = block[0].view;
    let (first, last) = counted::extent(view, &plan.tenant);
    if plan.ids.is_some() || !run.repeats.are_few(view) {
        run.open(view);
        return Ok(block.to_vec());
    }
    if !plan.time.overlaps(first, last) {
        return Ok(Vec::new());
    }
    run.open(view);
    let is_inside = plan.time.contains(first) && plan.time.contains(last);
    let digests = if is_inside { view.digests(&plan.tenant)? } else { None };
    if let (Ask::Values { key, level }, Some(digests)) = (&plan.ask, &digests) {
        let is_told = by_values(run, (view, digests), (*level, key), counts)?;
        return Ok(if is_told { Vec::new() } else { block.to_vec() });
    }
    for digest in digests.iter().flatten() {
        if !listed(run, digest.listing()) {
            return Ok(block.to_vec());
        }
    }
    let repeated = if digests.is_some() { repeated(run, view)? } else { Counts::default() };
    for digest in digests.iter().flatten() {
        list(run, digest.listing(), counts);
    }
    counts.take_out(&repeated);
    Ok(if digests.is_some() { Vec::new() } else { block.to_vec() })
}

/// Counts the values of a key by what digests tell of them; false where they do not, or spans may fail.
fn by_values(
    run: &mut Run<'_>,
    (view, digests): (&BlockView, &[Digested]),
    (level, key): (Level, &str),
    counts: &mut Counts,
) -> Result<bool> {
    if !matches!(run.plan.spans, Filter::All) {
        return Ok(false);
    }
    let mut all = Vec::new();
    for digest in digests {
        let Some(told) = Told::of(digest, level, key)? else { return Ok(false) };
        all.push(told);
    }
    let repeated = repeated(run, view)?;
    for of in all.iter().filter_map(Told::key) {
        of.values.iter().for_each(|(text, spans)| counts.add(text, of.type_word(), *spans));
    }
    counts.take_out(&repeated);
    Ok(true)
}

/// True where a listing knows what is asked.
fn listed(run: &Run<'_>, listing: &Listing) -> bool {
    let filter = &run.plan.spans;
    let names_matter = words::compares_only(filter, &[Field::Service, Field::Kind]);
    match run.plan.ask {
        Ask::Keys => matches!(filter, Filter::All),
        Ask::Services if names_matter => true,
        Ask::Services | Ask::Operations => {
            let is_told_apart = listing.operations.iter().all(|of| of.name.is_some());
            is_told_apart && words::compares_only(filter, &[Field::Service, Field::Name, Field::Kind])
        }
        _ => false,
    }
}

fn list(run: &Run<'_>, listing: &Listing, counts: &mut Counts) {
    if run.plan.ask == Ask::Keys {
        for (level, key, spans) in &listing.keys {
            counts.add(key, level.as_str(), *spans);
        }
        return;
    }
    let mut last = (0, 0);
    for of in &listing.operations {
        let name = listing.name(of).unwrap_or_default();
        let words = Words { service: listing.service(of), name, kind: of.kind, status: StatusCode::Unset };
        if !words::passes(&run.plan.spans, words) {
            continue;
        }
        if run.plan.ask == Ask::Operations {
            counts.add(name, of.kind.as_str(), of.spans);
            continue;
        }
        if last.0 != of.service && last.1 > 0 {
            counts.add(&listing.services[last.0 as usize], "service", last.1);
            last.1 = 0;
        }
        last = (of.service, last.1 + of.spans);
    }
    if last.1 > 0 {
        counts.add(&listing.services[last.0 as usize], "service", last.1);
    }
}

/// What is listed of a block's spans that are left out.
fn repeated(run: &mut Run<'_>, view: &BlockView) -> Result<Counts> {
    let mut counts = Counts::default();
    let only = matches!(run.plan.ask, Ask::Services | Ask::Operations).then_some(&SKELETON[..]);
    run.repeats.clone().each(run, (view, only), |run, batch| {
        let mut here = OfBatch::default();
        let spans = batch.spans().filter(|span| eval::passes(&run.plan.spans, *span));
        spans.for_each(|span| here.count(&run.plan.ask, span));
        here.add_to(&mut counts);
    })?;
    Ok(counts)
}

fn by_columns(run: &mut Run<'_>, place: Place<'_>, counts: &mut Counts) -> Result<()> {
    let mut evaluator = Evaluator::new(place)?.without(run.repeats.rows(place));
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
    for (kind, numbers) in tally.numbers {
        for (name, number) in numbers {
            counts.add(&name, kind, tally.spans[number as usize]);
        }
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

/// Counts of names of a row group, by a number for each.
#[derive(Default)]
struct Tally {
    numbers: BTreeMap<&'static str, HashMap<String, u32, FixedState>>,
    spans: Vec<u64>,
    here: Vec<(u32, u32)>,
    /// The numbers of the entries of the one dictionary that names are in.
    of_dictionary: Vec<u32>,
}

impl Tally {
    fn number(&mut self, name: &str, kind: &'static str) -> u32 {
        let of_kind = self.numbers.entry(kind).or_default();
        if let Some(number) = of_kind.get(name) {
            return *number;
        }
        let next = self.spans.len() as u32;
        of_kind.insert(name.to_owned(), next);
        self.spans.push(0);
        next
    }

    fn name(&mut self, row: usize, name: &str, kind: &'static str) {
        let number = self.number(name, kind);
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
    let sources = values::sources(&field, evaluator.place, &evaluator.keys);
    if let [only] = sources[..]
        && by_dictionary(evaluator, only, (mask, number), tally)?
    {
        return Ok(());
    }
    for source in sources {
        values::visit(&mut evaluator.reader, source, (key, number), &mut |row, value| {
            if mask[row] {
                let kind = match ask {
                    Ask::Services => "service",
                    Ask::Operations => kinds.get(row).copied().unwrap_or("unspecified"),
                    _ => eval::type_word(value),
                };
                tally.name(row, &value.to_text(), kind);
            }
        })?;
    }
    tally.count();
    Ok(())
}

/// Counts the values of a column by the dictionary that they are in; false where there is none.
fn by_dictionary(
    evaluator: &mut Evaluator<'_>,
    source: Source,
    (mask, number): (&[bool], usize),
    tally: &mut Tally,
) -> Result<bool> {
    let Source::Column { leaf, older, .. } = source else { return Ok(false) };
    let Some(page) = evaluator.reader.page(leaf, number)? else { return Ok(true) };
    let Held::Ids(ids, dictionary) = &page.values else { return Ok(false) };
    let applies = values::named_so(&mut evaluator.reader, leaf, older, number)?;
    for at in tally.of_dictionary.len()..dictionary.len() {
        let value = cursor::value((dictionary, at));
        let number = tally.number(&value.to_text(), eval::type_word(value));
        tally.of_dictionary.push(number);
    }
    let max = evaluator.place.view.layout.leaves[leaf].def_max;
    let mut ids = ids.iter();
    for (row, passes) in mask.iter().enumerate() {
        let is_there = page.def.get(row).is_none_or(|def| *def == max);
        let Some(id) = is_there.then(|| ids.next()).flatten() else { continue };
        if *passes && applies.as_ref().is_none_or(|applies| applies[row]) {
            tally.spans[tally.of_dictionary[*id as usize] as usize] += 1;
        }
    }
    Ok(true)
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
    let batch = Batch::read(rebuilder.finish().into(), tenant).doing(Next::Repair, "put spans together")?;
    let mut here = OfBatch::default();
    batch.spans().for_each(|span| here.count(ask, span));
    here.add_to(counts);
    Ok(())
}
