//! `/api/v3/…`: RFC 3339 times, OTLP JSON, and the shapes of Jaeger's gRPC gateway.
//!
//! Parameters have lowerCamelCase names, and snake_case ones as before Jaeger 2.20. A search that finds nothing is
//! a 404. Searches can be posted as JSON as well, as the protobuf annotations promise.

use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use model::{Summary, Tenant, Trace};
use serde_json::Value;
use store::{Ask, Plan};
use wire::json::Writer;
use wire::otlp_json;

use super::legacy::{dependency, operation};
use super::params::{self, Params, Wording};
use super::reply::{self, Refusal};
use super::{Asked, Jaeger, filter, search, shortfall};

type Reply = Result<Response, Gateway>;

/// A refusal as the gRPC gateway writes it.
pub(super) struct Gateway(Refusal);

impl From<Refusal> for Gateway {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<query::Error> for Gateway {
    fn from(error: query::Error) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Gateway {
    fn into_response(self) -> Response {
        let Refusal { status, message } = self.0;
        let mut out = Writer::compact();
        out.object(|out| {
            out.key("error").object(|out| {
                out.key("grpcCode").int(grpc_code(status));
                out.key("httpCode").int(status.as_u16());
                out.key("message").text(&message);
                out.key("httpStatus").text(status.canonical_reason().unwrap_or_default());
            });
        });
        reply::error(status, out.into_bytes())
    }
}

/// INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED or INTERNAL.
fn grpc_code(status: StatusCode) -> i32 {
    match status {
        StatusCode::BAD_REQUEST => 3,
        StatusCode::NOT_FOUND => 5,
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        _ => 13,
    }
}

pub(super) async fn services(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let (found, answer) = api.query.names(&search::services(asked.tenant)).await?;
    let write = |out: &mut Writer| found.iter().for_each(|service| out.text(&service.name));
    Ok(reply::said(answer.partial.as_deref(), listed("services", asked.params.is_pretty(), write)))
}

pub(super) async fn operations(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let kind = asked.params.any(&["spanKind", "span_kind"]).map(|(_, kind)| kind);
    let plan = search::operations(asked.tenant, asked.params.first("service"), kind);
    let (found, answer) = api.query.names(&plan).await?;
    let write = |out: &mut Writer| found.iter().for_each(|name| operation(name, "internal", out));
    Ok(reply::said(answer.partial.as_deref(), listed("operations", asked.params.is_pretty(), write)))
}

pub(super) async fn dependencies(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let plan = search::dependencies_v3(&asked.params, asked.tenant, api.clock.now())?;
    let (found, answer) = api.query.edges(&plan).await?;
    let write = |out: &mut Writer| {
        found.iter().for_each(|edge| dependency(edge, |out| out.plain(edge.calls), out));
    };
    Ok(reply::said(answer.partial.as_deref(), listed("dependencies", asked.params.is_pretty(), write)))
}

/// What searches can do, as over gRPC.
pub(super) async fn capabilities(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let can = api.query.capabilities();
    Ok(reply::short(asked.params.is_pretty(), |out| {
        out.object(|out| {
            out.key("search").object(|out| {
                out.key("withoutServiceName").boolean(can.without_service);
                out.key("sameSpanConjunction").boolean(true);
                out.key("filter").object(|out| {
                    out.key("levels").array(|out| filter::LEVELS.iter().for_each(|level| out.text(level)));
                    out.key("operators").array(|out| filter::OPERATORS.iter().for_each(|op| out.text(op)));
                });
                out.key("paginated").boolean(can.ordered);
                out.key("spanSearch").boolean(true);
                out.key("spanSorting").boolean(true);
            });
        });
    }))
}

pub(super) async fn trace(State(api): State<Arc<Jaeger>>, Path(id): Path<String>, asked: Asked) -> Reply {
    let fault = || asked.params.malformed("trace_id", &id, params::TRACE_ID);
    let wanted = params::trace_id(&id).ok_or_else(fault)?;
    let time = search::hint_v3(&asked.params, api.clock.now())?;
    asked.params.boolean(&["rawTraces", "raw_traces"])?;
    let plan = Plan { time, ..search::by_ids(asked.tenant, vec![wanted])? };
    found_traces(&api, plan, asked.params.is_pretty()).await
}

pub(super) async fn traces(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    search_traces(&api, &asked.params, asked.tenant).await
}

pub(super) async fn traces_posted(
    State(api): State<Arc<Jaeger>>,
    asked: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    search_traces(&api, &posted(body)?, asked.tenant).await
}

pub(super) async fn summaries(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    search_summaries(&api, &asked.params, asked.tenant).await
}

pub(super) async fn summaries_posted(
    State(api): State<Arc<Jaeger>>,
    asked: Asked,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    search_summaries(&api, &posted(body)?, asked.tenant).await
}

async fn search_traces(api: &Jaeger, params: &Params, tenant: Tenant) -> Reply {
    let plan = search::v3(params, tenant, api.clock.now())?;
    found_traces(api, plan, params.is_pretty()).await
}

async fn search_summaries(api: &Jaeger, params: &Params, tenant: Tenant) -> Reply {
    let plan = Plan { ask: Ask::Summaries, ..search::v3(params, tenant, api.clock.now())? };
    let (found, answer) = api.query.summaries(&plan).await?;
    let write = |out: &mut Writer| found.iter().for_each(|found| summary(found, out));
    Ok(reply::said(shortfall(&plan, &answer).as_deref(), listed("summaries", params.is_pretty(), write)))
}

async fn found_traces(api: &Jaeger, plan: Plan, is_pretty: bool) -> Reply {
    let (found, answer) = api.query.traces(&plan).await?;
    if found.is_empty() {
        return Err(Refusal::not_found("No traces found").into());
    }
    let spans = found.iter().map(|trace| trace.nodes().len()).sum();
    let written = reply::long(spans, is_pretty, move |out| result(&found, out));
    Ok(reply::said(shortfall(&plan, &answer).as_deref(), written))
}

fn result(found: &[Arc<Trace>], out: &mut Writer) {
    out.object(|out| {
        out.key("result").object(|out| {
            out.key("resourceSpans").array(|out| {
                for trace in found {
                    if !out.is_wanted() {
                        break;
                    }
                    otlp_json::resource_spans(trace.spans(), out);
                }
            });
        });
    });
}

fn summary(summary: &Summary, out: &mut Writer) {
    out.object(|out| {
        out.key("traceId").plain(summary.id);
        out.key("rootServiceName").text(&summary.root_service);
        out.key("rootOperationName").text(&summary.root_name);
        out.key("minStartTimeUnixNano").plain(summary.start);
        out.key("maxEndTimeUnixNano").plain(summary.end);
        out.key("spanCount").int(summary.spans);
        out.key("errorSpanCount").int(summary.errors);
        out.key("orphanSpanCount").int(summary.orphans);
        out.key("services").array(|out| {
            for service in &summary.services {
                out.object(|out| {
                    out.key("name").text(&service.name);
                    out.key("spanCount").int(service.spans);
                    out.key("errorSpanCount").int(service.errors);
                });
            }
        });
    });
}

fn listed(key: &str, is_pretty: bool, write: impl FnOnce(&mut Writer)) -> Response {
    reply::short(is_pretty, |out| out.object(|out| out.key(key).array(write)))
}

/// The parameters of `{"query":{…}}`, under the names that they have in a URL.
pub(super) fn posted(body: Result<Bytes, BytesRejection>) -> Result<Params, Refusal> {
    let body = body.map_err(|error| Refusal { status: error.status(), message: error.body_text() })?;
    let fault = |message: String| Refusal::bad_request(format!("malformed body: {message}"));
    let request: Value = serde_json::from_slice(&body).map_err(|error| fault(error.to_string()))?;
    let Some(Value::Object(query)) = request.get("query") else {
        return Err(fault("expected {\"query\":{…}}".into()));
    };
    let param = |(name, value): (&String, &Value)| match value {
        Value::Null => None,
        Value::String(text) => Some((format!("query.{name}"), text.clone())),
        other => Some((format!("query.{name}"), other.to_string())),
    };
    Ok(Params::of(query.iter().filter_map(param).collect(), Wording::Malformed))
}
