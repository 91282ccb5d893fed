//! `tools/call`: a tool becomes a question to Faden's API, and the answer a text that an assistant can read.
//!
//! What is wrong with the arguments, and what the API refuses, is a result with `isError`, so that the assistant can mend
//! it; only an unknown tool is a fault of the protocol.

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use model::Tenant;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use tower_service::Service as _;

use super::answer::{condensed, fitted};
use super::message::Fault;
use super::tools::{ALL, Asks, Form, Tool};
use super::{CALL_TIME_MAX, CALLS_MAX, Mcp, ROWS_MAX};

/// The longest answer of the API that is read, in bytes; a longer one fails.
const READ_BYTES_MAX: usize = 16 << 20;

/// The rows of a trace from which it is told.
const TRACE_ROWS: usize = 400;

/// Runs a tool.
pub(super) async fn call(mcp: &Mcp, params: &Value, tenant: Tenant) -> Result<Value, Fault> {
    let name = params["name"].as_str().ok_or_else(|| Fault::invalid_params("name of the tool is missing"))?;
    let tool = ALL.iter().find(|tool| tool.name == name).ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        Fault::invalid_params(format!("there is no tool `{name}`"))
    })?;
    let none = Map::new();
    let arguments = match &params["arguments"] {
        Value::Null => &none,
        Value::Object(arguments) => arguments,
        _ => return Err(Fault::invalid_params("arguments must be an object")),
    };
    Ok(match run(mcp, tool, arguments, tenant).await {
        Ok(answer) => {
            let answer = fitted(answer);
            let text = answer.to_string();
            json!({ "content": [{ "type": "text", "text": text }], "structuredContent": answer, "isError": false })
        }
        Err(why) => json!({ "content": [{ "type": "text", "text": why }], "isError": true }),
    })
}

async fn run(
    mcp: &Mcp,
    tool: &Tool,
    arguments: &Map<String, Value>,
    tenant: Tenant,
) -> Result<Value, String> {
    check(tool, arguments)?;
    let turn = mcp.calls.try_acquire();
    let _turn = turn.map_err(|_| format!("{CALLS_MAX} calls are at work already; ask again in a moment"))?;
    let request = request(tool, arguments, tenant);
    match tokio::time::timeout(CALL_TIME_MAX, ask(mcp, request)).await {
        Ok(answer) => answer.map(|answer| if tool.asks == Asks::Trace { condensed(&answer) } else { answer }),
        Err(_) => {
            Err(format!("the answer took longer than {CALL_TIME_MAX:?}; ask for less time or fewer spans"))
        }
    }
}

/// What is wrong with the arguments.
fn check(tool: &Tool, arguments: &Map<String, Value>) -> Result<(), String> {
    let known = || tool.takes.iter().map(|taken| taken.name).collect::<Vec<_>>().join(", ");
    for (name, value) in arguments {
        let taken = tool.takes.iter().find(|taken| taken.name == *name).ok_or_else(|| {
            let name: String = name.chars().take(100).collect();
            format!("{}: there is no argument `{name}`; it takes {}", tool.name, known())
        })?;
        let (is_right, form) = match taken.form {
            Form::Text => (value.is_string() || value.is_number(), "text".to_owned()),
            Form::Choice => (value.is_object(), "an object".to_owned()),
            Form::Rows => {
                let is_right = value.as_u64().is_some_and(|rows| (1..=ROWS_MAX).contains(&rows));
                (is_right, format!("a whole number from 1 to {ROWS_MAX}"))
            }
        };
        if !is_right && !value.is_null() {
            return Err(format!("{}: {name} must be {form}", tool.name));
        }
    }
    let missing = tool.takes.iter().filter(|taken| taken.is_needed);
    let missing: Vec<&str> = missing
        .map(|taken| taken.name)
        .filter(|name| arguments.get(*name).is_none_or(Value::is_null))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{}: {} is missing", tool.name, missing.join(", "))) }
}

fn request(tool: &Tool, arguments: &Map<String, Value>, tenant: Tenant) -> Request<Body> {
    let has_service = arguments.get("service").is_some_and(|service| !service.is_null());
    let (path, body) = match tool.asks {
        Asks::Get(path) => (filled(path, arguments), None),
        Asks::ByService(with, _) if has_service => (filled(with, arguments), None),
        Asks::ByService(_, without) => (filled(without, arguments), None),
        Asks::Post(path) => (path.to_owned(), Some(Value::Object(arguments.clone()).to_string())),
        Asks::Trace => {
            (format!("{}?detail={TRACE_ROWS}", filled("traces/{trace}/skeleton", arguments)), None)
        }
    };
    let path = path.replacen("?&", "?", 1);
    let builder = Request::builder().uri(format!("/api/faden/v1/{path}"));
    let builder = if body.is_some() { builder.method("POST") } else { builder };
    let mut request =
        builder.body(body.map_or_else(Body::empty, Body::from)).expect("a path of escaped parts");
    request.extensions_mut().insert(tenant);
    request
}

/// A path with its parts, and the rest of the arguments as its query.
fn filled(path: &str, arguments: &Map<String, Value>) -> String {
    let mut filled = path.to_owned();
    let mut query = String::new();
    for (name, value) in arguments {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let text = utf8_percent_encode(&text, NON_ALPHANUMERIC);
        let part = format!("{{{name}}}");
        if filled.contains(&part) {
            filled = filled.replace(&part, &text.to_string());
        } else {
            write!(query, "&{name}={text}").expect("a String takes every text");
        }
    }
    if query.is_empty() { filled } else { format!("{filled}?{query}") }
}

async fn ask(mcp: &Mcp, request: Request<Body>) -> Result<Value, String> {
    let mut faden = mcp.faden.clone();
    let response = match faden.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let bytes = to_bytes(response.into_body(), READ_BYTES_MAX);
    let bytes =
        bytes.await.map_err(|_| "the answer is too long; ask for less time or fewer spans".to_owned())?;
    let answer: Value =
        serde_json::from_slice(&bytes).map_err(|_| format!("the server answered {status}"))?;
    if status == StatusCode::OK {
        return Ok(answer);
    }
    let text = |key: &str| answer["error"][key].as_str();
    let message = text("message").unwrap_or("the server could not answer");
    Err(text("remedy").map_or_else(|| message.to_owned(), |remedy| format!("{message}; {remedy}")))
}
