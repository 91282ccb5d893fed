//! The pages: built from `ui/`, kept compressed in the binary.
//!
//! `dist/` is tracked, so that a build needs no Node; `tests.rs` fails when it is older than its sources. Every page is
//! the same document, and only paths of pages get it: a mistyped path of an API stays a 404. Names of assets carry a
//! hash of their content, so they are kept for ever; the document is asked for anew each time. The policy allows nothing
//! from other hosts and nothing inline.

use axum::Router;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

/// Only what this server sends itself; frames of the same host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      base-uri 'self'; form-action 'self'; frame-ancestors 'self'";

/// The first parts of the pages' paths; `zipkin` is for addresses of Zipkin's pages, which these pages translate.
const PAGES: &[&str] = &[
    "errors", "explain", "compare", "welcome", "search", "trace", "live", "services", "map", "local",
    "pipeline", "settings", "zipkin",
];

/// Where a proxy says under which path it shows this server.
const PREFIX: &str = "x-forwarded-prefix";

/// The longest prefix that is believed.
const PREFIX_BYTES_MAX: usize = 256;

/// What stands in the document for the path under which it is shown.
const BASE: &str = "<base href=\"/\" />";

/// A built file in the forms in which it is sent.
struct Part {
    name: &'static str,
    tag: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

const PARTS: &[Part] = include!(concat!(env!("OUT_DIR"), "/ui.rs"));

/// The pages and what they are made of.
pub fn routes() -> Router {
    let router = Router::new()
        .route("/", get(page))
        .route("/favicon.svg", get(async |headers: HeaderMap| part("favicon.svg", &headers)))
        .route(
            "/assets/{name}",
            get(async |Path(name): Path<String>, headers: HeaderMap| {
                part(&format!("assets/{name}"), &headers)
            }),
        );
    PAGES.iter().fold(router, |router, page_name| {
        router
            .route(&format!("/{page_name}"), get(page))
            .route(&format!("/{page_name}/"), get(page))
            .route(&format!("/{page_name}/{{*rest}}"), get(page))
    })
}

async fn page(request: Request) -> Response {
    let index = PARTS.iter().find(|part| part.name == "index.html").expect("every build has a document");
    let mut response = match prefix(request.headers()) {
        None => sent(index, request.headers()),
        Some(prefix) => {
            let document = String::from_utf8_lossy(index.plain);
            document.replace(BASE, &format!("<base href=\"{prefix}/\" />")).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.append(VARY, HeaderValue::from_static(PREFIX));
    response
}

/// The path under which a proxy shows this server, where it is nothing but a path.
fn prefix(headers: &HeaderMap) -> Option<&str> {
    let prefix = headers.get(PREFIX)?.to_str().ok()?.trim_end_matches('/');
    let is_path = prefix.starts_with('/')
        && prefix.len() <= PREFIX_BYTES_MAX
        && !prefix.contains("//")
        && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
    is_path.then_some(prefix)
}

fn part(name: &str, headers: &HeaderMap) -> Response {
    let Some(part) = PARTS.iter().find(|part| part.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = sent(part, headers);
    let kept = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    response
}

/// The file in the smallest form that the client takes, or word that it has it already.
fn sent(part: &Part, headers: &HeaderMap) -> Response {
    let mut response = if headers.get(IF_NONE_MATCH).is_some_and(|tag| tag == part.tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if accepts(headers, "br") {
        ([(CONTENT_ENCODING, "br")], part.brotli).into_response()
    } else if accepts(headers, "gzip") {
        ([(CONTENT_ENCODING, "gzip")], part.gzip).into_response()
    } else {
        part.plain.into_response()
    };
    response.headers_mut().insert(ETAG, HeaderValue::from_static(part.tag));
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|offers| offers.to_str().ok());
    offers.flat_map(|offers| offers.split(',')).any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        name.trim().eq_ignore_ascii_case(coding)
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests;
