//! Joins the traces whose calls or uses digests can't tell, and keeps what was found as long as memory has room.
//!
//! Closed blocks never change, so a trace that lies in such alone is joined once. What is kept is no answer but the calls
//! themselves, of which a question of any time takes those that it asks for. They are kept by the blocks that may hold
//! the trace, so that a new block leaves what is known of others as it is.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Span, Tenant, TimeRange, Trace, TraceId};
use store::plan::{Compare, Condition, Field, Filter, Level, Operand, Plan};

use super::Run;
use super::called::{is_known, passes};
use super::edges::{Sums, asks_for_uses};
use super::joined::{Call, Excess, Joined, Noted};
use super::skeleton::{Depth, Part, parts, whole};
use super::spread::Spread;
use super::words::Words;
use crate::block::BlockView;
use crate::digest::MESSAGING;
use crate::error::Result;
use crate::index::section::kind;
use crate::memory::{Key, Memory};

/// Traces that are joined at once.
const JOINED_MAX: usize = 1024;

/// What a trace takes among those that are kept, besides its calls.
const TRACE_BYTES: usize = 48;

/// Whose traces are kept, and in which blocks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Of {
    tenant: Tenant,
    blocks: Vec<u64>,
    /// True where their uses are kept, not their calls.
    are_uses: bool,
    /// True where it is known which of the calls came through a queue.
    with_queues: bool,
}

type Traces = HashMap<TraceId, Arc<Joined>, FixedState>;

/// Joined traces that are kept.
#[derive(Debug)]
struct Kept {
    of: Of,
    traces: Traces,
}

/// The traces of the same closed blocks.
struct Home {
    of: Of,
    kept: Option<Arc<Kept>>,
    new: Vec<(TraceId, Arc<Joined>)>,
}

/// Adds the calls of these traces that no digest counted, and notes those that one counted too often. `counted` has, for
/// each block, the time of which its digests counted all.
pub(super) fn correct(
    run: &mut Run<'_>,
    (spread, odd): (Option<&Spread>, &[TraceId]),
    counted: &[Option<TimeRange>],
    (sums, excess): (&mut Sums, &mut Excess),
) -> Result<()> {
    let plan = run.plan;
    let views = run.views();
    let spread = spread.filter(|_| plan.ids.is_none() && is_known(plan));
    let asked = |call: &Call| {
        let words = Words { service: call.service(), name: "", kind: call.kind, status: call.status };
        plan.time.contains(call.start) && passes(&plan.spans, words, call.has_queue)
    };
    let whole = |place: u32| counted.get(place as usize).copied().flatten();
    let mut homes: BTreeMap<&[u32], Option<Home>> = BTreeMap::new();
    let mut missing: Vec<(TraceId, &[u32])> = Vec::new();
    for id in odd {
        let places = spread.and_then(|spread| spread.homes(*id)).unwrap_or_default();
        let home = homes.entry(places).or_insert_with(|| Home::of(&views, places, plan));
        match home.as_ref().and_then(|home| home.kept.as_ref()?.traces.get(id)) {
            Some(joined) => {
                let whole = |place: u32| places.get(place as usize).copied().and_then(whole);
                joined.correct(&asked, &whole, (sums, excess));
            }
            None => missing.push((*id, places)),
        }
    }
    for some in missing.chunks(JOINED_MAX) {
        if run.is_over_time() {
            break;
        }
        for (id, places, of) in join(run, some)? {
            match homes.get_mut(places) {
                Some(Some(home)) => {
                    let joined = of.noted(run, places, &|run, span| Some(home.note(run, span)));
                    let whole = |place: u32| places.get(place as usize).copied().and_then(whole);
                    joined.correct(&asked, &whole, (sums, excess));
                    home.new.push((id, Arc::new(joined)));
                }
                _ => {
                    let all: Vec<u32> = (0..).take(views.len()).collect();
                    let found = |run: &mut Run<'_>, span: Span<'_>| run.finds(span).then_some(false);
                    of.noted(run, &all, &found).correct(&|_| true, &whole, (sums, excess));
                }
            }
        }
    }
    // What was broken off may lack parts of traces.
    if run.damages.is_empty() && !run.is_abandoned() {
        homes
            .into_iter()
            .for_each(|(places, home)| home.into_iter().for_each(|home| home.keep(&views, places)));
    }
    Ok(())
}

/// A trace, and what it was joined from.
struct Whole<'a> {
    trace: Trace,
    parts: Vec<Part<'a>>,
}

/// Joins traces; those that are nowhere are left out.
fn join<'a, 'p>(
    run: &mut Run<'a>,
    some: &[(TraceId, &'p [u32])],
) -> Result<Vec<(TraceId, &'p [u32], Whole<'a>)>> {
    let depth = if needs_attributes(run.plan) { Depth::Filtered } else { Depth::Skeleton };
    let ids: Vec<TraceId> = some.iter().map(|(id, _)| *id).collect();
    let mut joined = Vec::with_capacity(some.len());
    for ((id, places), parts) in some.iter().zip(parts(run, &ids, depth)?) {
        if let Some(trace) = whole(run, *id, (&parts, depth))? {
            joined.push((*id, *places, Whole { trace, parts }));
        }
    }
    Ok(joined)
}

impl Whole<'_> {
    /// Its calls that are to be noted; the blocks are those of the question at these places.
    fn noted(&self, run: &mut Run<'_>, places: &[u32], noted: Noted<'_>) -> Joined {
        let views = run.views();
        let place = |part: &Part<'_>| {
            let is_here =
                |place: &u32| part.view.is_some_and(|view| std::ptr::eq(views[*place as usize], view));
            places.iter().position(is_here).map(|place| place as u32)
        };
        let parts: Vec<_> = self.parts.iter().map(|part| (place(part), part)).collect();
        Joined::of(run, &self.trace, &parts, noted)
    }
}

impl Home {
    /// What is kept of the traces of blocks; `None` where that may change, or there is no memory common to all of them.
    fn of(views: &[&BlockView], places: &[u32], plan: &Plan) -> Option<Self> {
        let memory = memory(views, places)?;
        let blocks = places.iter().map(|place| views[*place as usize].groups[0].index().block()).collect();
        let are_uses = asks_for_uses(plan);
        let with_queues = !are_uses && needs_attributes(plan);
        let of = Of { tenant: plan.tenant.clone(), blocks, are_uses, with_queues };
        let kept = memory.index.get::<Kept>(key(&of)?).filter(|kept| kept.of == of);
        Some(Self { of, kept, new: Vec::new() })
    }

    /// True where a call came through a queue, as far as that is asked for.
    fn note(&self, run: &mut Run<'_>, span: Span<'_>) -> bool {
        run.work.spans_seen += 1;
        let field = Field::Attribute { level: Level::Span, key: MESSAGING.into() };
        let queue = Condition { field, compare: Compare::Exists, operand: Operand::None };
        self.of.with_queues && store::eval::passes(&Filter::Is(queue), span)
    }

    /// Keeps what was found besides.
    fn keep(self, views: &[&BlockView], places: &[u32]) {
        let (Some(memory), Some(key)) = (memory(views, places), key(&self.of)) else { return };
        if self.new.is_empty() {
            return;
        }
        let mut traces = self.kept.map_or_else(Traces::default, |kept| kept.traces.clone());
        traces.extend(self.new);
        let bytes = traces.values().map(|joined| joined.memory() + TRACE_BYTES).sum();
        memory.index.put(key, Arc::new(Kept { of: self.of, traces }), bytes);
    }
}

/// The memory of closed blocks.
pub(super) fn memory<'a>(views: &[&'a BlockView], places: &[u32]) -> Option<&'a Arc<Memory>> {
    let mut common: Option<&Arc<Memory>> = None;
    for place in places {
        let index = views.get(*place as usize)?.groups.first()?.index();
        let memory = index.memory();
        let is_closed = index.is_finished() && common.is_none_or(|common| Arc::ptr_eq(common, memory));
        common = is_closed.then_some(memory);
        common?;
    }
    common
}

fn key(of: &Of) -> Option<Key> {
    let number = FixedState::default().hash_one(of);
    Some(Key { block: *of.blocks.first()?, kind: kind::JOINED, number })
}

/// True where a skeleton does not suffice to answer the plan.
fn needs_attributes(plan: &Plan) -> bool {
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
