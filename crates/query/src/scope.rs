//! The spans that a question is about: a TraceQL query, named parameters and a time, all of which hold.
//!
//! Where the store can tell such spans by itself it counts them, from what it has counted before where it can; otherwise
//! traces are looked at one by one, and the answer says so. Bounded by
//! [`Bounds`].

use std::sync::Arc;
use std::time::Duration;

use model::{StatusCode, Tenant};
use store::metrics::{Table, step_of};
use store::plan::{LIMIT_MAX, more_rows};
use store::{Ask, Field as Stored, Filter, Metric, Plan, Rows, Work};

use crate::traceql::ast::{Field, Pipeline};
use crate::traceql::eval::{Subject, Value};
use crate::traceql::visit::{Visit, Visited, visit};
use crate::traceql::{prefilter, stored};
use crate::{Error, Query, Search};

/// The spans that a question is about.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Whose.
    pub tenant: Tenant,
    /// The named parameters and the time.
    pub search: Search,
    /// The query; `None` for every span.
    pub pipeline: Option<Arc<Pipeline>>,
}

/// What a question may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may take.
    pub time_limit: Duration,
    /// How many traces are looked at where the store can't count by itself.
    pub traces_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time_limit: Duration::from_secs(15), traces_max: 20_000 }
    }
}

/// Spans counted by what they have in common.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// By what they have in common, then by time.
    pub rows: Vec<Metric>,
    /// Traces that were looked at, where the store did not count by itself.
    pub looked_at: Option<usize>,
    /// Why numbers may be too low; `None` where they are right.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

impl Scope {
    /// Spans of the scope that pass this as well.
    #[must_use]
    pub fn and(&self, more: Filter) -> Self {
        let spans = both(&self.search.spans, more);
        Self { search: Search { spans, ..self.search.clone() }, ..self.clone() }
    }

    /// The filter that exactly these spans pass, where there is one that a store can count by.
    #[must_use]
    pub fn filter(&self) -> Option<Filter> {
        if !self.search.trace.is_empty() {
            return None;
        }
        let Some(pipeline) = &self.pipeline else { return Some(self.search.spans.clone()) };
        let found = prefilter(pipeline);
        let is_whole = found.is_exact && found.trace.is_empty() && found.ids.is_none();
        is_whole.then(|| both(&self.search.spans, found.spans))
    }

    /// The plan that asks a store about these spans; `None` where no store can tell them.
    #[must_use]
    pub fn plan(&self, ask: Ask) -> Option<Plan> {
        let spans = self.filter()?;
        Some(Plan { time: self.search.time, spans, limit: LIMIT_MAX, ..Plan::new(self.tenant.clone(), ask) })
    }

    /// Counts the spans by fields and steps of time.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn count(
        &self,
        query: &Query,
        by: &[Field],
        step: Option<Duration>,
        bounds: Bounds,
    ) -> Result<Counted, Error> {
        let fields: Option<Vec<Stored>> = by.iter().map(stored).collect();
        let ask = fields.map(|by| Ask::Metrics { by, step });
        let Some(plan) = ask.and_then(|ask| self.plan(ask)) else {
            return self.counted_one_by_one(query, by, step, bounds).await;
        };
        let answer = query.run(&Plan { time_limit: bounds.time_limit, ..plan }).await?;
        let Rows::Metrics(rows) = answer.rows else {
            return Err(Error::Failed("the store answered a question for numbers with other rows".into()));
        };
        Ok(Counted { rows, looked_at: None, partial: answer.partial, work: answer.work })
    }

    async fn counted_one_by_one(
        &self,
        query: &Query,
        by: &[Field],
        step: Option<Duration>,
        bounds: Bounds,
    ) -> Result<Counted, Error> {
        let step = store::metrics::step_ns(step)?;
        let by = by.to_vec();
        let what = self.visited(bounds, Some(by.clone()));
        let (table, visited) = visit(query, &what, Table::new(LIMIT_MAX), move |table, subject, places| {
            for at in places {
                let span = subject.span(*at);
                let texts = by.iter().map(|field| text(subject, field, *at)).collect();
                if let Some(tally) = table.tally((texts, step.map(|step| step_of(span.start(), step)))) {
                    tally.add(span.duration(), span.status() == StatusCode::Error);
                }
            }
        })
        .await?;
        let (rows, has_more) = table.finish();
        let partial = visited.partial.or_else(|| has_more.then(|| more_rows(LIMIT_MAX)));
        Ok(Counted { rows, looked_at: Some(visited.traces), partial, work: visited.work })
    }

    /// Shows the places of these spans in every trace that has some.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn visit<S: Send + 'static>(
        &self,
        query: &Query,
        bounds: Bounds,
        state: S,
        see: impl Fn(&mut S, &Subject<'_>, &[usize]) + Send + Sync + 'static,
    ) -> Result<(S, Visited), Error> {
        visit(query, &self.visited(bounds, None), state, see).await
    }

    fn visited(&self, bounds: Bounds, fields: Option<Vec<Field>>) -> Visit {
        Visit {
            tenant: self.tenant.clone(),
            time: self.search.time,
            pipeline: self.pipeline.clone(),
            spans: self.search.spans.clone(),
            trace: self.search.trace.clone(),
            fields,
            traces_max: bounds.traces_max,
            time_limit: bounds.time_limit,
        }
    }
}

/// The text by which a span is grouped, as a store writes it.
fn text(subject: &Subject<'_>, field: &Field, at: usize) -> Option<String> {
    match subject.field(field, at) {
        Value::Nil => None,
        Value::Kind(kind) => Some(kind.as_str().into()),
        Value::Status(status) => Some(status.as_str().into()),
        value => Some(value.to_text()),
    }
}

fn both(left: &Filter, right: Filter) -> Filter {
    match (left, right) {
        (Filter::All, right) => right,
        (left, Filter::All) => left.clone(),
        (left, right) => Filter::And(vec![left.clone(), right]),
    }
}

#[cfg(test)]
mod tests;
