//! `/`: a page that says that Faden runs, where spans go in and where questions are answered.
//!
//! It needs no other host and works under a strict policy: no inline script, no inline style. What the server knows of
//! itself is written into the page, so that it says everything without script as well.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::faden::{Port, Report, StatusSource};

/// Only what this server sends itself; no frame around it, no form out of it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("icon.svg");

/// The page and what it is made of.
pub fn routes(status: Arc<dyn StatusSource>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/welcome.css", get(async || part("text/css; charset=utf-8", STYLE)))
        .route("/welcome.js", get(async || part("text/javascript; charset=utf-8", SCRIPT)))
        .route("/favicon.svg", get(async || part("image/svg+xml", ICON)))
        .with_state(status)
}

async fn page(State(status): State<Arc<dyn StatusSource>>) -> Response {
    let report = status.report().await;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, render(&report)).into_response()
}

fn part(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (CACHE_CONTROL, "no-cache")], text)
        .into_response()
}

fn render(report: &Report) -> String {
    let warnings = report.warnings.iter().cloned().chain(report.ports.iter().filter_map(Port::warning));
    let mut notes = String::new();
    for warning in warnings {
        write!(notes, "<li>{}</li>", escaped(&warning)).expect("a string takes whatever is written to it");
    }
    if !notes.is_empty() {
        notes = format!("<ul class=\"notes\">{notes}</ul>");
    }
    PAGE.replace("{{version}}", &escaped(&report.version))
        .replace("{{phase}}", &escaped(&report.phase))
        .replace("{{notes}}", &notes)
        .replace("{{endpoint}}", &escaped(&endpoint(report)))
        .replace("{{ports}}", &ports(&report.ports))
}

/// Where an SDK of this machine sends by default: OTLP over HTTP, as every language has it.
fn endpoint(report: &Report) -> String {
    let otlp = |way: &str| {
        report.ports.iter().find(|port| {
            let what = port.what.to_ascii_lowercase();
            what.contains("otlp") && what.contains(way)
        })
    };
    let address =
        otlp("http").or_else(|| otlp("grpc")).map_or("localhost:4318", |port| port.address.as_str());
    format!("http://{}", reachable(address))
}

/// The address by which this machine reaches a port that listens on every address.
fn reachable(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]" | "127.0.0.1" | "[::1]", port)) => format!("localhost:{port}"),
        _ => address.to_owned(),
    }
}

fn ports(ports: &[Port]) -> String {
    ports.iter().fold(String::new(), |mut rows, port| {
        let address = escaped(&port.address);
        write!(
            rows,
            "<tr><td>{}</td><td><code>{address}</code></td><td><button data-copy=\"{address}\" hidden>copy</button></td></tr>",
            escaped(&port.what)
        )
        .expect("a string takes whatever is written to it");
        rows
    })
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // A placeholder inside a value must not be filled in.
            '{' => safe.push_str("&#123;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
