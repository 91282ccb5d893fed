//! What is found, in types that the API writes as JSON and the command line reads back.
//!
//! 64-bit integers travel as decimal strings, since JSON readers lose digits beyond 2^53; counts are numbers. Doubles
//! that JSON cannot say are the strings `NaN`, `Infinity` and `-Infinity`; bytes are hexadecimal.

mod number;
mod queried;
mod span;
mod table;

use serde::{Deserialize, Serialize};

pub use number::{Count64, Double, Hex};
pub use queried::{Line, Matched, MatchedSpan, MatchedSpans, Queried};
pub use span::{AnyValue, Attribute, Event, Link, Place, Resource, Scope, Span, resources};
pub use table::{Cell, Column};

/// The greatest integer that every JSON reader keeps; longer times in numbers are cut to it.
const NUMBER_MAX: u64 = (1 << 53) - 1;

/// The answer to a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The traces, in the asked order.
    pub traces: Vec<Summary>,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

/// The answer to a question for names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// The names, sorted.
    pub names: Vec<Name>,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

/// The answer to a question for calls between services.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edges {
    /// The calls, by parent and child.
    pub edges: Vec<Edge>,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

/// How an answer came about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The cursor of the next page; absent where this was the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Why rows may be missing; absent where the answer is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// What an answer cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Bytes read from files or object storage.
    pub bytes_read: u64,
    /// Pages that had to be read.
    pub pages_read: u64,
    /// Pages that an index showed to be of no use.
    pub pages_pruned: u64,
    /// Spans that were compared.
    pub spans_seen: u64,
    /// Pages that could not be read, because they are damaged.
    #[serde(default)]
    pub pages_damaged: u64,
    /// Blocks of which something had to be looked at.
    #[serde(default)]
    pub blocks_seen: u64,
    /// Blocks that were known to be of no use.
    #[serde(default)]
    pub blocks_pruned: u64,
}

/// One trace in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Its id, hexadecimal.
    pub trace_id: String,
    /// Its earliest start, in nanoseconds since 1970.
    pub start: Count64,
    /// From the earliest start to the latest end, in nanoseconds.
    pub duration: Count64,
    /// The service of its root.
    pub root_service: String,
    /// The operation of its root.
    pub root_name: String,
    /// How many spans.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How many name a parent that is missing.
    pub orphans: u64,
    /// Each service with its part.
    pub services: Vec<Service>,
}

/// The part of a service in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its spans.
    pub spans: u64,
    /// Its spans that failed.
    pub errors: u64,
}

/// A name and how many spans carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The service, operation, key or value.
    pub name: String,
    /// The kind of an operation, the level of a key, the type of a value.
    pub kind: String,
    /// Spans that carry it.
    pub spans: u64,
}

/// Calls from one service to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The service that calls.
    pub parent: String,
    /// The service that is called.
    pub child: String,
    /// How often.
    pub calls: u64,
    /// How many of the calls failed.
    pub errors: u64,
    /// Half of them took at most so long, in nanoseconds; as the service that is called measures it.
    #[serde(default)]
    pub p50_ns: u64,
    /// 95 % of them.
    #[serde(default)]
    pub p95_ns: u64,
    /// 99 % of them.
    #[serde(default)]
    pub p99_ns: u64,
}

/// One whole trace. The API writes it span by span; its `spans` come parents first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// What a list shows of it.
    pub summary: Summary,
    /// Why spans may be missing; absent where the trace is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// What produced spans; they refer to it by place.
    pub resources: Vec<Resource>,
    /// The spans in depth-first order.
    pub spans: Vec<Span>,
}

/// An accepted span, as `tail` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its trace.
    pub trace_id: String,
    /// The span; it has no place in a tree yet.
    pub span: Span,
}

/// What the API says instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub error: FailureText,
}

/// The words of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureText {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Trace {
    /// The whole of a trace.
    #[must_use]
    pub fn of(trace: &model::Trace) -> Self {
        let (resources, places) = resources(trace);
        let spans = trace.nodes().iter().zip(&places);
        Self {
            summary: (&trace.summary()).into(),
            partial: None,
            resources,
            spans: spans.map(|(node, resource)| Span::of(trace, node, *resource)).collect(),
        }
    }
}

impl From<&store::Answer> for About {
    fn from(answer: &store::Answer) -> Self {
        let next = answer.next.map(|next| next.to_string());
        Self { next, partial: answer.partial.clone(), work: answer.work.into() }
    }
}

impl From<store::Work> for Work {
    fn from(work: store::Work) -> Self {
        Self {
            bytes_read: work.bytes_read,
            pages_read: work.pages_read,
            pages_pruned: work.pages_pruned,
            spans_seen: work.spans_seen,
            pages_damaged: work.pages_damaged,
            blocks_seen: work.blocks_seen,
            blocks_pruned: work.blocks_pruned,
        }
    }
}

impl From<&model::Summary> for Summary {
    fn from(summary: &model::Summary) -> Self {
        let services = summary.services.iter();
        Self {
            trace_id: summary.id.to_string(),
            start: Count64(summary.start),
            duration: Count64(summary.duration()),
            root_service: summary.root_service.clone(),
            root_name: summary.root_name.clone(),
            spans: summary.spans,
            errors: summary.errors,
            orphans: summary.orphans,
            services: services
                .map(|service| Service {
                    name: service.name.clone(),
                    spans: service.spans,
                    errors: service.errors,
                })
                .collect(),
        }
    }
}

impl From<store::Name> for Name {
    fn from(name: store::Name) -> Self {
        Self { name: name.name, kind: name.kind.into(), spans: name.spans }
    }
}

impl From<store::Edge> for Edge {
    fn from(edge: store::Edge) -> Self {
        let quantile = |q| edge.durations.quantile(q).unwrap_or(0).min(NUMBER_MAX);
        let (p50_ns, p95_ns, p99_ns) = (quantile(0.5), quantile(0.95), quantile(0.99));
        Self {
            parent: edge.parent,
            child: edge.child,
            calls: edge.calls,
            errors: edge.errors,
            p50_ns,
            p95_ns,
            p99_ns,
        }
    }
}

#[cfg(test)]
mod tests;
