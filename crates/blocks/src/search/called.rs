//! Counts calls and uses by the digests of blocks, without reading spans.
//!
//! A digest has counted those in each run of rows as if nothing of its trace lay elsewhere. What it counted of traces that
//! lie in several places is corrected later, and those that it did not count are named here ([`super::kept`]).

use std::sync::Arc;

use model::{Kind, TimeRange, Value};
use store::plan::{Compare, Condition, Field, Filter, Level, Plan};
use store::uses::Target;

use super::Run;
use super::counted::{extent, whole};
use super::edges::{Odd, Sums, To, asks_for_uses};
use super::words::{Words, compares_only};
use crate::block::BlockView;
use crate::digest::{Calls, Cube, Digested, Listing, MESSAGING, STATUSES, Uses};
use crate::error::{Error, Next, Result};

/// The fields of a span that digests know, but for [`has_queue`].
const KNOWN: [Field; 3] = [Field::Service, Field::Kind, Field::Status];

/// Counts what the digests of a block know of the question; answers the time of which that is all. `None` where nothing was
/// counted, and the spans have to be read.
pub(super) fn count(
    run: &mut Run<'_>,
    view: &BlockView,
    (sums, odd): (&mut Sums, &mut Odd),
) -> Option<TimeRange> {
    let counted = digested(run, view, (sums, odd));
    counted.unwrap_or_else(|error| {
        run.go_on_without(&error);
        None
    })
}

fn digested(
    run: &mut Run<'_>,
    view: &BlockView,
    (sums, odd): (&mut Sums, &mut Odd),
) -> Result<Option<TimeRange>> {
    let plan = run.plan;
    let extent = extent(view, &plan.tenant);
    let Some(digests) = view.digests(&plan.tenant)? else { return Ok(None) };
    let mut chosen = Vec::new();
    for digest in &digests {
        let Some(choice) = Choice::of(plan, digest, extent)? else { return Ok(None) };
        chosen.push(choice);
    }
    let start = chosen.iter().map(|choice| choice.whole.start).max().unwrap_or(0);
    let end = chosen.iter().map(|choice| choice.whole.end).min().unwrap_or(u64::MAX);
    if start >= end {
        return Ok(None);
    }
    let whole = TimeRange { start, end };
    run.open(view);
    let in_time = |start: u64, end: u64| plan.time.overlaps(start, end);
    for choice in &chosen {
        let left = choice.left.left.iter().filter(|left| in_time(left.start, left.end));
        left.for_each(|left| odd.add(left.id));
        if choice.count(&plan.spans, whole, sums).is_none() {
            run.go_on_without(&Error::new(Next::Repair, "the calls of a block are damaged"));
        }
    }
    Ok(Some(whole))
}

/// What a digest counted.
enum Counted {
    Calls(Arc<Calls>),
    Uses(Arc<Uses>),
}

/// What a digest counted, and the cube that answers.
struct Choice {
    listing: Arc<Listing>,
    counted: Counted,
    /// The runs that are not counted.
    left: Arc<Calls>,
    cube: Arc<Cube>,
    whole: TimeRange,
}

impl Choice {
    fn of(plan: &Plan, digest: &Digested, extent: (u64, u64)) -> Result<Option<Self>> {
        let time = plan.time;
        let Some(left) = digest.calls()? else { return Ok(None) };
        let counted = if asks_for_uses(plan) {
            let Some(uses) = digest.uses()? else { return Ok(None) };
            Counted::Uses(uses)
        } else {
            Counted::Calls(left.clone())
        };
        let listing = digest.listing().clone();
        let is_all = time.contains(extent.0) && time.contains(extent.1);
        for is_whole in [true, false] {
            if is_whole && !is_all {
                continue;
            }
            let (cube, subjects) = match &counted {
                Counted::Calls(calls) => (digest.call_cube(is_whole)?, calls.calls.len()),
                Counted::Uses(uses) => (digest.use_cube(is_whole)?, uses.uses.len()),
            };
            let Some(cube) = cube else { continue };
            if cube.subjects() == subjects
                && let Some(whole) = whole(time, extent, cube.step)
            {
                return Ok(Some(Self { listing, counted, left, cube, whole }));
            }
        }
        Ok(None)
    }

    fn count(&self, filter: &Filter, whole: TimeRange, sums: &mut Sums) -> Option<()> {
        for subject in 0..self.cube.subjects() {
            let Subject { parent, service, to, kind, has_queue, is_answered } = self.subject(subject)?;
            let passed =
                STATUSES.map(|status| passes(filter, Words { service, name: "", kind, status }, has_queue));
            if passed == [false; STATUSES.len()] {
                continue;
            }
            let sum = sums.entry((parent.to_owned(), to)).or_default();
            self.cube.visit(subject, |status, begin, sketch| {
                if !passed[status] || !(self.cube.step == 0 || whole.contains(begin)) {
                    return store::sketch::Sketch::skip_bytes(sketch);
                }
                let before = sum.tally.spans();
                sum.tally.durations.merge_bytes(sketch)?;
                let more = sum.tally.spans() - before;
                if STATUSES[status] == model::StatusCode::Error {
                    sum.tally.errors += more;
                }
                if is_answered {
                    sum.answered += more as i64;
                }
                Some(())
            })?;
        }
        Some(())
    }

    fn subject(&self, at: usize) -> Option<Subject<'_>> {
        let service = |at: u32| Some(&**self.listing.services.get(at as usize)?);
        match &self.counted {
            Counted::Calls(calls) => {
                let call = calls.calls.get(at)?;
                let (parent, service) = (service(call.parent)?, service(call.child)?);
                let to = To::Service(service.to_owned());
                Some(Subject {
                    parent,
                    service,
                    to,
                    kind: call.kind,
                    has_queue: call.has_queue,
                    is_answered: false,
                })
            }
            Counted::Uses(uses) => {
                let using = uses.uses.get(at)?;
                let (user, target) = (service(using.service)?, uses.targets.get(using.target as usize)?);
                let target = Target { means: target.means, system: &*target.system, name: &*target.name };
                let to = To::Target(target.to_owned());
                Some(Subject {
                    parent: user,
                    service: user,
                    to,
                    kind: using.kind,
                    has_queue: false,
                    is_answered: using.is_answered,
                })
            }
        }
    }
}

/// What the cells of a subject count.
struct Subject<'a> {
    parent: &'a str,
    /// The service of the spans.
    service: &'a str,
    to: To<String, String>,
    kind: Kind,
    has_queue: bool,
    is_answered: bool,
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

/// True where digests know all that the filter of a plan asks of calls or uses.
pub(super) fn is_known(plan: &Plan) -> bool {
    match asks_for_uses(plan) {
        true => compares_only(&plan.spans, &KNOWN),
        false => is_known_of_calls(&plan.spans),
    }
}

fn is_known_of_calls(filter: &Filter) -> bool {
    match filter {
        Filter::All => true,
        Filter::Is(condition) => KNOWN.contains(&condition.field) || has_queue(condition).is_some(),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().all(is_known_of_calls),
        Filter::Not(filter) => is_known_of_calls(filter),
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
