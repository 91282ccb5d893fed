//! `explain`: what is different about a selection of spans ([`analyze::explain`]).
//!
//! The baseline are the spans of the same question that are not selected. Traces are looked at, newest first.

use std::sync::Arc;
use std::time::Duration;

use analyze::explain::{Explain, Explanation};
use axum::Json;
use axum::extract::State;
use model::TimeRange;
use query::answer::{About, Work};
use query::moment;
use query::scope::Bounds;
use query::traceql::ast::Pipeline;
use query::traceql::eval::{self, Subject};
use serde::{Deserialize, Serialize};

use super::matching::spansets;
use super::scope::shown;
use super::{Api, Asked, Failed, JsonBody};

/// What looking at traces may cost.
const BOUNDS: Bounds = Bounds { time_limit: Duration::from_secs(10), traces_max: 5_000 };

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    start: Option<String>,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    last: Option<String>,
    select: Select,
    #[serde(default)]
    keys: Vec<String>,
}

/// Which spans are selected: all of what is given holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Select {
    q: Option<String>,
    start: Option<String>,
    end: Option<String>,
    min_ns: Option<u64>,
    max_ns: Option<u64>,
}

/// What is different about a selection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The differences.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// True where all spans of the question were counted.
    pub is_exact: bool,
    /// Traces that were looked at.
    pub looked_at: usize,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

/// A selection, read.
struct Selection {
    pipeline: Option<Pipeline>,
    time: TimeRange,
    min: u64,
    max: u64,
}

pub(super) async fn explain(
    State(api): State<Arc<Api>>,
    asked: Asked,
    JsonBody(question): JsonBody<Question>,
) -> Result<Json<Explained>, Failed> {
    asked.nothing_more()?;
    let clock = api.faden.clock.as_ref();
    let selection = question.select.read(clock.now())?;
    let fields =
        [("q", question.q), ("start", question.start), ("end", question.end), ("last", question.last)];
    let pairs = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let scope = Asked { tenant: asked.tenant, pairs }.scope(clock)?;
    let (explain, visited) = scope
        .visit(&api.faden.query, BOUNDS, Explain::default(), move |explain, subject, places| {
            let selected = selection.of(subject);
            for at in places {
                explain.add(subject.span(*at), selected[*at]);
            }
        })
        .await?;
    let mut explanation = explain.finish();
    if !question.keys.is_empty() {
        explanation.attributes.retain(|attribute| question.keys.contains(&attribute.key));
    }
    let is_exact = visited.partial.is_none();
    let about = About { next: None, partial: visited.partial, work: Work::from(visited.work) };
    Ok(Json(Explained { explanation, is_exact, looked_at: visited.traces, about }))
}

impl Select {
    fn read(self, now: u64) -> Result<Selection, Failed> {
        let is_empty = self.q.is_none()
            && self.start.is_none()
            && self.end.is_none()
            && self.min_ns.is_none()
            && self.max_ns.is_none();
        if is_empty {
            return Err(Failed::invalid(
                "select: it selects every span, and nothing is left to compare with",
            )
            .remedy("send {\"q\":\"{ status = error }\"}, or start, end, min_ns, max_ns"));
        }
        let pipeline =
            self.q.map(|text| spansets(&text).map_err(|failed| failed.of("select"))).transpose()?;
        let at = |name: &str, text: Option<String>, default: u64| match text {
            None => Ok(default),
            Some(text) => moment::parse(&text, now).ok_or_else(|| {
                Failed::invalid(format!("select: {name}: `{}` is not a time", shown(&text)))
                    .remedy(moment::FORMS)
            }),
        };
        let time = TimeRange { start: at("start", self.start, 0)?, end: at("end", self.end, u64::MAX)? };
        Ok(Selection { pipeline, time, min: self.min_ns.unwrap_or(0), max: self.max_ns.unwrap_or(u64::MAX) })
    }
}

impl Selection {
    /// Which spans of a trace are selected.
    fn of(&self, subject: &Subject<'_>) -> Vec<bool> {
        let inside = |at: usize| {
            let span = subject.span(at);
            self.time.contains(span.start()) && self.min <= span.duration() && span.duration() <= self.max
        };
        let Some(pipeline) = &self.pipeline else { return (0..subject.len()).map(inside).collect() };
        let mut selected = vec![false; subject.len()];
        for at in eval::run(pipeline, subject).into_iter().flat_map(|set| set.spans) {
            selected[at as usize] = inside(at as usize);
        }
        selected
    }
}
