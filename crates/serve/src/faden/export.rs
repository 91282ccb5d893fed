//! `export`: spans in OTLP, as many as there are.
//!
//! The parameters are those of a search, and `trace=ID` any number of times, and `by=trace` for batches of whole
//! traces. The body is frames: four bytes of big-endian length and a `TracesData`, as the Collector's file exporter
//! writes them. It is read from the store while the client takes it; a failure on the way breaks the body off.

use std::io;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http::header::CONTENT_TYPE;
use model::{Batch, TraceId};
use query::export::Export;
use tokio::sync::mpsc;

use super::{Api, Asked, Failed};
use crate::site::Flowing;

/// Traces that can be named; more are exported by what they have in common.
const IDS_MAX: usize = 1_000;

pub(super) async fn export(State(api): State<Arc<Api>>, mut asked: Asked) -> Result<Response, Failed> {
    for name in ["order", "limit", "cursor"] {
        if asked.names(name) {
            let remedy = "leave it out: an export is everything that was found, in no order";
            return Err(Failed::invalid(format!("{name}: it has no meaning here")).remedy(remedy));
        }
    }
    let mut ids = Vec::new();
    while let Some(text) = asked.take("trace") {
        let id = TraceId::parse(&text).ok_or_else(|| {
            Failed::invalid(format!("trace: `{}` is no trace id", text.chars().take(100).collect::<String>()))
                .remedy("it has 1 to 32 hexadecimal digits, and is not zero")
        })?;
        ids.push(id);
    }
    if ids.len() > IDS_MAX {
        return Err(Failed::invalid(format!("trace: {} ids are more than {IDS_MAX}", ids.len()))
            .remedy("ask several times"));
    }
    let is_by_trace = match asked.take("by").as_deref() {
        None | Some("span") => false,
        Some("trace") => true,
        Some(_) => return Err(Failed::invalid("by: it is `span` or `trace`")),
    };
    let search = asked.search(api.faden.clock.as_ref())?;
    let mut batches = api.faden.query.export(Export { tenant: asked.tenant, search, ids, is_by_trace });
    let first = batches.recv().await.transpose()?;
    let body = Body::from_stream(stream::unfold((first.map(Ok), batches), next));
    Ok(([(CONTENT_TYPE, "application/octet-stream")], Extension(Flowing), body).into_response())
}

type Handed = Result<Batch, query::Error>;
type Batches = (Option<Handed>, mpsc::Receiver<Handed>);

async fn next((first, mut batches): Batches) -> Option<(io::Result<Bytes>, Batches)> {
    let handed = match first {
        Some(first) => first,
        None => batches.recv().await?,
    };
    let frame = match handed {
        Ok(batch) => framed(&batch),
        Err(error) => {
            tracing::error!(%error, "an export was broken off");
            Err(io::Error::other(error))
        }
    };
    Some((frame, (None, batches)))
}

fn framed(batch: &Batch) -> io::Result<Bytes> {
    let length = u32::try_from(batch.bytes().len()).map_err(io::Error::other)?;
    let mut frame = BytesMut::with_capacity(4 + batch.bytes().len());
    frame.put_u32(length);
    frame.put_slice(batch.bytes());
    Ok(frame.freeze())
}
