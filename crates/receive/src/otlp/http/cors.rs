//! What browsers want to know before a page of another origin may send.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use net::Body;
use net::settings::Cors;

/// Headers that senders of spans set anyway.
const USUAL_HEADERS: [&str; 3] = ["content-type", "content-encoding", "user-agent"];

/// The answer to the question before the request; [`allow`] adds the origin.
pub(super) fn preflight(cors: &Cors) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let allowed = cors.allowed_headers.iter().map(String::as_str);
    let all: Vec<&str> = USUAL_HEADERS.into_iter().chain(allowed).collect();
    insert(headers, ACCESS_CONTROL_ALLOW_HEADERS, &all.join(", "));
    if !cors.max_age.is_zero() {
        insert(headers, ACCESS_CONTROL_MAX_AGE, &cors.max_age.as_secs().to_string());
    }
    response
}

/// Lets a page of this origin read the answer, if it is one of those that may.
pub(super) fn allow(cors: &Cors, origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("origin"));
    if origin.to_str().is_ok_and(|origin| cors.allowed.allows_origin(origin)) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if !cors.exposed_headers.is_empty() {
            insert(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed_headers.join(", "));
        }
    }
}

fn insert(headers: &mut HeaderMap, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
