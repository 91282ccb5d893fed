//! Runs plans over a reader, so many at a time, for so long.

use std::sync::Arc;
use std::time::Duration;

use model::{Summary, Tenant, Trace, TraceId};
use store::plan::LIMIT_MAX;
use store::{Answer, Ask, Capabilities, Edge, Filter, Level, Mark, Name, Plan, ReadError, Reader, Rows, Use};
use tokio::sync::Semaphore;

/// What one asker may take from the others.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Plans that run at one time; a further one waits for [`wait_max`](Self::wait_max) and is refused then.
    pub plans_max: usize,
    /// How long a plan waits for its turn.
    pub wait_max: Duration,
    /// How long a plan may run; then its answer is partial, or an error where the store does not heed the time.
    pub time_max: Duration,
    /// So many bytes may be read for a plan, or for all pages of a search; then its answer is partial.
    pub bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            plans_max: 32,
            wait_max: Duration::from_secs(2),
            time_max: Duration::from_secs(30),
            bytes_max: 16 << 30,
        }
    }
}

/// What a store is given to notice the time by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Asks one store.
#[derive(Clone)]
pub struct Query {
    reader: Arc<dyn Reader>,
    limits: Limits,
    turns: Arc<Semaphore>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The question itself is wrong.
    Invalid(String),
    /// Too many questions are at work: ask again in a moment.
    Busy,
    /// The store took too long.
    TimedOut(Duration),
    /// The store could not read what it keeps.
    Failed(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(reason) | Self::Failed(reason) => out.write_str(reason),
            Self::Busy => out.write_str("too many questions are being answered; ask again in a moment"),
            Self::TimedOut(limit) => {
                write!(out, "the answer took longer than {limit:?}; narrow the time range or the filter")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Invalid { reason } => Self::Invalid(reason),
            ReadError::Failed { reason } => Self::Failed(reason),
        }
    }
}

impl Query {
    /// Asks `reader`.
    #[must_use]
    pub fn new(reader: Arc<dyn Reader>, limits: Limits) -> Self {
        Self { reader, limits, turns: Arc::new(Semaphore::new(limits.plans_max)) }
    }

    /// What the store can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.reader.capabilities()
    }

    /// What one asker may take from the others.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn reader(&self) -> &Arc<dyn Reader> {
        &self.reader
    }

    /// Runs a plan when its turn comes.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn run(&self, plan: &Plan) -> Result<Answer, Error> {
        plan.check()?;
        let turn = tokio::time::timeout(self.limits.wait_max, self.turns.acquire()).await;
        let _turn = turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        let limit = plan.time_limit.min(self.limits.time_max);
        let bytes_max = plan.bytes_max.min(self.limits.bytes_max);
        let plan = Plan { time_limit: limit, bytes_max, ..plan.clone() };
        match tokio::time::timeout(limit + GRACE, self.reader.run(&plan)).await {
            Ok(answer) => Ok(answer?),
            Err(_) => {
                tracing::warn!(?limit, "the store did not heed the time limit of a plan");
                Err(Error::TimedOut(limit))
            }
        }
    }

    /// One whole trace, and why it may lack spans.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn trace(&self, tenant: Tenant, id: TraceId) -> Result<Option<Arc<Trace>>, Error> {
        Ok(self.traces(&Plan::trace(tenant, id)).await?.0.pop())
    }

    /// The traces of a plan that asks for [`Ask::Traces`], [`Ask::Outlines`] or [`Ask::Spans`], and the rest of the answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn traces(&self, plan: &Plan) -> Result<(Vec<Arc<Trace>>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Traces(Vec::new())) {
            Rows::Traces(traces) => Ok((traces, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    /// The marks of a plan that asks for [`Ask::Marks`], and the rest of the answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn marks(&self, plan: &Plan) -> Result<(Vec<Mark>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Marks(Vec::new())) {
            Rows::Marks(marks) => Ok((marks, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    /// The summaries of a plan that asks for [`Ask::Summaries`], and the rest of the answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn summaries(&self, plan: &Plan) -> Result<(Vec<Summary>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Summaries(Vec::new())) {
            Rows::Summaries(summaries) => Ok((summaries, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    /// The names of a plan that asks for any, and the rest of the answer.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn names(&self, plan: &Plan) -> Result<(Vec<Name>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Names(Vec::new())) {
            Rows::Names(names) => Ok((names, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    /// Every service, by name.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn services(&self, tenant: Tenant) -> Result<Vec<Name>, Error> {
        self.all_names(Plan::new(tenant, Ask::Services)).await
    }

    /// The operations of a service (of all without one), by name and kind.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn operations(&self, tenant: Tenant, service: Option<&str>) -> Result<Vec<Name>, Error> {
        let spans = service.map_or(Filter::All, Filter::service);
        self.all_names(Plan { spans, ..Plan::new(tenant, Ask::Operations) }).await
    }

    /// The values of one attribute key, by value.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn values(&self, tenant: Tenant, level: Level, key: &str) -> Result<Vec<Name>, Error> {
        self.all_names(Plan::new(tenant, Ask::Values { key: key.into(), level })).await
    }

    /// Calls between services, of a plan that asks for [`Ask::Edges`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn edges(&self, plan: &Plan) -> Result<(Vec<Edge>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Edges(Vec::new())) {
            Rows::Edges(edges) => Ok((edges, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    /// What services use that sends no spans, of a plan that asks for [`Ask::Uses`].
    ///
    /// # Errors
    /// [`Error`].
    pub async fn uses(&self, plan: &Plan) -> Result<(Vec<Use>, Answer), Error> {
        let mut answer = self.run(plan).await?;
        match std::mem::replace(&mut answer.rows, Rows::Uses(Vec::new())) {
            Rows::Uses(uses) => Ok((uses, answer)),
            _ => Err(wrong_rows(plan)),
        }
    }

    async fn all_names(&self, plan: Plan) -> Result<Vec<Name>, Error> {
        Ok(self.names(&Plan { limit: LIMIT_MAX, ..plan }).await?.0)
    }
}

fn wrong_rows(plan: &Plan) -> Error {
    Error::Failed(format!("the store answered {:?} with rows of another kind", plan.ask))
}

#[cfg(test)]
mod tests;
