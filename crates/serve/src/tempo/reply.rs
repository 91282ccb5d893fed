//! Answers as Tempo gives them: JSON or protobuf, and errors in plain text.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use store::Work;
use wire::json::Writer;

pub(super) use crate::refusal::Refusal;

/// An answer in JSON.
pub(super) fn json(write: impl FnOnce(&mut Writer)) -> Response {
    let mut out = Writer::compact();
    write(&mut out);
    typed("application/json", out.into_bytes())
}

/// An answer in protobuf.
pub(super) fn protobuf(message: Vec<u8>) -> Response {
    typed("application/protobuf", message)
}

fn typed(kind: &'static str, bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(kind))], Body::from(bytes)).into_response()
}

/// What the answer cost, and why it is not whole.
pub(super) fn about(work: &Work, traces: Option<u64>, partial: Option<&str>, out: &mut Writer) {
    out.key("metrics").object(|out| {
        if let Some(traces) = traces {
            out.key("inspectedTraces").int(traces);
        }
        out.key("inspectedBytes").plain(work.bytes_read);
        out.key("inspectedSpans").plain(work.spans_seen);
        out.key("completedJobs").int(1);
        out.key("totalJobs").int(1);
    });
    if let Some(partial) = partial {
        out.key("status").text("PARTIAL");
        out.key("message").text(partial);
    }
}

/// What runs here; Grafana reads the version to know what it may ask for.
pub(super) async fn build() -> Response {
    json(|out| {
        out.object(|out| {
            out.key("version").text(TEMPO_VERSION);
            out.key("branch").text("faden");
            out.key("revision").text(env!("CARGO_PKG_VERSION"));
        });
    })
}

/// The version of Tempo's API that is spoken.
const TEMPO_VERSION: &str = "2.9.0";

/// A path that is not served.
pub(super) async fn not_here() -> Refusal {
    Refusal::not_found("404 page not found")
}
