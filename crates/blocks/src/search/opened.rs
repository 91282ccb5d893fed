//! The runs of a row group in the asked order, and which of them have a span that passes.
//!
//! What the index tells of a run (its times, services and errors) decides most of them; for the others the pages that they
//! lie in are read, each once.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::StatusCode;
use store::Filter;

use super::foretold::Foretold;
use super::mask::Evaluator;
use super::prune::takes;
use super::words::{Span, decided};
use super::{Place, Run};
use crate::columns::shred::TraceRows;
use crate::columns::sink::PAGE_ROWS;
use crate::error::Result;
use crate::index::{Runs, Summaries, TraceRun};

/// A row group whose runs are looked at.
pub(super) struct Opened<'a> {
    evaluator: Evaluator<'a>,
    runs: Arc<Runs>,
    summaries: Option<Arc<Summaries>>,
    /// What the filter says of the spans of each service: of those that did not fail, and of those that did.
    verdicts: Vec<[Option<bool>; 2]>,
    /// For each operation of roots whether it passes, where that is asked.
    roots: Option<Vec<bool>>,
    /// For each page whether it may hold what is looked for.
    may_hold: Vec<bool>,
    /// The runs that are still to be looked at, by the key of their rank.
    waiting: BinaryHeap<Reverse<(u64, u32)>>,
    /// For each page that was read, the runs with a row in it that passes.
    passing: HashMap<usize, Vec<u32>, FixedState>,
}

impl<'a> Opened<'a> {
    pub(super) fn new(run: &Run<'_>, place: Place<'a>) -> Result<Self> {
        let evaluator = Evaluator::new(place)?;
        let runs = evaluator.runs()?;
        // What is damaged of them is not needed to answer.
        let asks = !matches!(run.plan.spans, Filter::All) || run.plan.trace.asks_for_root();
        let summaries = asks.then(|| place.group.summaries().ok().flatten()).flatten();
        let services = summaries.as_deref().map_or(&[][..], Summaries::services);
        let verdicts = services.iter().map(|service| of_service(&run.plan.spans, service)).collect();
        let filter = &run.plan.trace;
        let roots = summaries.as_ref().filter(|_| filter.asks_for_root());
        let roots =
            roots.map(|all| all.roots().map(|(service, name)| filter.passes_root(service, name)).collect());
        let (may_hold, waiting, passing) = (Vec::new(), BinaryHeap::new(), HashMap::default());
        Ok(Self { evaluator, runs, summaries, verdicts, roots, may_hold, waiting, passing })
    }

    /// Makes those runs wait to be looked at that have a key, and rows in a page that may hold what is looked for.
    pub(super) fn wait(
        &mut self,
        run: &mut Run<'_>,
        foretold: &mut Foretold,
        key: impl Fn(&TraceRun) -> Option<u64>,
    ) {
        for number in 0..self.evaluator.zones.len() {
            // What can't be read is found out, and said, when it is read.
            let may_hold = self.is_foretold(run, foretold, number)
                && self.evaluator.may_hold(run.plan, number).unwrap_or(true);
            self.evaluator.reader.work.pages_pruned += u64::from(!may_hold);
            self.may_hold.push(may_hold);
            foretold.count_page();
        }
        if !self.may_hold.contains(&true) {
            return;
        }
        let may_hold = |rows: &TraceRun| pages(rows).any(|number| self.may_hold[number]);
        let keyed = (0..).zip(self.runs.iter()).filter(|(_, rows)| may_hold(rows));
        self.waiting = keyed.filter_map(|(at, rows)| Some(Reverse((key(rows)?, at)))).collect();
    }

    fn is_foretold(&self, run: &mut Run<'_>, foretold: &mut Foretold, number: usize) -> bool {
        let zone = self.evaluator.zones[number];
        foretold.may_hold(run, self.evaluator.place.view, (zone.start_min, zone.start_max))
    }

    /// The key of the run that is looked at next.
    pub(super) fn key(&self) -> Option<u64> {
        self.waiting.peek().map(|Reverse((key, _))| *key)
    }

    /// Looks at the next run; answers it if one of its spans passes, and whether its root is known to pass.
    pub(super) fn next(&mut self, run: &mut Run<'_>, foretold: &mut Foretold) -> Option<(TraceRows, bool)> {
        let Reverse((_, at)) = self.waiting.pop()?;
        let root = self.passes_root(at as usize);
        if root == Some(false) || !self.passes(run, foretold, at as usize) {
            return None;
        }
        let rows = self.runs[at as usize];
        let id = self.evaluator.reader.trace_id(rows.first);
        self.evaluator.reader.forget(rows.first as usize / PAGE_ROWS);
        id.map_err(|error| run.go_on_without(&error)).ok().map(|id| (rows.of(id), root.is_some()))
    }

    /// True where the root of a run passes; `None` where the index does not tell.
    fn passes_root(&self, at: usize) -> Option<bool> {
        let (root, _) = self.summaries.as_ref()?.visit(at, |_| {})?;
        self.roots.as_ref()?.get(root as usize).copied()
    }

    /// The place of the run that begins with a row.
    pub(super) fn place(&self, first: u32) -> Option<usize> {
        self.runs.binary_search_by_key(&first, |run| run.first).ok()
    }

    /// True where a span of the run passes; false too where its pages can't be read.
    pub(super) fn passes(&mut self, run: &mut Run<'_>, foretold: &mut Foretold, at: usize) -> bool {
        if let Some(known) = self.known(run, at) {
            return known;
        }
        let Some(rows) = self.runs.get(at).copied() else { return false };
        pages(&rows).any(|number| {
            if !self.passing.contains_key(&number) && !run.is_abandoned() {
                let found = self.read(run, foretold, number);
                self.passing.insert(number, found);
            }
            self.passing.get(&number).is_some_and(|found| found.binary_search(&(at as u32)).is_ok())
        })
    }

    /// What the index tells of a run.
    fn known(&self, run: &Run<'_>, at: usize) -> Option<bool> {
        let plan = run.plan;
        let rows = self.runs.get(at)?;
        if !plan.time.overlaps(rows.start, rows.end) || !takes(&plan.spans, rows.end - rows.start) {
            return Some(false);
        }
        let is_inside = plan.time.contains(rows.start) && plan.time.contains(rows.end);
        if matches!(plan.spans, Filter::All) {
            return is_inside.then_some(true);
        }
        let (mut passes, mut is_open) = (false, false);
        self.summaries.as_ref()?.visit(at, |of| {
            let verdicts = &self.verdicts[of.service as usize];
            for (verdict, count) in verdicts.iter().zip([of.spans - of.errors, of.errors]) {
                passes |= count > 0 && *verdict == Some(true);
                is_open |= count > 0 && verdict.is_none();
            }
        })?;
        match (passes, is_open) {
            (true, _) => is_inside.then_some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }

    /// The runs of which some span in the page passes.
    fn read(&mut self, run: &mut Run<'_>, foretold: &mut Foretold, number: usize) -> Vec<u32> {
        if !self.may_hold.get(number).is_some_and(|may_hold| *may_hold) {
            return Vec::new();
        }
        if !self.is_foretold(run, foretold, number) {
            self.evaluator.reader.work.pages_pruned += 1;
            return Vec::new();
        }
        let found = self.read_page(run, number).unwrap_or_else(|error| {
            run.go_on_without(&error);
            Vec::new()
        });
        self.evaluator.reader.forget(number);
        run.work += std::mem::take(&mut self.evaluator.reader.work);
        found
    }

    fn read_page(&mut self, run: &Run<'_>, number: usize) -> Result<Vec<u32>> {
        let evaluator = &mut self.evaluator;
        let mask = evaluator.page(run.plan, number)?;
        let mut found = Vec::new();
        if !mask.contains(&true) {
            return Ok(found);
        }
        let base = (number * PAGE_ROWS) as u32;
        let end = base + mask.len() as u32;
        let first = self.runs.partition_point(|run| run.first + run.count <= base);
        for (at, rows) in (first..).zip(&self.runs[first..]).take_while(|(_, rows)| rows.first < end) {
            let (from, to) = (rows.first.max(base), (rows.first + rows.count).min(end));
            if mask[(from - base) as usize..(to - base) as usize].contains(&true) {
                found.push(at as u32);
            }
        }
        Ok(found)
    }

    /// What looking at it cost.
    pub(super) fn work(&self) -> store::Work {
        self.evaluator.reader.work
    }
}

/// The numbers of the pages that a run lies in.
fn pages(rows: &TraceRun) -> std::ops::RangeInclusive<usize> {
    rows.first as usize / PAGE_ROWS..=(rows.first + rows.count - 1) as usize / PAGE_ROWS
}

/// What a filter says of the spans of a service: of those that did not fail, and of those that did.
fn of_service(filter: &Filter, service: &str) -> [Option<bool>; 2] {
    let of = |status| decided(filter, Span { service, status: Some(status) });
    let (unset, ok) = (of(StatusCode::Unset), of(StatusCode::Ok));
    [unset.filter(|_| unset == ok), of(StatusCode::Error)]
}
