//! `store`, `archive` and `erase`: what is kept, for how long, and what is to go.
//!
//! Erasing is for who sits at the machine: the request must come from this machine, not through a proxy.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::{Extension, Json};
use http::StatusCode;
use model::{TimeRange, TraceId};
use net::Peer;
use query::{filter, moment};
use serde_json::{Value, json};
use store::Filter;

use super::trace::trace_id;
use super::{Api, Asked, Failed};
use crate::keep::{Archive, Erase, EraseAsked, Erasure, Keeper, StoreStat};

/// Headers that a proxy adds.
const PROXIED: [&str; 3] = ["forwarded", "x-forwarded-for", "via"];

pub(super) async fn stat(State(api): State<Arc<Api>>) -> Result<Json<StoreStat>, Failed> {
    Ok(Json(keeper(&api)?.stat().await))
}

pub(super) async fn archived(State(api): State<Arc<Api>>, asked: Asked) -> Result<Json<Archive>, Failed> {
    Ok(Json(Archive { traces: keeper(&api)?.archived(&asked.tenant).await }))
}

pub(super) async fn archive(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failed> {
    let id = trace_id(&id)?;
    let missing = keeper(&api)?.archive(&asked.tenant, &[id]).await.map_err(failed)?;
    if missing.is_empty() {
        return Ok(Json(json!({ "archived": 1 })));
    }
    Err(Failed::new(StatusCode::NOT_FOUND, format!("trace {id} is not here"))
        .remedy("it was never sent here, or is older than the store keeps"))
}

pub(super) async fn unarchive(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Json<Value>, Failed> {
    let id = trace_id(&id)?;
    match keeper(&api)?.unarchive(&asked.tenant, &[id]).await.map_err(failed)? {
        0 => Err(Failed::new(StatusCode::NOT_FOUND, format!("trace {id} is not in the archive"))),
        count => Ok(Json(json!({ "unarchived": count }))),
    }
}

pub(super) async fn erase(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    asked: Asked,
    Json(body): Json<EraseAsked>,
) -> Result<Json<Erasure>, Failed> {
    if !peer.addr.ip().is_loopback() || PROXIED.iter().any(|name| headers.contains_key(*name)) {
        return Err(Failed::new(
            StatusCode::FORBIDDEN,
            "spans are erased from the server's own machine only",
        )
        .remedy("run `faden store erase` there"));
    }
    let now = api.faden.clock.now();
    let what = read(&body, now).map_err(|(message, remedy)| Failed::invalid(message).remedy(remedy))?;
    let what = Erase { tenant: asked.tenant, ..what };
    let erasing = keeper(&api)?;
    // A task of its own: whoever stops waiting does not leave it half done.
    let erased = tokio::spawn(async move { erasing.erase(what).await }).await;
    api.traces.clear();
    api.skeletons.clear();
    let erased = erased.map_err(|_| failed("erasing panicked; see the server's log".into()))?;
    Ok(Json(erased.map_err(failed)?))
}

/// What a request to erase means, for the default tenant; else what is wrong with it and what would be right.
///
/// # Errors
/// Where it names nothing, or something that cannot be read.
pub fn read(body: &EraseAsked, now: u64) -> Result<Erase, (String, String)> {
    let wrong = |message: String, remedy: &str| (message, remedy.to_owned());
    if body.traces.is_empty() && body.filter.is_none() {
        return Err(wrong("nothing is named that is to be erased".into(), "name traces, or give a filter"));
    }
    let has_time = body.from.is_some() || body.to.is_some();
    if has_time && !body.traces.is_empty() {
        return Err(wrong(
            "a trace is erased whatever its time".into(),
            "leave out from and to, or the traces",
        ));
    }
    let ids = body.traces.iter().map(|id| {
        TraceId::parse(id).ok_or_else(|| {
            let shown: String = id.chars().take(100).collect();
            wrong(format!("`{shown}` is no trace id"), "it has 1 to 32 hexadecimal digits, and is not zero")
        })
    });
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let spans = match &body.filter {
        Some(text) => spans(text)?,
        None => Filter::All,
    };
    let at = |text: &Option<String>, default| match text {
        Some(text) => {
            moment::parse(text, now).ok_or_else(|| wrong(format!("`{text}` is not a time"), moment::FORMS))
        }
        None => Ok(default),
    };
    let time = TimeRange { start: at(&body.from, 0)?, end: at(&body.to, u64::MAX)? };
    let ids = (!ids.is_empty()).then_some(ids);
    Ok(Erase { tenant: model::Tenant::default(), ids, spans, time, dry_run: body.dry_run })
}

fn spans(text: &str) -> Result<Filter, (String, String)> {
    let question = filter::parse(text)
        .map_err(|mistake| (mistake.to_string(), "write it as for `faden search`".to_owned()))?;
    if !question.trace.is_empty() {
        let remedy = "search for such traces and erase them by their ids";
        return Err(("a filter on whole traces erases no single span".into(), remedy.into()));
    }
    if matches!(question.spans, Filter::All) {
        let remedy = "give a filter; to begin anew, stop the server and delete its directory";
        return Err(("this filter names every span".into(), remedy.into()));
    }
    Ok(question.spans)
}

fn keeper(api: &Api) -> Result<Arc<dyn Keeper>, Failed> {
    let nothing = || Failed::new(StatusCode::NOT_FOUND, "this server keeps nothing of its own");
    api.faden.keeper.clone().ok_or_else(nothing)
}

fn failed(message: String) -> Failed {
    Failed::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}
