//! Writes the messages of answers.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::proto::Message;
use model::{Batch, Summary, Trace};
use net::Status;
use net::status::Code;
use store::{Edge, Name};
use wire::jaeger_json::Form;
use wire::jaeger_proto;

use super::Reply;
use crate::refusal::Refusal;

/// A chunk of OTLP has about so many bytes; clients take 4 MiB by default.
const CHUNK_BYTES: usize = 1 << 20;

/// Summaries of one chunk.
const SUMMARIES_AT_ONCE: usize = 500;

pub(super) fn failed(error: ::query::Error) -> Status {
    Refusal::from(error).status()
}

/// Texts in field 1.
pub(super) fn services(found: &[Name]) -> Reply {
    let mut out = Message::new();
    found.iter().for_each(|service| out.text(1, &service.name));
    Reply::one(out.into_bytes())
}

/// Operations in this field, with the word for spans without a kind; in `api_v2` their names alone stand in field 1.
pub(super) fn operations(found: &[Name], field: u32, unspecified: &str) -> Reply {
    let mut out = Message::new();
    if field != 1 {
        let mut names: Vec<&str> = found.iter().map(|name| name.name.as_str()).collect();
        names.dedup();
        names.iter().for_each(|name| out.text(1, name));
    }
    for name in found {
        out.message(field, |out| {
            out.text(1, &name.name);
            out.text(2, if name.kind == "unspecified" { unspecified } else { name.kind });
        });
    }
    Reply::one(out.into_bytes())
}

pub(super) fn dependencies(found: &[Edge]) -> Reply {
    let mut out = Message::new();
    for edge in found {
        out.message(1, |out| {
            out.text(1, &edge.parent);
            out.text(2, &edge.child);
            out.varint(3, edge.calls);
        });
    }
    Reply::one(out.into_bytes())
}

/// Traces as `api_v2.SpansResponseChunk`, one after the other.
pub(super) fn spans(traces: Vec<Arc<Trace>>, form: Form) -> Reply {
    chunked(traces, move |trace| jaeger_proto::chunks(trace, form))
}

/// Traces as OTLP's `TracesData`, one after the other; no chunk holds spans of two.
pub(super) fn otlp(traces: Vec<Arc<Trace>>) -> Reply {
    chunked(traces, |trace| trace.batches().into_iter().flat_map(|batch| pieces(&batch)).collect())
}

fn chunked(
    traces: Vec<Arc<Trace>>,
    chunks: impl Fn(&Trace) -> Vec<Vec<u8>> + Clone + Send + Sync + 'static,
) -> Reply {
    let written = stream::iter(traces).then(move |trace| {
        let chunks = chunks.clone();
        async move { tokio::task::spawn_blocking(move || chunks(&trace)).await }
    });
    let messages = written.flat_map(|chunks| {
        let messages = match chunks {
            Ok(chunks) => chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))).collect(),
            Err(error) => vec![Err(Status::new(Code::Internal, error.to_string()))],
        };
        stream::iter(messages)
    });
    Reply::many(messages.boxed())
}

/// A batch, cut where it is too large for one message.
fn pieces(batch: &Batch) -> Vec<Vec<u8>> {
    let count = batch.bytes().len().div_ceil(CHUNK_BYTES).max(1);
    if count == 1 {
        return vec![batch.bytes().to_vec()];
    }
    let rows = batch.len().div_ceil(count).max(1);
    let starts = (0..batch.len()).step_by(rows);
    starts.map(|start| batch.select(|row| (start..start + rows).contains(&row)).bytes().to_vec()).collect()
}

/// Summaries in chunks; the last one says where the next page begins.
pub(super) fn summaries(found: &[Summary], is_binary: bool, next: Option<&str>) -> Reply {
    let mut chunks: Vec<Message> = Vec::new();
    for part in found.chunks(SUMMARIES_AT_ONCE) {
        let mut out = Message::new();
        part.iter().for_each(|found| out.message(1, |out| summary(found, is_binary, out)));
        chunks.push(out);
    }
    if let (Some(last), Some(next)) = (chunks.last_mut(), next) {
        last.text(2, next);
    }
    let messages = chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk.into_bytes())));
    Reply::many(stream::iter(messages.collect::<Vec<_>>()).boxed())
}

fn summary(summary: &Summary, is_binary: bool, out: &mut Message) {
    if is_binary {
        out.bytes(1, &summary.id.0);
    } else {
        out.text(1, &summary.id.to_string());
    }
    out.text(2, &summary.root_service);
    out.text(3, &summary.root_name);
    out.fixed64(4, summary.start);
    out.fixed64(5, summary.end);
    out.varint(6, summary.spans);
    out.varint(7, summary.errors);
    out.varint(8, summary.orphans);
    for service in &summary.services {
        out.message(9, |out| {
            out.text(1, &service.name);
            out.varint(2, service.spans);
            out.varint(3, service.errors);
        });
    }
}
