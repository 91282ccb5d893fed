//! `jaeger.api_v2.QueryService` and `jaeger.api_v3.QueryService`.

use bytes::Bytes;
use model::TraceId;
use net::Status;
use net::status::Code;
use store::{Ask, Plan};
use wire::jaeger_json::Form;

use super::super::{search, shortfall};
use super::reply::{self, failed};
use super::request::{self, Dialect, Paging, bytes, invalid, text};
use super::{Answer, Reply, Services, spans, storage, unknown};

pub(super) async fn answer(services: &Services, method: &str, message: &Bytes) -> Answer {
    request::well_formed(message)?;
    match method {
        "/jaeger.api_v2.QueryService/GetTrace" => second_trace(services, message).await,
        "/jaeger.api_v2.QueryService/ArchiveTrace" => archive(services, message).await,
        "/jaeger.api_v2.QueryService/FindTraces" => {
            let found = request::search(services, message, (Dialect::Second, Paging::Refused), Ask::Traces)?;
            let query = bytes(message, 1).unwrap_or_default();
            let (traces, answer) = services.query.traces(&found.plan).await.map_err(failed)?;
            Ok(reply::spans(traces, form(query, 9)).lacking(shortfall(&found.plan, &answer)))
        }
        "/jaeger.api_v2.QueryService/GetServices" | "/jaeger.api_v3.QueryService/GetServices" => {
            self::services(services).await
        }
        "/jaeger.api_v2.QueryService/GetOperations" => operations(services, message, (2, "")).await,
        "/jaeger.api_v3.QueryService/GetOperations" => operations(services, message, (1, "internal")).await,
        "/jaeger.api_v2.QueryService/GetDependencies" | "/jaeger.api_v3.QueryService/GetDependencies" => {
            if method.contains("api_v3")
                && (request::nanos(message, 1)?.is_none() || request::nanos(message, 2)?.is_none())
            {
                return Err(invalid("start_time and end_time are required"));
            }
            dependencies(services, message).await
        }
        "/jaeger.api_v3.QueryService/GetTrace" => third_trace(services, message).await,
        "/jaeger.api_v3.QueryService/FindTraces" => {
            let found = request::search(services, message, (Dialect::Third, Paging::Refused), Ask::Traces)?;
            let (traces, answer) = services.query.traces(&found.plan).await.map_err(failed)?;
            Ok(reply::otlp(traces).lacking(shortfall(&found.plan, &answer)))
        }
        "/jaeger.api_v3.QueryService/FindSpans" => spans::find(services, message).await,
        "/jaeger.api_v3.Capabilities/GetCapabilities" => Ok(storage::capabilities(services)),
        "/jaeger.api_v3.QueryService/FindTraceSummaries" => {
            summaries(services, message, Dialect::Third).await
        }
        method => Err(unknown(method)),
    }
}

/// As it was received, or mended for display.
fn form(message: &[u8], field: u32) -> Form {
    let is_raw = request::fields(message).filter(|(found, _)| *found == field).last();
    search::form(is_raw.and_then(|(_, field)| field.varint()).is_some_and(|raw| raw != 0))
}

async fn second_trace(services: &Services, message: &[u8]) -> Answer {
    let id = request::trace_id(bytes(message, 1).unwrap_or_default())?;
    let time = request::range(message, 2, 3)?;
    let plan = Plan { time, ..Plan::trace(services.tenant.clone(), id) };
    let (traces, answer) = services.query.traces(&plan).await.map_err(failed)?;
    if traces.is_empty() {
        return Err(not_found(id));
    }
    Ok(reply::spans(traces, form(message, 4)).lacking(answer.partial))
}

async fn third_trace(services: &Services, message: &[u8]) -> Answer {
    let asked = text(message, 1).ok_or_else(|| invalid("the trace id is missing"))?;
    let id = TraceId::parse(asked)
        .ok_or_else(|| invalid("a trace id has 1 to 32 hexadecimal digits, not all zero"))?;
    let time = request::range(message, 2, 3)?;
    let plan = Plan { time, ..Plan::trace(services.tenant.clone(), id) };
    let (traces, answer) = services.query.traces(&plan).await.map_err(failed)?;
    if traces.is_empty() {
        return Err(not_found(id));
    }
    Ok(reply::otlp(traces).lacking(answer.partial))
}

fn not_found(id: TraceId) -> Status {
    Status::new(Code::NotFound, format!("trace {id} not found"))
}

async fn archive(services: &Services, message: &[u8]) -> Answer {
    let id = request::trace_id(bytes(message, 1).unwrap_or_default())?;
    let Some(keeper) = &services.keeper else {
        return Err(Status::new(Code::Internal, "archive span storage was not configured"));
    };
    let missing = keeper.archive(&services.tenant, &[id]).await;
    let missing = missing.map_err(|reason| Status::new(Code::Internal, reason))?;
    if missing.is_empty() { Ok(Reply::one(Vec::new())) } else { Err(not_found(id)) }
}

/// The services of the tenant.
pub(super) async fn services(services: &Services) -> Answer {
    let (found, answer) =
        services.query.names(&search::services(services.tenant.clone())).await.map_err(failed)?;
    Ok(reply::services(&found).lacking(answer.partial))
}

/// The operations of a service, of one kind if it is named, in the field that the API has them in.
pub(super) async fn operations(
    services: &Services,
    message: &[u8],
    (field, unspecified): (u32, &str),
) -> Answer {
    let service = text(message, 1).ok_or_else(|| invalid("the service is missing"))?;
    let plan = search::operations(services.tenant.clone(), Some(service), text(message, 2));
    let (found, answer) = services.query.names(&plan).await.map_err(failed)?;
    Ok(reply::operations(&found, field, unspecified).lacking(answer.partial))
}

/// Who calls whom.
pub(super) async fn dependencies(services: &Services, message: &[u8]) -> Answer {
    let time = request::range(message, 1, 2)?;
    if time.end <= time.start {
        return Err(invalid("start_time lies after end_time"));
    }
    let plan = search::edges(services.tenant.clone(), time);
    let (found, answer) = services.query.edges(&plan).await.map_err(failed)?;
    Ok(reply::dependencies(&found).lacking(answer.partial))
}

/// What lists show of traces, in pages if they are asked for.
pub(super) async fn summaries(services: &Services, message: &[u8], dialect: Dialect) -> Answer {
    let found = request::search(services, message, (dialect, Paging::Allowed), Ask::Summaries)?;
    let (rows, answer) = services.query.summaries(&found.plan).await.map_err(failed)?;
    let next = answer.next.filter(|_| found.is_paged).map(|next| next.to_string());
    let summaries = reply::summaries(&rows, dialect == Dialect::Storage, next.as_deref());
    Ok(summaries.lacking(answer.partial))
}
