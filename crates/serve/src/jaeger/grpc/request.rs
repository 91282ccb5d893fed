//! Reads the messages of requests.

use model::proto::Cursor as Reader;
use model::time::UnixNanos;
use model::{TimeRange, TraceId, Value};
use net::Status;
use net::status::Code;
use store::plan::LIMIT_MAX;
use store::{Ask, Cursor, Filter, Plan};

use super::super::filter;
use super::super::search::conditions;
use super::Services;
use crate::message::number;
pub(super) use crate::message::{bytes, every, fields, text};

/// How many traces are found where no depth is given.
const DEPTH: usize = 100;

/// Fields of `Timestamp` and `Duration`.
const SECONDS: u32 = 1;
const NANOS: u32 = 2;

/// Refuses a message of which a part cannot be read.
pub(super) fn well_formed(message: &[u8]) -> Result<(), Status> {
    let mut reader = Reader::new(message);
    loop {
        match reader.next_field() {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(broken) => return Err(invalid(format!("the message is broken at byte {}", broken.at))),
        }
    }
}

pub(super) fn invalid(message: impl Into<String>) -> Status {
    Status::new(Code::InvalidArgument, message)
}

/// Nanoseconds of a `Timestamp` or `Duration`; nothing where it is missing, zero or before 1970, which is what clients send
/// that have none.
pub(super) fn nanos(message: &[u8], field: u32) -> Result<Option<u64>, Status> {
    let Some(inside) = bytes(message, field) else { return Ok(None) };
    let (seconds, nanos) = (number(inside, SECONDS), number(inside, NANOS));
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(invalid("a time has nanoseconds from 0 to 999999999"));
    }
    let Ok(seconds) = u64::try_from(seconds) else { return Ok(None) };
    let nanos = seconds.checked_mul(1_000_000_000).and_then(|all| all.checked_add(nanos as u64));
    nanos.map(|nanos| (nanos > 0).then_some(nanos)).ok_or_else(|| invalid("a time lies beyond the year 2554"))
}

/// A time range, where both ends are optional.
pub(super) fn range(message: &[u8], start: u32, end: u32) -> Result<TimeRange, Status> {
    let start = nanos(message, start)?.unwrap_or(TimeRange::ALL.start);
    let end = nanos(message, end)?.map_or(TimeRange::ALL.end, |end| end.saturating_add(1));
    Ok(TimeRange { start, end })
}

/// An id of 16 bytes, or of the lower 8.
pub(super) fn trace_id(bytes: &[u8]) -> Result<TraceId, Status> {
    let mut id = [0; 16];
    if !matches!(bytes.len(), 8 | 16) {
        return Err(invalid("a trace id has 16 bytes"));
    }
    id[16 - bytes.len()..].copy_from_slice(bytes);
    if id == [0; 16] { Err(invalid("the trace id is zero")) } else { Ok(TraceId(id)) }
}

/// How the three services write a search.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `jaeger.api_v2`
    Second,
    /// `jaeger.api_v3`
    Third,
    /// `jaeger.storage.v2`
    Storage,
}

/// Which pages a search may ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    Allowed,
    Refused,
}

/// A search, and whether it asks for pages.
pub(super) struct Search {
    pub(super) plan: Plan,
    pub(super) is_paged: bool,
}

/// Reads the `TraceQueryParameters` in field 1 of a request.
pub(super) fn search(
    services: &Services,
    message: &[u8],
    (dialect, paging): (Dialect, Paging),
    ask: Ask,
) -> Result<Search, Status> {
    let query = bytes(message, 1).ok_or_else(|| invalid("missing query"))?;
    let (filter, page) = match dialect {
        Dialect::Second => (None, None),
        Dialect::Third => (bytes(query, 10), bytes(query, 11)),
        Dialect::Storage => (bytes(query, 9), bytes(query, 10)),
    };
    let time = time(query, dialect, services.clock.now())?;
    let durations = (nanos(query, 6)?, nanos(query, 7)?);
    if matches!(durations, (Some(min), Some(max)) if max < min) {
        return Err(invalid("duration_max is less than duration_min"));
    }
    let tags = tags(query, dialect);
    let spans = match filter {
        None => conditions(text(query, 1), text(query, 2), &tags, durations),
        Some(_) if is_described(query) => {
            return Err(invalid("filter excludes service_name, operation_name, attributes and durations"));
        }
        Some(filter) => compiled(filter)?,
    };
    let depth = number(query, 8);
    let depth = usize::try_from(depth).map_err(|_| invalid("search_depth must not be negative"))?;
    let mut plan = Plan { time, spans, ..Plan::new(services.tenant.clone(), ask) };
    plan.limit = if depth == 0 { DEPTH } else { depth.min(LIMIT_MAX) };
    let Some(page) = page else { return Ok(Search { plan, is_paged: false }) };
    if paging == Paging::Refused {
        return Err(invalid("whole traces do not come in pages: leave pagination out, and set search_depth"));
    }
    if depth > 0 {
        return Err(invalid("search_depth and pagination exclude each other"));
    }
    plan.limit = usize::try_from(number(page, 1)).unwrap_or(0).min(LIMIT_MAX);
    if plan.limit == 0 {
        return Err(invalid("page_size is missing"));
    }
    if let Some(token) = text(page, 2) {
        let foreign = || invalid("page_token is none that was given out here");
        plan.after = Some(Cursor::parse(token).ok_or_else(foreign)?);
    }
    Ok(Search { plan, is_paged: true })
}

/// Whether a search names conditions besides its filter.
fn is_described(query: &[u8]) -> bool {
    [1, 2, 3, 6, 7].into_iter().any(|field| bytes(query, field).is_some_and(|value| !value.is_empty()))
}

/// What a structured filter asks of one span.
pub(super) fn compiled(message: &[u8]) -> Result<Filter, Status> {
    let call = filter::of_message(message).and_then(|call| filter::compile(&call));
    call.map_err(|reason| invalid(format!("filter: {reason}")))
}

fn time(query: &[u8], dialect: Dialect, now: UnixNanos) -> Result<TimeRange, Status> {
    let (start, end) = (nanos(query, 4)?, nanos(query, 5)?);
    if dialect == Dialect::Third && (start.is_none() || end.is_none()) {
        return Err(invalid("start_time_min and start_time_max are required"));
    }
    if matches!((start, end), (Some(start), Some(end)) if end < start) {
        return Err(invalid("start_time_min lies after start_time_max"));
    }
    let end = end.map_or(now.max(start.unwrap_or(0)).saturating_add(1), |end| end.saturating_add(1));
    Ok(TimeRange { start: start.unwrap_or(0), end })
}

/// The tags of a search as texts: a map, or OTLP's key-values.
fn tags(query: &[u8], dialect: Dialect) -> Vec<(String, String)> {
    let value = |pair: &[u8]| match dialect {
        Dialect::Storage => Value::read(bytes(pair, 2).unwrap_or_default()).to_text().into_owned(),
        _ => text(pair, 2).unwrap_or_default().to_owned(),
    };
    every(query, 3).map(|pair| (text(pair, 1).unwrap_or_default().to_owned(), value(pair))).collect()
}
