//! What of a trace is worth a look first: facts, not guesses, each with the spans that show it.

use serde::{Deserialize, Serialize};

use super::{Skeleton, flag};
use crate::EXACT_MAX;

/// So many groups of equal siblings are told.
const REPEATED_MAX: usize = 3;
/// So many spans are named by one finding.
const SPANS_MAX: usize = 20;
/// A share of the duration below this is not worth a word.
const SHARE_MIN: f64 = 0.05;

/// A fact about a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of fact.
    pub kind: What,
    /// The fact in words, without durations.
    pub text: String,
    /// The first of the spans that show it.
    pub spans: Vec<u32>,
    /// How many there are.
    pub count: u64,
    /// The time that it is about; absent where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_ns: Option<u64>,
    /// The part of the trace's duration that this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

/// Kinds of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The service that most of the critical path belongs to.
    CriticalShare,
    /// The span with the longest part of the critical path.
    CriticalSpan,
    /// Equal siblings.
    Repeated,
    /// Where errors begin.
    ErrorOrigin,
    /// Time in which no span of the path ran.
    DarkTime,
    /// Parents that nobody sent.
    MissingParents,
    /// Clocks that are off.
    Skew,
}

pub(super) fn findings(skeleton: &Skeleton) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(critical_share(skeleton));
    all.extend(critical_span(skeleton));
    all.extend(repeated(skeleton));
    all.extend(error_origin(skeleton));
    all.extend(dark_time(skeleton));
    all.extend(missing(skeleton));
    all.extend(skew(skeleton));
    all
}

/// The finding of a time, where it is long enough.
fn timed(skeleton: &Skeleton, (kind, text): (What, String), spans: Vec<u32>, value: u64) -> Option<Finding> {
    let share = value as f64 / skeleton.duration_ns.max(1) as f64;
    let (count, value_ns) = (spans.len() as u64, Some(value));
    (share >= SHARE_MIN).then_some(Finding { kind, text, spans, count, value_ns, share: Some(share) })
}

fn plain(kind: What, text: String, spans: impl Iterator<Item = u32>) -> Option<Finding> {
    let all: Vec<u32> = spans.collect();
    let count = all.len() as u64;
    let spans = all.into_iter().take(SPANS_MAX).collect();
    (count > 0).then_some(Finding { kind, text, spans, count, value_ns: None, share: None })
}

fn label(skeleton: &Skeleton, span: usize) -> String {
    let columns = &skeleton.columns;
    let service = &skeleton.services[columns.service[span] as usize].name;
    format!("{service} {}", skeleton.names[columns.name[span] as usize])
}

fn critical_share(skeleton: &Skeleton) -> Option<Finding> {
    let (most, service) =
        skeleton.services.iter().enumerate().max_by_key(|(_, service)| service.critical_ns)?;
    let columns = &skeleton.columns;
    let own = skeleton.critical.segments().map(|[span, ..]| span as u32);
    let mut spans: Vec<u32> = own.filter(|span| columns.service[*span as usize] as usize == most).collect();
    spans.sort_unstable();
    spans.dedup();
    let count = spans.len() as u64;
    spans.truncate(SPANS_MAX);
    let text = format!("most of the critical path is {}", service.name);
    let found = timed(skeleton, (What::CriticalShare, text), spans, service.critical_ns)?;
    (skeleton.services.len() > 1).then_some(Finding { count, ..found })
}

fn critical_span(skeleton: &Skeleton) -> Option<Finding> {
    let mut own = vec![0_u64; skeleton.columns.len()];
    skeleton.critical.segments().for_each(|[span, from, to]| own[span as usize] += to - from);
    let (span, time) = own.iter().enumerate().max_by_key(|(_, time)| **time)?;
    let text = format!("the trace waits longest in {}", label(skeleton, span));
    timed(skeleton, (What::CriticalSpan, text), vec![span as u32], *time)
}

fn repeated(skeleton: &Skeleton) -> Vec<Finding> {
    let mut groups: Vec<_> = skeleton.groups.iter().filter(|group| group.in_turn).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.total_ns));
    let finding = |group: &&super::Group| {
        let count = group.members.len() as u64;
        let text = format!("{} ×{count}, one after the other", label(skeleton, group.members[0] as usize));
        let spans = group.members.iter().copied().take(SPANS_MAX).collect();
        let found = timed(skeleton, (What::Repeated, text), spans, group.total_ns)?;
        Some(Finding { count, ..found })
    };
    groups.iter().filter_map(finding).take(REPEATED_MAX).collect()
}

fn error_origin(skeleton: &Skeleton) -> Option<Finding> {
    let flags = skeleton.columns.flags.iter().enumerate();
    let origins: Vec<usize> =
        flags.filter(|(_, flags)| **flags & flag::ERROR_ORIGIN != 0).map(|(at, _)| at).collect();
    let first = *origins.first()?;
    let text = match origins.len() {
        1 => format!("the error begins in {}", label(skeleton, first)),
        many => format!("errors begin in {many} spans, first in {}", label(skeleton, first)),
    };
    plain(What::ErrorOrigin, text, origins.into_iter().map(|at| at as u32))
}

fn dark_time(skeleton: &Skeleton) -> Option<Finding> {
    let mut dark = 0_u64;
    let mut reached = 0;
    let mut after = Vec::new();
    for [span, from, to] in skeleton.critical.segments() {
        if from > reached {
            dark += from - reached;
            after.push(span as u32);
        }
        reached = reached.max(to);
    }
    let text = "no span of the path ran for a while".to_owned();
    timed(skeleton, (What::DarkTime, text), after, dark.min(EXACT_MAX))
}

fn missing(skeleton: &Skeleton) -> Option<Finding> {
    let parents = skeleton.missing.len();
    let text = if parents == 1 {
        "a parent is missing: the trace is not whole".to_owned()
    } else {
        format!("{parents} parents are missing: the trace is not whole")
    };
    plain(What::MissingParents, text, skeleton.missing.iter().flat_map(|missing| missing.children.clone()))
}

fn skew(skeleton: &Skeleton) -> Option<Finding> {
    let mut services: Vec<&str> = skeleton.skew.iter().map(|shift| shift.service.as_str()).collect();
    services.sort_unstable();
    services.dedup();
    let text = format!("clocks are off: {}", services.join(", "));
    plain(What::Skew, text, skeleton.skew.iter().map(|shift| shift.span))
}
