//! Whole traces that may match, page after page, for questions that a store cannot answer alone.
//!
//! The asker decides of each trace whether it matches. Bounded by the plan's limits of time and of bytes that are read, and for searches by
//! [`CANDIDATES_MAX`]; which of them ended the pages is said in [`Candidates::partial`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Summary, Trace};
use store::plan::{OUT_OF_BYTES, out_of_time};
use store::{Cursor, Plan, Rows, Work};

use crate::{Error, Query};

/// A search looks at so many traces that may match; then its answer is partial.
pub const CANDIDATES_MAX: usize = 100_000;

/// The traces of a plan, read when they are asked for.
pub struct Candidates<'q> {
    query: &'q Query,
    plan: Plan,
    began: Instant,
    time_limit: Duration,
    bytes_max: u64,
    traces_max: usize,
    page_max: usize,
    is_done: bool,
    /// Traces that were read.
    pub seen: usize,
    /// What it cost.
    pub work: Work,
    /// Why traces may be missing.
    pub partial: Option<String>,
}

impl<'q> Candidates<'q> {
    /// Candidates of a plan that asks for [`store::Ask::Traces`] or [`store::Ask::Outlines`]: pages of its limit, all within its time limit.
    #[must_use]
    pub fn new(query: &'q Query, plan: Plan) -> Self {
        let time_limit = plan.time_limit;
        let bytes_max = plan.bytes_max.min(query.limits().bytes_max);
        let page_max = plan.limit;
        Self {
            query,
            plan,
            began: Instant::now(),
            time_limit,
            bytes_max,
            traces_max: usize::MAX,
            page_max,
            is_done: false,
            seen: 0,
            work: Work::default(),
            partial: None,
        }
    }

    /// The same, of so many traces at most.
    #[must_use]
    pub fn at_most(self, traces_max: usize) -> Self {
        Self { traces_max, ..self }
    }

    /// The same in pages that grow, each twice as long as the one before, up to so many traces.
    #[must_use]
    pub fn growing(self, page_max: usize) -> Self {
        Self { page_max, ..self }
    }

    /// The next page; `None` after the last one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Trace>>>, Error> {
        match self.page().await? {
            None => Ok(None),
            Some(Rows::Traces(traces)) => Ok(Some(traces)),
            Some(_) => Err(Error::Failed("the store answered a question for traces with other rows".into())),
        }
    }

    /// The same for a plan that asks for [`store::Ask::Summaries`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn next_summaries(&mut self) -> Result<Option<Vec<Summary>>, Error> {
        match self.page().await? {
            None => Ok(None),
            Some(Rows::Summaries(summaries)) => Ok(Some(summaries)),
            Some(_) => {
                Err(Error::Failed("the store answered a question for summaries with other rows".into()))
            }
        }
    }

    async fn page(&mut self) -> Result<Option<Rows>, Error> {
        if self.is_done {
            return Ok(None);
        }
        self.plan.time_limit = self.time_limit.saturating_sub(self.began.elapsed());
        self.plan.bytes_max = self.bytes_max.saturating_sub(self.work.bytes_read);
        let page = self.query.run(&self.plan).await?;
        self.work += page.work;
        self.seen += page.rows.len();
        self.partial = page.partial;
        self.plan.after = page.next;
        self.plan.limit = (self.plan.limit * 2).min(self.page_max);
        if self.plan.after.is_some() && self.partial.is_none() {
            self.partial = self.exhausted();
        }
        self.is_done = self.plan.after.is_none() || self.partial.is_some();
        Ok(Some(page.rows))
    }

    /// Where the next page would begin.
    #[must_use]
    pub fn after(&self) -> Option<Cursor> {
        self.plan.after
    }

    /// Why the pages end before every candidate was seen, if they do.
    fn exhausted(&self) -> Option<String> {
        if self.began.elapsed() >= self.time_limit {
            return Some(out_of_time(self.time_limit));
        }
        if self.work.bytes_read > self.bytes_max {
            return Some(OUT_OF_BYTES.into());
        }
        let reason =
            || format!("{} traces were looked at; narrow the time range or the query", self.traces_max);
        (self.seen >= self.traces_max).then(reason)
    }
}
