//! How long each trace of a tenant's part of a block lives, by all spans of it wherever they lie.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::{Span, TraceId};
use store::eval;

use super::{
    nanos,
    policy::{Policy, RULES_MAX},
};

/// What the archive is called where rules are.
pub(crate) const ARCHIVE: &str = "archive";

/// The traces of one tenant that are being judged.
pub(crate) struct Lives<'a> {
    policy: Policy<'a>,
    traces: HashMap<TraceId, Life, FixedState>,
    /// All rules, as bits.
    every: u32,
}

struct Life {
    /// The rules of which some span passes the filter, as bits.
    passed: u32,
    start: u64,
    end: u64,
}

impl<'a> Lives<'a> {
    /// Nothing is known of these traces yet.
    pub(crate) fn new(policy: Policy<'a>, ids: impl Iterator<Item = TraceId>) -> Self {
        let rules = policy.rules.len().min(RULES_MAX);
        let every = u32::try_from((1_u64 << rules) - 1).unwrap_or(u32::MAX);
        let life = |id| (id, Life { passed: 0, start: u64::MAX, end: 0 });
        Self { policy, traces: ids.map(life).collect(), every }
    }

    /// The traces that are judged.
    pub(crate) fn ids(&self) -> impl ExactSizeIterator<Item = TraceId> {
        self.traces.keys().copied()
    }

    /// Is it one of the traces that are judged?
    pub(crate) fn judges(&self, id: TraceId) -> bool {
        self.traces.contains_key(&id)
    }

    /// A part of the trace lies between these times.
    pub(crate) fn cover(&mut self, id: TraceId, start: u64, end: u64) {
        if let Some(life) = self.traces.get_mut(&id) {
            life.start = life.start.min(start);
            life.end = life.end.max(end);
        }
    }

    /// Can another span of the trace change anything?
    pub(crate) fn is_open(&self, id: TraceId) -> bool {
        self.traces.get(&id).is_some_and(|life| life.passed != self.every)
    }

    /// Takes a span into account.
    pub(crate) fn see(&mut self, span: Span<'_>) {
        let Some(life) = self.traces.get_mut(&span.trace_id()) else { return };
        for (place, rule) in self.policy.rules.iter().take(RULES_MAX).enumerate() {
            let bit = 1 << place;
            if life.passed & bit == 0 && eval::passes(&rule.spans, span) {
                life.passed |= bit;
            }
        }
    }

    /// How long a trace lives, in nanoseconds, and the rule that says so.
    pub(crate) fn lifetime(&self, id: TraceId) -> (u64, Option<&'a str>) {
        let default = (nanos(self.policy.time), None);
        let Some(life) = self.traces.get(&id) else { return default };
        let duration = life.end.saturating_sub(life.start);
        let rules = self.policy.rules.iter().take(RULES_MAX).enumerate();
        let matching = rules
            .filter(|(place, rule)| life.passed >> place & 1 == 1 && rule.trace.passes(duration))
            .map(|(_, rule)| (nanos(rule.time), Some(rule.name.as_str())));
        matching.max_by_key(|(time, _)| *time).unwrap_or(default)
    }
}
