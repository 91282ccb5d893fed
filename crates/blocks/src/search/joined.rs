//! The calls and uses of a trace that has to be joined, and what digests counted of its parts.
//!
//! A digest counts each run of rows alone. Of a trace in several places a call may be missing there (parent and child lie
//! apart), or be counted twice (a span was sent twice). So the calls of the whole trace are compared with those of its
//! runs: what is missing is added, what is too much is taken out in the end.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::{Batch, Kin, Kind, Span, StatusCode, TimeRange, Trace};
use store::uses::{Means, Target};

use super::edges::{Sum, Sums, To};
use crate::digest;

/// A call or a use, with all that questions that digests answer tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Call {
    /// Between whom, among [`Names`].
    pub(super) pair: u32,
    /// When the span started that it is counted by, and how long it took.
    pub(super) start: u64,
    duration: u64,
    pub(super) kind: Kind,
    pub(super) status: StatusCode,
    pub(super) has_queue: bool,
}

/// A call of a trace, or one that only a part of it seems to have.
#[derive(Clone, Copy, Debug)]
struct Seen {
    call: Call,
    /// True where the whole trace has it.
    is_one: bool,
    /// For a call that the trace has not: true where it has an equal one.
    has_equal: bool,
    /// For a use: whether the whole trace answers it, and whether the part does.
    is_answered: (bool, bool),
    /// The run by which a digest may have counted it.
    part: Option<u32>,
}

/// The calls of a trace, and how digests see them.
#[derive(Debug, Default)]
pub(super) struct Joined {
    seen: Box<[Seen]>,
    /// False where those are left out that a run of the trace tells as they are.
    pub(super) is_whole: bool,
}

/// The spans of a trace, or of a part of it, with the places of their parents.
pub(super) struct Family<'a> {
    spans: Vec<Span<'a>>,
    parents: Vec<Option<usize>>,
}

impl<'a> Family<'a> {
    /// `None` where some spans may have been sent twice, or are their own ancestors: then digests do not count them.
    pub(super) fn of(spans: Vec<Span<'a>>) -> Option<Self> {
        let kin = |span: &Span<'_>| Kin {
            start: span.start(),
            id: span.span_id(),
            parent: span.parent(),
            kind: span.kind(),
        };
        let parents = digest::parents(&spans.iter().map(kin).collect::<Vec<_>>())?;
        Some(Self { spans, parents })
    }

    /// That of a run of rows.
    pub(super) fn of_batch(run: &'a Batch) -> Option<Self> {
        Self::of(run.spans().collect())
    }

    /// That of a trace of which each span is known once.
    pub(super) fn whole(trace: &'a Trace) -> Self {
        let parents = trace.nodes().iter().map(|node| node.parent.map(|parent| parent as usize));
        Self { spans: trace.spans().collect(), parents: parents.collect() }
    }

    /// Visits its calls, or what it uses: between whom, the span by which it is counted, and whether it was answered.
    pub(super) fn each(
        &self,
        (names, are_uses): (&mut Names, bool),
        mut visit: impl FnMut(u32, Span<'a>, bool),
    ) {
        let services: Vec<u32> = self.spans.iter().map(|span| names.text(span.service())).collect();
        let called = self.parents.iter().enumerate().filter_map(|(child, parent)| {
            parent.filter(|parent| services[*parent] != services[child]).map(|parent| (parent, child))
        });
        if !are_uses {
            for (parent, child) in called {
                let pair = names.pair(services[parent], To::Service(services[child]));
                visit(pair, self.spans[child], false);
            }
            return;
        }
        let mut answered = vec![false; self.spans.len()];
        called.for_each(|(parent, _)| answered[parent] = true);
        for (at, span) in self.spans.iter().enumerate() {
            let Some(Target { means, system, name }) = Target::of_span(*span) else { continue };
            let target = Target { means, system: names.text(system), name: names.text(name) };
            let pair = names.pair(services[at], To::Target(target));
            visit(pair, *span, answered[at] && means == Means::Peer);
        }
    }
}

/// Which calls to note, and how.
pub(super) struct Noting<'n> {
    pub(super) names: &'n mut Names,
    /// True where uses are noted, not calls.
    pub(super) are_uses: bool,
    /// Whether a call came through a queue.
    pub(super) has_queue: &'n dyn Fn(Span<'_>) -> bool,
}

impl Noting<'_> {
    fn calls(&mut self, family: &Family<'_>, mut visit: impl FnMut(Call, bool)) {
        let has_queue = self.has_queue;
        family.each((self.names, self.are_uses), |pair, span, is_answered| {
            let call = Call {
                pair,
                start: span.start(),
                duration: span.duration(),
                kind: span.kind(),
                status: span.status(),
                has_queue: has_queue(span),
            };
            visit(call, is_answered);
        });
    }
}

impl Joined {
    /// The calls of a trace with these runs, each with its place among them.
    pub(super) fn of(family: &Family<'_>, runs: &[(u32, Family<'_>)], noting: &mut Noting<'_>) -> Self {
        let mut seen: Vec<Seen> = Vec::new();
        noting.calls(family, |call, is| {
            let is_answered = (is, is);
            seen.push(Seen { call, is_one: true, has_equal: false, is_answered, part: None });
        });
        let mut open: HashMap<Call, Vec<usize>, FixedState> = HashMap::default();
        if !runs.is_empty() {
            (0..seen.len()).for_each(|at| open.entry(seen[at].call).or_default().push(at));
        }
        for (part, alone) in runs {
            noting.calls(alone, |call, is| match open.get_mut(&call).map(Vec::pop) {
                Some(Some(at)) => (seen[at].part, seen[at].is_answered.1) = (Some(*part), is),
                there => {
                    let is_answered = (false, is);
                    let has_equal = there.is_some();
                    seen.push(Seen { call, is_one: false, has_equal, is_answered, part: Some(*part) });
                }
            });
        }
        Self { seen: seen.into(), is_whole: true }
    }

    /// Only what digests tell wrong that count all runs of the trace.
    pub(super) fn brief(self) -> Self {
        let is_wrong =
            |seen: &Seen| !seen.is_one || seen.part.is_none() || seen.is_answered.0 != seen.is_answered.1;
        Self { seen: self.seen.into_iter().filter(is_wrong).collect(), is_whole: false }
    }

    /// Adds the calls that no digest counted, and notes those that one counted too often. `whole` is the time of which the
    /// digests of a run's block counted all.
    pub(super) fn correct(
        &self,
        asked: &dyn Fn(&Call) -> bool,
        whole: &dyn Fn(u32) -> Option<TimeRange>,
        corrections: &mut Corrections,
    ) {
        for seen in self.seen.iter().filter(|seen| asked(&seen.call)) {
            let Seen { call, is_one, is_answered, .. } = *seen;
            let is_counted = seen.part.and_then(whole).is_some_and(|whole| whole.contains(call.start));
            let failed = call.status == StatusCode::Error;
            let sum = corrections.sum(call.pair);
            sum.answered += i64::from(is_one && is_answered.0) - i64::from(is_counted && is_answered.1);
            match (is_one, is_counted) {
                (true, false) => sum.tally.add(call.duration, failed),
                (false, true) => {
                    corrections.excess.push((call.pair, call.duration, failed, seen.has_equal));
                }
                _ => {}
            }
        }
    }

    /// What it takes in memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.seen)
    }
}

/// What joined traces have beside what digests counted, by the numbers of [`Names`].
#[derive(Default)]
pub(super) struct Corrections {
    sums: Vec<Sum>,
    /// Calls that were counted too often: between whom, how long it took, whether it failed, and whether the trace has an equal one.
    excess: Vec<(u32, u64, bool, bool)>,
}

impl Corrections {
    fn sum(&mut self, pair: u32) -> &mut Sum {
        if self.sums.len() <= pair as usize {
            self.sums.resize_with(pair as usize + 1, Sum::default);
        }
        &mut self.sums[pair as usize]
    }

    /// Corrects the sums of digests; false where one can't be told without counting anew.
    pub(super) fn apply(self, names: &Names, sums: &mut Sums) -> bool {
        for (pair, sum) in (0..).zip(&self.sums).filter(|(_, sum)| **sum != Sum::default()) {
            sums.entry(names.of(pair)).or_default().merge(sum);
        }
        let mut of_pair: HashMap<u32, Vec<(u64, bool, bool)>, FixedState> = HashMap::default();
        for (pair, duration, failed, has_equal) in self.excess {
            of_pair.entry(pair).or_default().push((duration, failed, has_equal));
        }
        of_pair.into_iter().all(|(pair, excess)| {
            let names = names.of(pair);
            let Some(sum) = sums.get_mut(&names) else { return false };
            if sum.tally.spans() == excess.len() as u64 {
                sums.remove(&names);
                return true;
            }
            let mut excess = excess.into_iter();
            excess.all(|(duration, failed, has_equal)| sum.tally.remove(duration, failed, has_equal))
        })
    }
}

/// Texts and who calls whom, by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, FixedState>,
    pairs: Vec<Pair>,
    places: HashMap<Pair, u32, FixedState>,
}

/// A service, and whom it calls or what it uses.
type Pair = (u32, To<u32, u32>);

impl Names {
    fn text(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let number = self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }

    fn pair(&mut self, service: u32, to: To<u32, u32>) -> u32 {
        let next = self.pairs.len() as u32;
        let number = *self.places.entry((service, to)).or_insert(next);
        if number == next {
            self.pairs.push((service, to));
        }
        number
    }

    /// Between whom a call is.
    pub(super) fn of(&self, pair: u32) -> (String, To<String, String>) {
        let text = |number: u32| (*self.texts[number as usize]).to_owned();
        let (service, to) = self.pairs[pair as usize];
        let to = match to {
            To::Service(child) => To::Service(text(child)),
            To::Target(Target { means, system, name }) => {
                To::Target(Target { means, system: text(system), name: text(name) })
            }
        };
        (text(service), to)
    }

    /// The service of the span that a call is counted by.
    pub(super) fn service(&self, call: &Call) -> &str {
        let (parent, to) = self.pairs[call.pair as usize];
        let service = if let To::Service(child) = to { child } else { parent };
        &self.texts[service as usize]
    }

    /// What it takes in memory, about.
    pub(super) fn memory(&self) -> usize {
        let texts: usize = self.texts.iter().map(|text| text.len()).sum();
        texts + self.texts.len() * 64 + self.pairs.len() * 64
    }
}
