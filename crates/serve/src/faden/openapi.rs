//! `openapi.json`: every path of the API with its parameters and answers, written by hand.
//!
//! A test compares it with the routes, and tries every parameter.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// OpenAPI 3.1.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
