//! `search/totals`: how many spans are found in all, and how long they took.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::answer::About;
use serde::{Deserialize, Serialize};

use super::super::red::Red;
use super::super::scope::{about, seconds};
use super::super::{Api, Asked, Failed};
use super::facets::all;

/// What the found spans add up to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// The numbers.
    #[serde(flatten)]
    pub red: Red,
    /// Traces that were looked at, where the store could not count by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<usize>,
    /// How the answer came about.
    #[serde(flatten)]
    pub about: About,
}

pub(in super::super) async fn totals(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Json<Totals>, Failed> {
    let clock = api.faden.clock.as_ref();
    let scope = asked.scope(clock)?;
    let counted = all(&api, &scope).await?;
    let tally = counted.rows.first().map(|row| row.sum.clone()).unwrap_or_default();
    let red = Red::of(&tally, seconds(&scope, clock));
    Ok(Json(Totals { red, looked_at: counted.looked_at, about: about(&counted) }))
}
