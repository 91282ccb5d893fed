//! Which spans of one trace pass a filter, by the columns that it compares, and start and id of what passes.

use model::{SpanId, TimeRange};
use store::{Mark, Plan};

use super::mask::Evaluator;
use super::values::each_flat;
use super::{Place, Run};
use crate::block::pages;
use crate::columns::schema::leaf;
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;

pub(super) fn marks(run: &mut Run<'_>) -> Vec<Mark> {
    // The rows of the trace are known, so that neither its id nor its time has to be compared.
    let plan = Plan { ids: None, time: TimeRange::ALL, ..run.plan.clone() };
    let mut marks = Vec::new();
    for id in run.plan.ids.iter().flatten() {
        of_head(run, &mut marks);
        for view in run.views() {
            for (group, rows) in run.find(view, *id) {
                run.open(view);
                let place = Place { view, group: &view.groups[group] };
                let read = of_rows(run, (&plan, place), &rows, &mut marks);
                read.unwrap_or_else(|error| run.go_on_without(&error));
            }
        }
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn of_head(run: &mut Run<'_>, marks: &mut Vec<Mark>) {
    for batch in run.head_candidates() {
        if run.is_over_time() {
            break;
        }
        run.each_found(batch, |span, _| marks.push(Mark { start: span.start(), span: span.span_id() }));
    }
}

fn of_rows(
    run: &mut Run<'_>,
    (plan, place): (&Plan, Place<'_>),
    rows: &TraceRows,
    marks: &mut Vec<Mark>,
) -> Result<()> {
    let rows = rows.first..rows.first + rows.count;
    let mut evaluator = Evaluator::new(place)?;
    evaluator.reader.expect(leaf::SPAN_ID, &rows)?;
    evaluator.reader.expect(leaf::START, &rows)?;
    for number in pages(&rows) {
        if run.is_over_time() {
            break;
        }
        if let Err(error) = of_page(&mut evaluator, (plan, number), &rows, marks) {
            run.go_on_without(&error);
        }
        evaluator.reader.forget(number);
    }
    run.work += evaluator.reader.work;
    Ok(())
}

/// Marks the rows of a page that pass; all of them, or none where it can't be read.
fn of_page(
    evaluator: &mut Evaluator<'_>,
    (plan, number): (&Plan, usize),
    rows: &std::ops::Range<u32>,
    marks: &mut Vec<Mark>,
) -> Result<()> {
    if !evaluator.may_hold(plan, number)? {
        evaluator.reader.work.pages_pruned += 1;
        return Ok(());
    }
    let base = (number * PAGE_ROWS) as u32;
    let mut mask = evaluator.page(plan, number)?;
    for (row, passes) in (base..).zip(&mut mask) {
        *passes &= rows.contains(&row);
    }
    if !mask.contains(&true) {
        return Ok(());
    }
    let reader = &mut evaluator.reader;
    let (starts, ids) = (reader.page(leaf::START, number)?, reader.page(leaf::SPAN_ID, number)?);
    let mut found = Vec::new();
    each_flat(reader, starts.as_deref(), leaf::START, |row, (plain, at)| {
        if mask[row] {
            found.push(plain.int(at) as u64);
        }
    });
    let mut found = found.into_iter();
    each_flat(reader, ids.as_deref(), leaf::SPAN_ID, |row, (plain, at)| {
        if mask[row]
            && let (Ok(span), Some(start)) = (plain.bytes(at).try_into(), found.next())
        {
            marks.push(Mark { start, span: SpanId(span) });
        }
    });
    Ok(())
}
