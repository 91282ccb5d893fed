//! Single spans that pass a filter, in a stated order, page after page.
//!
//! Every trace that may hold one is looked at; what is kept of them is one page. Bounded by [`PAGE_MAX`] and by the
//! time limit of the plan; an answer that it cut says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Span, TimeRange, Trace};
use store::{Ask, Plan, eval};

use crate::apart::apart;
use crate::candidates::Candidates;
use crate::{Error, Query};

/// So many spans stand on one page at most.
pub const PAGE_MAX: usize = 10_000;

/// Whole traces that are asked for at once.
const TRACES_AT_ONCE: usize = 64;

/// What spans are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// When it started.
    Start,
    /// How long it took.
    Duration,
    /// The id of its trace.
    Trace,
    /// Its own id.
    Span,
}

/// An order of spans, which tells any two apart that are not duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanOrder([(By, bool); 4]);

/// Where a span stands in an order, and where a page ends.
pub type Place = [u128; 4];

impl SpanOrder {
    /// These terms, the first weighing most; `true` stands for the greatest first. Terms that are missing follow as the
    /// latest start, the least trace id and the least span id first. `None` where a term comes twice.
    #[must_use]
    pub fn new(terms: &[(By, bool)]) -> Option<Self> {
        const REST: [(By, bool); 4] =
            [(By::Start, true), (By::Trace, false), (By::Span, false), (By::Duration, false)];
        let has = |terms: &[(By, bool)], by| terms.iter().any(|(found, _)| *found == by);
        if terms.iter().enumerate().any(|(at, (by, _))| has(&terms[..at], *by)) {
            return None;
        }
        let rest = REST.into_iter().filter(|(by, _)| !has(terms, *by));
        let all: Vec<_> = terms.iter().copied().chain(rest).collect();
        all.try_into().ok().map(Self)
    }

    /// Letters for the terms, capital where the greatest comes first.
    #[must_use]
    pub fn code(&self) -> String {
        let letter = |(by, is_down): &(By, bool)| {
            let letter = match by {
                By::Start => 's',
                By::Duration => 'd',
                By::Trace => 't',
                By::Span => 'i',
            };
            if *is_down { letter.to_ascii_uppercase() } else { letter }
        };
        self.0.iter().map(letter).collect()
    }

    fn place(&self, span: Span<'_>) -> Place {
        self.0.map(|(by, is_down)| {
            let value = match by {
                By::Start => u128::from(span.start()),
                By::Duration => u128::from(span.duration()),
                By::Trace => u128::from_be_bytes(span.trace_id().0),
                By::Span => u128::from(u64::from_be_bytes(span.span_id().0)),
            };
            if is_down { !value } else { value }
        })
    }

    /// The times that spans after a place may start in.
    fn narrowed(&self, time: TimeRange, after: Option<Place>) -> TimeRange {
        match (self.0[0], after) {
            ((By::Start, true), Some([at, ..])) => {
                let latest = u64::try_from(!at).unwrap_or(u64::MAX);
                TimeRange { end: time.end.min(latest.saturating_add(1)), ..time }
            }
            _ => time,
        }
    }
}

/// A page of spans.
#[derive(Debug, Default)]
pub struct Found {
    /// Each with its trace and its place among the trace's nodes, in order.
    pub spans: Vec<(Arc<Trace>, usize)>,
    /// Where the next page goes on, if there is one.
    pub next: Option<Place>,
    /// Why spans may be missing.
    pub partial: Option<String>,
}

/// The spans that pass the plan's filter and start in its time, so many as its limit says.
///
/// # Errors
/// [`Error`].
pub async fn find(
    query: &Query,
    plan: Plan,
    order: &SpanOrder,
    after: Option<Place>,
) -> Result<Found, Error> {
    let size = plan.limit.min(PAGE_MAX);
    let time = order.narrowed(plan.time, after);
    let (filter, order) = (Arc::new(plan.spans.clone()), Arc::new(order.clone()));
    let plan = Plan { ask: Ask::Traces, time, limit: TRACES_AT_ONCE, after: None, ..plan };
    let mut candidates = Candidates::new(query, plan);
    let mut kept: BTreeMap<(Place, usize), (Arc<Trace>, usize)> = BTreeMap::new();
    while let Some(traces) = candidates.next().await? {
        let (filter, order) = (Arc::clone(&filter), Arc::clone(&order));
        kept = apart(move |asker| {
            for trace in traces.into_iter().take_while(|_| !asker.is_gone()) {
                for (at, node) in trace.nodes().iter().enumerate() {
                    let span = trace.span(node);
                    let is_inside = time.start <= span.start() && span.start() < time.end;
                    if !is_inside || !eval::passes(&filter, span) {
                        continue;
                    }
                    let place = order.place(span);
                    if after.is_none_or(|after| place > after) {
                        kept.insert((place, at), (Arc::clone(&trace), at));
                        if kept.len() > size + 1 {
                            kept.pop_last();
                        }
                    }
                }
            }
            kept
        })
        .await?;
    }
    let is_more = kept.len() > size;
    let mut page: Vec<_> = kept.into_iter().take(size).collect();
    let next = is_more.then(|| page.last().map(|((place, _), _)| *place)).flatten();
    let spans = page.drain(..).map(|(_, found)| found).collect();
    Ok(Found { spans, next, partial: candidates.partial })
}

#[cfg(test)]
mod tests {
    use super::{By, SpanOrder};

    #[test]
    fn an_order_tells_spans_apart_and_names_itself() {
        let order = SpanOrder::new(&[]).expect("the order that is the default");
        assert_eq!(order.code(), "Stid");
        assert_eq!(SpanOrder::new(&[(By::Duration, true)]).unwrap().code(), "DSti");
        assert_eq!(SpanOrder::new(&[(By::Duration, true), (By::Duration, false)]), None);
    }
}
