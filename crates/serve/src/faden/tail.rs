//! `tail`: spans as they are accepted, as server-sent events.
//!
//! Event `span` carries a [`Seen`], event `missed` the number of the tenant's spans that went by, compared with
//! no filter, while the viewer was too slow:
//! watching never slows the pipeline. At most [`TAILS_MAX`] viewers; a further one is refused (503). A silent stream
//! says so every [`ALIVE_AFTER`]; it ends when the server stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use model::Batch;
use pipeline::Stop;
use pipeline::tap::{Seen as Passing, View};
use query::answer::{Seen, Span};
use store::Filter;
use tokio::sync::OwnedSemaphorePermit;

use super::{Api, Asked, Failed};
use crate::site::Flowing;

/// How many may watch at one time.
pub const TAILS_MAX: usize = 32;

/// After how much silence a comment is sent, so that proxies and clients know that the stream lives.
const ALIVE_AFTER: Duration = Duration::from_secs(15);

/// How long a chunk of events is, but for the last span in it.
const CHUNK_BYTES: usize = 32 * 1024;

/// How many spans are compared before others get their turn.
const SPANS_PER_TURN: usize = 1_000;

pub(super) async fn tail(State(api): State<Arc<Api>>, asked: Asked) -> Result<Response, Failed> {
    let search = asked.search(api.faden.clock.as_ref())?;
    if !search.trace.is_empty() {
        return Err(Failed::invalid("the duration of a trace is not known while its spans go by")
            .remedy("ask for the duration of the span"));
    }
    let turn = Arc::clone(&api.tails).try_acquire_owned().map_err(|_| {
        Failed::new(StatusCode::SERVICE_UNAVAILABLE, format!("{TAILS_MAX} viewers are watching already"))
    })?;
    let watching = Watching {
        view: api.faden.tap.watch(asked.tenant),
        stop: api.faden.stop.clone(),
        spans: search.spans,
        passing: None,
        chunk: b": faden tail\n\n".to_vec(),
        _turn: turn,
    };
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
    Ok((headers, Extension(Flowing), Body::from_stream(stream::unfold(watching, Watching::next)))
        .into_response())
}

struct Watching {
    view: View,
    stop: Stop,
    spans: Filter,
    /// The batch that goes by, and its next span.
    passing: Option<(Batch, usize)>,
    chunk: Vec<u8>,
    _turn: OwnedSemaphorePermit,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        while self.chunk.is_empty() {
            if let Some((batch, from)) = self.passing.take() {
                self.write_spans(batch, from);
                tokio::task::yield_now().await;
                continue;
            }
            let next = tokio::select! {
                next = tokio::time::timeout(ALIVE_AFTER, self.view.next()) => next,
                () = self.stop.requested() => return None,
            };
            match next {
                Ok(None) => return None,
                Ok(Some(Passing::Batch(batch))) => self.passing = Some((batch, 0)),
                Ok(Some(Passing::Missed(spans))) => {
                    self.chunk = format!("event: missed\ndata: {{\"spans\":{spans}}}\n\n").into_bytes();
                }
                Err(_) => self.chunk = b": alive\n\n".to_vec(),
            }
        }
        Some((Ok(Bytes::from(std::mem::take(&mut self.chunk))), self))
    }

    fn write_spans(&mut self, batch: Batch, from: usize) {
        let mut at = from;
        let end = batch.len().min(from + SPANS_PER_TURN);
        while at < end && self.chunk.len() < CHUNK_BYTES {
            let span = batch.span(at);
            if store::eval::passes(&self.spans, span) {
                let seen = Seen { trace_id: span.trace_id().to_string(), span: Span::alone(span) };
                self.chunk.extend(b"event: span\ndata: ");
                serde_json::to_writer(&mut self.chunk, &seen)
                    .expect("answers have text keys and memory takes every byte");
                self.chunk.extend(b"\n\n");
            }
            at += 1;
        }
        if at < batch.len() {
            self.passing = Some((batch, at));
        }
    }
}
