//! Counts spans by the digests of blocks, without reading spans.
//!
//! A digest knows services, operations, kinds and statuses by steps of time. What it can't tell apart (other fields, steps
//! that a time range cuts, operations of a service that has too many) is left over, to be counted by columns.

use std::borrow::Cow;

use model::{StatusCode, Tenant, TimeRange};
use store::metrics::{FIELDS_MAX, step_of, text_of};
use store::{Field, eval};

use super::Run;
use super::groups::{Groups, NO_TEXT};
use super::metrics::By;
use super::skeleton::SKELETON;
use super::words::{self, Words};
use crate::block::BlockView;
use crate::digest::{Cube, Digested, Listing, Role, STATUSES};
use crate::error::{Error, Next, Result};

/// The fields that digests know.
const KNOWN: [Field; 4] = [Field::Service, Field::Name, Field::Kind, Field::Status];

/// The same for a cube of services.
const OF_SERVICES: [Field; 3] = [Field::Service, Field::Kind, Field::Status];

/// Counts what the digests of a block know, and answers the ranges of time that are left over: all where they can't be read.
pub(super) fn count(run: &mut Run<'_>, view: &BlockView, by: &By<'_>, groups: &mut Groups) -> Vec<TimeRange> {
    digested(run, view, by, groups).unwrap_or_else(|error| {
        run.go_on_without(&error);
        vec![run.plan.time]
    })
}

fn digested(run: &mut Run<'_>, view: &BlockView, by: &By<'_>, groups: &mut Groups) -> Result<Vec<TimeRange>> {
    let plan = run.plan;
    let all = vec![plan.time];
    let is_known =
        by.fields.iter().all(|field| KNOWN.contains(field)) && words::compares_only(&plan.spans, &KNOWN);
    if plan.ids.is_some() || !is_known || !run.repeats.are_few(view) {
        return Ok(all);
    }
    let extent = extent(view, &plan.tenant);
    if !plan.time.overlaps(extent.0, extent.1) {
        return Ok(Vec::new());
    }
    run.open(view);
    let Some(digests) = view.digests(&plan.tenant)? else { return Ok(all) };
    let mut chosen = Vec::new();
    for digest in &digests {
        let Some(choice) = Choice::of(run, digest, by, extent)? else { return Ok(all) };
        chosen.push(choice);
    }
    // Each digest may have steps of its own: what all of them know as a whole is counted, the rest is left over.
    let from = chosen.iter().map(|choice| choice.whole.start).max().unwrap_or(0);
    let to = chosen.iter().map(|choice| choice.whole.end).min().unwrap_or(u64::MAX);
    if from >= to {
        return Ok(all);
    }
    let whole = TimeRange { start: from, end: to };
    take_out(run, view, (by, whole), groups)?;
    for choice in &chosen {
        if choice.count(run, (by, extent.0), whole, groups).is_none() {
            run.go_on_without(&Error::new(Next::Repair, "the counts of a block are damaged"));
        }
    }
    groups.settle();
    let rest = [TimeRange { start: plan.time.start, end: from }, TimeRange { start: to, end: plan.time.end }];
    Ok(rest.into_iter().filter(|rest| rest.start < rest.end && rest.overlaps(extent.0, extent.1)).collect())
}

/// Takes those spans out of what digests count of a time that stand elsewhere, too.
fn take_out(
    run: &mut Run<'_>,
    view: &BlockView,
    (by, whole): (&By<'_>, TimeRange),
    groups: &mut Groups,
) -> Result<()> {
    run.repeats.clone().each(run, (view, Some(&SKELETON)), |run, batch| {
        for span in batch.spans() {
            let is_in_time = whole.contains(span.start()) && run.plan.time.contains(span.start());
            if is_in_time && eval::passes(&run.plan.spans, span) {
                let texts = by.fields.iter().map(|field| text_of(field, span).map(Cow::into_owned)).collect();
                let step = by.step.map(|step| step_of(span.start(), step));
                groups.take_out((texts, step), span.duration(), span.status() == StatusCode::Error);
            }
        }
    })
}

/// The first and the last span start of a tenant.
pub(super) fn extent(view: &BlockView, tenant: &Tenant) -> (u64, u64) {
    let mine = || view.groups.iter().filter(|group| group.tenant == *tenant).map(|group| group.extent);
    let first = mine().map(|(first, _)| first).min().unwrap_or(0);
    (first, mine().map(|(_, last)| last).max().unwrap_or(0))
}

/// The cube that answers, and when.
struct Choice {
    listing: std::sync::Arc<Listing>,
    cube: std::sync::Arc<Cube>,
    is_of_operations: bool,
    /// The time of which it knows all that is asked; from and to the ends of time where that is all of the block.
    whole: TimeRange,
}

impl Choice {
    /// `None` where no cube can tell apart what is asked.
    fn of(run: &mut Run<'_>, digest: &Digested, by: &By<'_>, extent: (u64, u64)) -> Result<Option<Self>> {
        let plan = run.plan;
        let of_services = by.fields.iter().all(|field| OF_SERVICES.contains(field))
            && words::compares_only(&plan.spans, &OF_SERVICES);
        let listing = digest.listing().clone();
        let roles: &[Role] =
            if of_services { &[Role::Whole, Role::Services, Role::Operations] } else { &[Role::Operations] };
        if !of_services && listing.operations.iter().any(|of| of.name.is_none()) {
            return Ok(None);
        }
        for role in roles {
            // What is too coarse is not even read.
            if *role == Role::Whole && !(is_inside(plan.time, extent) && is_one_step(by.step, extent)) {
                continue;
            }
            let Some(cube) = digest.cube(*role)? else { continue };
            let is_fine = is_one_step(by.step, extent)
                || by.step.is_some_and(|step| step.checked_rem(cube.step) == Some(0));
            if let (Some(whole), true) = (whole(plan.time, extent, cube.step), is_fine) {
                let is_of_operations = *role == Role::Operations;
                return Ok(Some(Self { listing, cube, is_of_operations, whole }));
            }
        }
        Ok(None)
    }

    fn count(
        &self,
        run: &Run<'_>,
        (by, first): (&By<'_>, u64),
        whole: TimeRange,
        groups: &mut Groups,
    ) -> Option<()> {
        let kinds = if self.is_of_operations { Vec::new() } else { self.listing.kinds() };
        for subject in 0..self.cube.subjects() {
            let (service, name, kind) = if self.is_of_operations {
                let of = self.listing.operations.get(subject)?;
                (of.service, self.listing.name(of).unwrap_or_default(), of.kind)
            } else {
                let (service, kind) = kinds.get(subject)?;
                (*service, "", *kind)
            };
            let service = &*self.listing.services[service as usize];
            let numbers = STATUSES.map(|status| {
                let words = Words { service, name, kind, status };
                words::passes(&run.plan.spans, words).then(|| {
                    let mut numbers = [NO_TEXT; FIELDS_MAX];
                    for (place, field) in by.fields.iter().enumerate() {
                        numbers[place] = groups.number(place, words.text(field));
                    }
                    numbers
                })
            });
            if numbers == [None; STATUSES.len()] {
                continue;
            }
            self.cube.visit(subject, |status, begin, sketch| {
                let Some(numbers) = numbers[status].filter(|_| self.cube.step == 0 || whole.contains(begin))
                else {
                    return store::sketch::Sketch::skip_bytes(sketch);
                };
                let begin = if self.cube.step == 0 { first } else { begin.max(first) };
                let tally = groups.tally((numbers, by.step.map_or(0, |step| step_of(begin, step))));
                let before = tally.spans();
                tally.durations.merge_bytes(sketch)?;
                if STATUSES[status] == StatusCode::Error {
                    tally.errors += tally.spans() - before;
                }
                Some(())
            })?;
        }
        Some(())
    }
}

fn is_inside(time: TimeRange, (first, last): (u64, u64)) -> bool {
    time.contains(first) && time.contains(last)
}

/// True where all spans start in one step of the question.
fn is_one_step(step: Option<u64>, (first, last): (u64, u64)) -> bool {
    step.is_none_or(|step| step_of(first, step) == step_of(last, step))
}

/// The whole steps inside a range of time; its ends lie beyond those of the spans where the range's do.
pub(super) fn whole(time: TimeRange, (first, last): (u64, u64), step: u64) -> Option<TimeRange> {
    let start = if time.start <= first { 0 } else { time.start.checked_next_multiple_of(step.max(1))? };
    let end = if time.contains(last) || last < time.start {
        u64::MAX
    } else {
        time.end - time.end.checked_rem(step)?
    };
    let is_whole = step > 0 || (start, end) == (0, u64::MAX);
    (is_whole && start < end).then_some(TimeRange { start, end })
}
