//! `search` and what a page shows beside its results.

mod diagnose;
mod facets;
mod heatmap;
mod totals;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::answer::{About, Found, Summary};
use store::Ask;

use super::{Api, Asked, Failed};

pub(super) use diagnose::diagnose;
pub(super) use facets::facets;
pub use facets::{FACETS_MAX, Facet, FacetValue, Facets, VALUES_MAX};
pub(super) use heatmap::heatmap;
pub use heatmap::{COLUMNS_MAX, Heatmap, ROWS_MAX as HEATMAP_ROWS_MAX};
pub use totals::Totals;
pub(super) use totals::totals;

/// Summaries of the traces that pass, page by page.
pub(super) async fn search(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Found>, Failed> {
    let search = asked.search(api.faden.clock.as_ref())?;
    let plan = search.plan(asked.tenant, Ask::Summaries);
    let (summaries, answer) = api.faden.query.summaries(&plan).await?;
    Ok(Json(Found { traces: summaries.iter().map(Summary::from).collect(), about: About::from(&answer) }))
}
