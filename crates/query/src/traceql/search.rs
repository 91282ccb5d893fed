//! Finds the traces that a pipeline answers, newest first, a page at a time.
//!
//! Candidates come from the store, chosen by `prefilter.rs`, with those attributes that the query names; each is evaluated
//! whole. `order by` has to see every
//! candidate before it knows the first, so it reads until a limit of [`Candidates`] ends it, and says so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use model::{Tenant, TimeRange, Trace};
use store::{Ask, Cursor, Field as Stored, Order, Plan, Work};

use super::ast::{Direction, Expr, Field, Pipeline, Spanset, Stage};
use super::eval::{self, Subject, Value};
use super::prefilter::prefilter;
use crate::apart::apart;
use crate::candidates::{CANDIDATES_MAX, Candidates};
use crate::{Error, Query};

/// Candidates that are asked for at first, where the store can't tell how many of them match;
const TRACES_AT_FIRST: usize = 32;

/// and at once in the end: each page is twice as long as the one before.
const TRACES_AT_ONCE: usize = 256;

/// What a search asks for besides its text.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose traces.
    pub tenant: Tenant,
    /// When one of the spans that are looked for starts.
    pub time: TimeRange,
    /// At most so many traces.
    pub limit: usize,
    /// Goes on after this trace; not with `order by`.
    pub after: Option<Cursor>,
    /// How long it may take; then the answer is partial.
    pub time_limit: Duration,
}

/// What a search found.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Traces in order.
    pub traces: Vec<Match>,
    /// Where the next page begins; `None` where this was the last.
    pub next: Option<Cursor>,
    /// Why traces may be missing; `None` where the answer is whole.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
    /// Traces that were looked at.
    pub candidates: usize,
}

/// A trace with the spans that matched.
#[derive(Clone, Debug)]
pub struct Match {
    /// The trace, with what the query names of its spans.
    pub trace: Arc<Trace>,
    /// Its spansets; at least one.
    pub sets: Vec<Spans>,
}

/// One spanset of a trace, with values as people read them.
#[derive(Clone, Debug, PartialEq)]
pub struct Spans {
    /// Places in [`Trace::nodes`].
    pub spans: Vec<u32>,
    /// Groups and numbers by name.
    pub values: Vec<(String, String)>,
}

/// Runs a pipeline.
///
/// # Errors
/// [`Error`].
pub async fn search(query: &Query, pipeline: Arc<Pipeline>, request: &Request) -> Result<Answer, Error> {
    let filter = prefilter(&pipeline);
    let is_ordered = ordered(&pipeline).is_some();
    let enough = if is_ordered { usize::MAX } else { request.limit };
    let kept_max = if is_ordered { request.limit.saturating_mul(2).max(TRACES_AT_FIRST) } else { usize::MAX };
    let at_first = if filter.is_exact { request.limit } else { request.limit.max(TRACES_AT_FIRST) };
    let plan = Plan {
        time: request.time,
        ids: filter.ids,
        spans: filter.spans,
        trace: filter.trace,
        order: Order::Newest,
        limit: at_first.clamp(1, TRACES_AT_ONCE),
        after: request.after,
        time_limit: request.time_limit,
        ..Plan::new(request.tenant.clone(), Ask::Outlines(looked_at(&pipeline)))
    };
    let (seen, ranked) = (HashSet::new(), Vec::new());
    let mut found = Gathering { pipeline, seen, ranked, kept_max, limit: request.limit };
    let mut candidates = Candidates::new(query, plan).at_most(CANDIDATES_MAX).growing(TRACES_AT_ONCE);
    let mut next = None;
    while let Some(traces) = candidates.next().await? {
        (found, next) = found.look(traces, enough).await?;
        if next.is_some() {
            break;
        }
    }
    let next = next.or_else(|| candidates.after().filter(|_| !is_ordered));
    let traces = found.first();
    let Candidates { seen, work, partial, .. } = candidates;
    Ok(Answer { traces, next, partial, work, candidates: seen })
}

/// Where a store finds what a query looks at.
pub(super) fn looked_at(pipeline: &Pipeline) -> Vec<Stored> {
    fields(pipeline).iter().flat_map(Field::stored).collect()
}

/// The fields that a query names, each once, in order: what an answer shows of its spans.
#[must_use]
pub fn fields(pipeline: &Pipeline) -> Vec<Field> {
    let mut fields = Vec::new();
    pipeline.stages.iter().for_each(|stage| match stage {
        Stage::Spans(spans) => of_spanset(spans, &mut fields),
        Stage::Group(expr) | Stage::Order(expr, _) | Stage::Distinct(expr) => expr.fields(&mut fields),
        Stage::Select(more) => fields.extend(more.iter().cloned()),
        Stage::Keep(left, _, right) => {
            [left, right].into_iter().for_each(|scalar| scalar.fields(&mut fields))
        }
        Stage::Coalesce => {}
    });
    let mut seen = HashSet::new();
    fields.retain(|field| seen.insert(field.clone()));
    fields
}

fn of_spanset(spans: &Spanset, into: &mut Vec<Field>) {
    match spans {
        Spanset::Filter(condition) => condition.iter().for_each(|condition| condition.fields(into)),
        Spanset::Pipeline(pipeline) => into.extend(fields(pipeline)),
        Spanset::Pair(left, _, right) => {
            of_spanset(left, into);
            of_spanset(right, into);
        }
    }
}

/// Matches so far.
struct Gathering {
    pipeline: Arc<Pipeline>,
    /// Values of `distinct(…)` that a trace has taken.
    seen: HashSet<String>,
    ranked: Vec<(Value<'static>, Match)>,
    /// With so many matches at hand those are let go that are not among the first, where the query has an order.
    kept_max: usize,
    limit: usize,
}

impl Gathering {
    /// Evaluates traces until there are enough; answers where the next page begins if there are.
    async fn look(mut self, traces: Vec<Arc<Trace>>, enough: usize) -> Result<(Self, Option<Cursor>), Error> {
        apart(move |asker| {
            let pipeline = Arc::clone(&self.pipeline);
            for trace in traces.into_iter().take_while(|_| !asker.is_gone()) {
                if self.ranked.len() >= self.kept_max {
                    self.prune();
                }
                let cursor = Order::Newest.cursor(trace.start(), 0, trace.id());
                self.evaluate(&pipeline, trace);
                if self.ranked.len() == enough {
                    return (self, Some(cursor));
                }
            }
            (self, None)
        })
        .await
    }

    fn evaluate(&mut self, pipeline: &Pipeline, trace: Arc<Trace>) {
        let subject = Subject::new(&trace);
        let sets = eval::run(pipeline, &subject);
        if sets.is_empty() {
            return;
        }
        if let Some(of) = distinct(pipeline)
            && !self.seen.insert(eval::first(of, &sets, &subject).to_text())
        {
            return;
        }
        let rank = ordered(pipeline)
            .map_or(Value::Nil, |(by, direction)| eval::rank(by, direction, &sets, &subject))
            .into_owned();
        let text = |(name, value): (String, Value<'_>)| (name, value.to_text());
        let sets = sets.into_iter().map(|set| Spans {
            spans: set.spans,
            values: set.groups.into_iter().chain(set.numbers).map(text).collect(),
        });
        let sets = sets.collect();
        drop(subject);
        self.ranked.push((rank, Match { trace, sets }));
    }

    /// Keeps the first ones in the query's order; those of equal rank stay as they came.
    fn prune(&mut self) {
        if let Some((_, direction)) = ordered(&self.pipeline) {
            self.ranked.sort_by(|(left, _), (right, _)| {
                let known = (*left == Value::Nil).cmp(&(*right == Value::Nil));
                let order = left.order(right);
                known.then(if direction == Direction::Ascending { order } else { order.reverse() })
            });
        }
        self.ranked.truncate(self.limit);
    }

    fn first(mut self) -> Vec<Match> {
        self.prune();
        self.ranked.into_iter().map(|(_, found)| found).collect()
    }
}

fn ordered(pipeline: &Pipeline) -> Option<(&Expr, Direction)> {
    pipeline.stages.iter().rev().find_map(|stage| match stage {
        Stage::Order(by, direction) => Some((by, *direction)),
        _ => None,
    })
}

fn distinct(pipeline: &Pipeline) -> Option<&Expr> {
    pipeline.stages.iter().rev().find_map(|stage| match stage {
        Stage::Distinct(of) => Some(of),
        _ => None,
    })
}
