//! `services`, `operations`, `keys`, `values`, `edges`: what occurs, and how often.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use query::answer::{About, Edges, Names};
use store::plan::LIMIT_MAX;
use store::{Ask, Level, Plan};

use super::{Api, Asked, Failed};

pub(super) async fn services(api: State<Arc<Api>>, asked: Asked) -> Result<Json<Names>, Failed> {
    names(&api, &asked, Ask::Services).await
}

pub(super) async fn operations(api: State<Arc<Api>>, asked: Asked) -> Result<Json<Names>, Failed> {
    names(&api, &asked, Ask::Operations).await
}

pub(super) async fn keys(api: State<Arc<Api>>, asked: Asked) -> Result<Json<Names>, Failed> {
    names(&api, &asked, Ask::Keys).await
}

pub(super) async fn values(api: State<Arc<Api>>, mut asked: Asked) -> Result<Json<Names>, Failed> {
    let missing = || Failed::invalid("key is missing").remedy("say whose values: values?key=http.route");
    let key = asked.take("key").ok_or_else(missing)?;
    let level = match asked.take("level") {
        None => Level::Any,
        Some(word) => level(&word)?,
    };
    names(&api, &asked, Ask::Values { key, level }).await
}

pub(super) async fn edges(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Edges>, Failed> {
    let plan = plan(&api, &asked, Ask::Edges)?;
    let (edges, answer) = api.faden.query.edges(&plan).await?;
    Ok(Json(Edges { edges: edges.into_iter().map(Into::into).collect(), about: About::from(&answer) }))
}

async fn names(api: &Api, asked: &Asked, ask: Ask) -> Result<Json<Names>, Failed> {
    let plan = plan(api, asked, ask)?;
    let (names, answer) = api.faden.query.names(&plan).await?;
    Ok(Json(Names { names: names.into_iter().map(Into::into).collect(), about: About::from(&answer) }))
}

/// Lists come whole unless a limit is given.
fn plan(api: &Api, asked: &Asked, ask: Ask) -> Result<Plan, Failed> {
    let mut plan = asked.search(api.faden.clock.as_ref())?.plan(asked.tenant.clone(), ask);
    if !asked.names("limit") {
        plan.limit = LIMIT_MAX;
    }
    if plan.after.is_some() || !plan.trace.is_empty() {
        return Err(Failed::invalid("lists have no cursor, and no condition on whole traces")
            .remedy("leave out cursor, min_trace_duration and max_trace_duration"));
    }
    Ok(plan)
}

fn level(word: &str) -> Result<Level, Failed> {
    let all = [Level::Any].into_iter().chain(Level::EACH);
    all.into_iter().find(|level| level.as_str() == word).ok_or_else(|| {
        Failed::invalid(format!("`{word}` is not a level"))
            .remedy("it is any, resource, scope, span, event or link")
    })
}
