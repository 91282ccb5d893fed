//! `traces/{id}`: one whole trace, in the form of [`query::answer::Trace`].
//!
//! Spans are written as the client takes them, so that a trace of a million spans needs one chunk of memory.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::TraceId;
use query::answer::{Span, Summary, resources};
use store::Plan;

use super::{Api, Asked, Failed};

/// How long a chunk of the answer is, but for the last span in it.
const CHUNK_BYTES: usize = 64 * 1024;

pub(super) async fn trace(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asked: Asked,
) -> Result<Response, Failed> {
    let id = trace_id(&id)?;
    let (mut traces, answer) = api.faden.query.traces(&Plan::trace(asked.tenant, id)).await?;
    let trace = traces.pop().ok_or_else(|| not_found(id, answer.partial.as_deref()))?;
    let pages = stream::unfold(Pages::new(trace, answer.partial), Pages::next);
    Ok(([(CONTENT_TYPE, "application/json")], Body::from_stream(pages)).into_response())
}

/// The id that a path names.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failed> {
    TraceId::parse(text).ok_or_else(|| {
        Failed::invalid(format!("`{}` is no trace id", text.chars().take(100).collect::<String>()))
            .remedy("it has 1 to 32 hexadecimal digits, and is not zero")
    })
}

/// What is said where a trace is asked for that the store does not hold.
pub(super) fn not_found(id: TraceId, partial: Option<&str>) -> Failed {
    let remedy = match partial {
        Some(why) => format!("the store could not look everywhere: {why}"),
        None => "it was never sent here, or is older than the store keeps".into(),
    };
    Failed::new(StatusCode::NOT_FOUND, format!("trace {id} is not here")).remedy(remedy)
}

/// The answer as far as it is written.
struct Pages {
    trace: Arc<model::Trace>,
    places: Vec<u32>,
    next: usize,
    chunk: Vec<u8>,
    is_done: bool,
}

impl Pages {
    fn new(trace: Arc<model::Trace>, partial: Option<String>) -> Self {
        let (resources, places) = resources(&trace);
        let mut pages =
            Self { places, next: 0, chunk: Vec::with_capacity(CHUNK_BYTES), is_done: false, trace };
        pages.chunk.extend(b"{\"summary\":");
        pages.write(&Summary::from(&pages.trace.summary()));
        if let Some(partial) = partial {
            pages.chunk.extend(b",\"partial\":");
            pages.write(&partial);
        }
        pages.chunk.extend(b",\"resources\":");
        pages.write(&resources);
        pages.chunk.extend(b",\"spans\":[");
        pages
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_done {
            return None;
        }
        while self.chunk.len() < CHUNK_BYTES && !self.is_done {
            self.step();
        }
        let chunk = Bytes::from(std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES)));
        Some((Ok(chunk), self))
    }

    fn step(&mut self) {
        let Some(node) = self.trace.nodes().get(self.next) else {
            self.chunk.extend(b"]}");
            self.is_done = true;
            return;
        };
        let span = Span::of(&self.trace, node, self.places[self.next]);
        if self.next > 0 {
            self.chunk.push(b',');
        }
        self.next += 1;
        self.write(&span);
    }

    fn write(&mut self, part: &impl serde::Serialize) {
        serde_json::to_writer(&mut self.chunk, part)
            .expect("answers have text keys and memory takes every byte");
    }
}
