//! `errors`: what failed, grouped by type and message without changing parts ([`analyze::errors`]).
//!
//! Traces are looked at whole, newest first, so that an error counts where it begins and not in its echoes.

use std::sync::Arc;
use std::time::Duration;

use analyze::errors::{Errors as Gathering, Group};
use axum::Json;
use axum::extract::State;
use model::StatusCode;
use query::answer::{About, Work};
use query::scope::Bounds;
use serde::{Deserialize, Serialize};
use store::{Field, Filter, Operand};

use super::{Api, Asked, Failed};

/// So many groups are told at once.
const GROUPS_MAX: usize = 1_000;

/// What looking at traces may cost.
const BOUNDS: Bounds = Bounds { time_limit: Duration::from_secs(10), traces_max: 10_000 };

/// What failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// The groups, the most frequent first.
    pub groups: Vec<Group>,
    /// Groups that are not told.
    pub others: usize,
    /// Traces that were looked at.
    pub looked_at: usize,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

pub(super) async fn errors(State(api): State<Arc<Api>>, mut asked: Asked) -> Result<Json<Errors>, Failed> {
    let limit = asked.number("limit", 50, GROUPS_MAX)?;
    let failed = Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    let scope = asked.scope(api.faden.clock.as_ref())?.and(failed);
    let (gathering, visited) = scope
        .visit(&api.faden.query, BOUNDS, Gathering::default(), |gathering, subject, places| {
            gathering.add(subject.trace(), places);
        })
        .await?;
    let left_out = gathering.left_out;
    let mut groups = gathering.finish();
    let others = groups.len().saturating_sub(limit);
    groups.truncate(limit);
    let full = || format!("{left_out} errors of further kinds were left out; narrow the time or the query");
    let partial = visited.partial.or_else(|| (left_out > 0).then(full));
    let about = About { next: None, partial, work: Work::from(visited.work) };
    Ok(Json(Errors { groups, others, looked_at: visited.traces, about }))
}
