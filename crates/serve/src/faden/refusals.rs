//! `refusals`: which spans were not taken, where, why, how often and when; and why the spans of a trace are not there.
//!
//! Read from [`pipeline::Audit`], which remembers what went wrong since the start, in bounds that the answer names.

use std::sync::Arc;

use ::pipeline::Reason;
use ::pipeline::audit::{Fate, Group, Lost, Told};
use axum::Json;
use axum::extract::State;
use model::TraceId;
use query::answer::Count64;
use serde::{Deserialize, Serialize};
use store::Plan;

use super::trace::trace_id;
use super::{Api, Asked, Failed};

/// So many traces are told at once, and so many counts.
pub const REFUSALS_MAX: usize = 1_000;
const REFUSALS_DEFAULT: usize = 100;

/// What was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// Counts by place, reason and service, the latest first.
    pub groups: Vec<RefusalGroup>,
    /// Traces, the latest first.
    pub traces: Vec<RefusedTrace>,
    /// Counts that were forgotten for want of room.
    pub groups_forgotten: u64,
    /// Traces that were forgotten for want of room.
    pub traces_forgotten: u64,
    /// What is remembered of the trace that was asked for, and what the store holds of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
}

/// What spans that were not taken have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The component, as `pipeline` calls it: `receiver:otlp`, `processor:traces:batch`, `exporter:store`.
    pub place: String,
    /// `refused` (may come again), `rejected` (never will be taken) or `dropped` (after they were acknowledged).
    pub outcome: String,
    /// The word that metrics carry.
    pub reason: String,
    /// The reason in a sentence, the latest one.
    pub text: String,
    /// The service that sent them, of a trace the first one; empty where that is not known or they are of several.
    pub service: String,
    /// How many, each time counted that they were sent.
    pub spans: u64,
    /// When it happened first, in nanoseconds since 1970.
    pub first_seen: Count64,
    /// When it happened last.
    pub last_seen: Count64,
}

/// Spans that were not taken, with the same place, reason and service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalGroup {
    /// Where, why and how many.
    #[serde(flatten)]
    pub of: Refusal,
    /// Whole requests whose spans nobody knows.
    pub requests: u64,
    /// The latest traces.
    pub examples: Vec<String>,
}

/// Spans of one trace that were not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedTrace {
    /// The trace.
    pub trace_id: String,
    /// Where, why and how many; where `is_part`, at most so many.
    #[serde(flatten)]
    pub of: Refusal,
    /// Some spans of their request were taken, and nobody knows which.
    pub is_part: bool,
}

/// Where the spans of a trace are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The trace.
    pub trace_id: String,
    /// Spans of it that the store holds.
    pub stored_spans: u64,
    /// Spans that name a parent which the store does not hold.
    pub orphans: u64,
    /// What that means, in sentences.
    pub sentences: Vec<String>,
}

pub(super) async fn refusals(
    State(api): State<Arc<Api>>,
    mut asked: Asked,
) -> Result<Json<Refusals>, Failed> {
    let trace = asked.take("trace").map(|text| trace_id(&text)).transpose()?;
    let wanted = Wanted { trace, service: asked.take("service"), place: asked.take("place") };
    let limit = asked.number("limit", REFUSALS_DEFAULT, REFUSALS_MAX)?;
    asked.nothing_more()?;
    let mut told = api.faden.flow.audit.told(&asked.tenant);
    told.traces.retain(|lost| wanted.trace(lost));
    told.groups.retain(|group| wanted.group(group, &told.traces));
    let why = match trace {
        Some(id) => Some(why(&api, &asked, id, &told).await?),
        None => None,
    };
    told.groups.truncate(limit);
    told.traces.truncate(limit);
    Ok(Json(Refusals {
        groups: told.groups.iter().map(RefusalGroup::from).collect(),
        traces: told.traces.iter().map(RefusedTrace::from).collect(),
        groups_forgotten: told.groups_forgotten,
        traces_forgotten: told.traces_forgotten,
        why,
    }))
}

struct Wanted {
    trace: Option<TraceId>,
    service: Option<String>,
    place: Option<String>,
}

impl Wanted {
    fn trace(&self, lost: &Lost) -> bool {
        self.trace.is_none_or(|id| id == lost.trace) && self.is_from(&lost.service, lost.reason.place())
    }

    /// With a trace, the counts in which it is.
    fn group(&self, group: &Group, traces: &[Lost]) -> bool {
        let is_of = |lost: &Lost| {
            (lost.reason.place(), lost.reason.label(), lost.fate)
                == (group.reason.place(), group.reason.label(), group.fate)
        };
        let has_trace = self.trace.is_none() || traces.iter().any(is_of);
        has_trace && self.is_from(&group.service, group.reason.place())
    }

    fn is_from(&self, service: &str, place: &str) -> bool {
        self.service.as_deref().is_none_or(|wanted| wanted == service)
            && self.place.as_deref().is_none_or(|wanted| wanted == place)
    }
}

async fn why(api: &Api, asked: &Asked, id: TraceId, told: &Told) -> Result<Why, Failed> {
    let plan = Plan { ask: store::Ask::Summaries, ..Plan::trace(asked.tenant.clone(), id) };
    let (summaries, answer) = api.faden.query.summaries(&plan).await?;
    let (stored_spans, orphans) = summaries.first().map_or((0, 0), |trace| (trace.spans, trace.orphans));
    let mut sentences = Vec::new();
    sentences.push(match stored_spans {
        0 => "the store holds no span of this trace".to_owned(),
        count => format!("the store holds {count} spans of this trace"),
    });
    if orphans > 0 {
        sentences.push(format!(
            "{orphans} of them name a parent that is not here: it was not sent to this server, not sampled, or is \
             still to come"
        ));
    }
    sentences.extend(answer.partial.map(|partial| format!("the store could not look everywhere: {partial}")));
    sentences.extend(told.traces.iter().map(sentence));
    if told.traces.is_empty() {
        sentences.push("since its start the server has refused, rejected and dropped none of it".to_owned());
        if told.traces_forgotten > 0 {
            let count = told.traces_forgotten;
            sentences.push(format!("but {count} older refusals are forgotten, and it may be among them"));
        } else if stored_spans == 0 {
            sentences.push(
                "so it never came here: look whether the application samples it, and where its exporter sends"
                    .to_owned(),
            );
        }
    }
    Ok(Why { trace_id: id.to_string(), stored_spans, orphans, sentences })
}

fn sentence(lost: &Lost) -> String {
    let (count, place, text) = (lost.spans, lost.reason.place(), lost.reason.text());
    let at_most = if lost.is_part { "at most " } else { "" };
    let then = match lost.fate {
        Fate::Refused => "; the sender was told to send them again",
        Fate::Rejected => "; the sender was told that they never will be taken",
        Fate::Dropped => "; the sender had been told that they are taken",
    };
    format!("{at_most}{count} spans were {} at {place}: {text}{then}", lost.fate.as_str())
}

/// Puts the words of a reason beside the counts: service, spans, first and last.
fn refusal(reason: &Reason, fate: Fate, (service, spans): (&str, u64), (first, last): (u64, u64)) -> Refusal {
    Refusal {
        place: reason.place().to_string(),
        outcome: fate.as_str().into(),
        reason: reason.label().into(),
        text: reason.text().into(),
        service: service.into(),
        spans,
        first_seen: Count64(first),
        last_seen: Count64(last),
    }
}

impl From<&Group> for RefusalGroup {
    fn from(group: &Group) -> Self {
        let counted = (&*group.service, group.spans);
        Self {
            of: refusal(&group.reason, group.fate, counted, (group.first, group.last)),
            requests: group.requests,
            examples: group.examples.iter().rev().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Lost> for RefusedTrace {
    fn from(lost: &Lost) -> Self {
        let counted = (&*lost.service, lost.spans);
        Self {
            trace_id: lost.trace.to_string(),
            of: refusal(&lost.reason, lost.fate, counted, (lost.first, lost.last)),
            is_part: lost.is_part,
        }
    }
}
