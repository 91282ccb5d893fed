//! Counts, errors and durations of spans, by what they have in common: from digests, else from columns.

use std::rc::Rc;
use std::time::Duration;

use model::{Batch, StatusCode};
use store::metrics::{FIELDS_MAX, step_of, text_of};
use store::{Field, Metric, Plan};

use super::groups::{Groups, NO_TEXT, Sums};
use super::mask::Evaluator;
use super::remembered::{self, Question};
use super::repeats::Repeats;
use super::texts::Numbering;
use super::values::{self, Source};
use super::{Place, Run, counted};
use crate::columns::schema::leaf;
use crate::error::Result;

/// By what spans are grouped.
pub(super) struct By<'a> {
    pub(super) fields: &'a [Field],
    /// Nanoseconds of a step of time.
    pub(super) step: Option<u64>,
}

pub(super) fn metrics<'a>(run: &mut Run<'a>, fields: &[Field], step: Option<Duration>) -> Vec<Metric> {
    let step = step.map(|step| u64::try_from(step.as_nanos()).unwrap_or(u64::MAX));
    let by = By { fields, step };
    let mut groups = by.groups(run.plan.limit);
    run.repeats = Rc::new(Repeats::of(run));
    let question = Question::of(run.plan);
    let of_head =
        |run: &mut Run<'a>, known: Option<&Sums>, batches: &[&'a Batch]| head(run, &by, known, batches);
    remembered::of_head(run, question.as_ref(), of_head, |sums: &Sums| groups.add(sums));
    let places = run.groups.clone();
    for block in places.chunk_by(|left, right| std::ptr::eq(left.view, right.view)) {
        if run.is_over_time() {
            break;
        }
        for time in counted::count(run, block[0].view, &by, &mut groups) {
            let plan = Plan { time, ..run.plan.clone() };
            for unit in remembered::units(run, &plan, block) {
                match unit.keeps(question.as_ref()) {
                    None => of_places(run, (&plan, unit.places), &by, &mut groups),
                    Some(question) => {
                        let make = |run: &mut Run<'_>| {
                            // One group more tells that there are more.
                            let mut here = by.groups(run.plan.limit + 1);
                            of_places(run, (&plan, unit.places), &by, &mut here);
                            Sums::of(here)
                        };
                        groups.add(&remembered::of_unit(run, (question, unit), make).sum);
                    }
                }
            }
        }
    }
    let (rows, has_more) = groups.finish();
    if has_more {
        run.partial = Some(store::plan::more_rows(run.plan.limit));
    }
    rows
}

impl By<'_> {
    fn groups(&self, rows_max: usize) -> Groups {
        Groups::new(self.fields.len(), self.step.is_some(), rows_max)
    }
}

/// Counts the spans of row groups by their columns.
fn of_places(run: &mut Run<'_>, (plan, places): (&Plan, &[Place<'_>]), by: &By<'_>, groups: &mut Groups) {
    for place in places {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = scan(run, (plan, *place), by, groups) {
            run.go_on_without(&error);
        }
    }
}

/// Counts batches of the head, on top of others.
fn head<'a>(run: &mut Run<'a>, by: &By<'_>, known: Option<&Sums>, batches: &[&'a Batch]) -> Sums {
    let mut groups = by.groups(run.plan.limit + 1);
    known.iter().for_each(|known| groups.add(known));
    for batch in run.candidates(batches) {
        if run.is_over_time() {
            break;
        }
        let resources = batch.resource_count();
        let mut of_resource: Vec<Option<u32>> = vec![None; resources * by.fields.len()];
        run.each_found(batch, |span, service| {
            let mut numbers = [NO_TEXT; FIELDS_MAX];
            for (place, field) in by.fields.iter().enumerate() {
                numbers[place] = match field {
                    Field::Service => {
                        let known = &mut of_resource[place * resources + span.row().resource as usize];
                        *known.get_or_insert_with(|| groups.number(place, service))
                    }
                    field => text_of(field, span).map_or(NO_TEXT, |text| groups.number(place, &text)),
                };
            }
            let time = by.step.map_or(0, |step| step_of(span.start(), step));
            let failed = span.status() == StatusCode::Error;
            groups.tally((numbers, time)).add(span.duration(), failed);
        });
        groups.settle();
    }
    Sums::of(groups)
}

/// Counts the spans of a row group by its columns.
fn scan(
    run: &mut Run<'_>,
    (plan, place): (&Plan, Place<'_>),
    by: &By<'_>,
    groups: &mut Groups,
) -> Result<()> {
    if !run.may_pass(plan, place) {
        return Ok(());
    }
    run.open(place.view);
    let mut evaluator = Evaluator::new(place)?.without(run.repeats.rows(place));
    let mut numbering = Numbering::default();
    for number in 0..place.group.pages() {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = page(plan, (&mut evaluator, number), (by, &mut numbering), groups) {
            run.go_on_without(&error);
        }
        evaluator.reader.forget(number);
        if groups.settle() {
            numbering.forget();
        }
    }
    run.work += evaluator.reader.work;
    Ok(())
}

/// Adds up the spans of one page; none of them where something of it can't be read.
fn page(
    plan: &Plan,
    (evaluator, number): (&mut Evaluator<'_>, usize),
    (by, numbering): (&By<'_>, &mut Numbering),
    groups: &mut Groups,
) -> Result<()> {
    if !evaluator.may_hold(plan, number)? {
        evaluator.reader.work.pages_pruned += 1;
        return Ok(());
    }
    let mask = evaluator.page(plan, number)?;
    if !mask.contains(&true) {
        return Ok(());
    }
    let mut columns = Vec::with_capacity(by.fields.len());
    for field in by.fields.iter().enumerate() {
        columns.push(numbering.numbers(evaluator, field, number, groups)?);
    }
    let durations = values::durations(&mut evaluator.reader, number)?;
    let mut failed = vec![false; durations.len()];
    values::codes(&mut evaluator.reader, Source::Status, number, |row, code| {
        failed[row] = StatusCode::from_number(code) == StatusCode::Error;
    })?;
    let mut times = vec![0; durations.len()];
    if let Some(step) = by.step {
        values::numbers(&mut evaluator.reader, leaf::START, number, |row, start| {
            times[row] = step_of(start as u64, step);
        })?;
    }
    let passing = mask.iter().enumerate().filter(|(_, passed)| **passed).map(|(row, _)| row);
    if let ([column], None) = (&columns[..], by.step) {
        passing.for_each(|row| groups.tally_of(column[row]).add(durations[row], failed[row]));
        return Ok(());
    }
    for row in passing {
        let mut numbers = [NO_TEXT; FIELDS_MAX];
        numbers.iter_mut().zip(&columns).for_each(|(number, column)| *number = column[row]);
        groups.tally((numbers, times[row])).add(durations[row], failed[row]);
    }
    Ok(())
}
