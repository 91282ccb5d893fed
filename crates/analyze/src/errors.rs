//! Groups what failed by why it failed.
//!
//! In: whole traces with the rows of failed spans. Out: groups by exception type, message without its changing parts,
//! service and operation. Only the span in which an error begins counts; failed spans above it are its echoes. Bounded
//! by [`GROUPS_MAX`] groups (errors of further ones are only counted) and [`EXAMPLES_MAX`] examples of each.

mod template;

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use model::{Span, StatusCode, Trace};
use serde::{Deserialize, Serialize};

pub use template::template;

/// So many groups are kept.
pub const GROUPS_MAX: usize = 5_000;
/// So many examples of each.
pub const EXAMPLES_MAX: usize = 3;
/// Longer messages are cut.
const MESSAGE_LETTERS_MAX: usize = 1_000;

/// Errors of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The same for the same kind of error, wherever it is computed: 16 hexadecimal letters.
    pub fingerprint: String,
    /// The exception's type, else `error.type`, else the HTTP or gRPC status; may be empty.
    #[serde(rename = "type")]
    pub kind: String,
    /// The message, its changing parts replaced.
    pub message: String,
    /// Where it begins.
    pub service: String,
    /// In which operation.
    pub operation: String,
    /// Spans in which it begins.
    pub count: u64,
    /// Traces that have it.
    pub traces: u64,
    /// Failed spans above these.
    pub echoes: u64,
    /// The services of the echoes.
    pub services: BTreeSet<String>,
    /// The start of the first span, in nanoseconds since 1970.
    pub first: String,
    /// The start of the last.
    pub last: String,
    /// The first that were met.
    pub examples: Vec<Example>,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Its trace.
    pub trace_id: String,
    /// The span in which it begins.
    pub span_id: String,
    /// The start of the span, in nanoseconds since 1970.
    pub time: String,
    /// The message as it was sent.
    pub message: String,
}

/// What is the same for all errors of a group.
type Key = (String, String, String, String);

/// Errors so far.
#[derive(Debug, Default)]
pub struct Errors {
    groups: HashMap<Key, Gathered, FixedState>,
    /// Errors of groups for which there was no room.
    pub left_out: u64,
}

#[derive(Debug, Default)]
struct Gathered {
    count: u64,
    traces: u64,
    echoes: u64,
    services: BTreeSet<String>,
    first: u64,
    last: u64,
    examples: Vec<Example>,
    /// The last trace that was counted.
    trace: Option<model::TraceId>,
}

impl Errors {
    /// Adds those of the rows in which an error begins.
    pub fn add(&mut self, trace: &Trace, rows: &[usize]) {
        let nodes = trace.nodes();
        let failed = |at: usize| trace.span(&nodes[at]).status() == StatusCode::Error;
        let mut below = vec![false; nodes.len()];
        for at in (0..nodes.len()).rev() {
            if let Some(parent) = nodes[at].parent {
                below[parent as usize] |= failed(at) || below[at];
            }
        }
        for at in rows.iter().copied().filter(|at| failed(*at) && !below[*at]) {
            let above = std::iter::successors(nodes[at].parent, |at| nodes[*at as usize].parent);
            let echoes = above.map(|at| trace.span(&nodes[at as usize]));
            let echoes: Vec<&str> =
                echoes.filter(|span| span.status() == StatusCode::Error).map(|span| span.service()).collect();
            self.count(trace, trace.span(&nodes[at]), &echoes);
        }
    }

    fn count(&mut self, trace: &Trace, span: Span<'_>, echoes: &[&str]) {
        let (kind, message) = reason(span);
        let key = (kind, template(&message), span.service().to_owned(), span.name().to_owned());
        if self.groups.len() == GROUPS_MAX && !self.groups.contains_key(&key) {
            self.left_out += 1;
            return;
        }
        let group = self.groups.entry(key).or_default();
        let start = span.start();
        group.first = if group.count == 0 { start } else { group.first.min(start) };
        group.last = group.last.max(start);
        group.count += 1;
        group.echoes += echoes.len() as u64;
        group.services.extend(echoes.iter().map(|service| (*service).to_owned()));
        if group.trace.replace(trace.id()) != Some(trace.id()) {
            group.traces += 1;
        }
        if group.examples.len() < EXAMPLES_MAX {
            group.examples.push(Example {
                trace_id: trace.id().to_string(),
                span_id: span.span_id().to_string(),
                time: start.to_string(),
                message,
            });
        }
    }

    /// The groups, the most frequent first.
    #[must_use]
    pub fn finish(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.groups.into_iter().map(|(key, found)| group(key, found)).collect();
        groups.sort_by(|left, right| {
            right.count.cmp(&left.count).then_with(|| left.fingerprint.cmp(&right.fingerprint))
        });
        groups
    }
}

fn group(key: Key, found: Gathered) -> Group {
    let fingerprint = fingerprint(&key);
    let (kind, message, service, operation) = key;
    Group {
        fingerprint,
        kind,
        message,
        service,
        operation,
        count: found.count,
        traces: found.traces,
        echoes: found.echoes,
        services: found.services,
        first: found.first.to_string(),
        last: found.last.to_string(),
        examples: found.examples,
    }
}

/// The type and the message of what went wrong in a span.
#[must_use]
pub fn reason(span: Span<'_>) -> (String, String) {
    let exception = span.events().filter(|event| event.name() == "exception").last();
    let of_exception = |key: &str| {
        let found = exception.and_then(|event| event.attributes().get(key));
        found.map(|value| value.to_text().into_owned()).unwrap_or_default()
    };
    let own = |keys: &[&str]| {
        let attributes = span.attributes();
        let found = keys.iter().find_map(|key| attributes.get(key));
        found.map(|value| value.to_text().into_owned()).unwrap_or_default()
    };
    let kind = [of_exception("exception.type"), own(&["error.type", "exception.type"]), status(&own)];
    let message =
        [of_exception("exception.message"), span.status_message().to_owned(), own(&["error.message"])];
    let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    (first(kind), first(message).chars().take(MESSAGE_LETTERS_MAX).collect())
}

fn status(own: &impl Fn(&[&str]) -> String) -> String {
    let http = own(&["http.response.status_code", "http.status_code"]);
    if !http.is_empty() {
        return format!("HTTP {http}");
    }
    let grpc = own(&["rpc.grpc.status_code", "rpc.response.status_code"]);
    if grpc.is_empty() { grpc } else { format!("gRPC {grpc}") }
}

/// FNV-1a, so that it is the same in every version.
fn fingerprint((kind, message, service, operation): &Key) -> String {
    let texts = [kind, message, service, operation].map(|text| text.as_bytes());
    let bytes = texts.iter().flat_map(|text| text.iter().chain(&[0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests;
