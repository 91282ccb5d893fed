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
use super::places::Places;
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

/// What a trace takes among those that are kept, besides its calls.
const TRACE_BYTES: usize = 64;

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
    let mut missing: Vec<(TraceId, Arc<Places>)> = Vec::new();
    let mut corrections = Corrections::default();
    let asked: Vec<(TraceId, Arc<Places>)> = asked(run, (known, odd), before.as_deref())?;
    let is_new = |id: &TraceId, places: &Arc<Places>| {
        let held = before.as_ref().and_then(|before| before.traces.get(id));
        held.filter(|(known, _)| Arc::ptr_eq(known, places)).map(|(_, joined)| joined.clone())
    };
    let whole = |places: &Places, run: u32| {
        let (block, _) = places.runs.get(run as usize)?.0;
        counted.get(*views.places.get(&block)?).copied().flatten()
    };
    for (id, places) in asked {
        match is_new(&id, &places) {
            Some(joined) => {
                let asked = |call: &Call| now.is_asked(plan, call);
                joined.correct(&asked, &|run| whole(&places, run), &mut corrections);
            }
            None => missing.push((id, places)),
        }
    }
    let mut joined: Vec<(TraceId, Held)> = Vec::new();
    let order = if missing.is_empty() { HashMap::default() } else { known.order(run) };
    // Those that lie together are read together, each page once.
    missing.sort_unstable_by_key(|(_, places)| places.runs.first().map(|(group, rows)| (*group, rows.first)));
    for some in missing.chunks(JOINED_MAX) {
        if run.is_over_time() {
            break;
        }
        for ((id, places), found) in some.iter().zip(now.join(run, (&views, &order), some)?) {
            let Some(found) = found else { continue };
            let asked = |call: &Call| now.is_asked(plan, call);
            found.correct(&asked, &|run| whole(places, run), &mut corrections);
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

/// The traces that are to be joined, and where they lie.
fn asked(
    run: &mut Run<'_>,
    (known, odd): (&Whereabouts, &Odd),
    before: Option<&Kept>,
) -> Result<Vec<(TraceId, Arc<Places>)>> {
    let time = run.plan.time;
    let scattered = known.traces.iter().filter(|(_, known)| known.places.overlaps(time));
    let mut asked: Vec<(TraceId, Arc<Places>)> =
        scattered.map(|(id, known)| (*id, known.places.clone())).collect();
    for id in odd.ids.iter().filter(|id| !known.traces.contains_key(id)) {
        if run.is_over_time() {
            break;
        }
        let held = before.and_then(|before| before.traces.get(id));
        let held = held.filter(|(places, _)| is_there(known, places)).map(|(places, _)| places.clone());
        asked.push((*id, held.unwrap_or_else(|| run.locate(*id))));
    }
    Ok(asked)
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
        some: &[(TraceId, Arc<Places>)],
    ) -> Result<Vec<Option<Joined>>> {
        let depth = if needs_attributes(run.plan) { Depth::Filtered } else { Depth::Skeleton };
        let all: Vec<&(TraceId, Arc<Places>)> = some.iter().collect();
        let head = run.head.clone();
        let batch = |number: &u64| order.get(number).map(|at| head[*at]);
        let mut joined: Vec<Option<Joined>> = Vec::with_capacity(some.len());
        for ((_, places), parts) in some.iter().zip(views.read(run, &all, depth)?) {
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
            let all: Vec<&(TraceId, Arc<Places>)> = double.iter().map(|at| &some[*at]).collect();
            for (at, parts) in double.iter().zip(views.read(run, &all, Depth::Whole)?) {
                let (id, places) = &some[*at];
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
        memory.index.put(self.of.key(), Arc::new(self), bytes);
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
