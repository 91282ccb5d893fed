//! `search/totals`: how many spans and traces are found in all, and how long the spans took.
//!
//! Traces are counted one by one, up to [`store::plan::LIMIT_MAX`].

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::StatusCode;
use query::Scope;
use query::answer::{About, Work};
use serde::{Deserialize, Serialize};
use store::metrics::Tally;
use store::{Ask, Plan};

use super::super::red::Red;
use super::super::scope::{AboutCounts, BOUNDS, about, seconds};
use super::super::{Api, Asked, Failed};
use super::facets::all;

/// What the found spans add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// The numbers.
    #[serde(flatten)]
    pub red: Red,
    /// How many traces these spans are in; at least so many where `has_more_traces`.
    pub traces: u64,
    /// There are more traces than were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_more_traces: bool,
    /// How the counts came about.
    #[serde(flatten)]
    pub about: AboutCounts,
}

pub(in super::super) async fn totals(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Json<Totals>, Failed> {
    let clock = api.faden.clock.as_ref();
    let scope = asked.scope(clock)?;
    let seconds = seconds(&scope, clock);
    let Some(plan) = scope.plan(Ask::Summaries) else { return one_by_one(&api, &scope, seconds).await };
    let plan = Plan { time_limit: BOUNDS.time_limit, ..plan };
    let (counted, traces) = tokio::join!(all(&api, &scope), api.faden.query.summaries(&plan));
    let (mut counted, (traces, answer)) = (counted?, traces?);
    counted.work += answer.work;
    let about = about(&counted);
    Ok(Json(Totals {
        red: red(&counted.rows, seconds),
        traces: traces.len() as u64,
        has_more_traces: answer.next.is_some() || answer.partial.is_some(),
        about,
    }))
}

fn red(rows: &[store::Metric], seconds: Option<f64>) -> Red {
    let tally = rows.first().map(|row| row.sum.clone()).unwrap_or_default();
    Red::of(&tally, seconds)
}

/// Counts where the store can't.
async fn one_by_one(api: &Api, scope: &Scope, seconds: Option<f64>) -> Result<Json<Totals>, Failed> {
    let state = (Tally::default(), 0_u64);
    let visit = scope.visit(&api.faden.query, BOUNDS, state, |(tally, traces), subject, places| {
        *traces += 1;
        for at in places {
            let span = subject.span(*at);
            tally.add(span.duration(), span.status() == StatusCode::Error);
        }
    });
    let ((tally, traces), visited) = visit.await?;
    Ok(Json(Totals {
        red: Red::of(&tally, seconds),
        traces,
        has_more_traces: visited.partial.is_some(),
        about: AboutCounts {
            looked_at: Some(visited.traces),
            answer: About { next: None, partial: visited.partial, work: Work::from(visited.work) },
        },
    }))
}
