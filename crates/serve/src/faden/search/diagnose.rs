//! `search/diagnose`: why a search finds nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::Search;
use query::diagnose::{Diagnosis, conditions};

use super::super::{Api, Asked, Failed};

/// Parameters that say when, not which.
const OF_TIME: [&str; 3] = ["start", "end", "last"];

pub(in super::super) async fn diagnose(
    State(api): State<Arc<Api>>,
    asked: Asked,
) -> Result<Json<Diagnosis>, Failed> {
    let clock = api.faden.clock.as_ref();
    let is_condition = |name: &str| name != "q" && !OF_TIME.contains(&name);
    let pairs: Vec<(String, String)> =
        asked.pairs.iter().filter(|(name, value)| is_condition(name) && !value.is_empty()).cloned().collect();
    let text = asked.pairs.iter().find(|(name, _)| name == "q").map(|(_, text)| text.clone());
    let scope = asked.scope(clock)?;
    let mut named = Vec::new();
    for (name, value) in pairs {
        let alone = Search::read([(name.as_str(), value.as_str())], clock.now()).map_err(Failed::unclear)?;
        named.push((format!("{name} = {value}"), alone));
    }
    let conditions = conditions(&scope, named);
    let text = text.unwrap_or_default();
    Ok(Json(query::diagnose::diagnose(&api.faden.query, &scope, (&text, conditions)).await?))
}
