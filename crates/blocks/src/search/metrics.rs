//! Counts, errors and durations of spans, by what they have in common.

use std::time::Duration;

use model::StatusCode;
use store::metrics::{FIELDS_MAX, step_of};
use store::{Field, Metric};

use super::groups::{Groups, NO_TEXT};
use super::mask::Evaluator;
use super::texts::Numbering;
use super::values::{self, Source};
use super::{Place, Run};
use crate::columns::schema::leaf;
use crate::error::Result;

/// By what spans are grouped.
struct By<'a> {
    fields: &'a [Field],
    /// Nanoseconds of a step of time.
    step: Option<u64>,
}

pub(super) fn metrics(run: &mut Run<'_>, fields: &[Field], step: Option<Duration>) -> Vec<Metric> {
    let step = step.map(|step| u64::try_from(step.as_nanos()).unwrap_or(u64::MAX));
    let by = By { fields, step };
    let mut groups = Groups::new(fields.len(), step.is_some(), run.plan.limit);
    head(run, &by, &mut groups);
    for place in run.groups.clone() {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = scan(run, place, &by, &mut groups) {
            run.go_on_without(&error);
        }
    }
    let (rows, has_more) = groups.finish();
    if has_more {
        run.partial = Some(store::plan::more_rows(run.plan.limit));
    }
    rows
}

fn head(run: &mut Run<'_>, by: &By<'_>, groups: &mut Groups) {
    for batch in run.head_candidates() {
        if run.is_over_time() {
            return;
        }
        for span in batch.spans() {
            if run.finds(span) {
                groups.table().add(by.fields, by.step, span);
            }
        }
    }
}

/// Counts the spans of a row group by its columns.
fn scan(run: &mut Run<'_>, place: Place<'_>, by: &By<'_>, groups: &mut Groups) -> Result<()> {
    let mut evaluator = Evaluator::new(place)?;
    let mut numbering = Numbering::default();
    for number in 0..place.group.pages() {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = page(run, (&mut evaluator, number), (by, &mut numbering), groups) {
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
    run: &Run<'_>,
    (evaluator, number): (&mut Evaluator<'_>, usize),
    (by, numbering): (&By<'_>, &mut Numbering),
    groups: &mut Groups,
) -> Result<()> {
    if !evaluator.may_hold(run.plan, number)? {
        evaluator.reader.work.pages_pruned += 1;
        return Ok(());
    }
    let mask = evaluator.page(run.plan, number)?;
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
    for (row, _) in mask.iter().enumerate().filter(|(_, passed)| **passed) {
        let mut numbers = [NO_TEXT; FIELDS_MAX];
        numbers.iter_mut().zip(&columns).for_each(|(number, column)| *number = column[row]);
        groups.tally((numbers, times[row])).add(durations[row], failed[row]);
    }
    Ok(())
}
