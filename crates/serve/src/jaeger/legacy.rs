//! `/api/…`: microseconds, Jaeger's trace JSON, and one envelope around everything.
//!
//! Answers are `{"data":…,"total":…,"limit":0,"offset":0,"errors":…}`. Errors use the same envelope with the status of
//! the response as their code. A partial answer says why among its errors, with status 200.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use model::{Batch, Tenant, Trace, TraceId};
use store::{Edge, Name};
use wire::jaeger_json::{self, Form, ShortId};
use wire::json::Writer;

use super::params::{self, Params};
use super::reply::{self, Refusal};
use super::{Asked, Jaeger, search, shortfall};
use crate::query_string::unescaped;

/// Traces in one body of `POST /api/transform`; more are refused with 400.
const TRANSFORM_TRACES_MAX: usize = 1_000;

type Reply = Result<Response, Enveloped>;

/// A refusal in the envelope.
pub(super) struct Enveloped(Refusal);

impl From<Refusal> for Enveloped {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<query::Error> for Enveloped {
    fn from(error: query::Error) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Enveloped {
    fn into_response(self) -> Response {
        let Refusal { status, message } = self.0;
        let mut out = Writer::compact();
        let problem = Problem { code: Some(status), message, trace: None };
        envelope(&mut out, 0, &[problem], Writer::null);
        reply::error(status, out.into_bytes())
    }
}

pub(super) async fn services(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let (found, answer) = api.query.names(&search::services(asked.tenant)).await?;
    let services = list(&asked.params, found.iter().map(|service| service.name.as_str()));
    Ok(reply::said(answer.partial.as_deref(), services))
}

/// The names alone, whatever their kinds. The service may hold an escaped slash.
pub(super) async fn operations_of(State(api): State<Arc<Jaeger>>, uri: Uri, asked: Asked) -> Reply {
    let path = uri.path().strip_prefix("/api/services/").and_then(|path| path.strip_suffix("/operations"));
    let service = unescaped(path.unwrap_or_default());
    let plan = search::operations(asked.tenant, Some(&service), None);
    let (found, answer) = api.query.names(&plan).await?;
    let mut operations: Vec<&str> = found.iter().map(|operation| operation.name.as_str()).collect();
    operations.dedup();
    Ok(reply::said(answer.partial.as_deref(), list(&asked.params, operations.into_iter())))
}

pub(super) async fn operations(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let Some(service) = asked.params.first("service") else {
        return Err(Refusal::bad_request("parameter 'service' is required").into());
    };
    let plan = search::operations(asked.tenant, Some(service), asked.params.first("spanKind"));
    let (found, answer) = api.query.names(&plan).await?;
    let operations = reply::short(asked.params.is_pretty(), |out| {
        envelope(out, found.len(), &[], |out| {
            out.array(|out| found.iter().for_each(|name| operation(name, "", out)));
        });
    });
    Ok(reply::said(answer.partial.as_deref(), operations))
}

/// Writes one operation; `unspecified` is what stands for spans without a kind.
pub(super) fn operation(name: &Name, unspecified: &str, out: &mut Writer) {
    let kind = if name.kind == "unspecified" { unspecified } else { name.kind };
    out.object(|out| {
        out.key("name").text(&name.name);
        out.key("spanKind").text(kind);
    });
}

pub(super) async fn search(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let search = search::legacy(&asked.params, asked.tenant, api.clock.now())?;
    let (found, answer) = api.query.traces(&search.plan).await?;
    let partial = shortfall(&search.plan, &answer).map(Problem::saying);
    let known: HashSet<TraceId> = found.iter().map(|trace| trace.id()).collect();
    let missing = search.ids.iter().filter(|id| !known.contains(id));
    let not_found = |id: &TraceId| Problem { trace: Some(*id), ..Problem::saying("trace not found".into()) };
    let problems = partial.into_iter().chain(missing.map(not_found)).collect();
    Ok(found_traces(found, problems, search.form, &asked.params))
}

pub(super) async fn trace(State(api): State<Arc<Jaeger>>, Path(id): Path<String>, asked: Asked) -> Reply {
    let id = trace_id(&asked.params, &id)?;
    let time = search::hint_micros(&asked.params)?;
    let form = search::form(asked.params.boolean(&["raw"])?);
    let plan = store::Plan { time, ..search::by_ids(asked.tenant, vec![id])? };
    let (found, answer) = api.query.traces(&plan).await?;
    let problems = answer.partial.map(Problem::saying).into_iter().collect();
    if found.is_empty() {
        return Err(Refusal::not_found("trace not found").into());
    }
    Ok(found_traces(found, problems, form, &asked.params))
}

/// Keeps a trace for ever. A server without a store of its own has no place for it, which Jaeger calls its error.
pub(super) async fn archive(State(api): State<Arc<Jaeger>>, Path(id): Path<String>, asked: Asked) -> Reply {
    let id = trace_id(&asked.params, &id)?;
    search::hint_micros(&asked.params)?;
    let Some(keeper) = &api.keeper else {
        return Err(Refusal::failed("archive span storage was not configured").into());
    };
    let missing = keeper.archive(&asked.tenant, &[id]).await.map_err(Refusal::failed)?;
    if !missing.is_empty() {
        return Err(Refusal::not_found("trace not found").into());
    }
    Ok(reply::short(asked.params.is_pretty(), |out| envelope(out, 0, &[], |out| out.array(|_| {}))))
}

/// Empties the store of a test, if the configuration allows it.
pub(super) async fn purge(State(api): State<Arc<Jaeger>>, headers: HeaderMap, asked: Asked) -> Response {
    api.purge.answer(&headers, asked.tenant).await.into_response()
}

/// Turns OTLP JSON into Jaeger's trace JSON, for the UI's upload.
pub(super) async fn transform(asked: Asked, body: Result<Bytes, BytesRejection>) -> Reply {
    let body = body.map_err(|error| Refusal { status: error.status(), message: error.body_text() })?;
    let tenant = asked.tenant;
    let found = tokio::task::spawn_blocking(move || transformed(&body, tenant)).await;
    let found = found.map_err(|error| Refusal::failed(error.to_string()))??;
    Ok(found_traces(found, Vec::new(), Form::Adjusted, &asked.params))
}

fn transformed(body: &[u8], tenant: Tenant) -> Result<Vec<Arc<Trace>>, Refusal> {
    let bytes = wire::otlp_json::decode(body).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let admitted =
        Batch::admit(bytes.into(), tenant).map_err(|error| Refusal::bad_request(error.to_string()))?;
    if admitted.rejected.total() > 0 {
        return Err(Refusal::bad_request(admitted.rejected.to_string()));
    }
    let mut seen = HashSet::new();
    let rows = admitted.batch.rows().iter();
    let ids: Vec<TraceId> = rows.map(|row| row.trace_id).filter(|id| seen.insert(*id)).collect();
    if ids.len() > TRANSFORM_TRACES_MAX {
        let message = format!("the body holds {} traces: send at most {TRANSFORM_TRACES_MAX}", ids.len());
        return Err(Refusal::bad_request(message));
    }
    let joined = ids.into_iter().filter_map(|id| Trace::join(id, vec![admitted.batch.clone()]));
    Ok(joined.map(Arc::new).collect())
}

pub(super) async fn dependencies(State(api): State<Arc<Jaeger>>, asked: Asked) -> Reply {
    let plan = search::dependencies(&asked.params, asked.tenant, api.clock.now())?;
    let (edges, answer) = api.query.edges(&plan).await?;
    let wanted = asked.params.first("service");
    let shown =
        edges.iter().filter(|edge| wanted.is_none_or(|name| edge.parent == name || edge.child == name));
    let problems: Vec<Problem> = answer.partial.map(Problem::saying).into_iter().collect();
    Ok(reply::short(asked.params.is_pretty(), |out| {
        envelope(out, 0, &problems, |out| {
            out.array(|out| {
                shown.for_each(|edge| dependency(edge, |out| out.int(edge.calls), out));
            });
        });
    }))
}

/// Writes one dependency; how the count is written differs between the APIs.
pub(super) fn dependency(edge: &Edge, count: impl FnOnce(&mut Writer), out: &mut Writer) {
    out.object(|out| {
        out.key("parent").text(&edge.parent);
        out.key("child").text(&edge.child);
        count(out.key("callCount"));
    });
}

struct Problem {
    code: Option<StatusCode>,
    message: String,
    trace: Option<TraceId>,
}

impl Problem {
    fn saying(message: String) -> Self {
        Self { code: None, message, trace: None }
    }
}

fn envelope(out: &mut Writer, total: usize, problems: &[Problem], data: impl FnOnce(&mut Writer)) {
    out.object(|out| {
        out.key("data");
        data(out);
        out.key("total").int(total as u64);
        out.key("limit").int(0);
        out.key("offset").int(0);
        out.key("errors");
        if problems.is_empty() {
            return out.null();
        }
        out.array(|out| problems.iter().for_each(|problem| write_problem(problem, out)));
    });
}

fn write_problem(problem: &Problem, out: &mut Writer) {
    out.object(|out| {
        if let Some(code) = problem.code {
            out.key("code").int(code.as_u16());
        }
        out.key("msg").text(&problem.message);
        if let Some(id) = problem.trace {
            out.key("traceID").plain(ShortId(id));
        }
    });
}

fn list<'a>(params: &Params, items: impl ExactSizeIterator<Item = &'a str>) -> Response {
    reply::short(params.is_pretty(), |out| {
        envelope(out, items.len(), &[], |out| out.array(|out| items.for_each(|item| out.text(item))));
    })
}

fn found_traces(found: Vec<Arc<Trace>>, problems: Vec<Problem>, form: Form, params: &Params) -> Response {
    let spans = found.iter().map(|trace| trace.nodes().len()).sum();
    reply::long(spans, params.is_pretty(), move |out| {
        envelope(out, 0, &problems, |out| {
            out.array(|out| {
                for trace in &found {
                    if !out.is_wanted() {
                        break;
                    }
                    jaeger_json::trace(trace, form, out);
                }
            });
        });
    })
}

fn trace_id(params: &Params, id: &str) -> Result<TraceId, Refusal> {
    params::trace_id(id).ok_or_else(|| params.malformed("traceID", id, params::TRACE_ID))
}
