//! A question as data.
//!
//! The filter of spans holds on **one** span; a trace is found where one of its spans inside the time range passes it
//! and the whole trace passes the [`TraceFilter`]. An attribute that a span does not have fails every comparison
//! but [`Compare::Missing`].
//!
//! Names, edges, uses and metrics are asked of the spans inside the time range that pass the filter, without regard to the
//! [`TraceFilter`], the order and the cursor. They come by name; where there are more than the limit, the answer is
//! partial. An edge counts the child's span; its parent may lie anywhere in the trace. A span that was written several
//! times counts once.

mod numeral;

use std::time::Duration;

use model::time::UnixNanos;
use model::{Kind, SpanId, StatusCode, Tenant, TimeRange, TraceId};
use regex::bytes::Regex;

pub use numeral::Numeral;

use crate::ReadError;
use crate::metrics::{FIELDS_MAX, step_ns};

/// How many results a plan may ask for at once; more is refused, since pages exist.
pub const LIMIT_MAX: usize = 10_000;

/// How many spans a plan may name; more is refused.
pub const SPANS_MAX: usize = 1_000;

/// A question.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose spans.
    pub tenant: Tenant,
    /// What kind of rows.
    pub ask: Ask,
    /// Spans that start inside.
    pub time: TimeRange,
    /// Only these traces; `None` for all. With it, `time` is no more than a hint where to look.
    pub ids: Option<Vec<TraceId>>,
    /// What one span must pass.
    pub spans: Filter,
    /// What the whole trace must pass.
    pub trace: TraceFilter,
    /// The order of traces and summaries.
    pub order: Order,
    /// At most so many rows; 1 to [`LIMIT_MAX`].
    pub limit: usize,
    /// Goes on after this row.
    pub after: Option<Cursor>,
    /// How long it may take; then the answer is partial.
    pub time_limit: Duration,
    /// So many bytes may be read for it, and what is read at once besides; then the answer is partial.
    pub bytes_max: u64,
}

/// The kind of rows that a plan asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Whole traces.
    Traces,
    /// Traces, but of each span only what a picture of them needs: ids, times, name, kind, status without its message,
    /// service, the times and names of its events, the trace ids of its links, and the values of these fields. A store that reads
    /// more may answer more.
    Outlines(Vec<Field>),
    /// Traces that the plan names by their [`ids`](Plan::ids), found as [`Traces`](Self::Traces) are, but of each only the
    /// spans with one of these ids, with all that they hold; their places are those among each other. Every span is there
    /// that has the id. A trace without any of them has no row. 1 to [`SPANS_MAX`] ids.
    Spans(Vec<SpanId>),
    /// Of the one trace that the plan [names](Plan::ids), which of its spans pass the filter, by [`Mark`](crate::Mark)s; as
    /// many as they are. Trace filter, order, limit and cursor say nothing here.
    Marks,
    /// One summary of each trace.
    Summaries,
    /// Services with their spans.
    Services,
    /// Operations with kind, of the spans that pass the filter.
    Operations,
    /// Attribute keys of each level.
    Keys,
    /// The values of one attribute key, written as [`Value::to_text`](model::Value::to_text) does; an array is one value.
    Values {
        /// The key.
        key: String,
        /// Where it stands.
        level: Level,
    },
    /// Calls between services.
    Edges,
    /// What services use that sends no spans, by the spans that tell it; see [`uses`](crate::uses).
    Uses,
    /// Counts, errors and durations of the spans.
    Metrics {
        /// What the spans of a row have in common; nothing for one row of all.
        by: Vec<Field>,
        /// A row for each step of time in which spans start; `None` for all time in one.
        step: Option<Duration>,
    },
}

/// What a filter looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `service.name` of the resource, else `unknown_service`.
    Service,
    /// The operation.
    Name,
    /// The role; compared with [`Operand::Kind`].
    Kind,
    /// Whether it failed; compared with [`Operand::Status`].
    Status,
    /// Why it failed.
    StatusMessage,
    /// Nanoseconds from start to end.
    Duration,
    /// The library that recorded the span.
    ScopeName,
    /// Its version.
    ScopeVersion,
    /// The names of events.
    EventName,
    /// The ids of the traces that links lead to, hexadecimal.
    LinkTraceId,
    /// The ids of the spans that links lead to, hexadecimal.
    LinkSpanId,
    /// An attribute.
    Attribute {
        /// Where it stands.
        level: Level,
        /// Its key.
        key: String,
    },
}

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// On the span, its resource, its scope, one of its events or links.
    Any,
    /// On the resource.
    Resource,
    /// On the scope.
    Scope,
    /// On the span.
    Span,
    /// On an event.
    Event,
    /// On a link.
    Link,
}

impl Level {
    /// The levels that exist in a span; [`Any`](Self::Any) means all of them.
    pub const EACH: [Self; 5] = [Self::Resource, Self::Scope, Self::Span, Self::Event, Self::Link];

    /// The lower-case word that query languages use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Resource => "resource",
            Self::Scope => "scope",
            Self::Span => "span",
            Self::Event => "event",
            Self::Link => "link",
        }
    }
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Equal.
    Equal,
    /// There, and not equal.
    Unequal,
    /// Less.
    Less,
    /// Less or equal.
    AtMost,
    /// Greater.
    Greater,
    /// Greater or equal.
    AtLeast,
    /// The whole text matches the regular expression.
    Matches,
    /// There, and the whole text does not match.
    MatchesNot,
    /// There at all.
    Exists,
    /// Not there.
    Missing,
}

/// What a field is compared with.
#[derive(Clone, Debug)]
pub enum Operand {
    /// Nothing, for [`Compare::Exists`] and [`Compare::Missing`].
    None,
    /// Text; equal to a value of any type that is written so (`500`, `true`).
    Text(String),
    /// A number; compares with integers and doubles, never with text.
    Number(f64),
    /// A whole number, compared exactly with integers.
    Int(i64),
    /// A number; compares with integers and doubles, and with texts that are [written as one](Numeral::parse).
    Numeral(Numeral),
    /// A truth value.
    Bool(bool),
    /// A role.
    Kind(Kind),
    /// A status.
    Status(StatusCode),
    /// A regular expression, anchored at both ends by whoever built it.
    Pattern(Regex),
}

/// One comparison.
#[derive(Clone, Debug)]
pub struct Condition {
    /// What is looked at.
    pub field: Field,
    /// How.
    pub compare: Compare,
    /// With what.
    pub operand: Operand,
}

/// What one span must pass.
#[derive(Clone, Debug)]
pub enum Filter {
    /// Every span passes.
    All,
    /// One comparison.
    Is(Condition),
    /// All of these.
    And(Vec<Filter>),
    /// One of these.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
}

impl Filter {
    /// The filter that asks for one service.
    #[must_use]
    pub fn service(name: &str) -> Self {
        Self::equal(Field::Service, Operand::Text(name.into()))
    }

    /// The filter that asks for one value.
    #[must_use]
    pub fn equal(field: Field, operand: Operand) -> Self {
        Self::Is(Condition { field, compare: Compare::Equal, operand })
    }

    /// Visits every field that it compares.
    pub fn each_field<'a>(&'a self, visit: &mut dyn FnMut(&'a Field)) {
        match self {
            Self::All => {}
            Self::Is(condition) => visit(&condition.field),
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().for_each(|filter| filter.each_field(visit));
            }
            Self::Not(filter) => filter.each_field(visit),
        }
    }
}

/// What a whole trace must pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceFilter {
    /// At least so long, in nanoseconds.
    pub duration_min: Option<u64>,
    /// At most so long, in nanoseconds.
    pub duration_max: Option<u64>,
    /// The service of its [root](model::Trace::root).
    pub root_service: Option<String>,
    /// The operation of its root.
    pub root_name: Option<String>,
}

impl TraceFilter {
    /// True where every trace passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// True where a trace of this duration passes, if its root does.
    #[must_use]
    pub fn passes(&self, duration: u64) -> bool {
        self.duration_min.is_none_or(|min| min <= duration)
            && self.duration_max.is_none_or(|max| duration <= max)
    }
}

impl TraceFilter {
    /// True where the root of a trace must pass as well.
    #[must_use]
    pub fn asks_for_root(&self) -> bool {
        self.root_service.is_some() || self.root_name.is_some()
    }

    /// True where a trace with this root passes, if its duration does.
    #[must_use]
    pub fn passes_root(&self, service: &str, name: &str) -> bool {
        self.root_service.as_deref().is_none_or(|asked| asked == service)
            && self.root_name.as_deref().is_none_or(|asked| asked == name)
    }

    /// What passes both filters, or more where they ask for different roots.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        Self {
            duration_min: self.duration_min.max(other.duration_min),
            duration_max: [self.duration_max, other.duration_max].into_iter().flatten().min(),
            root_service: self.root_service.or_else(|| other.root_service.clone()),
            root_name: self.root_name.or_else(|| other.root_name.clone()),
        }
    }
}

/// The order of traces; equal ones come by trace id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Latest trace start first.
    #[default]
    Newest,
    /// Earliest trace start first.
    Oldest,
    /// Longest trace first.
    Longest,
}

/// The last row of a page: the next page goes on after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The trace's start or duration, as the order says.
    pub key: UnixNanos,
    /// The trace.
    pub id: TraceId,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:x}-{}", self.key, self.id)
    }
}

impl Cursor {
    /// Reads what [`Display`](std::fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (key, id) = text.split_once('-')?;
        Some(Self { key: u64::from_str_radix(key, 16).ok()?, id: TraceId::parse(id)? })
    }
}

impl Order {
    /// What traces of this start and duration are ordered by; smaller comes first.
    #[must_use]
    pub fn rank(self, start: UnixNanos, duration: u64, id: TraceId) -> (u64, TraceId) {
        match self {
            Self::Newest => (u64::MAX - start, id),
            Self::Oldest => (start, id),
            Self::Longest => (u64::MAX - duration, id),
        }
    }

    /// The cursor of a row.
    #[must_use]
    pub fn cursor(self, start: UnixNanos, duration: u64, id: TraceId) -> Cursor {
        Cursor { key: if self == Self::Longest { duration } else { start }, id }
    }

    /// True where the row comes after the cursor.
    #[must_use]
    pub fn is_after(self, cursor: Option<Cursor>, rank: (u64, TraceId)) -> bool {
        cursor.is_none_or(|cursor| rank > self.rank(cursor.key, cursor.key, cursor.id))
    }
}

impl Plan {
    /// A plan for everything of a tenant: the newest 20 of whatever is asked.
    #[must_use]
    pub fn new(tenant: Tenant, ask: Ask) -> Self {
        Self {
            tenant,
            ask,
            time: TimeRange::ALL,
            ids: None,
            spans: Filter::All,
            trace: TraceFilter::default(),
            order: Order::Newest,
            limit: 20,
            after: None,
            time_limit: Duration::from_secs(30),
            bytes_max: u64::MAX,
        }
    }

    /// Refuses what no store answers.
    ///
    /// # Errors
    /// Where the limit is 0 or over [`LIMIT_MAX`], the step of time is none, spans are grouped by more than [`FIELDS_MAX`]
    /// fields, spans are named without their trace, not at all, or more than [`SPANS_MAX`], or marks are asked for of none
    /// or several traces.
    pub fn check(&self) -> Result<(), ReadError> {
        if !(1..=LIMIT_MAX).contains(&self.limit) {
            let limit = self.limit;
            let reason =
                format!("the limit is {limit}: ask for 1 to {LIMIT_MAX} rows, and for more by pages");
            return Err(ReadError::Invalid { reason });
        }
        if let Ask::Spans(spans) = &self.ask
            && (self.ids.is_none() || !(1..=SPANS_MAX).contains(&spans.len()))
        {
            let reason =
                format!("{} spans are named: name 1 to {SPANS_MAX}, and the traces they are in", spans.len());
            return Err(ReadError::Invalid { reason });
        }
        if self.ask == Ask::Marks && self.ids.as_ref().is_none_or(|ids| ids.len() != 1) {
            let reason = "spans are marked in one trace: name it, and no other".to_owned();
            return Err(ReadError::Invalid { reason });
        }
        let Ask::Metrics { by, step } = &self.ask else { return Ok(()) };
        if by.len() > FIELDS_MAX {
            let reason = format!("spans are grouped by {} fields: name at most {FIELDS_MAX}", by.len());
            return Err(ReadError::Invalid { reason });
        }
        step_ns(*step).map(drop)
    }

    /// A plan for one whole trace.
    #[must_use]
    pub fn trace(tenant: Tenant, id: TraceId) -> Self {
        Self { ids: Some(vec![id]), limit: 1, ..Self::new(tenant, Ask::Traces) }
    }

    /// A plan for the marks of those spans of one trace that pass.
    #[must_use]
    pub fn marks(tenant: Tenant, id: TraceId, spans: Filter) -> Self {
        Self { ask: Ask::Marks, spans, ..Self::trace(tenant, id) }
    }

    /// A plan for some spans of one trace.
    #[must_use]
    pub fn spans(tenant: Tenant, id: TraceId, spans: Vec<SpanId>) -> Self {
        Self { ask: Ask::Spans(spans), ..Self::trace(tenant, id) }
    }
}

/// Why an answer of names is partial that its limit cut.
#[must_use]
pub fn more_rows(limit: usize) -> String {
    format!("there are more than {limit} rows; ask with a narrower filter or a higher limit")
}

/// Why an answer is partial that the time limit cut.
#[must_use]
pub fn out_of_time(limit: Duration) -> String {
    format!("the time limit of {limit:?} was reached; narrow the time range or the filter")
}

/// Why an answer is partial for which as much was read as may be.
pub const OUT_OF_BYTES: &str = "as many bytes were read as may be for one question (serve.limits.bytes); narrow the time range or the filter";

#[cfg(test)]
mod tests;
