//! Counts the calls between services by the digests of blocks, without reading spans.
//!
//! A digest has counted the calls in each run of rows as if nothing of its trace lay elsewhere. So the traces that lie in
//! several places are named here, to be joined, and what was counted of them to be corrected ([`super::joined`]).

use model::{TimeRange, Value};
use store::plan::{Compare, Condition, Field, Filter, Level};

use super::Run;
use super::counted::{extent, whole};
use super::edges::{Odd, Sums};
use super::spread::Spread;
use super::words::Words;
use crate::block::BlockView;
use crate::digest::{Calls, Cube, Digested, Listing, MESSAGING, STATUSES};
use crate::error::{Error, Next, Result};

/// The fields of a called span that digests know, but for [`has_queue`].
const KNOWN: [Field; 3] = [Field::Service, Field::Kind, Field::Status];

/// Counts what the digests of a block know of the question; answers the time of which that is all. `None` where nothing was
/// counted, and the spans have to be read.
pub(super) fn count(
    run: &mut Run<'_>,
    view: &BlockView,
    spread: &Spread,
    (sums, odd): (&mut Sums, &mut Odd),
) -> Option<TimeRange> {
    let counted = digested(run, view, spread, (sums, odd));
    counted.unwrap_or_else(|error| {
        run.go_on_without(&error);
        None
    })
}

fn digested(
    run: &mut Run<'_>,
    view: &BlockView,
    spread: &Spread,
    (sums, odd): (&mut Sums, &mut Odd),
) -> Result<Option<TimeRange>> {
    let plan = run.plan;
    if plan.ids.is_some() || !is_known(&plan.spans) {
        return Ok(None);
    }
    let extent = extent(view, &plan.tenant);
    let Some(digests) = view.digests(&plan.tenant)? else { return Ok(None) };
    let mut chosen = Vec::new();
    for digest in &digests {
        let Some(choice) = Choice::of(plan.time, digest, extent)? else { return Ok(None) };
        chosen.push(choice);
    }
    let start = chosen.iter().map(|choice| choice.whole.start).max().unwrap_or(0);
    let end = chosen.iter().map(|choice| choice.whole.end).min().unwrap_or(u64::MAX);
    if start >= end {
        return Ok(None);
    }
    let whole = TimeRange { start, end };
    run.open(view);
    let mut spread_here = Vec::new();
    for (first, hashes) in spread.in_block(run, view) {
        spread_here.extend(view.with_hashes(&plan.tenant, (first, &hashes), &mut run.work)?);
    }
    let in_time = |start: u64, end: u64| plan.time.overlaps(start, end);
    spread_here.iter().filter(|rows| in_time(rows.start, rows.end)).for_each(|rows| odd.add(rows.id));
    for choice in &chosen {
        let left = choice.calls.left.iter().filter(|left| in_time(left.start, left.end));
        left.for_each(|left| odd.add(left.id));
        if choice.count(&plan.spans, whole, sums).is_none() {
            run.go_on_without(&Error::new(Next::Repair, "the calls of a block are damaged"));
        }
    }
    Ok(Some(whole))
}

/// The calls of a digest, and the cube that answers.
struct Choice {
    listing: std::sync::Arc<Listing>,
    calls: std::sync::Arc<Calls>,
    cube: std::sync::Arc<Cube>,
    whole: TimeRange,
}

impl Choice {
    fn of(time: TimeRange, digest: &Digested, extent: (u64, u64)) -> Result<Option<Self>> {
        let Some(calls) = digest.calls()? else { return Ok(None) };
        let listing = digest.listing().clone();
        let is_all = time.contains(extent.0) && time.contains(extent.1);
        for is_whole in [true, false] {
            if is_whole && !is_all {
                continue;
            }
            let Some(cube) = digest.call_cube(is_whole)? else { continue };
            if cube.subjects() == calls.calls.len()
                && let Some(whole) = whole(time, extent, cube.step)
            {
                return Ok(Some(Self { listing, calls, cube, whole }));
            }
        }
        Ok(None)
    }

    fn count(&self, filter: &Filter, whole: TimeRange, sums: &mut Sums) -> Option<()> {
        for (subject, call) in self.calls.calls.iter().enumerate() {
            let parent = self.listing.services.get(call.parent as usize)?;
            let child = self.listing.services.get(call.child as usize)?;
            let passed = STATUSES.map(|status| {
                let words = Words { service: child, name: "", kind: call.kind, status };
                passes(filter, words, call.has_queue)
            });
            if passed == [false; STATUSES.len()] {
                continue;
            }
            let sum = sums.entry(((**parent).to_owned(), (**child).to_owned())).or_default();
            self.cube.visit(subject, |status, begin, sketch| {
                if !passed[status] || !(self.cube.step == 0 || whole.contains(begin)) {
                    return store::sketch::Sketch::skip_bytes(sketch);
                }
                let before = sum.spans();
                sum.durations.merge_bytes(sketch)?;
                if STATUSES[status] == model::StatusCode::Error {
                    sum.errors += sum.spans() - before;
                }
                Some(())
            })?;
        }
        Some(())
    }
}

/// Does the condition ask whether a call came through a queue? Then what it wants to hear.
fn has_queue(condition: &Condition) -> Option<bool> {
    let is_key = matches!(&condition.field, Field::Attribute { level: Level::Span, key } if key == MESSAGING);
    match condition.compare {
        Compare::Exists if is_key => Some(true),
        Compare::Missing if is_key => Some(false),
        _ => None,
    }
}

/// True where digests know all that a filter asks of calls.
pub(super) fn is_known(filter: &Filter) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => KNOWN.contains(&condition.field) || has_queue(condition).is_some(),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().all(is_known),
        Filter::Not(filter) => is_known(filter),
    }
}

/// True where a filter that [is known](is_known) lets such calls pass.
pub(super) fn passes(filter: &Filter, words: Words<'_>, queue: bool) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => match has_queue(condition) {
            Some(wanted) => queue == wanted,
            None => store::eval::holds_of(condition, Value::Text(words.text(&condition.field))),
        },
        Filter::And(all) => all.iter().all(|filter| passes(filter, words, queue)),
        Filter::Or(any) => any.iter().any(|filter| passes(filter, words, queue)),
        Filter::Not(filter) => !passes(filter, words, queue),
    }
}
