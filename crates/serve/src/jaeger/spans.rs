//! What searches for single spans share between gRPC and HTTP: orders, pages, and `GET /api/v3/spans`.

use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use bytes::Bytes;
use model::{Tenant, TimeRange};
use query::spans::{By, Found, PAGE_MAX, Place, SpanOrder, find};
use serde_json::Value;
use store::{Ask, Plan};
use wire::otlp_json;

use super::params::Params;
use super::reply::{self, Refusal};
use super::v3::{Gateway, posted};
use super::{Asked, Jaeger, filter, search};

/// A page has so many spans where none is asked for.
pub(super) const PAGE: usize = 100;

/// One term of an order: a field of spans, and which way.
pub(super) fn term(level: &str, name: &str, direction: &str) -> Result<(By, bool), String> {
    let by = match (level, name) {
        ("span", "startTime") => By::Start,
        ("span", "duration") => By::Duration,
        ("span", "traceID") => By::Trace,
        ("span", "spanID") => By::Span,
        _ => {
            return Err(
                "spans are ordered by span.startTime, span.duration, span.traceID or span.spanID".into()
            );
        }
    };
    match direction {
        "" | "asc" => Ok((by, false)),
        "desc" => Ok((by, true)),
        other => Err(format!("{other:?} is neither asc nor desc")),
    }
}

/// The order of these terms.
pub(super) fn ordered(terms: &[(By, bool)]) -> Result<SpanOrder, String> {
    SpanOrder::new(terms).ok_or_else(|| "a field comes twice".to_owned())
}

/// Where a page ends, and in which order.
pub(super) fn token(order: &SpanOrder, place: Place) -> String {
    let parts = place.map(|part| format!("{part:x}"));
    format!("{}.{}", order.code(), parts.join("."))
}

/// Reads what [`token`] wrote for this order.
pub(super) fn parsed(order: &SpanOrder, token: &str) -> Result<Place, String> {
    let read = || {
        let (code, rest) = token.split_once('.')?;
        let parts: Option<Vec<u128>> =
            rest.split('.').map(|part| u128::from_str_radix(part, 16).ok()).collect();
        (code == order.code()).then_some(())?;
        parts?.try_into().ok()
    };
    read().ok_or_else(|| "the token of the page is none that was given out here for this order".to_owned())
}

pub(super) async fn spans(State(api): State<Arc<Jaeger>>, asked: Asked) -> Result<Response, Gateway> {
    found(&api, &asked.params, asked.tenant).await
}

pub(super) async fn spans_posted(
    State(api): State<Arc<Jaeger>>,
    asked: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Gateway> {
    found(&api, &posted(body)?, asked.tenant).await
}

async fn found(api: &Jaeger, params: &Params, tenant: Tenant) -> Result<Response, Gateway> {
    let (start, end) = search::range_v3(params, api.clock.now())?;
    let mut plan = Plan { time: TimeRange { start, end }, ..Plan::new(tenant, Ask::Traces) };
    if let Some(json) = params.first("query.filter") {
        let compiled = filter::of_json(json).and_then(|call| filter::compile(&call));
        plan.spans = compiled.map_err(|reason| malformed("query.filter", &reason))?;
    }
    let (order, after) = order_and_page(params, &mut plan)?;
    let found = find(&api.query, plan, &order, after).await?;
    let written = written(&found, &order, params.is_pretty());
    Ok(reply::said(found.partial.as_deref(), written))
}

fn malformed(name: &str, reason: &str) -> Refusal {
    Refusal::bad_request(format!("malformed parameter {name}: {reason}"))
}

fn order_and_page(params: &Params, plan: &mut Plan) -> Result<(SpanOrder, Option<Place>), Refusal> {
    let terms = match params.any(&["query.orderBy", "query.order_by"]) {
        None => Vec::new(),
        Some((name, json)) => terms(json).map_err(|reason| malformed(name, &reason))?,
    };
    let order = ordered(&terms).map_err(|reason| malformed("query.orderBy", &reason))?;
    let page = params.any(&["query.pagination"]).map(|(_, json)| json);
    let page: Value = match page {
        Some(json) => {
            serde_json::from_str(json).map_err(|error| malformed("query.pagination", &error.to_string()))?
        }
        None => Value::Null,
    };
    let inside = |name: &str, alias: &str| match page.get(name).or_else(|| page.get(alias)) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let given = |name: &str| params.first(name).map(str::to_owned);
    let size = given("query.pagination.pageSize").unwrap_or_else(|| inside("pageSize", "page_size"));
    let token = given("query.pagination.pageToken").unwrap_or_else(|| inside("pageToken", "page_token"));
    plan.limit = match size.as_str() {
        "" => PAGE,
        text => text.parse().ok().filter(|size| *size > 0).map(|size: usize| size.min(PAGE_MAX)).ok_or_else(
            || malformed("query.pagination.pageSize", &format!("{text:?} is no number above 0")),
        )?,
    };
    if token.is_empty() {
        return Ok((order, None));
    }
    let place = parsed(&order, &token).map_err(|reason| malformed("query.pagination.pageToken", &reason))?;
    Ok((order, Some(place)))
}

/// Reads `[{"expression":{"field":{"name":"duration","level":"span"}},"direction":"desc"}]`.
fn terms(json: &str) -> Result<Vec<(By, bool)>, String> {
    const TERMS_MAX: usize = 4;
    let Value::Array(terms) = serde_json::from_str(json).map_err(|error| error.to_string())? else {
        return Err("expected a list of terms".into());
    };
    let text = |value: &Value, path: &str| {
        value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let one = |value: &Value| {
        let (level, name) = (text(value, "/expression/field/level"), text(value, "/expression/field/name"));
        term(&level, &name, &text(value, "/direction"))
    };
    if terms.len() > TERMS_MAX {
        return Err(format!("there are {} terms, and at most {TERMS_MAX} are taken", terms.len()));
    }
    terms.iter().map(one).collect()
}

fn written(found: &Found, order: &SpanOrder, is_pretty: bool) -> Response {
    reply::short(is_pretty, |out| {
        out.object(|out| {
            out.key("result").object(|out| {
                out.key("spans").object(|out| {
                    out.key("resourceSpans").array(|out| {
                        for (trace, at) in &found.spans {
                            let span = trace.span(&trace.nodes()[*at]);
                            otlp_json::resource_spans(std::iter::once(span), out);
                        }
                    });
                });
                out.key("nextPageToken")
                    .text(&found.next.map_or_else(String::new, |next| token(order, next)));
            });
        });
    })
}
