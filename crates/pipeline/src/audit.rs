//! Remembers which spans were not taken, where and why, for whoever asks why a span is not there.
//!
//! In: batches that were refused, rejected or given up, with the reason. Out: [`Told`], counts by place, reason and
//! service, and the traces concerned. Only what goes wrong comes here, so that a healthy pipeline pays nothing. Bounded
//! by [`GROUPS_MAX`] and [`TRACES_MAX`]; what is forgotten for them is counted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::time::UnixNanos;
use model::{Batch, Clock, Tenant, TraceId};

use crate::{Outcome, Reason};

/// Counts that are kept apart; for a further one the one that grew least recently is forgotten, and counted.
pub const GROUPS_MAX: usize = 512;
/// Traces that are remembered; for a further one the one that was noted first is forgotten, and counted.
pub const TRACES_MAX: usize = 10_000;
/// Traces of one batch that are noted; spans of further ones are in the counts only.
pub const TRACES_PER_BATCH_MAX: usize = 256;
/// The latest traces of a count.
pub const EXAMPLES_MAX: usize = 5;

/// What became of spans that were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// The sender was told to send again, and may have.
    Refused,
    /// The sender was told that they never will be taken.
    Rejected,
    /// The sender was told that they are taken; they were lost or taken out later.
    Dropped,
}

/// Where components note what they do not take; cheap to clone.
#[derive(Clone)]
pub struct Audit {
    clock: Arc<dyn Clock>,
    book: Arc<Mutex<Book>>,
}

/// Spans that were not taken, with the same place, reason and service.
#[derive(Clone, Debug)]
pub struct Group {
    /// Whose; `None` where the request was refused before anybody knew.
    pub tenant: Option<Tenant>,
    /// The service that sent them; empty where that is not known or they are of several.
    pub service: Arc<str>,
    /// What became of them.
    pub fate: Fate,
    /// Why, and where; the sentence is the latest one.
    pub reason: Reason,
    /// How many.
    pub spans: u64,
    /// Whole requests that were refused before their spans were known.
    pub requests: u64,
    /// When it happened first.
    pub first: UnixNanos,
    /// When it happened last.
    pub last: UnixNanos,
    /// The latest traces, newest last.
    pub examples: VecDeque<TraceId>,
}

/// Spans of one trace that were not taken.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The trace.
    pub trace: TraceId,
    /// Whose.
    pub tenant: Tenant,
    /// The service of the first of them.
    pub service: Arc<str>,
    /// What became of them.
    pub fate: Fate,
    /// Why, and where.
    pub reason: Reason,
    /// How many, each time counted that they were sent; at most so many where [`is_part`](Self::is_part).
    pub spans: u64,
    /// Some spans of their batch were taken, and nobody knows which.
    pub is_part: bool,
    /// When it happened first.
    pub first: UnixNanos,
    /// When it happened last.
    pub last: UnixNanos,
}

/// What is remembered of a tenant.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The counts, the latest first.
    pub groups: Vec<Group>,
    /// The traces, the latest first.
    pub traces: Vec<Lost>,
    /// Counts that were forgotten, of all tenants.
    pub groups_forgotten: u64,
    /// Traces that were forgotten, of all tenants.
    pub traces_forgotten: u64,
}

#[derive(Default)]
struct Book {
    groups: BTreeMap<GroupKey, Group>,
    traces: HashMap<TraceKey, Lost>,
    order: VecDeque<TraceKey>,
    groups_forgotten: u64,
    traces_forgotten: u64,
}

type GroupKey = (Arc<str>, &'static str, Fate, Option<Tenant>, Arc<str>);
type TraceKey = (Tenant, TraceId, Arc<str>, &'static str);

/// Spans of one service and one trace in a batch.
struct Run {
    service: Arc<str>,
    trace: TraceId,
    spans: u64,
}

impl Audit {
    /// Nothing has gone wrong yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, book: Arc::default() }
    }

    /// Notes what was not taken of a batch; where the reason names no place, it was at `place`.
    pub fn note(&self, place: &Arc<str>, batch: &Batch, outcome: &Outcome) {
        let (fate, spans, reason) = match outcome {
            Outcome::Stored => return,
            Outcome::Rejected { spans, reason } => (Fate::Rejected, *spans, reason),
            Outcome::Retry { reason, .. } => (Fate::Refused, batch.len() as u64, reason),
        };
        self.note_batch(fate, &reason.at(place), batch, spans);
    }

    /// Notes spans that were acknowledged and given up after.
    pub fn note_dropped(&self, place: &Arc<str>, batch: &Batch, outcome: &Outcome) {
        let (spans, reason) = match outcome {
            Outcome::Stored => return,
            Outcome::Rejected { spans, reason } => (*spans, reason),
            Outcome::Retry { reason, .. } => (batch.len() as u64, reason),
        };
        self.note_batch(Fate::Dropped, &reason.at(place), batch, spans);
    }

    /// Notes spans of which no more is known than how many.
    pub fn note_spans(&self, fate: Fate, place: &Arc<str>, reason: &Reason, spans: u64) {
        let now = self.clock.now();
        let mut book = self.book();
        book.group((fate, &reason.at(place), now), None, &Arc::from("")).spans += spans;
    }

    /// Notes a request that was refused before its spans were known.
    pub fn note_request(&self, place: &Arc<str>, reason: &Reason) {
        let now = self.clock.now();
        let mut book = self.book();
        book.group((Fate::Refused, &reason.at(place), now), None, &Arc::from("")).requests += 1;
    }

    /// What is remembered of a tenant, with what nobody knows the tenant of.
    pub fn told(&self, tenant: &Tenant) -> Told {
        let book = self.book();
        let is_ours = |group: &&Group| group.tenant.as_ref().is_none_or(|owner| owner == tenant);
        let mut groups: Vec<Group> = book.groups.values().filter(is_ours).cloned().collect();
        let mut traces: Vec<Lost> =
            book.traces.values().filter(|lost| lost.tenant == *tenant).cloned().collect();
        let (groups_forgotten, traces_forgotten) = (book.groups_forgotten, book.traces_forgotten);
        drop(book);
        groups.sort_by_key(|group| std::cmp::Reverse(group.last));
        traces.sort_by_key(|lost| (std::cmp::Reverse(lost.last), lost.trace));
        Told { groups, traces, groups_forgotten, traces_forgotten }
    }

    fn note_batch(&self, fate: Fate, reason: &Reason, batch: &Batch, spans: u64) {
        let spans = spans.min(batch.len() as u64);
        if spans == 0 {
            return;
        }
        let (now, runs) = (self.clock.now(), runs(batch));
        let is_part = spans < batch.len() as u64;
        let mut book = self.book();
        let tenant = Some(batch.tenant());
        if is_part {
            let is_one = runs.windows(2).all(|pair| pair[0].service == pair[1].service);
            let service =
                runs.first().filter(|_| is_one).map_or(Arc::from(""), |run| Arc::clone(&run.service));
            book.group((fate, reason, now), tenant, &service).spans += spans;
        }
        for (number, run) in runs.iter().enumerate() {
            let group = book.group((fate, reason, now), tenant, &run.service);
            group.spans += if is_part { 0 } else { run.spans };
            if number < TRACES_PER_BATCH_MAX {
                group.example(run.trace);
                book.trace((fate, reason, now), batch.tenant(), run, is_part);
            }
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type What<'a> = (Fate, &'a Reason, UnixNanos);

impl Book {
    fn group(&mut self, what: What<'_>, tenant: Option<&Tenant>, service: &Arc<str>) -> &mut Group {
        let (fate, reason, now) = what;
        let key = (Arc::clone(reason.place()), reason.label(), fate, tenant.cloned(), Arc::clone(service));
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&key) {
            let oldest = self.groups.iter().min_by_key(|(_, group)| group.last).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| self.groups.remove(&oldest));
            self.groups_forgotten += 1;
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            tenant: tenant.cloned(),
            service: Arc::clone(service),
            fate,
            reason: reason.clone(),
            spans: 0,
            requests: 0,
            first: now,
            last: now,
            examples: VecDeque::new(),
        });
        group.last = now;
        group.reason = reason.clone();
        group
    }

    fn trace(&mut self, what: What<'_>, tenant: &Tenant, run: &Run, is_part: bool) {
        let (fate, reason, now) = what;
        let key = (tenant.clone(), run.trace, Arc::clone(reason.place()), reason.label());
        if let Some(lost) = self.traces.get_mut(&key) {
            lost.spans += run.spans;
            lost.last = now;
            return;
        }
        if self.order.len() >= TRACES_MAX {
            self.order.pop_front().and_then(|first| self.traces.remove(&first));
            self.traces_forgotten += 1;
        }
        let lost = Lost {
            trace: run.trace,
            tenant: tenant.clone(),
            service: Arc::clone(&run.service),
            fate,
            reason: reason.clone(),
            spans: run.spans,
            is_part,
            first: now,
            last: now,
        };
        self.order.push_back(key.clone());
        self.traces.insert(key, lost);
    }
}

impl Group {
    fn example(&mut self, trace: TraceId) {
        if !self.examples.contains(&trace) {
            if self.examples.len() >= EXAMPLES_MAX {
                self.examples.pop_front();
            }
            self.examples.push_back(trace);
        }
    }
}

/// The spans of a batch by service and trace, in the order in which they come first.
fn runs(batch: &Batch) -> Vec<Run> {
    let mut services: HashMap<u32, Arc<str>> = HashMap::new();
    let mut places: HashMap<(u32, TraceId), usize> = HashMap::new();
    let mut runs: Vec<Run> = Vec::new();
    for (at, row) in batch.rows().iter().enumerate() {
        let place = *places.entry((row.resource, row.trace_id)).or_insert_with(|| {
            let service = services.entry(row.resource).or_insert_with(|| batch.span(at).service().into());
            runs.push(Run { service: Arc::clone(service), trace: row.trace_id, spans: 0 });
            runs.len() - 1
        });
        runs[place].spans += 1;
    }
    runs
}

impl Fate {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Dropped => "dropped",
        }
    }
}

#[cfg(test)]
mod tests;
