//! When a block may hold a span that passes: told by its digests, before pages are read in vain.
//!
//! Every page has some errors, some slow spans and most services, so that zones and dictionaries leave out few pages for all
//! three together. A digest knows of each service, kind and status how long spans took, step of time by step of time.
//! "May" errs on one side only, as in [`super::prune`].

use std::collections::HashMap;

use foldhash::fast::FixedState;
use store::plan::{Field, Filter};
use store::sketch::Sketch;

use super::Run;
use super::prune::duration_may;
use super::words::{self, Words};
use crate::block::BlockView;
use crate::digest::{Cube, Digested, Role, STATUSES};
use crate::error::Result;

/// So many pages are looked at before digests are: most answers need no more. Stores of tests are too small to wait.
const PAGES_FREE: usize = if cfg!(test) { 0 } else { 32 };

/// Where in time spans may pass, block by block.
pub(super) struct Foretold {
    /// So many pages more are looked at before digests are asked.
    pages_free: usize,
    /// By the address of the block; `None` where its digests can't tell.
    blocks: HashMap<usize, Option<Vec<Steps>>, FixedState>,
}

/// The steps of a cube in which spans may pass.
struct Steps {
    step: u64,
    /// Where they begin, ascending.
    begins: Vec<u64>,
}

impl Foretold {
    pub(super) fn new() -> Self {
        Self { pages_free: PAGES_FREE, blocks: HashMap::default() }
    }

    /// Notes that a page was looked at.
    pub(super) fn count_page(&mut self) {
        self.pages_free = self.pages_free.saturating_sub(1);
    }

    /// False where no span of the block that starts between these times passes.
    pub(super) fn may_hold(&mut self, run: &mut Run<'_>, view: &BlockView, between: (u64, u64)) -> bool {
        if self.pages_free > 0 || !tells(&run.plan.spans) {
            return true;
        }
        let known = self.blocks.entry(std::ptr::from_ref(view).addr()).or_insert_with(|| {
            steps(run, view).unwrap_or_else(|error| {
                run.go_on_without(&error);
                None
            })
        });
        known.as_ref().is_none_or(|all| all.iter().any(|steps| steps.are_between(between)))
    }
}

impl Steps {
    fn are_between(&self, (first, last): (u64, u64)) -> bool {
        let from = Cube::begin(self.step, first);
        let at = self.begins.partition_point(|begin| *begin < from);
        self.begins.get(at).is_some_and(|begin| *begin <= last)
    }
}

/// True where the filter asks for something that digests know, whatever else it asks for.
fn tells(filter: &Filter) -> bool {
    match filter {
        Filter::All => false,
        Filter::Is(condition) => matches!(condition.field, Field::Service | Field::Name),
        Filter::And(all) => all.iter().any(tells),
        Filter::Or(any) => !any.is_empty() && any.iter().all(tells),
        Filter::Not(_) => false,
    }
}

fn steps(run: &Run<'_>, view: &BlockView) -> Result<Option<Vec<Steps>>> {
    let Some(digests) = view.digests(&run.plan.tenant)? else { return Ok(None) };
    let mut all = Vec::new();
    for digest in &digests {
        let Some(steps) = of_digest(&run.plan.spans, digest)? else { return Ok(None) };
        all.push(steps);
    }
    Ok(Some(all))
}

fn of_digest(filter: &Filter, digest: &Digested) -> Result<Option<Steps>> {
    let listing = digest.listing();
    let has_names = asks_for_name(filter) && listing.operations.iter().all(|of| of.name.is_some());
    let services = if has_names { None } else { digest.cube(Role::Services)? };
    let is_of_services = services.is_some();
    let cube = if is_of_services { services } else { digest.cube(Role::Operations)? };
    let Some(cube) = cube else { return Ok(None) };
    let kinds = if is_of_services { listing.kinds() } else { Vec::new() };
    let mut begins = Vec::new();
    for subject in 0..cube.subjects() {
        let of = listing.operations.get(subject);
        let (service, name, kind) = match kinds.get(subject) {
            Some((service, kind)) => (*service, None, *kind),
            None if is_of_services => return Ok(None),
            None => match of {
                Some(of) => (of.service, listing.name(of).filter(|_| has_names), of.kind),
                None => return Ok(None),
            },
        };
        let Some(service) = listing.services.get(service as usize) else { return Ok(None) };
        let may_be = STATUSES.map(|status| {
            let words = Words { service, name: name.unwrap_or_default(), kind, status };
            move |durations| may(filter, words, (name.is_some(), durations))
        });
        if may_be.iter().all(|may| !may((0, u64::MAX))) {
            continue;
        }
        let visited = cube.visit(subject, |status, begin, bytes| {
            let mut sketch = Sketch::default();
            sketch.merge_bytes(bytes)?;
            let durations = (sketch.min().unwrap_or(0), sketch.max().unwrap_or(u64::MAX));
            begins.extend(may_be[status](durations).then_some(begin));
            Some(())
        });
        if visited.is_none() {
            return Ok(None);
        }
    }
    begins.sort_unstable();
    begins.dedup();
    Ok(Some(Steps { step: cube.step, begins }))
}

/// False where no span of these words, and of a duration between these, passes. Without a name, any name is meant.
fn may(filter: &Filter, words: Words<'_>, (has_name, between): (bool, (u64, u64))) -> bool {
    const KNOWN: [Field; 4] = [Field::Service, Field::Kind, Field::Status, Field::Name];
    let known = if has_name { &KNOWN[..] } else { &KNOWN[..3] };
    match filter {
        Filter::Is(condition) if condition.field == Field::Duration => {
            duration_may(condition, between.0, between.1)
        }
        Filter::And(all) => all.iter().all(|filter| may(filter, words, (has_name, between))),
        Filter::Or(any) => any.iter().any(|filter| may(filter, words, (has_name, between))),
        filter => !words::compares_only(filter, known) || words::passes(filter, words),
    }
}

fn asks_for_name(filter: &Filter) -> bool {
    match filter {
        Filter::All => false,
        Filter::Is(condition) => condition.field == Field::Name,
        Filter::And(all) | Filter::Or(all) => all.iter().any(asks_for_name),
        Filter::Not(filter) => asks_for_name(filter),
    }
}
