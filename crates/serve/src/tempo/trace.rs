//! One whole trace.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use model::proto::Message;
use model::{Trace, TraceId};
use store::{Answer, Plan};
use wire::otlp_json::{Ids, resource_spans_with};

use super::reply::{Refusal, json, protobuf};
use super::{Asked, Tempo};

/// Fields of `tempopb.TraceByIDResponse`.
mod response {
    pub(super) const TRACE: u32 = 1;
    pub(super) const METRICS: u32 = 2;
    pub(super) const STATUS: u32 = 3;
    pub(super) const MESSAGE: u32 = 4;
    /// A value of the status: spans may be missing.
    pub(super) const PARTIAL: u64 = 1;
}

/// The trace alone.
pub(super) async fn first(
    State(api): State<Arc<Tempo>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (trace, _) = find(&api, &id, &asked).await?;
    if asked.wants_protobuf {
        return Ok(protobuf(trace.to_otlp()));
    }
    Ok(json(|out| {
        out.object(|out| {
            out.key("batches").array(|out| resource_spans_with(Ids::Base64, trace.spans(), out));
        });
    }))
}

/// The trace, and whether it is whole.
pub(super) async fn second(
    State(api): State<Arc<Tempo>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (trace, answer) = find(&api, &id, &asked).await?;
    if asked.wants_protobuf {
        let mut out = Message::new();
        out.bytes(response::TRACE, &trace.to_otlp());
        out.message(response::METRICS, |_| {});
        if let Some(reason) = &answer.partial {
            out.varint(response::STATUS, response::PARTIAL);
            out.text(response::MESSAGE, reason);
        }
        return Ok(protobuf(out.into_bytes()));
    }
    Ok(json(|out| {
        out.object(|out| {
            out.key("trace").object(|out| {
                out.key("resourceSpans").array(|out| resource_spans_with(Ids::Base64, trace.spans(), out));
            });
            out.key("metrics").object(|out| out.key("inspectedBytes").plain(answer.work.bytes_read));
            out.key("status").text(if answer.partial.is_some() { "PARTIAL" } else { "COMPLETE" });
            out.key("message").text(answer.partial.as_deref().unwrap_or_default());
        });
    }))
}

async fn find(api: &Tempo, id: &str, asked: &Asked) -> Result<(Arc<Trace>, Answer), Refusal> {
    let fault = || Refusal::bad_request("trace IDs are 1 to 32 hexadecimal digits, not all zero");
    let id = TraceId::parse(id).ok_or_else(fault)?;
    let plan = Plan { time: asked.params.time()?, ..Plan::trace(asked.tenant.clone(), id) };
    let (mut traces, answer) = api.query.traces(&plan).await?;
    let missing = || {
        let why = answer.partial.as_ref().map(|why| format!(" (the store could not look everywhere: {why})"));
        Refusal::not_found(format!("trace {id} is not here{}", why.unwrap_or_default()))
    };
    traces.pop().ok_or_else(missing).map(|trace| (trace, answer))
}
