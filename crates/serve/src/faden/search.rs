//! `search`: summaries of the traces that pass, page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::answer::{About, Found, Summary};
use store::Ask;

use super::{Api, Asked, Failed};

pub(super) async fn search(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Found>, Failed> {
    let search = asked.search(api.faden.clock.as_ref())?;
    let plan = search.plan(asked.tenant, Ask::Summaries);
    let (summaries, answer) = api.faden.query.summaries(&plan).await?;
    Ok(Json(Found { traces: summaries.iter().map(Summary::from).collect(), about: About::from(&answer) }))
}
