//! The smallest store that keeps the contract: batches in memory, every question answered by its plain meaning.
//!
//! It is what faster stores are compared with, and what a run without a disk uses. One walk over the spans' table finds
//! the traces of a question; only those of the asked page are joined. Bounded by `bytes_max`: a write that would go
//! over it drops the oldest batches, which is counted. Between batches others get their turn: whoever drops the question
//! ends the walk.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use foldhash::fast::FixedState;
use model::time::UnixNanos;
use model::{Batch, Span, SpanId, StatusCode, Tenant, TimeRange, Trace, TraceId, same};

use crate::metrics::{self, Metric, Table, Tally};
use crate::names::{Counts, Name, OfBatch};
use crate::plan::{Ask, Field, Plan};
use crate::scan::{Batches, Scan};
use crate::uses::{self, Target, Use};
use crate::{Answer, Capabilities, Edge, Mark, ReadError, Reader, Rows, Work, WriteError, Writer, eval};

/// How much a store of [`MemoryStore::default`] keeps; then the oldest batches go.
pub const BYTES_MAX: usize = 256 * 1024 * 1024;

/// Keeps batches in memory.
#[derive(Debug)]
pub struct MemoryStore {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

/// What a memory store holds and has let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Batches that are kept.
    pub batches: usize,
    /// Spans that are kept.
    pub spans: u64,
    /// Bytes of the batches that are kept.
    pub bytes: usize,
    /// Spans that were dropped to make room.
    pub dropped_spans: u64,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<Batch>,
    held: Held,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(BYTES_MAX)
    }
}

impl MemoryStore {
    /// An empty store that keeps at most `bytes_max`.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    /// What it holds now.
    #[must_use]
    pub fn held(&self) -> Held {
        self.lock().held
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no holder of this lock panics")
    }

    fn batches_of(&self, tenant: &Tenant) -> Vec<Batch> {
        self.lock().batches.iter().filter(|batch| batch.tenant() == tenant).cloned().collect()
    }
}

#[async_trait]
impl Writer for MemoryStore {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        let bytes = batch.bytes().len();
        if bytes > self.bytes_max {
            let reason =
                format!("the batch has {bytes} bytes, and the memory store keeps {} in all", self.bytes_max);
            return Err(WriteError::Refused { reason });
        }
        let mut kept = self.lock();
        while kept.held.bytes + bytes > self.bytes_max {
            let oldest = kept.batches.pop_front().expect("a store that is over its limit holds a batch");
            kept.held.bytes -= oldest.bytes().len();
            kept.held.batches -= 1;
            kept.held.spans -= oldest.len() as u64;
            kept.held.dropped_spans += oldest.len() as u64;
        }
        kept.held.bytes += bytes;
        kept.held.batches += 1;
        kept.held.spans += batch.len() as u64;
        kept.batches.push_back(batch);
        Ok(())
    }
}

#[async_trait]
impl Reader for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, without_service: true, ordered: true }
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        plan.check()?;
        let batches = self.batches_of(&plan.tenant);
        let mut run =
            Run { plan, batches: &batches, begun: Instant::now(), work: Work::default(), partial: None };
        let (rows, next) = match &plan.ask {
            Ask::Traces | Ask::Outlines(_) | Ask::Spans(_) | Ask::Summaries => run.traces().await,
            Ask::Marks => (Rows::Marks(run.marks().await), None),
            Ask::Edges => (Rows::Edges(run.edges().await), None),
            Ask::Uses => (Rows::Uses(run.uses().await), None),
            Ask::Metrics { by, step } => (Rows::Metrics(run.metrics(by, *step).await?), None),
            Ask::Services | Ask::Operations | Ask::Keys | Ask::Values { .. } => {
                (Rows::Names(run.names().await), None)
            }
        };
        Ok(Answer { rows, next, partial: run.partial, work: run.work })
    }

    async fn scan(&self, tenant: &Tenant, time: TimeRange) -> Result<Box<dyn Scan>, ReadError> {
        Ok(Box::new(Batches { all: self.batches_of(tenant), time }))
    }
}

struct Run<'a> {
    plan: &'a Plan,
    batches: &'a [Batch],
    begun: Instant,
    work: Work,
    partial: Option<String>,
}

/// What the table tells of a trace before it is joined.
struct Extent {
    start: UnixNanos,
    end: UnixNanos,
    is_found: bool,
    batches: Vec<u32>,
}

impl Run<'_> {
    async fn traces(&mut self) -> (Rows, Option<crate::Cursor>) {
        let plan = self.plan;
        let duration = |extent: &Extent| extent.end.saturating_sub(extent.start);
        let mut found = self.extents().await;
        found.retain(|_, extent| extent.is_found && plan.trace.passes(duration(extent)));
        if plan.trace.asks_for_root() {
            found.retain(|id, extent| {
                let trace = self.join(*id, extent);
                let root = trace.root();
                plan.trace.passes_root(root.service(), root.name())
            });
        }
        let mut ranked: Vec<_> = found
            .iter()
            .map(|(id, extent)| (plan.order.rank(extent.start, duration(extent), *id), extent))
            .filter(|(rank, _)| plan.order.is_after(plan.after, *rank))
            .collect();
        ranked.sort_unstable_by_key(|(rank, _)| *rank);
        let has_more = ranked.len() > plan.limit;
        ranked.truncate(plan.limit);
        let last = ranked.last().filter(|_| has_more);
        let next = last.map(|((_, id), extent)| plan.order.cursor(extent.start, duration(extent), *id));
        let named: HashSet<SpanId> = match &plan.ask {
            Ask::Spans(spans) => spans.iter().copied().collect(),
            _ => HashSet::new(),
        };
        let (mut summaries, mut traces) = (Vec::new(), Vec::new());
        for ((_, id), extent) in &ranked {
            others_turn().await;
            let trace = self.join(*id, extent);
            match plan.ask {
                Ask::Summaries => summaries.push(trace.summary()),
                Ask::Spans(_) => traces.extend(only(&trace, &named).map(Arc::new)),
                _ => traces.push(Arc::new(trace)),
            }
        }
        let rows = match plan.ask {
            Ask::Summaries => Rows::Summaries(summaries),
            _ => Rows::Traces(traces),
        };
        (rows, next)
    }

    fn join(&self, id: TraceId, extent: &Extent) -> Trace {
        let batches = extent.batches.iter().map(|batch| self.batches[*batch as usize].clone()).collect();
        Trace::join(id, batches).expect("an extent was made from a span of the trace")
    }

    async fn extents(&mut self) -> HashMap<TraceId, Extent> {
        let mut extents: HashMap<TraceId, Extent> = HashMap::new();
        for (at, batch) in self.batches.iter().enumerate() {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            for span in batch.spans() {
                if self.plan.ids.as_ref().is_some_and(|ids| !ids.contains(&span.trace_id())) {
                    continue;
                }
                let (start, end) = (span.start(), span.end().max(span.start()));
                let fresh = || Extent { start, end, is_found: false, batches: Vec::new() };
                let extent = extents.entry(span.trace_id()).or_insert_with(fresh);
                extent.start = extent.start.min(start);
                extent.end = extent.end.max(end);
                if extent.batches.last() != Some(&(at as u32)) {
                    extent.batches.push(at as u32);
                }
                extent.is_found = extent.is_found || self.finds(span);
            }
        }
        extents
    }

    async fn marks(&mut self) -> Vec<Mark> {
        let mut marks = Vec::new();
        for batch in self.batches {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            let found = batch.spans().filter(|span| self.is_asked(*span));
            marks.extend(found.map(|span| Mark { start: span.start(), span: span.span_id() }));
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }

    async fn edges(&mut self) -> Vec<Edge> {
        let mut sums: BTreeMap<(String, String), Tally> = BTreeMap::new();
        let found = self.extents().await;
        for (id, extent) in found.iter().filter(|(_, extent)| extent.is_found) {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            let trace = self.join(*id, extent);
            for node in trace.nodes() {
                let Some(parent) = node.parent else { continue };
                let (child, parent) = (trace.span(node), trace.span(&trace.nodes()[parent as usize]));
                if parent.service() == child.service() || !self.finds(child) {
                    continue;
                }
                let key = (parent.service().to_owned(), child.service().to_owned());
                let failed = child.status() == StatusCode::Error;
                sums.entry(key).or_default().add(child.duration(), failed);
            }
        }
        let rows = sums.into_iter().map(|(ends, sum)| Edge::of(ends, sum)).collect();
        self.cut(rows)
    }

    async fn uses(&mut self) -> Vec<Use> {
        let mut sums: BTreeMap<(String, Target<String>), (Tally, u64)> = BTreeMap::new();
        let found = self.extents().await;
        for (id, extent) in found.iter().filter(|(_, extent)| extent.is_found) {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            uses::each(&self.join(*id, extent), |span, target, is_answered| {
                if self.finds(span) {
                    let key = (span.service().to_owned(), target.to_owned());
                    let (sum, answered) = sums.entry(key).or_default();
                    sum.add(span.duration(), span.status() == StatusCode::Error);
                    *answered += u64::from(is_answered);
                }
            });
        }
        let rows = sums.into_iter().map(|(of, (sum, answered))| Use::of(of, sum, answered)).collect();
        self.cut(rows)
    }

    async fn names(&mut self) -> Vec<Name> {
        let plan = self.plan;
        let mut counts = Counts::default();
        let repeated = same::repeated(self.batches);
        for (number, batch) in (0..).zip(self.batches) {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            let mut here = OfBatch::default();
            for span in self.asked((number, batch), &repeated) {
                here.count(&plan.ask, span);
            }
            here.add_to(&mut counts);
        }
        self.cut(counts.finish())
    }

    async fn metrics(&mut self, by: &[Field], step: Option<Duration>) -> Result<Vec<Metric>, ReadError> {
        let mut table = Table::new(self.plan.limit);
        let step = metrics::step_ns(step)?;
        let repeated = same::repeated(self.batches);
        for (number, batch) in (0..).zip(self.batches) {
            others_turn().await;
            if self.is_over_time() {
                break;
            }
            self.asked((number, batch), &repeated).for_each(|span| table.add(by, step, span));
        }
        let (rows, has_more) = table.finish();
        if has_more {
            self.partial = Some(crate::plan::more_rows(self.plan.limit));
        }
        Ok(rows)
    }

    /// The spans of a batch that the plan looks for, but for those that are repeated.
    fn asked<'b>(
        &mut self,
        (number, batch): (u32, &'b Batch),
        repeated: &HashSet<same::Place, FixedState>,
    ) -> impl Iterator<Item = Span<'b>> {
        let is_first = move |(place, _): &(u32, Span<'_>)| !repeated.contains(&(number, *place));
        let spans = (0..).zip(batch.spans()).filter(is_first).map(|(_, span)| span);
        spans.filter(|span| self.is_asked(*span))
    }

    fn is_asked(&mut self, span: Span<'_>) -> bool {
        self.plan.ids.as_ref().is_none_or(|ids| ids.contains(&span.trace_id())) && self.finds(span)
    }

    fn cut<T>(&mut self, mut rows: Vec<T>) -> Vec<T> {
        if rows.len() > self.plan.limit {
            rows.truncate(self.plan.limit);
            self.partial = Some(crate::plan::more_rows(self.plan.limit));
        }
        rows
    }

    fn finds(&mut self, span: Span<'_>) -> bool {
        self.work.spans_seen += 1;
        let in_time = self.plan.ids.is_some() || self.plan.time.contains(span.start());
        in_time && eval::passes(&self.plan.spans, span)
    }

    fn is_over_time(&mut self) -> bool {
        let over = self.begun.elapsed() > self.plan.time_limit;
        if over {
            self.partial = Some(crate::plan::out_of_time(self.plan.time_limit));
        }
        over
    }
}

/// What a trace has of some spans.
fn only(trace: &Trace, spans: &HashSet<SpanId>) -> Option<Trace> {
    let named = |batch: Batch| {
        let rows = batch.rows();
        batch.select(|row| spans.contains(&rows[row].span_id))
    };
    Trace::join(trace.id(), trace.batches().into_iter().map(named).collect())
}

/// Comes back at once, after whatever else waits on this thread, such as that the asker goes away.
async fn others_turn() {
    let mut had_turn = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut had_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
pub(crate) mod tests;
