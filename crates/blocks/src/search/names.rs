//! Lists services, operations, keys and values with their spans.
//!
//! Where the plan asks for all spans of a block, what is listed for it answers; else the columns are read.

use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::FixedState;
use model::{Kind, StatusCode};
use store::names::{Counts, OfBatch};
use store::plan::{Ask, Field, Filter};
use store::{Name, eval};

use super::mask::Evaluator;
use super::repeats::Repeats;
use super::skeleton::SKELETON;
use super::values::{self, Source};
use super::words::{self, Words};
use super::{Place, Run, counted};
use crate::block::BlockView;
use crate::columns::rebuild::Rebuilder;
use crate::columns::sink::PAGE_ROWS;
use crate::digest::Listing;
use crate::error::{Doing, Next, Result};

pub(super) fn names(run: &mut Run<'_>) -> Vec<Name> {
    let mut counts = Counts::default();
    run.repeats = Rc::new(Repeats::of(run));
    head(run, &mut counts);
    let groups = run.groups.clone();
    for block in groups.chunk_by(|left, right| std::ptr::eq(left.view, right.view)) {
        let left = by_listing(run, block, &mut counts).unwrap_or_else(|error| {
            // What is listed can be counted, too.
            run.go_on_without(&error);
            block.to_vec()
        });
        for place in left {
            if run.is_over_time() {
                break;
            }
            if !run.may_pass(run.plan, place) {
                continue;
            }
            if let Err(error) = by_columns(run, place, &mut counts) {
                run.go_on_without(&error);
            }
        }
    }
    run.cut(counts.finish())
}

fn head(run: &mut Run<'_>, counts: &mut Counts) {
    let plan = run.plan;
    for batch in run.head_candidates() {
        if run.is_over_time() {
            return;
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
        here.add_to(counts);
    }
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
    let only = (run.plan.ask != Ask::Keys).then_some(&SKELETON[..]);
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
    let mut here = OfBatch::default();
    batch.spans().for_each(|span| here.count(ask, span));
    here.add_to(counts);
    Ok(())
}
