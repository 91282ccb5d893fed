//! Finds the first traces in the asked order of which some span passes, without looking at what comes after them.
//!
//! Row groups are opened by the best rank that a run of theirs may have, and their runs are looked at in their order, until
//! what is left can't come before what was found. A trace that lies in several places may have begun earlier, or last
//! longer, than any of its runs. Where that matters, such traces are ranked as a whole ([`Scattered`]). It does not matter
//! for the first page of the newest: no trace begins later than any of its spans, so what is found is looked for elsewhere,
//! and where traces lie is not found out for it unless it looks at many.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use foldhash::fast::FixedState;
use model::TraceId;
use store::{Order, Plan};

use super::foretold::Foretold;
use super::opened::Opened;
use super::scattered::Scattered;
use super::traces::{Extent, Found, cover_head, extents, passes_root};
use super::whereabouts::Whereabouts;
use super::{Place, Run};
use crate::columns::shred::TraceRows;
use crate::index::{Group, TraceRun};

/// So many spans of the head are compared at first, then four times as many at once, and so on.
const SPANS_AT_FIRST: usize = 1024;

/// After so many traces it pays to know where they lie: most lie in one place only, and need not be looked for elsewhere.
const LOOKED_AT: usize = 1000;

/// The first traces so far, by rank; at most one more than the limit.
#[derive(Default)]
struct First {
    found: Vec<Found>,
    seen: HashSet<TraceId, FixedState>,
    /// Runs that passed, with the places of their row groups; their traces are still to be looked for elsewhere.
    waiting: Vec<(usize, TraceRows)>,
    /// The extents in the head, once they were asked for several times.
    head: Option<HashMap<TraceId, Extent, FixedState>>,
    turns: usize,
}

/// What is looked at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// A row group that is not open yet.
    Group(usize),
    /// The next run of one that is.
    Run(usize),
    /// A trace that is looked at as a whole.
    Scattered(TraceId),
}

/// What is left to be looked at, by the best rank that it may have.
type Rest = BinaryHeap<Reverse<(u64, Next)>>;

/// `None` where traces in several places can't be told.
pub(super) fn first(run: &mut Run<'_>) -> Option<Vec<Found>> {
    let plan = run.plan;
    let mut first = First::default();
    let mut rest: Rest = BinaryHeap::new();
    let is_as_it_seems = plan.order == Order::Newest && plan.after.is_none() && plan.trace.is_empty();
    let mut scattered = None;
    if is_as_it_seems {
        run.known = Whereabouts::if_near(run);
        first.take_head(run);
    } else {
        let known = Whereabouts::of(run)?;
        run.known = Some(known.clone());
        let all = Scattered::of(run, known);
        let in_time = all.all().filter(|(_, extent)| plan.time.overlaps(extent.start, extent.end));
        let keyed =
            in_time.filter_map(|(id, extent)| Some(Reverse((key(plan, extent)?, Next::Scattered(id)))));
        rest = keyed.collect::<Vec<_>>().into();
        scattered = Some(all);
    }
    let groups = run.groups.iter().enumerate().filter(|(_, place)| may_follow(plan, place.group));
    rest.extend(groups.map(|(at, place)| Reverse((best(plan.order, place.group), Next::Group(at)))));
    let mut looking = Looking { open: HashMap::default(), foretold: Foretold::new() };
    while let Some(Reverse((key, next))) = rest.pop() {
        if first.is_full(run, key) || run.is_over_time() {
            break;
        }
        match next {
            Next::Group(at) => {
                let opened = looking.opened(run, first.last_key(run), at);
                rest.extend(opened.and_then(|opened| opened.key()).map(|key| Reverse((key, Next::Run(at)))));
            }
            Next::Run(at) => {
                let Some(Some(opened)) = looking.open.get_mut(&at) else { continue };
                let found = opened.next(run, &mut looking.foretold);
                rest.extend(opened.key().map(|key| Reverse((key, Next::Run(at)))));
                match (found, &scattered) {
                    (Some((rows, _)), None) => first.wait(run, (at, rows)),
                    (Some((rows, has_root)), Some(scattered))
                        if !scattered.holds(rows.id) && (has_root || passes_root(run, rows.id)) =>
                    {
                        first.keep(run, rows.id, Extent::alone(&rows, at));
                    }
                    _ => {}
                }
            }
            Next::Scattered(id) => {
                let Some(scattered) = &mut scattered else { continue };
                let last = first.last_key(run);
                let passes = scattered.may_have_root(run, id) && looking.passes(run, (scattered, last), id);
                let extent = scattered.extent(id).filter(|_| passes && passes_root(run, id));
                extent.into_iter().for_each(|extent| first.keep(run, id, extent));
            }
        }
    }
    first.take_waiting(run);
    looking.open.values().flatten().for_each(|opened| run.work += opened.work());
    Some(first.found)
}

/// The row groups that were opened; nothing for those that hold nothing, or can't be read.
struct Looking<'a> {
    open: HashMap<usize, Option<Opened<'a>>, FixedState>,
    foretold: Foretold,
}

impl<'a> Looking<'a> {
    /// A row group, of whose runs those need not be looked at that come after this key.
    fn opened(&mut self, run: &mut Run<'a>, last: u64, at: usize) -> Option<&mut Opened<'a>> {
        if !self.open.contains_key(&at) {
            let opened = open(run, &mut self.foretold, (run.groups[at], last));
            self.open.insert(at, opened);
        }
        self.open.get_mut(&at)?.as_mut()
    }

    /// True where a span of the trace passes, wherever it is.
    fn passes(&mut self, run: &mut Run<'a>, (scattered, last): (&mut Scattered, u64), id: TraceId) -> bool {
        if scattered.passes_in_head(run, id) {
            return true;
        }
        scattered.runs(id).into_iter().any(|(group, first)| {
            if self.opened(run, last, group).is_none() {
                return false;
            }
            let Some(Some(opened)) = self.open.get_mut(&group) else { return false };
            opened.place(first).is_some_and(|place| opened.passes(run, &mut self.foretold, place))
        })
    }
}

fn open<'a>(
    run: &mut Run<'a>,
    foretold: &mut Foretold,
    (place, last): (Place<'a>, u64),
) -> Option<Opened<'a>> {
    let plan = run.plan;
    if !run.may_pass(plan, place) || !foretold.may_hold(run, place.view, place.group.extent) {
        return None;
    }
    run.open(place.view);
    let mut opened = Opened::new(run, place).map_err(|error| run.go_on_without(&error)).ok()?;
    let key = |rows: &TraceRun| key(plan, Extent::new(rows.start, rows.end));
    opened.wait(run, foretold, |rows| key(rows).filter(|key| *key <= last));
    Some(opened)
}

/// The key of the rank of a trace of this extent; `None` where it does not pass or comes before the cursor.
fn key(plan: &Plan, extent: Extent) -> Option<u64> {
    let duration = extent.end - extent.start;
    let (key, _) = plan.order.rank(extent.start, duration, TraceId::default());
    // A trace of the cursor's rank comes before or after it by its id, which decides in the end.
    let after = plan.after.map(|cursor| plan.order.rank(cursor.key, cursor.key, cursor.id).0);
    (plan.trace.passes(duration) && after.is_none_or(|after| after <= key)).then_some(key)
}

/// The key of the best rank that a run of the group may have.
fn best(order: Order, group: &Group) -> u64 {
    match order {
        Order::Newest => u64::MAX - group.extent.1,
        Order::Oldest => group.extent.0,
        Order::Longest => group.longest.map_or(0, |longest| u64::MAX - longest),
    }
}

/// False where no run of the group passes the trace filter and comes after the cursor.
fn may_follow(plan: &Plan, group: &Group) -> bool {
    let is_long_enough = match (plan.trace.duration_min, group.longest) {
        (Some(min), Some(longest)) => min <= longest,
        _ => true,
    };
    is_long_enough
        && plan.after.is_none_or(|cursor| match plan.order {
            Order::Newest => group.extent.0 <= cursor.key,
            Order::Oldest => cursor.key <= group.extent.1,
            Order::Longest => true,
        })
}

impl First {
    /// True where no trace with such a key, or a greater one, comes among those found.
    fn is_full(&self, run: &Run<'_>, key: u64) -> bool {
        self.last_key(run) < key
    }

    /// The greatest key of a trace that may come among those found.
    fn last_key(&self, run: &Run<'_>) -> u64 {
        self.found.get(run.plan.limit).map_or(u64::MAX, |((last, _), _)| *last)
    }

    /// Takes the newest traces of the head of which some span passes: latest spans first.
    fn take_head(&mut self, run: &mut Run<'_>) {
        let batches = run.head_candidates();
        let mut spans: Vec<(u64, u32, u32)> = Vec::new();
        for (number, batch) in (0..).zip(&batches) {
            spans.extend((0..).zip(batch.rows()).map(|(at, row)| (row.start, number, at)));
        }
        let (mut rest, mut count) = (&mut spans[..], SPANS_AT_FIRST);
        while !rest.is_empty() {
            if count < rest.len() {
                rest.select_nth_unstable_by(count - 1, |left, right| right.cmp(left));
            }
            let (some, later) = rest.split_at_mut(count.min(rest.len()));
            let latest = some.iter().map(|(start, ..)| *start).max().unwrap_or(0);
            if self.is_full(run, u64::MAX - latest) || run.is_over_time() {
                break;
            }
            let mut passing: HashSet<TraceId, FixedState> = HashSet::default();
            for (_, number, at) in &*some {
                let span = batches[*number as usize].span(*at as usize);
                let is_new = !self.seen.contains(&span.trace_id()) && !passing.contains(&span.trace_id());
                if is_new && run.finds(span) {
                    passing.insert(span.trace_id());
                }
            }
            self.take(run, passing);
            (rest, count) = (later, count * 4);
        }
    }

    /// Lets a run wait until there are as many as the answer has rows, so that all are looked for together.
    fn wait(&mut self, run: &mut Run<'_>, rows: (usize, TraceRows)) {
        self.waiting.push(rows);
        if self.waiting.len() > run.plan.limit {
            self.take_waiting(run);
        }
    }

    fn take_waiting(&mut self, run: &mut Run<'_>) {
        let waiting = std::mem::take(&mut self.waiting);
        if self.seen.len() + waiting.len() > LOOKED_AT && run.known.is_none() {
            run.known = Whereabouts::of(run);
        }
        let mut elsewhere: HashSet<TraceId, FixedState> = HashSet::default();
        for (at, rows) in waiting {
            if self.seen.contains(&rows.id) {
                continue;
            }
            if run.known.as_ref().is_some_and(|known| !known.traces.contains_key(&rows.id)) {
                self.seen.insert(rows.id);
                self.keep(run, rows.id, Extent::alone(&rows, at));
            } else {
                elsewhere.insert(rows.id);
            }
        }
        self.take(run, elsewhere);
    }

    /// Takes traces, wherever their spans are.
    fn take(&mut self, run: &mut Run<'_>, ids: HashSet<TraceId, FixedState>) {
        if ids.is_empty() || run.is_abandoned() {
            return;
        }
        if let Some(known) = &run.known {
            for (id, known) in ids.iter().filter_map(|id| Some((*id, known.traces.get(id)?))) {
                self.keep(run, id, known.lasts.into());
            }
            self.seen.extend(ids);
            return;
        }
        self.turns += 1;
        if self.turns > 2 && self.head.is_none() {
            let mut head = HashMap::default();
            cover_head(run, &mut head, |_| true);
            self.head = Some(head);
        }
        let found = extents(run, &ids, self.head.as_ref());
        for (id, extent) in found {
            self.keep(run, id, extent);
        }
        self.seen.extend(ids);
    }

    fn keep(&mut self, run: &Run<'_>, id: TraceId, extent: Extent) {
        let plan = run.plan;
        let duration = extent.end - extent.start;
        let rank = plan.order.rank(extent.start, duration, id);
        if plan.trace.passes(duration) && plan.order.is_after(plan.after, rank) {
            let at = self.found.partition_point(|(other, _)| *other < rank);
            self.found.insert(at, (rank, extent));
            self.found.truncate(plan.limit + 1);
        }
    }
}
