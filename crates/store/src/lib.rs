//! The contract of every span store.
//!
//! A [`Writer`] keeps batches durably; a [`Reader`] answers a [`Plan`], which is data: whatever language a question was
//! asked in, it arrives here as one. A reader answers exactly or says in [`Answer::partial`] that it could not.
//! [`memory`] is the smallest store that keeps the contract, [`conformance`] the suite that every store passes.
//!
//! This crate knows no file, no socket and no query language.

pub mod conformance;
pub mod eval;
pub mod memory;
pub mod metrics;
pub mod names;
pub mod plan;
pub mod scan;
pub mod sketch;
pub mod uses;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::time::UnixNanos;
use model::{Batch, SpanId, Summary, Tenant, TimeRange, Trace};

pub use metrics::Metric;
pub use names::Name;
pub use plan::{
    Ask, Compare, Condition, Cursor, Field, Filter, Level, Numeral, Operand, Order, Plan, TraceFilter,
};
pub use scan::Scan;
pub use uses::Use;

/// Keeps spans.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Keeps every span of the batch. When this returns `Ok`, the spans survive a crash (as far as
    /// [`Capabilities::durable`] says) and are found by the next question.
    ///
    /// # Errors
    /// [`WriteError`]; then nothing is promised: a retry is safe, since a span that was written twice counts once.
    async fn write(&self, batch: Batch) -> Result<(), WriteError>;
}

/// Answers questions.
#[async_trait]
pub trait Reader: Send + Sync {
    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// Answers a plan over everything that was written. A span that was written several times counts once, in every row
    /// of every kind; spans that share an id and differ are two ([`model::same`]).
    ///
    /// # Errors
    /// [`ReadError`]; a plan that a budget cut short is no error but a [partial](Answer::partial) answer.
    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError>;

    /// Hands over every span of a tenant that starts inside, as things are now; what is written, dropped or rewritten
    /// later changes nothing of it.
    ///
    /// # Errors
    /// [`ReadError`], also where a store can't do this.
    async fn scan(&self, _: &Tenant, _: TimeRange) -> Result<Box<dyn Scan>, ReadError> {
        Err(ReadError::Failed {
            reason: "this store answers questions, but does not hand its spans over".into(),
        })
    }
}

/// What a store can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Acknowledged spans survive a crash of the process and of the machine.
    pub durable: bool,
    /// Searches need no service name.
    pub without_service: bool,
    /// Results come in the asked order, exact and paged by cursor.
    pub ordered: bool,
}

/// What a plan found.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The rows, in the order that the plan asked for.
    pub rows: Rows,
    /// Where the next page begins; `None` where this was the last.
    pub next: Option<Cursor>,
    /// Why rows may be missing; `None` where the answer is whole.
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// Rows of the kind that [`Plan::ask`] names.
#[derive(Clone, Debug)]
pub enum Rows {
    /// For [`Ask::Traces`], [`Ask::Outlines`] and [`Ask::Spans`].
    Traces(Vec<Arc<Trace>>),
    /// For [`Ask::Marks`]; ascending, each once.
    Marks(Vec<Mark>),
    /// For [`Ask::Summaries`].
    Summaries(Vec<Summary>),
    /// For [`Ask::Services`], [`Ask::Operations`], [`Ask::Keys`] and [`Ask::Values`]; by name.
    Names(Vec<Name>),
    /// For [`Ask::Edges`]; by parent and child.
    Edges(Vec<Edge>),
    /// For [`Ask::Uses`]; by service, then by what it uses.
    Uses(Vec<Use>),
    /// For [`Ask::Metrics`]; by what they have in common, then by time.
    Metrics(Vec<Metric>),
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Traces(rows) => rows.len(),
            Self::Marks(rows) => rows.len(),
            Self::Summaries(rows) => rows.len(),
            Self::Names(rows) => rows.len(),
            Self::Edges(rows) => rows.len(),
            Self::Uses(rows) => rows.len(),
            Self::Metrics(rows) => rows.len(),
        }
    }

    /// True where there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What tells a span from others of its trace: two that share it are the same one sent twice, or happen to be alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// When it starts.
    pub start: UnixNanos,
    /// Its id.
    pub span: SpanId,
}

/// Calls from one service to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// The service whose span is the parent.
    pub parent: String,
    /// The service whose span is the child.
    pub child: String,
    /// How many spans of the child have a parent in the other service.
    pub calls: u64,
    /// How many of those failed.
    pub errors: u64,
    /// How long the spans of the child took.
    pub durations: sketch::Sketch,
}

impl Edge {
    /// The edge between two services over which spans add up to this.
    #[must_use]
    pub fn of((parent, child): (String, String), sum: metrics::Tally) -> Self {
        Self { parent, child, calls: sum.spans(), errors: sum.errors, durations: sum.durations }
    }
}

/// What answering cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Bytes read from files or object storage.
    pub bytes_read: u64,
    /// Pages that had to be read.
    pub pages_read: u64,
    /// Pages that could not be read and were left out; the answer is partial then.
    pub pages_damaged: u64,
    /// Pages that an index showed to be of no use.
    pub pages_pruned: u64,
    /// Spans that were compared with the filter.
    pub spans_seen: u64,
    /// Blocks of which something had to be looked at.
    pub blocks_seen: u64,
    /// Blocks that were known to be of no use.
    pub blocks_pruned: u64,
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, more: Self) {
        self.bytes_read += more.bytes_read;
        self.pages_read += more.pages_read;
        self.pages_damaged += more.pages_damaged;
        self.pages_pruned += more.pages_pruned;
        self.spans_seen += more.spans_seen;
        self.blocks_seen += more.blocks_seen;
        self.blocks_pruned += more.blocks_pruned;
    }
}

/// Why spans could not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It may work later: the disk is full, a queue is full, the object store is away.
    Retry {
        /// When to try again, if that is known.
        after: Option<Duration>,
        /// What is the matter.
        reason: String,
    },
    /// It will never work.
    Refused {
        /// What is the matter.
        reason: String,
    },
}

/// Why a question could not be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The question itself is wrong.
    Invalid {
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// The store could not read what it keeps.
    Failed {
        /// What was done and why it failed.
        reason: String,
    },
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Retry { reason, .. } | Self::Refused { reason } => out.write_str(reason),
        }
    }
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid { reason } | Self::Failed { reason } => out.write_str(reason),
        }
    }
}

impl std::error::Error for WriteError {}
impl std::error::Error for ReadError {}
