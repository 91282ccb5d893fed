//! Counts the calls and uses of traces that have to be joined, and takes back what digests counted of their parts.
//!
//! A digest counts each run of rows alone. Of a trace in several places a call may be missing there (parent and child lie
//! apart), or be counted twice (a span was sent twice). So the calls of the whole trace are compared with those of its
//! counted runs: what is missing is added at once, what is too much is taken out in the end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, Kin, Kind, Span, StatusCode, TimeRange, Trace, TraceId};
use store::metrics::Tally;
use store::uses::{self, Means, Target};

use super::Run;
use super::edges::{Odd, Sums, To, asks_for_uses};
use super::skeleton::Part;
use super::spread::Spread;
use crate::digest;

/// A call or a use, with all that questions that digests answer tell apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    parent: Arc<str>,
    to: To<Arc<str>, Arc<str>>,
    /// When the span started that it is counted by, and how long it took.
    pub(super) start: u64,
    duration: u64,
    pub(super) kind: Kind,
    pub(super) status: StatusCode,
    pub(super) has_queue: bool,
}

/// A call of a trace, or one that only a part of it seems to have.
#[derive(Debug)]
struct Seen {
    call: Call,
    /// True where the whole trace has it.
    is_one: bool,
    /// The part by which a digest may have counted it, by the place of its block.
    part: Option<u32>,
}

/// The calls of a trace, and how digests see them.
#[derive(Debug, Default)]
pub(super) struct Joined(Vec<Seen>);

/// Which calls to note: given a run and the called span, whether to note it, and whether it came through a queue.
pub(super) type Noted<'n> = &'n dyn Fn(&mut Run<'_>, Span<'_>) -> Option<bool>;

impl Joined {
    /// The calls of a trace in these parts, each with the place of its block where it is in one.
    pub(super) fn of(
        run: &mut Run<'_>,
        trace: &Trace,
        parts: &[(Option<u32>, &Part<'_>)],
        noted: Noted<'_>,
    ) -> Self {
        let mut seen: Vec<Seen> = Vec::new();
        calls(run, trace, noted, |call| seen.push(Seen { call, is_one: true, part: None }));
        let mut open: HashMap<Call, Vec<usize>, FixedState> = HashMap::default();
        for (at, seen) in seen.iter().enumerate() {
            open.entry(seen.call.clone()).or_default().push(at);
        }
        for (place, part) in parts {
            let Some(place) = place.filter(|_| is_counted(&part.batch)) else { continue };
            let Some(alone) = Trace::join(trace.id(), vec![part.batch.clone()]) else { continue };
            calls(run, &alone, noted, |call| match open.get_mut(&call).and_then(Vec::pop) {
                Some(at) => seen[at].part = Some(place),
                None => seen.push(Seen { call, is_one: false, part: Some(place) }),
            });
        }
        Self(seen)
    }

    /// Adds the calls that no digest counted, and notes those that one counted too often. `whole` is the time of which the
    /// digests of a block counted all.
    pub(super) fn correct(
        &self,
        asked: &dyn Fn(&Call) -> bool,
        whole: &dyn Fn(u32) -> Option<TimeRange>,
        (sums, excess): (&mut Sums, &mut Excess),
    ) {
        for Seen { call, is_one, part } in self.0.iter().filter(|seen| asked(&seen.call)) {
            let is_counted = part.and_then(whole).is_some_and(|whole| whole.contains(call.start));
            if *is_one == is_counted {
                continue;
            }
            let names = ((*call.parent).to_owned(), call.to.to_owned());
            let failed = call.status == StatusCode::Error;
            if *is_one {
                sums.entry(names).or_default().add(call.duration, failed);
                continue;
            }
            let alike = |seen: &Seen| seen.is_one && seen.call.looks_like(call) && asked(&seen.call);
            excess.0.push((names, call.duration, failed, self.0.iter().any(alike)));
        }
    }

    /// What it takes in memory at most, names and all.
    pub(super) fn memory(&self) -> usize {
        let names = self.0.iter().map(|seen| seen.call.parent.len() + seen.call.to.len());
        size_of::<Self>() + self.0.capacity() * size_of::<Seen>() + names.sum::<usize>()
    }
}

impl Call {
    /// The service of the span that it is counted by.
    pub(super) fn service(&self) -> &str {
        match &self.to {
            To::Service(child) => child,
            To::Target(..) => &self.parent,
        }
    }

    fn looks_like(&self, other: &Self) -> bool {
        (&self.parent, &self.to, self.duration) == (&other.parent, &other.to, other.duration)
    }
}

impl To<Arc<str>, Arc<str>> {
    fn to_owned(&self) -> To<String, String> {
        match self {
            Self::Service(child) => To::Service((**child).to_owned()),
            Self::Target(Target { means, system, name }, is_answered) => {
                let target = Target { means: *means, system: &**system, name: &**name };
                To::Target(target.to_owned(), *is_answered)
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Service(child) => child.len(),
            Self::Target(target, _) => target.system.len() + target.name.len(),
        }
    }
}

/// Calls that were counted too often.
#[derive(Default)]
pub(super) struct Excess(Vec<Surplus>);

/// Between whom, how long it took, whether it failed, and whether the trace has an equal one.
type Surplus = ((String, To<String, String>), u64, bool, bool);

impl Excess {
    /// Takes them out; false where a sum can't be told without counting anew.
    pub(super) fn take_out(self, sums: &mut Sums) -> bool {
        self.0.into_iter().all(|(names, duration, failed, has_equal)| {
            let sum = sums.get_mut(&names);
            sum.is_some_and(|sum| sum.remove(duration, failed, has_equal))
        })
    }
}

/// Counts the calls of the traces that lie in the head alone, and names the others that the plan looks for.
pub(super) fn head(run: &mut Run<'_>, spread: Option<&Spread>, (sums, odd): (&mut Sums, &mut Odd)) {
    let batches = run.head.clone();
    let mut rows: Vec<(TraceId, u32, u32)> = Vec::new();
    for (number, batch) in (0..).zip(&batches) {
        rows.extend((0..).zip(batch.rows()).map(|(place, row)| (row.trace_id, number, place)));
    }
    rows.sort_unstable();
    let services = Services::of(&batches);
    let mut counted: HashMap<(u32, To<u32, &str>), Tally, FixedState> = HashMap::default();
    for of_trace in rows.chunk_by(|left, right| left.0 == right.0) {
        if run.is_over_time() {
            break;
        }
        let span = |at: usize| batches[of_trace[at].1 as usize].span(of_trace[at].2 as usize);
        let service =
            |at: usize| services.of_batch[of_trace[at].1 as usize][span(at).row().resource as usize];
        let found: Vec<bool> = (0..of_trace.len()).map(|at| run.finds(span(at))).collect();
        if !found.contains(&true) {
            continue;
        }
        let is_alone = spread.is_some_and(|spread| !spread.holds(of_trace[0].0));
        let kin: Vec<Kin> = (0..of_trace.len()).map(|at| kin(span(at))).collect();
        let Some(parents) = digest::parents(&kin).filter(|_| is_alone) else {
            odd.add(of_trace[0].0);
            continue;
        };
        let caller = |(child, parent): (usize, &Option<usize>)| {
            let parent = parent.filter(|parent| service(*parent) != service(child))?;
            Some((parent, child))
        };
        let called = parents.iter().enumerate().filter_map(caller);
        let mut count = |parent: usize, to, at: usize| {
            let sum = counted.entry((service(parent), to)).or_default();
            sum.add(span(at).duration(), span(at).status() == StatusCode::Error);
        };
        if !asks_for_uses(run.plan) {
            for (parent, child) in called.filter(|(_, child)| found[*child]) {
                count(parent, To::Service(service(child)), child);
            }
            continue;
        }
        let answered: HashSet<usize, FixedState> = called.map(|(parent, _)| parent).collect();
        for at in (0..of_trace.len()).filter(|at| found[*at]) {
            if let Some(target) = Target::of_span(span(at)) {
                let is_answered = target.means == Means::Peer && answered.contains(&at);
                count(at, To::Target(target, is_answered), at);
            }
        }
    }
    for ((service, to), sum) in counted {
        let to = match to {
            To::Service(child) => To::Service(services.name(child)),
            To::Target(target, is_answered) => To::Target(target.to_owned(), is_answered),
        };
        sums.entry((services.name(service), to)).or_default().merge(&sum);
    }
}

/// The services of the head, by number.
struct Services<'a> {
    names: Vec<&'a str>,
    /// By batch and resource.
    of_batch: Vec<Vec<u32>>,
}

impl<'a> Services<'a> {
    fn of(batches: &[&'a Batch]) -> Self {
        let mut names: Vec<&'a str> = Vec::new();
        let mut numbers: HashMap<&'a str, u32, FixedState> = HashMap::default();
        let mut number = |name: &'a str| {
            let next = names.len() as u32;
            let number = *numbers.entry(name).or_insert(next);
            if number == next {
                names.push(name);
            }
            number
        };
        let of_batch = batches
            .iter()
            .map(|batch| {
                let resources = 0..batch.resource_count() as u32;
                resources.map(|at| number(batch.resource(at).service())).collect()
            })
            .collect();
        Self { names, of_batch }
    }

    fn name(&self, number: u32) -> String {
        self.names[number as usize].to_owned()
    }
}

fn kin(span: Span<'_>) -> Kin {
    Kin { start: span.start(), id: span.span_id(), parent: span.parent(), kind: span.kind() }
}

/// True where a digest counts a run of these spans.
fn is_counted(run: &Batch) -> bool {
    digest::parents(&run.spans().map(kin).collect::<Vec<_>>()).is_some()
}

/// Visits the calls or uses of a trace that are to be noted.
fn calls(run: &mut Run<'_>, trace: &Trace, noted: Noted<'_>, mut visit: impl FnMut(Call)) {
    let mut known: HashMap<&str, Arc<str>, FixedState> = HashMap::default();
    let mut shared = |text| known.entry(text).or_insert_with_key(|text| (*text).into()).clone();
    let call = |span: Span<'_>, (parent, to), has_queue| Call {
        parent,
        to,
        start: span.start(),
        duration: span.duration(),
        kind: span.kind(),
        status: span.status(),
        has_queue,
    };
    if asks_for_uses(run.plan) {
        uses::each(trace, |span, Target { means, system, name }, is_answered| {
            let Some(has_queue) = noted(run, span) else { return };
            let target = Target { means, system: shared(system), name: shared(name) };
            visit(call(span, (shared(span.service()), To::Target(target, is_answered)), has_queue));
        });
        return;
    }
    for node in trace.nodes() {
        let Some(parent) = node.parent else { continue };
        let (child, parent) = (trace.span(node), trace.span(&trace.nodes()[parent as usize]));
        if parent.service() == child.service() {
            continue;
        }
        let Some(has_queue) = noted(run, child) else { continue };
        let to = To::Service(shared(child.service()));
        visit(call(child, (shared(parent.service()), to), has_queue));
    }
}
