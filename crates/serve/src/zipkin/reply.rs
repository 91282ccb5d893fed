//! Answers as Zipkin gives them: JSON, and errors in plain text.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use wire::json::Writer;

/// Lists of more services than this are told to be kept for a while: they rarely change.
const SERVICES_FRESH_MAX: usize = 3;

/// How long they are kept.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=300, must-revalidate");

/// Says why an answer is not whole, where its JSON has no place for that.
const PARTIAL: HeaderName = HeaderName::from_static("x-faden-partial");

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }
}

impl From<query::Error> for Refusal {
    fn from(error: query::Error) -> Self {
        let message = error.to_string();
        let status = match error {
            query::Error::Invalid(_) => StatusCode::BAD_REQUEST,
            query::Error::Busy | query::Error::TimedOut(_) => StatusCode::SERVICE_UNAVAILABLE,
            query::Error::Failed(_) => {
                tracing::error!(message, "could not answer a query");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self { status, message }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, self.message).into_response()
    }
}

/// An answer in JSON; where rows are missing from it, a header says why.
pub(super) fn json(partial: Option<&str>, write: impl FnOnce(&mut Writer)) -> Response {
    let mut out = Writer::compact();
    write(&mut out);
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut response = (kind, Body::from(out.into_bytes())).into_response();
    if let Some(reason) = partial.and_then(|reason| HeaderValue::from_str(reason).ok()) {
        response.headers_mut().insert(PARTIAL, reason);
    }
    response
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
