//! Counts calls and uses of traces by reading them, for questions that digests can't answer.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use model::{Batch, Kin, Span, StatusCode, TraceId};
use store::uses::{Means, Target};

use super::Run;
use super::edges::{Odd, Sum, Sums, To, asks_for_uses};
use super::joined::{Family, Names};
use super::kept::{JOINED_MAX, needs_attributes};
use super::skeleton::{self, Depth};
use super::whereabouts::Whereabouts;
use crate::digest;
use crate::error::Result;

/// Adds the calls of traces that have to be joined.
pub(super) fn join(run: &mut Run<'_>, odd: &Odd, sums: &mut Sums) -> Result<()> {
    let depth = if needs_attributes(run.plan) { Depth::Filtered } else { Depth::Skeleton };
    let are_uses = asks_for_uses(run.plan);
    let mut names = Names::default();
    let mut found: HashMap<u32, Sum, FixedState> = HashMap::default();
    for some in odd.ids.chunks(JOINED_MAX) {
        if run.is_over_time() {
            break;
        }
        for trace in skeleton::join(run, some, depth)? {
            Family::whole(&trace).each((&mut names, are_uses), |pair, span, is_answered| {
                if run.finds(span) {
                    let failed = span.status() == StatusCode::Error;
                    found.entry(pair).or_default().add(span.duration(), failed, is_answered);
                }
            });
        }
    }
    for (pair, sum) in found {
        sums.entry(names.of(pair)).or_default().merge(&sum);
    }
    Ok(())
}

/// Counts the calls of the traces that lie in the head alone, and names the others that the plan looks for.
pub(super) fn head(run: &mut Run<'_>, known: Option<&Whereabouts>, (sums, odd): (&mut Sums, &mut Odd)) {
    let batches = run.head.clone();
    let mut rows: Vec<(TraceId, u32, u32)> = Vec::new();
    for (number, batch) in (0..).zip(&batches) {
        rows.extend((0..).zip(batch.rows()).map(|(place, row)| (row.trace_id, number, place)));
    }
    rows.sort_unstable();
    let services = Services::of(&batches);
    let mut counted: HashMap<(u32, To<u32, &str>), Sum, FixedState> = HashMap::default();
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
        let is_alone = known.is_some_and(|known| !known.is_spread(of_trace[0].0));
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
        let mut count = |parent: usize, to, (at, is_answered): (usize, bool)| {
            let sum = counted.entry((service(parent), to)).or_default();
            sum.add(span(at).duration(), span(at).status() == StatusCode::Error, is_answered);
        };
        if !asks_for_uses(run.plan) {
            for (parent, child) in called.filter(|(_, child)| found[*child]) {
                count(parent, To::Service(service(child)), (child, false));
            }
            continue;
        }
        let answered: HashSet<usize, FixedState> = called.map(|(parent, _)| parent).collect();
        for at in (0..of_trace.len()).filter(|at| found[*at]) {
            if let Some(target) = Target::of_span(span(at)) {
                let is_answered = target.means == Means::Peer && answered.contains(&at);
                count(at, To::Target(target), (at, is_answered));
            }
        }
    }
    for ((service, to), sum) in counted {
        let to = match to {
            To::Service(child) => To::Service(services.name(child)),
            To::Target(target) => To::Target(target.to_owned()),
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
