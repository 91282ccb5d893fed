//! Counts the calls of traces that have to be joined, and takes back what digests counted of their parts.
//!
//! A digest counts each run of rows alone. Of a trace in several places a call may be missing there (parent and child lie
//! apart), or be counted twice (a span was sent twice). So the calls of the whole trace are compared with those of its
//! counted runs: what is missing is added at once, what is too much is taken out in the end.

use model::{Batch, Kin, Span, StatusCode, TimeRange, Trace, TraceId};

use super::Run;
use super::edges::{Odd, Sums};
use super::skeleton::Part;
use super::spread::Spread;
use crate::block::BlockView;
use crate::digest;

/// What the digests of a block counted.
pub(super) struct Counted<'a> {
    pub(super) view: &'a BlockView,
    pub(super) whole: TimeRange,
}

/// A call: the services of parent and child, how long the child took, whether it failed.
type Call = (String, String, u64, bool);

/// Calls that were counted too often.
#[derive(Default)]
pub(super) struct Excess(Vec<(Call, bool)>);

impl Excess {
    /// Takes them out; false where a sum can't be told without counting anew.
    pub(super) fn take_out(self, sums: &mut Sums) -> bool {
        self.0.into_iter().all(|((parent, child, duration, failed), has_equal)| {
            let sum = sums.get_mut(&(parent, child));
            sum.is_some_and(|sum| sum.remove(duration, failed, has_equal))
        })
    }
}

/// Adds the calls of a trace that no digest counted, and notes those that one counted too often.
pub(super) fn correct(
    run: &mut Run<'_>,
    (trace, parts): (&Trace, &[Part<'_>]),
    counted: &[Counted<'_>],
    (sums, excess): (&mut Sums, &mut Excess),
) {
    let mut known: Vec<Call> = Vec::new();
    for part in parts {
        let counted = counted.iter().find(|of| part.view.is_some_and(|view| std::ptr::eq(view, of.view)));
        let Some(counted) = counted.filter(|_| is_counted(&part.batch)) else { continue };
        let Some(alone) = Trace::join(trace.id(), vec![part.batch.clone()]) else { continue };
        calls(run, &alone, |start, call| known.extend(counted.whole.contains(start).then_some(call)));
    }
    let mut all: Vec<Call> = Vec::new();
    calls(run, trace, |_, call| all.push(call));
    all.sort_unstable();
    known.sort_unstable();
    let (mut more, mut rest) = (Vec::new(), all.iter().peekable());
    for call in known {
        while let Some(missing) = rest.next_if(|other| **other < call) {
            more.push(missing);
        }
        if rest.next_if(|other| **other == call).is_none() {
            let equal = |other: &Call| (&other.0, &other.1, other.2) == (&call.0, &call.1, call.2);
            let has_equal = all.iter().any(equal);
            excess.0.push((call, has_equal));
        }
    }
    for (parent, child, duration, failed) in more.into_iter().chain(rest) {
        sums.entry((parent.clone(), child.clone())).or_default().add(*duration, *failed);
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
    let services = |batch: &&Batch| -> Vec<String> {
        (0..batch.resource_count() as u32).map(|at| batch.resource(at).service().to_owned()).collect()
    };
    let services: Vec<Vec<String>> = batches.iter().map(services).collect();
    for of_trace in rows.chunk_by(|left, right| left.0 == right.0) {
        if run.is_over_time() {
            return;
        }
        let span = |at: usize| batches[of_trace[at].1 as usize].span(of_trace[at].2 as usize);
        let service = |at: usize| &services[of_trace[at].1 as usize][span(at).row().resource as usize];
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
        for (child, parent) in parents.into_iter().enumerate().filter(|(child, _)| found[*child]) {
            let Some(parent) = parent.filter(|parent| service(*parent) != service(child)) else { continue };
            let sum = sums.entry((service(parent).clone(), service(child).clone())).or_default();
            sum.add(span(child).duration(), span(child).status() == StatusCode::Error);
        }
    }
}

fn kin(span: Span<'_>) -> Kin {
    Kin { start: span.start(), id: span.span_id(), parent: span.parent(), kind: span.kind() }
}

/// True where a digest counts a run of these spans.
fn is_counted(run: &Batch) -> bool {
    digest::parents(&run.spans().map(kin).collect::<Vec<_>>()).is_some()
}

/// Visits the calls of a trace that the plan asks for, with the start of the child.
fn calls(run: &mut Run<'_>, trace: &Trace, mut visit: impl FnMut(u64, Call)) {
    for node in trace.nodes() {
        let Some(parent) = node.parent else { continue };
        let (child, parent) = (trace.span(node), trace.span(&trace.nodes()[parent as usize]));
        if parent.service() == child.service() || !run.finds(child) {
            continue;
        }
        let failed = child.status() == StatusCode::Error;
        let ends = (parent.service().to_owned(), child.service().to_owned());
        visit(child.start(), (ends.0, ends.1, child.duration(), failed));
    }
}
