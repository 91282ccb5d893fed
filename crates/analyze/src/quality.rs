//! How good the traces of a service are: what its instrumentation leaves out, or says in a way that nobody can use.
//!
//! Each check passes or fails on single spans and keeps [`EXAMPLES_MAX`] of either.

use model::{Kind, Span, SpanId, StatusCode, Trace, TraceId};

/// Spans that are named for each outcome of a check.
pub const EXAMPLES_MAX: usize = 5;

/// A trace and a span in it.
pub type Example = (TraceId, SpanId);

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// A span's parent is there.
    Parents,
    /// A call of another service is seen by that service.
    Callees,
    /// A span does not start before its parent.
    Clocks,
    /// The name of a span holds no id.
    Names,
    /// A span that failed says why.
    Errors,
}

impl Check {
    /// Every check.
    pub const ALL: [Self; 5] = [Self::Parents, Self::Callees, Self::Clocks, Self::Names, Self::Errors];

    /// Whether it holds on a span; nothing where it does not apply.
    fn holds(self, trace: &Trace, at: usize, is_answered: &[bool]) -> Option<bool> {
        let node = &trace.nodes()[at];
        let span = trace.span(node);
        match self {
            Self::Parents => span.parent().map(|_| !node.is_orphan),
            Self::Callees => calls_a_service(span).then(|| is_answered[at]),
            Self::Clocks => {
                let parent = node.parent.map(|parent| trace.span(&trace.nodes()[parent as usize]));
                parent.map(|parent| parent.start() <= span.start())
            }
            Self::Names => Some(!holds_an_id(span.name())),
            Self::Errors => (span.status() == StatusCode::Error).then(|| says_why(span)),
        }
    }
}

/// Databases and queues are no services with spans of their own.
fn calls_a_service(span: Span<'_>) -> bool {
    const STORES: [&str; 4] = ["db.system", "db.system.name", "messaging.system", "db.statement"];
    span.kind() == Kind::Client && STORES.iter().all(|key| span.attributes().get(key).is_none())
}

/// For each span whether another service, or a span that serves, stands below it.
fn answered(trace: &Trace) -> Vec<bool> {
    let nodes = trace.nodes();
    let mut answered = vec![false; nodes.len()];
    for node in nodes {
        let Some(parent) = node.parent.map(|parent| parent as usize) else { continue };
        let child = trace.span(node);
        let is_other = child.service() != trace.span(&nodes[parent]).service();
        answered[parent] |= is_other || child.kind() == Kind::Server;
    }
    answered
}

/// True where a word of the name is a long number, or hexadecimal digits of which some are numbers.
fn holds_an_id(name: &str) -> bool {
    const ID_LENGTH_MIN: usize = 8;
    let is_id = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        let is_number = digits == word.len() && digits >= 5;
        is_number
            || word.len() >= ID_LENGTH_MIN && digits >= 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(is_id)
}

fn says_why(span: Span<'_>) -> bool {
    const REASONS: [&str; 3] = ["error.type", "error.message", "exception.message"];
    let has = |key: &&str| span.attributes().get(key).is_some();
    !span.status_message().is_empty()
        || REASONS.iter().any(has)
        || span.events().any(|event| event.name() == "exception")
}

/// How often a check passed and failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which check.
    pub check: Check,
    /// Spans on which it holds.
    pub passed: u64,
    /// Spans on which it does not.
    pub failed: u64,
    /// Some of those that passed.
    pub passing: Vec<Example>,
    /// Some of those that failed.
    pub failing: Vec<Example>,
}

impl Outcome {
    /// The share that passed; 1 where nothing was checked.
    #[must_use]
    pub fn share(&self) -> f64 {
        let all = self.passed + self.failed;
        if all == 0 { 1.0 } else { self.passed as f64 / all as f64 }
    }
}

/// The outcome of every check on the spans of a service, or of all.
#[must_use]
pub fn quality<'t>(traces: impl IntoIterator<Item = &'t Trace>, service: Option<&str>) -> Vec<Outcome> {
    let none = |check| Outcome { check, passed: 0, failed: 0, passing: Vec::new(), failing: Vec::new() };
    let mut outcomes = Check::ALL.map(none);
    for trace in traces {
        let is_answered = answered(trace);
        for (at, node) in trace.nodes().iter().enumerate() {
            let span = trace.span(node);
            if service.is_some_and(|service| span.service() != service) {
                continue;
            }
            for outcome in &mut outcomes {
                let (count, examples) = match outcome.check.holds(trace, at, &is_answered) {
                    None => continue,
                    Some(true) => (&mut outcome.passed, &mut outcome.passing),
                    Some(false) => (&mut outcome.failed, &mut outcome.failing),
                };
                *count += 1;
                if examples.len() < EXAMPLES_MAX {
                    examples.push((trace.id(), span.span_id()));
                }
            }
        }
    }
    outcomes.into()
}

#[cfg(test)]
mod tests {
    use model::{Kind, StatusCode, Tenant, Trace};
    use store::conformance::{Draft, batch, trace_id};

    use super::{Check, quality};

    fn check(spans: &[Draft], check: Check, expected: (u64, u64)) {
        let trace = Trace::join(trace_id(1), vec![batch(&Tenant::default(), spans)]).unwrap();
        let found = quality([&trace], None).into_iter().find(|outcome| outcome.check == check).unwrap();
        assert_eq!((found.passed, found.failed), expected, "{check:?}");
        assert_eq!((found.passing.len() as u64, found.failing.len() as u64), expected, "{check:?}");
    }

    #[test]
    fn a_parent_that_is_missing_and_a_clock_that_is_behind_are_seen() {
        let root = || Draft::new(1, 1);
        check(&[root(), Draft::new(1, 2).under(1), Draft::new(1, 3).under(9)], Check::Parents, (1, 1));
        let early = Draft::new(1, 2).under(1).at(root().start - 5, 10);
        check(&[root(), early, Draft::new(1, 3).under(1)], Check::Clocks, (1, 1));
    }

    #[test]
    fn calls_into_the_dark_are_seen_but_for_databases() {
        let call = |id| Draft::new(1, id).kind(Kind::Client);
        let spans =
            [call(1), Draft::new(1, 2).service("cart").under(1), call(3), call(4).with("db.system", "mysql")];
        check(&spans, Check::Callees, (1, 1));
    }

    #[test]
    fn names_with_ids_and_errors_without_reasons_are_seen() {
        let named = |id, name: &str| Draft::new(1, id).name(name);
        let names =
            ["GET /users/{id}", "GET /users/12345", "job 0af7651916cd43dd", "HTTP/2 v1", "decade feedback"];
        let spans: Vec<Draft> = names.iter().zip(1..).map(|(name, id)| named(id, name)).collect();
        check(&spans, Check::Names, (3, 2));
        let failed = |id| Draft::new(1, id).status(StatusCode::Error);
        let spans = [failed(1), failed(2).with_event("exception", &[]), failed(3).with("error.type", "io")];
        check(&spans, Check::Errors, (2, 1));
    }
}
