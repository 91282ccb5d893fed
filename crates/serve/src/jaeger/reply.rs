//! Answers as Jaeger gives them: JSON, and errors in plain text that hold JSON.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use wire::json::Writer;

pub(super) use crate::refusal::{Refusal, said};

/// Answers of more spans are written on a blocking thread and go out in chunks.
const INLINE_SPANS_MAX: usize = 200;

/// How long a chunk is, but for the last object in it.
const CHUNK_BYTES: usize = 256 << 10;

/// Chunks that wait for a slow client; then the writer waits.
const CHUNKS_WAITING_MAX: usize = 4;

/// Blanks per level of an answer with `prettyPrint`.
const INDENT: usize = 4;

/// An answer that is short, or made of few spans.
pub(super) fn short(is_pretty: bool, write: impl FnOnce(&mut Writer)) -> Response {
    let mut out = writer(is_pretty);
    write(&mut out);
    json(Body::from(out.into_bytes()))
}

/// An answer of so many spans.
pub(super) fn long(
    spans: usize,
    is_pretty: bool,
    write: impl FnOnce(&mut Writer) + Send + 'static,
) -> Response {
    if spans <= INLINE_SPANS_MAX {
        return short(is_pretty, write);
    }
    let (chunks, waiting) = mpsc::channel(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let send =
            move |chunk: Vec<u8>| chunks.blocking_send(Ok::<_, Infallible>(Bytes::from(chunk))).is_ok();
        let last = send.clone();
        let mut out = writer(is_pretty).in_chunks(CHUNK_BYTES, send);
        write(&mut out);
        last(out.into_bytes());
    });
    json(Body::from_stream(ReceiverStream::new(waiting)))
}

/// An error as Go's `http.Error` sends it.
pub(super) fn error(status: StatusCode, text: Vec<u8>) -> Response {
    let mut body = text;
    body.push(b'\n');
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, body).into_response()
}

/// What Jaeger says of a path below `/api` that it does not know.
pub(super) async fn page_not_found() -> Response {
    error(StatusCode::NOT_FOUND, b"404 page not found".to_vec())
}

fn writer(is_pretty: bool) -> Writer {
    if is_pretty { Writer::indented(INDENT) } else { Writer::compact() }
}

fn json(body: Body) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
