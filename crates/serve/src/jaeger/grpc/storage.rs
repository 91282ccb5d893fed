//! `jaeger.storage.v2`: what a stock Jaeger asks of the storage behind it, and OTLP, by which it writes.
//!
//! What is written is acknowledged when the store has it durably, as everything that Faden takes in.

use std::time::Duration;

use bytes::Bytes;
use model::proto::Message;
use model::{Batch, TimeRange, TraceId};
use net::{Situation, Status};
use store::plan::LIMIT_MAX;
use store::{Ask, Plan, WriteError};

use super::super::{filter, shortfall};
use super::reply::{self, failed};
use super::request::{self, Dialect, Paging, bytes, every, invalid};
use super::{Answer, Reply, Services, query, spans, unknown};

/// Where spans arrive.
pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// A client that is told to come back is told to wait so long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) async fn answer(services: &Services, method: &str, message: Bytes) -> Answer {
    if method != EXPORT {
        request::well_formed(&message)?;
    }
    match method {
        EXPORT => export(services, message).await,
        "/jaeger.storage.v2.TraceReader/GetTraces" => traces(services, &message).await,
        "/jaeger.storage.v2.TraceReader/GetServices" => query::services(services).await,
        "/jaeger.storage.v2.TraceReader/GetOperations" => {
            query::operations(services, &message, (1, "")).await
        }
        "/jaeger.storage.v2.TraceReader/FindTraces" => {
            let asked = (Dialect::Storage, Paging::Refused);
            let found = request::search(services, &message, asked, Ask::Traces)?;
            let (traces, answer) = services.query.traces(&found.plan).await.map_err(failed)?;
            Ok(reply::otlp(traces).lacking(shortfall(&found.plan, &answer)))
        }
        "/jaeger.storage.v2.TraceReader/FindSpans" => spans::find(services, &message).await,
        "/jaeger.storage.v2.TraceReader/FindTraceIDs" => ids(services, &message).await,
        "/jaeger.storage.v2.TraceReader/FindTraceSummaries" => {
            query::summaries(services, &message, Dialect::Storage).await
        }
        "/jaeger.storage.v2.DependencyReader/GetDependencies" => {
            query::dependencies(services, &message).await
        }
        "/jaeger.storage.v2.Capabilities/GetCapabilities" => Ok(capabilities(services)),
        method => Err(unknown(method)),
    }
}

/// Those of the traces that are here, one after the other.
async fn traces(services: &Services, message: &[u8]) -> Answer {
    let mut ids: Vec<TraceId> = Vec::new();
    let mut time: Option<TimeRange> = None;
    for asked in every(message, 1) {
        ids.push(request::trace_id(bytes(asked, 1).unwrap_or_default())?);
        let hint = request::range(asked, 2, 3)?;
        time = Some(time.map_or(hint, |time| TimeRange {
            start: time.start.min(hint.start),
            end: time.end.max(hint.end),
        }));
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(reply::otlp(Vec::new()));
    }
    if ids.len() > LIMIT_MAX {
        return Err(invalid(format!(
            "{} traces are asked for, and at most {LIMIT_MAX} are answered",
            ids.len()
        )));
    }
    let plan = Plan {
        limit: ids.len(),
        ids: Some(ids),
        time: time.unwrap_or(TimeRange::ALL),
        ..Plan::new(services.tenant.clone(), Ask::Traces)
    };
    let (traces, answer) = services.query.traces(&plan).await.map_err(failed)?;
    Ok(reply::otlp(traces).lacking(answer.partial))
}

/// The ids of a search, with the times that help to look for them.
async fn ids(services: &Services, message: &[u8]) -> Answer {
    let found = request::search(services, message, (Dialect::Storage, Paging::Allowed), Ask::Summaries)?;
    let (rows, answer) = services.query.summaries(&found.plan).await.map_err(failed)?;
    let mut out = Message::new();
    for row in &rows {
        out.message(1, |out| {
            out.bytes(1, &row.id.0);
            for (field, at) in [(2, row.start), (3, row.end)] {
                out.message(field, |out| {
                    out.varint(1, at / 1_000_000_000);
                    out.varint(2, at % 1_000_000_000);
                });
            }
        });
    }
    if let Some(next) = answer.next.filter(|_| found.is_paged) {
        out.text(2, &next.to_string());
    }
    Ok(Reply::one(out.into_bytes()).lacking(answer.partial))
}

/// Fields of `SearchCapabilities`.
pub(super) fn capabilities(services: &Services) -> Reply {
    let can = services.query.capabilities();
    let mut out = Message::new();
    out.message(1, |out| {
        for (field, is_so) in [(1, can.without_service), (2, true), (4, can.ordered), (5, true), (6, true)] {
            if is_so {
                out.varint(field, 1);
            }
        }
        out.message(3, |out| {
            filter::LEVELS.iter().for_each(|level| out.text(1, level));
            filter::OPERATORS.iter().for_each(|operator| out.text(2, operator));
        });
    });
    Reply::one(out.into_bytes())
}

async fn export(services: &Services, message: Bytes) -> Answer {
    let Some(writer) = &services.writer else {
        return Err(Situation::Unavailable
            .status("this server keeps no spans: no pipeline writes to its store", None));
    };
    let admitted = Batch::admit(message, services.tenant.clone());
    let admitted = admitted.map_err(|cause| Situation::Undecodable.status(cause.to_string(), None))?;
    if !admitted.batch.is_empty() {
        writer.write(admitted.batch).await.map_err(unwritten)?;
    }
    let mut out = Message::new();
    if admitted.rejected.total() > 0 {
        out.message(1, |out| {
            out.varint(1, admitted.rejected.total());
            out.text(2, &admitted.rejected.to_string());
        });
    }
    Ok(Reply::one(out.into_bytes()))
}

fn unwritten(error: WriteError) -> Status {
    match error {
        WriteError::Retry { after, reason } => {
            Situation::Unavailable.status(reason, Some(after.unwrap_or(RETRY_AFTER)))
        }
        WriteError::Refused { reason } => Situation::Undecodable.status(reason, None),
    }
}
