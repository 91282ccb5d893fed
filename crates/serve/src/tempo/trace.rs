//! One whole trace.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use model::proto::Message;
use model::{Span, Trace, TraceId};
use query::traceql::ast::{Pipeline, Root};
use query::traceql::eval::{self, Subject};
use query::traceql::parse;
use store::{Answer, Plan};
use wire::otlp_json::{Ids, resource_spans_with};

use super::params::Params;
use super::reply::{Refusal, json, protobuf};
use super::{Asked, Tempo};
use crate::message::resource_span;

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

/// The trace, and whether it is whole; with `q` no more of it than the spans that match and what stands around them.
pub(super) async fn second(
    State(api): State<Arc<Tempo>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let around = Around::read(&asked.params)?;
    let (trace, answer) = find(&api, &id, &asked).await?;
    let kept = around.map(|around| around.kept(&trace));
    let missing = kept.as_ref().map(|kept| {
        let count = kept.iter().filter(|is_kept| **is_kept).count();
        format!("{count} of {} spans are shown, since q was asked for", kept.len())
    });
    let partial = answer.partial.clone().or(missing);
    if asked.wants_protobuf {
        let mut out = Message::new();
        match &kept {
            None => out.bytes(response::TRACE, &trace.to_otlp()),
            Some(kept) => out.message(response::TRACE, |out| {
                shown(&trace, kept.as_slice()).for_each(|span| resource_span(span, out));
            }),
        }
        out.message(response::METRICS, |_| {});
        if let Some(reason) = &partial {
            out.varint(response::STATUS, response::PARTIAL);
            out.text(response::MESSAGE, reason);
        }
        return Ok(protobuf(out.into_bytes()));
    }
    Ok(json(|out| {
        out.object(|out| {
            out.key("trace").object(|out| {
                out.key("resourceSpans").array(|out| match &kept {
                    None => resource_spans_with(Ids::Base64, trace.spans(), out),
                    Some(kept) => resource_spans_with(Ids::Base64, shown(&trace, kept), out),
                });
            });
            out.key("metrics").object(|out| out.key("inspectedBytes").plain(answer.work.bytes_read));
            out.key("status").text(if partial.is_some() { "PARTIAL" } else { "COMPLETE" });
            out.key("message").text(partial.as_deref().unwrap_or_default());
        });
    }))
}

fn shown<'t>(trace: &'t Trace, kept: &[bool]) -> impl Iterator<Item = Span<'t>> {
    trace.nodes().iter().zip(kept).filter(|(_, is_kept)| **is_kept).map(|(node, _)| trace.span(node))
}

/// Which spans of a trace are asked for.
struct Around {
    pipeline: Pipeline,
    /// Levels above a span that matches; `None` for all.
    above: Option<u32>,
    /// Levels below it; `None` for all.
    below: Option<u32>,
}

impl Around {
    fn read(params: &Params) -> Result<Option<Self>, Refusal> {
        let Some(text) = params.first("q") else { return Ok(None) };
        let Root::Spansets(pipeline) = parse(text)?.root else {
            return Err(Refusal::bad_request(
                "`q` asks for metrics: send a filter, as in q={ status = error }",
            ));
        };
        let below = params.levels("match_depth")?.unwrap_or(Some(0));
        let above = if params.boolean("keep_hierarchy")? {
            params.levels("ancestor_depth")?.unwrap_or(None)
        } else {
            Some(0)
        };
        Ok(Some(Self { pipeline, above, below }))
    }

    /// For each of the trace's nodes whether it is shown.
    fn kept(&self, trace: &Trace) -> Vec<bool> {
        let subject = Subject::new(trace);
        let sets = eval::run(&self.pipeline, &subject);
        let nodes = trace.nodes();
        let matched: Vec<usize> = sets.iter().flat_map(|set| &set.spans).map(|at| *at as usize).collect();
        let mut kept = vec![false; nodes.len()];
        // How many levels below each span are still shown: those of the nearest match above it.
        let mut left: Vec<Option<u32>> = vec![None; nodes.len()];
        let all = self.below.unwrap_or(u32::MAX);
        matched.iter().for_each(|at| left[*at] = Some(all));
        for (at, node) in nodes.iter().enumerate() {
            let inherited = node.parent.and_then(|parent| left[parent as usize]?.checked_sub(1));
            left[at] = left[at].max(inherited);
            kept[at] = left[at].is_some();
        }
        for at in matched {
            let (mut next, mut levels) = (nodes[at].parent, self.above.unwrap_or(u32::MAX));
            while let Some(parent) = next.filter(|_| levels > 0) {
                // With all levels above, those of a span that is shown are shown, or will be.
                if self.above.is_none() && kept[parent as usize] {
                    break;
                }
                kept[parent as usize] = true;
                next = nodes[parent as usize].parent;
                levels -= 1;
            }
        }
        kept
    }
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
