//! Joins the traces whose calls or uses digests can't tell, and keeps what was found as long as memory has room.
//!
//! Row groups and batches of the head never change, so a trace is joined again only where it came to lie elsewhere. What is
//! kept is no answer but the calls themselves, of which a question of any time takes those that it asks for.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, Span, Tenant, TimeRange, Trace, TraceId};
use store::plan::{Compare, Condition, Field, Filter, Level, Operand, Plan};

use super::Run;
use super::called::passes;
use super::edges::{Odd, Sums, asks_for_uses};
use super::joined::{Call, Corrections, Family, Joined, Names, Noting};
use super::places::{Known, Lasts, Places};
use super::skeleton::{Depth, WHOLE_MAX};
use super::views::Views;
use super::whereabouts::Whereabouts;
use super::words::Words;
use crate::digest::MESSAGING;
use crate::error::Result;
use crate::index::section::kind;
use crate::memory::{Key, Memory};

/// Traces that are joined at once.
pub(super) const JOINED_MAX: usize = 1024;

/// What a trace takes among those that are kept, besides its calls: its place in a table and two counts of owners.
const TRACE_BYTES: usize = 96;

/// What is kept of whose traces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Whose {
    tenant: Tenant,
    /// True where their uses are kept, not their calls.
    are_uses: bool,
    /// True where it is known which of the calls came through a queue.
    with_queues: bool,
}

/// A trace that was joined when it lay in these places.
type Held = (Arc<Places>, Arc<Joined>);

/// Joined traces.
#[derive(Clone, Debug)]
struct Kept {
    of: Whose,
    names: Names,
    traces: HashMap<TraceId, Held, FixedState>,
}

/// Corrects what digests counted by the traces that they can't tell, the odd ones among them; `counted` has, for each
/// block, the time of which its digests counted all. False where a sum can't be told without counting anew.
pub(super) fn correct(
    run: &mut Run<'_>,
    (known, odd): (&Whereabouts, &Odd),
    counted: &[Option<TimeRange>],
    sums: &mut Sums,
) -> Result<bool> {
    let plan = run.plan;
    let views = Views::of(run);
    let memory = views.memory.clone();
    let of = Whose::by(plan);
    let before = memory.as_ref().and_then(|memory| Kept::read(memory, &of));
    let mut now = before.as_deref().map_or_else(|| Kept::new(of), Kept::clone_names);
    let mut corrections = Corrections::default();
    let counted = Counted::of(&views, counted);
    let mut missing: Vec<Missing> = Vec::new();
    let scattered = known.traces.iter().map(|(id, known)| (*id, known));
    let odd = located(run, (known, odd), before.as_deref());
    let odd = odd.iter().map(|(id, known)| (*id, known));
    for (id, Known { places, lasts }) in scattered.chain(odd) {
        if !plan.time.overlaps(lasts.start, lasts.end) {
            continue;
        }
        let are_told = counted.tell(places, *lasts);
        let held = before.as_ref().and_then(|before| before.traces.get(&id));
        let is_held = |(of, joined): &&Held| Arc::ptr_eq(of, places) && (are_told || joined.is_whole);
        match held.filter(is_held) {
            Some((_, joined)) => {
                let asked = |call: &Call| now.is_asked(plan, call);
                joined.correct(&asked, &|run| counted.of_run(places, run), &mut corrections);
            }
            None => missing.push(((id, places.clone()), are_told)),
        }
    }
    let mut joined: Vec<(TraceId, Held)> = Vec::new();
    let order = if missing.is_empty() { HashMap::default() } else { known.order(run) };
    // Those that lie together are read together, each page once.
    missing.sort_unstable_by_key(|((_, places), _)| {
        places.runs.first().map(|(group, rows)| (*group, rows.first))
    });
    for some in missing.chunks(JOINED_MAX) {
        if run.is_over_time() {
            break;
        }
        let traces: Vec<&(TraceId, Arc<Places>)> = some.iter().map(|(trace, _)| trace).collect();
        for (((id, places), are_told), found) in some.iter().zip(now.join(run, (&views, &order), &traces)?) {
            let Some(found) = found else { continue };
            let asked = |call: &Call| now.is_asked(plan, call);
            found.correct(&asked, &|run| counted.of_run(places, run), &mut corrections);
            let found = if *are_told { found.brief() } else { found };
            joined.push((*id, (places.clone(), Arc::new(found))));
        }
    }
    let is_right = corrections.apply(&now.names, sums);
    // What was broken off may lack parts of traces.
    if let Some(memory) = memory.filter(|_| run.damages.is_empty() && !run.is_abandoned()) {
        now.keep(&memory, (before.as_deref(), joined), known);
    }
    Ok(is_right)
}

/// A trace that is not kept, and whether digests count all of its runs.
type Missing = ((TraceId, Arc<Places>), bool);

/// The times of which digests counted all, by blocks.
struct Counted<'c> {
    views: &'c Views<'c>,
    times: &'c [Option<TimeRange>],
    /// True where that is all time everywhere.
    are_all: bool,
}

impl<'c> Counted<'c> {
    fn of(views: &'c Views<'c>, times: &'c [Option<TimeRange>]) -> Self {
        let is_all = |time: &Option<TimeRange>| *time == Some(TimeRange::ALL);
        let are_all = times.len() == views.places.len() && times.iter().all(is_all);
        Self { views, times, are_all }
    }

    fn of_run(&self, places: &Places, run: u32) -> Option<TimeRange> {
        self.of_block(places.runs.get(run as usize)?.0.0)
    }

    fn of_block(&self, block: u64) -> Option<TimeRange> {
        self.times.get(*self.views.places.get(&block)?).copied().flatten()
    }

    /// True where all runs of a trace that lasts so long were counted.
    fn tell(&self, places: &Places, lasts: Lasts) -> bool {
        let is_inside = |time: TimeRange| time.contains(lasts.start) && time.contains(lasts.end);
        let mut runs = places.runs.iter();
        self.are_all || runs.all(|((block, _), _)| self.of_block(*block).is_some_and(is_inside))
    }
}

/// Where the odd traces lie that are in one place.
fn located(
    run: &mut Run<'_>,
    (known, odd): (&Whereabouts, &Odd),
    before: Option<&Kept>,
) -> Vec<(TraceId, Known)> {
    let mut located = Vec::new();
    for id in odd.ids.iter().filter(|id| !known.traces.contains_key(id)) {
        if run.is_over_time() {
            break;
        }
        let held = before.and_then(|before| before.traces.get(id));
        let held = held.filter(|(places, _)| is_there(known, places)).map(|(places, _)| places.clone());
        let places = held.unwrap_or_else(|| run.locate(*id));
        let mut lasts = Lasts::default();
        lasts.add_runs(&places.runs);
        located.push((*id, Known { places, lasts }));
    }
    located
}

/// True where a trace that lies in one run of rows is still there.
fn is_there(known: &Whereabouts, places: &Places) -> bool {
    places.head.is_empty() && places.runs.iter().all(|(group, _)| known.has(*group))
}

impl Whose {
    fn by(plan: &Plan) -> Self {
        let are_uses = asks_for_uses(plan);
        let with_queues = !are_uses && needs_attributes(plan);
        Self { tenant: plan.tenant.clone(), are_uses, with_queues }
    }

    fn key(&self) -> Key {
        Key { block: u64::MAX, kind: kind::JOINED, number: FixedState::default().hash_one(self) }
    }
}

impl Kept {
    fn new(of: Whose) -> Self {
        Self { of, names: Names::default(), traces: HashMap::default() }
    }

    fn read(memory: &Memory, of: &Whose) -> Option<Arc<Self>> {
        memory.index.get::<Self>(of.key()).filter(|kept| kept.of == *of)
    }

    /// The same without traces.
    fn clone_names(&self) -> Self {
        Self { names: self.names.clone(), ..Self::new(self.of.clone()) }
    }

    fn is_asked(&self, plan: &Plan, call: &Call) -> bool {
        let word =
            || Words { service: self.names.service(call), name: "", kind: call.kind, status: call.status };
        plan.time.contains(call.start)
            && (matches!(plan.spans, Filter::All) || passes(&plan.spans, word(), call.has_queue))
    }

    /// Joins some traces, in their order; nothing of those for which there was no time.
    fn join<'a>(
        &mut self,
        run: &mut Run<'a>,
        (views, order): (&Views<'a>, &HashMap<u64, usize, FixedState>),
        some: &[&(TraceId, Arc<Places>)],
    ) -> Result<Vec<Option<Joined>>> {
        let depth = if needs_attributes(run.plan) { Depth::Filtered } else { Depth::Skeleton };
        let head = run.head.clone();
        let batch = |number: &u64| order.get(number).map(|at| head[*at]);
        let mut joined: Vec<Option<Joined>> = Vec::with_capacity(some.len());
        for ((_, places), parts) in some.iter().zip(views.read(run, some, depth)?) {
            let in_head = places.head.iter();
            let in_head = in_head.filter_map(|(number, row)| Some(batch(number)?.span(*row as usize)));
            let spans: Vec<Span<'_>> =
                in_head.chain(parts.iter().flat_map(|(_, part)| part.spans())).collect();
            run.work.spans_seen += spans.len() as u64;
            joined.push(Family::of(spans).map(|family| self.joined(&family, &parts)));
        }
        // Spans that were sent twice are told apart by all that they hold.
        let double: Vec<usize> = (0..joined.len()).filter(|at| joined[*at].is_none()).collect();
        for double in double.chunks(WHOLE_MAX) {
            if run.is_over_time() {
                break;
            }
            let all: Vec<&(TraceId, Arc<Places>)> = double.iter().map(|at| some[*at]).collect();
            for (at, parts) in double.iter().zip(views.read(run, &all, Depth::Whole)?) {
                let (id, places) = some[*at];
                let mut numbers: Vec<u64> = places.head.iter().map(|(number, _)| *number).collect();
                numbers.dedup();
                let in_head = numbers.iter().filter_map(batch).cloned();
                let all = parts.iter().map(|(_, part)| part.clone()).chain(in_head).collect();
                let Some(trace) = Trace::join(*id, all) else { continue };
                run.work.spans_seen += trace.nodes().len() as u64;
                joined[*at] = Some(self.joined(&Family::whole(&trace), &parts));
            }
        }
        Ok(joined)
    }

    fn joined(&mut self, family: &Family<'_>, parts: &[(u32, Batch)]) -> Joined {
        let alone = parts.iter().map(|(at, part)| Some((*at, Family::of_batch(part)?)));
        let runs: Vec<_> = alone.flatten().collect();
        let field = Field::Attribute { level: Level::Span, key: MESSAGING.into() };
        let queue = Filter::Is(Condition { field, compare: Compare::Exists, operand: Operand::None });
        let with_queues = self.of.with_queues;
        let has_queue = |span: Span<'_>| with_queues && store::eval::passes(&queue, span);
        let mut noting = Noting { names: &mut self.names, are_uses: self.of.are_uses, has_queue: &has_queue };
        Joined::of(family, &runs, &mut noting)
    }

    /// Keeps these with what was known of other traces that are still there.
    fn keep(
        mut self,
        memory: &Memory,
        (before, joined): (Option<&Self>, Vec<(TraceId, Held)>),
        known: &Whereabouts,
    ) {
        if joined.is_empty() {
            return;
        }
        if let Some(before) = before {
            let stays = |(id, (places, _)): &(&TraceId, &Held)| match known.traces.get(*id) {
                Some(now) => Arc::ptr_eq(&now.places, places),
                None => is_there(known, places),
            };
            let stay = before.traces.iter().filter(stays);
            self.traces.extend(stay.map(|(id, held)| (*id, held.clone())));
        }
        self.traces.extend(joined);
        let of_traces: usize = self.traces.values().map(|(_, joined)| joined.memory() + TRACE_BYTES).sum();
        let bytes = of_traces + self.names.memory();
        memory.index.put_dear(self.of.key(), Arc::new(self), bytes);
    }
}

/// True where a skeleton does not suffice to answer the plan.
pub(super) fn needs_attributes(plan: &Plan) -> bool {
    asks_for_uses(plan) || compares_attributes(&plan.spans)
}

fn compares_attributes(filter: &Filter) -> bool {
    match filter {
        Filter::All => false,
        Filter::Is(condition) => !matches!(
            condition.field,
            Field::Service | Field::Name | Field::Kind | Field::Status | Field::Duration
        ),
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(compares_attributes),
        Filter::Not(filter) => compares_attributes(filter),
    }
}
