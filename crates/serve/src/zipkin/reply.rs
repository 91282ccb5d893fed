//! Answers as Zipkin gives them: JSON, and errors in plain text.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use wire::json::Writer;

pub(super) use crate::refusal::Refusal;
use crate::refusal::said;

/// Lists of more services than this are told to be kept for a while: they rarely change.
const SERVICES_FRESH_MAX: usize = 3;

/// How long they are kept.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=300, must-revalidate");

/// An answer in JSON; where rows are missing from it, a header says why.
pub(super) fn json(partial: Option<&str>, write: impl FnOnce(&mut Writer)) -> Response {
    let mut out = Writer::compact();
    write(&mut out);
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    said(partial, (kind, Body::from(out.into_bytes())).into_response())
}

/// A list of names. Browsers keep it for a while once the server knows enough services that they rarely change.
pub(super) fn list<'a>(
    services: usize,
    partial: Option<&str>,
    names: impl Iterator<Item = &'a str>,
) -> Response {
    let mut response = json(partial, |out| out.array(|out| names.for_each(|name| out.text(name))));
    if services > SERVICES_FRESH_MAX {
        response.headers_mut().insert(CACHE_CONTROL, KEPT);
    }
    response
}

/// A path that is not served.
pub(super) async fn not_here() -> Refusal {
    Refusal::not_found("404 page not found")
}
