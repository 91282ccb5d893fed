//! JSON-RPC as the protocol has it: one message in a body, its headers, and what can be wrong with either.

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{STATELESS, WITH_HANDSHAKE, versions};

const VERSION_HEADER: &str = "mcp-protocol-version";
const METHOD_HEADER: &str = "mcp-method";
const NAME_HEADER: &str = "mcp-name";
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;

/// In which of its two ways the protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// Every request stands for itself.
    Stateless,
    /// A handshake comes first.
    Handshake,
}

/// A message that was understood.
#[derive(Debug)]
pub(super) enum Incoming {
    /// It is to be answered.
    Request(Request),
    /// It is not.
    Notice,
}

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Value,
    pub(super) era: Era,
}

/// Why there is no result.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    code: i64,
    message: String,
    data: Option<Box<Value>>,
}

impl Incoming {
    /// Reads a body; what is wrong comes with the id of the request, as far as it is known.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, (Value, Fault)> {
        let parsed: Value = serde_json::from_slice(body).map_err(|error| {
            (Value::Null, Fault::new(PARSE_ERROR, format!("the body is no JSON: {error}")))
        })?;
        let wrong = |id: &Value, message: &str| (id.clone(), Fault::new(INVALID_REQUEST, message));
        let Value::Object(message) = &parsed else {
            return Err(wrong(&Value::Null, "the body must be one JSON-RPC message: an object"));
        };
        let id = message.get("id").unwrap_or(&Value::Null);
        if message.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(wrong(id, "jsonrpc must be \"2.0\""));
        }
        let Some(method) = message.get("method") else {
            let is_response = message.contains_key("result") || message.contains_key("error");
            return if is_response { Ok(Self::Notice) } else { Err(wrong(id, "method is missing")) };
        };
        let Some(method) = method.as_str() else { return Err(wrong(id, "method must be text")) };
        if !message.contains_key("id") {
            return Ok(Self::Notice);
        }
        if !(id.is_string() || id.is_i64() || id.is_u64()) {
            return Err(wrong(&Value::Null, "id must be text or a whole number"));
        }
        let params = message.get("params").cloned().unwrap_or_else(|| json!({}));
        if !params.is_object() {
            return Err((id.clone(), Fault::invalid_params("params must be an object")));
        }
        let request = Request { id: id.clone(), method: method.to_owned(), params, era: Era::Handshake };
        let era = request.era(headers).map_err(|fault| (id.clone(), fault))?;
        Ok(Self::Request(Request { era, ..request }))
    }
}

impl Request {
    /// Which way is spoken; headers and body must agree where both say something.
    fn era(&self, headers: &HeaderMap) -> Result<Era, Fault> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let meta = &self.params["_meta"];
        let (in_header, in_body) = (header(VERSION_HEADER), &meta[VERSION_KEY]);
        if in_body.is_null() && in_header.is_none_or(|version| WITH_HANDSHAKE.contains(&version)) {
            return Ok(Era::Handshake);
        }
        if in_body.is_null() || meta[CAPABILITIES_KEY].is_null() {
            if let Some(version) = in_header.filter(|version| *version != STATELESS) {
                return Err(Fault::unsupported(version));
            }
            return Err(Fault::invalid_params(format!(
                "params._meta must hold {VERSION_KEY} and {CAPABILITIES_KEY}"
            )));
        }
        if in_body.as_str() != in_header {
            return Err(Fault::mismatch(VERSION_HEADER));
        }
        if header(METHOD_HEADER) != Some(self.method.as_str()) {
            return Err(Fault::mismatch(METHOD_HEADER));
        }
        let named = self.params["name"].as_str().filter(|_| self.method == "tools/call");
        if named.is_some() && header(NAME_HEADER).and_then(decoded).as_deref() != named {
            return Err(Fault::mismatch(NAME_HEADER));
        }
        match in_header {
            Some(STATELESS) => Ok(Era::Stateless),
            other => Err(Fault::unsupported(other.unwrap_or_default())),
        }
    }
}

/// A header's value; what is no plain text travels in base64.
fn decoded(value: &str) -> Option<String> {
    let Some(inside) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    String::from_utf8(STANDARD.decode(inside).ok()?).ok()
}

impl Fault {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// The parameters of a method are wrong.
    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// There is no such method.
    pub(super) fn unknown_method(method: &str) -> Self {
        let method: String = method.chars().take(100).collect();
        Self::new(METHOD_NOT_FOUND, format!("there is no method `{method}`"))
    }

    fn mismatch(header: &str) -> Self {
        Self::new(HEADER_MISMATCH, format!("the header {header} does not say what the body says"))
    }

    fn unsupported(version: &str) -> Self {
        let data = json!({ "supported": versions(), "requested": version });
        Self { data: Some(Box::new(data)), ..Self::new(UNSUPPORTED_VERSION, "Unsupported protocol version") }
    }

    /// The answer; the older way answers faults of methods with 200.
    pub(super) fn response(self, id: &Value, era: Era) -> Response {
        let status = match (self.code, era) {
            (_, Era::Handshake) => StatusCode::OK,
            (METHOD_NOT_FOUND, _) => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = self.data {
            error["data"] = *data;
        }
        (status, Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }))).into_response()
    }
}
