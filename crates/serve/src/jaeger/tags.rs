//! The tags of a search: what Jaeger's key and value mean as a filter.
//!
//! A value is compared as text, whatever its type. A key is looked for on the span, its resource, scope, events and
//! links; the keys under which Jaeger shows what OTLP keeps in fields of its own are looked for there as well.

use model::{Kind, StatusCode};
use serde_json::Value;
use store::{Field, Filter, Level, Operand};

/// Reads `key:value`.
pub(super) fn plain(tag: &str) -> Result<(String, String), String> {
    match tag.split_once(':') {
        Some((key, value)) => Ok((key.into(), value.into())),
        None => Err(format!("malformed 'tag' parameter, expecting key:value, received: {tag}")),
    }
}

/// Reads `{"key":"value"}`; numbers and truth values are welcome too.
pub(super) fn map(json: &str) -> Result<Vec<(String, String)>, String> {
    let Value::Object(map) = serde_json::from_str(json).map_err(|error| error.to_string())? else {
        return Err("expected a JSON object of strings, such as {\"http.status_code\":\"500\"}".into());
    };
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(_) | Value::Bool(_) => Ok((key, value.to_string())),
        _ => Err(format!("the value of {key:?} must be a string")),
    };
    map.into_iter().map(text).collect()
}

/// The filter that one tag means.
pub(super) fn filter(key: &str, value: &str) -> Filter {
    let text = || Operand::Text(value.into());
    let at = |level, key: &str| Filter::equal(Field::Attribute { level, key: key.into() }, text());
    let field_or_tag = |field, operand| Filter::Or(vec![Filter::equal(field, operand), at(Level::Any, key)]);
    let is_error = || Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    let status = || StatusCode::parse(value).map_or_else(text, Operand::Status);
    match (key, value) {
        ("error", "true") => Filter::Or(vec![is_error(), at(Level::Any, key)]),
        ("error", "false") => Filter::Not(Box::new(is_error())),
        ("span.status", _) => Filter::equal(Field::Status, status()),
        ("span.kind", _) => field_or_tag(Field::Kind, Kind::parse(value).map_or_else(text, Operand::Kind)),
        ("otel.status_code", _) => field_or_tag(Field::Status, status()),
        ("otel.status_description", _) => field_or_tag(Field::StatusMessage, text()),
        ("scope.name", _) => Filter::equal(Field::ScopeName, text()),
        ("scope.version", _) => Filter::equal(Field::ScopeVersion, text()),
        ("otel.scope.name" | "otel.library.name", _) => field_or_tag(Field::ScopeName, text()),
        ("otel.scope.version" | "otel.library.version", _) => field_or_tag(Field::ScopeVersion, text()),
        ("event", _) => field_or_tag(Field::EventName, text()),
        _ => match key.strip_prefix("resource.") {
            Some(key) => at(Level::Resource, key),
            None => at(Level::Any, key),
        },
    }
}
