//! Why a question found nothing: each condition counted alone and in pairs, and what would be found instead.
//!
//! Bounded by [`CONDITIONS_MAX`] conditions (further ones are not looked at), by [`TIME_LIMIT`] for all counts together,
//! and where traces have to be looked at by [`TRACES_MAX`] for each count.

mod advice;
mod conditions;

use std::time::{Duration, Instant};

use model::TimeRange;
use model::time::UnixNanos;
use serde::{Deserialize, Serialize};
use store::{Ask, Order, Plan};

pub use self::advice::written;
pub use self::conditions::{Condition, conditions};
use crate::answer::Count64;
use crate::scope::{Bounds, Scope};
use crate::{Error, Query};

/// So many conditions are looked at.
pub const CONDITIONS_MAX: usize = 8;
/// How long all counts together may take; what is not counted then is left out.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How many traces are looked at for one count.
pub const TRACES_MAX: usize = 2_000;

/// Why a question found nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The reason in a sentence.
    pub verdict: String,
    /// Spans that the whole question finds.
    pub spans: u64,
    /// Each condition alone.
    pub conditions: Vec<Alone>,
    /// Two conditions at once, on one span or in one trace as the question has it.
    pub pairs: Vec<Pair>,
    /// What the question finds outside its time; absent where it has all time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// When the newest trace of all began; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Count64>,
    /// Why counts may be too low.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// One condition by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alone {
    /// The condition.
    pub text: String,
    /// Spans that meet it; absent where there was no time to count.
    pub spans: Option<u64>,
    /// What would find more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Hint>,
}

/// What would find more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hint {
    /// What is there instead.
    pub text: String,
    /// The whole query with the condition exchanged; absent where none suggests itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace: Option<String>,
}

/// Two conditions, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The first.
    pub left: usize,
    /// The second.
    pub right: usize,
    /// Spans that are found.
    pub spans: u64,
}

/// What a question finds outside its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Spans before.
    pub before: u64,
    /// Spans after.
    pub after: u64,
    /// The start of the last trace before, or else of the first after.
    pub nearest: Option<Count64>,
}

/// Counts until the time is over.
struct Counting<'a> {
    query: &'a Query,
    began: Instant,
    partial: Option<String>,
}

/// Says why a question found nothing; `text` is its query, `conditions` those of [`conditions`].
///
/// # Errors
/// [`Error`].
pub async fn diagnose(
    query: &Query,
    scope: &Scope,
    (text, conditions): (&str, Vec<Condition>),
) -> Result<Diagnosis, Error> {
    let mut counting = Counting { query, began: Instant::now(), partial: None };
    let spans = counting.spans(scope).await?.unwrap_or(0);
    let newest = counting.nearest(&everything(scope), Order::Newest).await?;
    let mut alone = Vec::new();
    for condition in &conditions {
        let spans = counting.spans(&condition.scope).await?;
        let hint = match spans {
            Some(0) => advice::hint(&mut counting, condition, text).await?,
            _ => None,
        };
        alone.push(Alone { text: condition.text.clone(), spans, hint });
    }
    let has_spans = |at: usize| alone[at].spans.is_some_and(|spans| spans > 0);
    let mut pairs = Vec::new();
    for left in 0..conditions.len() {
        for right in left + 1..conditions.len() {
            if has_spans(left) && has_spans(right) {
                let both = conditions[left].with(&conditions[right]);
                let spans = counting.spans(&both).await?;
                pairs.extend(spans.map(|spans| Pair { left, right, spans }));
            }
        }
    }
    let outside = if spans == 0 { counting.outside(scope).await? } else { None };
    let verdict = verdict(spans, (&alone, &pairs), outside.as_ref(), newest.is_some());
    Ok(Diagnosis { verdict, spans, conditions: alone, pairs, outside, newest, partial: counting.partial })
}

fn verdict(
    spans: u64,
    (alone, pairs): (&[Alone], &[Pair]),
    outside: Option<&Outside>,
    has_any: bool,
) -> String {
    if spans > 0 {
        return format!("{spans} spans are found");
    }
    if !has_any {
        return "nothing is stored yet".into();
    }
    if let Some(Outside { before, after, .. }) = outside
        && before + after > 0
    {
        return format!("nothing in this time; {before} spans before it, {after} after it");
    }
    if let Some(none) = alone.iter().find(|condition| condition.spans == Some(0)) {
        return format!("no span meets `{}`", none.text);
    }
    if let Some(none) = pairs.iter().find(|pair| pair.spans == 0) {
        return format!("no span meets both `{}` and `{}`", alone[none.left].text, alone[none.right].text);
    }
    if alone.is_empty() {
        return "nothing starts in this time".into();
    }
    "each condition is met, but never all of them at once".into()
}

fn everything(scope: &Scope) -> Scope {
    Scope { tenant: scope.tenant.clone(), search: crate::Search::default(), pipeline: None }
}

impl Counting<'_> {
    /// Spans of a scope; nothing where there is no time left.
    async fn spans(&mut self, scope: &Scope) -> Result<Option<u64>, Error> {
        let left = TIME_LIMIT.saturating_sub(self.began.elapsed());
        if left.is_zero() {
            self.partial = Some(store::plan::out_of_time(TIME_LIMIT));
            return Ok(None);
        }
        let counted =
            scope.count(self.query, &[], None, Bounds { time_limit: left, traces_max: TRACES_MAX }).await?;
        self.partial = self.partial.take().or(counted.partial);
        Ok(Some(counted.rows.first().map_or(0, |row| row.sum.spans())))
    }

    async fn outside(&mut self, scope: &Scope) -> Result<Option<Outside>, Error> {
        let time = scope.search.time;
        if time == TimeRange::ALL {
            return Ok(None);
        }
        let within = |start, end| {
            let mut other = scope.clone();
            other.search.time = TimeRange { start, end };
            other
        };
        let (before, after) = (within(0, time.start), within(time.end, u64::MAX));
        let count_before = if time.start > 0 { self.spans(&before).await?.unwrap_or(0) } else { 0 };
        let count_after = if time.end < u64::MAX { self.spans(&after).await?.unwrap_or(0) } else { 0 };
        let nearest = match (count_before, count_after) {
            (0, 0) => None,
            (0, _) => self.nearest(&after, Order::Oldest).await?,
            _ => self.nearest(&before, Order::Newest).await?,
        };
        Ok(Some(Outside { before: count_before, after: count_after, nearest }))
    }

    /// The start of the first trace in an order.
    async fn nearest(&self, scope: &Scope, order: Order) -> Result<Option<Count64>, Error> {
        let Some(plan) = scope.plan(Ask::Summaries) else { return Ok(None) };
        let (first, _) = self.query.summaries(&Plan { order, limit: 1, ..plan }).await?;
        Ok(first.first().map(|trace| Count64(trace.start as UnixNanos)))
    }
}

#[cfg(test)]
mod tests;
