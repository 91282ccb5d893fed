//! From the parameters of a search to a plan.
//!
//! As in Jaeger, service, operation, tags and durations must all hold on one span, and its start lies in the range.

use model::time::UnixNanos;
use model::{Kind, Tenant, TimeRange, TraceId};
use store::plan::LIMIT_MAX;
use store::{Ask, Compare, Condition, Field, Filter, Operand, Plan};
use wire::jaeger_json::Form;

use super::filter;
use super::params::{self, Params};
use super::reply::Refusal;
use super::tags;

/// How many traces are found where no limit is given.
const LIMIT: u32 = 100;

/// How far back a search of the legacy API looks where it names no start.
const LOOKBACK: UnixNanos = 2 * DAY;

/// How far back dependencies look where no lookback is given.
const DEPENDENCY_LOOKBACK: UnixNanos = DAY;

const DAY: UnixNanos = 24 * 3_600 * 1_000_000_000;
const DURATION: &str = "a duration such as 1.2s, 100ms or 500us";
const TIME: &str = "a time such as 2026-01-31T12:00:00.5Z";

/// A question for traces and how they are shown.
pub(super) struct Search {
    pub(super) plan: Plan,
    pub(super) form: Form,
    /// The traces that were asked for by id.
    pub(super) ids: Vec<TraceId>,
}

/// `GET /api/traces`.
pub(super) fn legacy(params: &Params, tenant: Tenant, now: UnixNanos) -> Result<Search, Refusal> {
    const MICROS: &str = "a time in microseconds since 1970";
    let start = params.get(&["start"], params::micros, MICROS)?.unwrap_or(now.saturating_sub(LOOKBACK));
    let end = params.get(&["end"], params::micros, MICROS)?.unwrap_or(now);
    let mut wanted = Vec::new();
    for tag in params.all("tag") {
        wanted.push(tags::plain(tag).map_err(Refusal::bad_request)?);
    }
    for json in params.all("tags") {
        let fault = |error| {
            Refusal::bad_request(format!("malformed 'tags' parameter, cannot unmarshal JSON: {error}"))
        };
        wanted.extend(tags::map(json).map_err(fault)?);
    }
    let limit =
        params.get(&["limit"], |text| text.parse::<i32>().ok(), "a whole number")?.unwrap_or(LIMIT as i32);
    let durations = durations(params, &["minDuration"], &["maxDuration"])?;
    let ids = params.all("traceID").map(|id| {
        let fault = || {
            Refusal::bad_request(format!("cannot parse traceID param: {id:?} is not {}", params::TRACE_ID))
        };
        params::trace_id(id).ok_or_else(fault)
    });
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let form = form(params.boolean(&["raw"])?);
    let service = params.first("service");
    match (service, durations) {
        (None, _) if ids.is_empty() => return Err(Refusal::bad_request("parameter 'service' is required")),
        _ if limit <= 0 => {
            return Err(Refusal::bad_request("invalid parameter: limit must be greater than 0"));
        }
        _ if end < start => {
            return Err(Refusal::bad_request("invalid parameter: start time must be before end time"));
        }
        (_, (Some(min), Some(max))) if max < min => {
            return Err(Refusal::bad_request("'maxDuration' should be greater than 'minDuration'"));
        }
        _ => {}
    }
    let limit = limit.unsigned_abs() as usize;
    if !ids.is_empty() {
        let plan = by_ids(tenant, ids.clone())?;
        return Ok(Search { plan, form, ids });
    }
    let spans = conditions(service, params.first("operation"), &wanted, durations);
    let time = TimeRange { start, end: end.saturating_add(1) };
    let plan = Plan { time, spans, limit: limit.min(LIMIT_MAX), ..Plan::new(tenant, Ask::Traces) };
    Ok(Search { plan, form, ids })
}

/// The search of `/api/v3/traces` and `/api/v3/trace-summaries`.
pub(super) fn v3(params: &Params, tenant: Tenant, now: UnixNanos) -> Result<Plan, Refusal> {
    let (start, end) = range_v3(params, now)?;
    let mut wanted = Vec::new();
    if let Some(json) = params.first("query.attributes") {
        let fault = |error| Refusal::bad_request(format!("malformed parameter query.attributes: {error}"));
        wanted = tags::map(json).map_err(fault)?;
    }
    let depth = ["query.searchDepth", "query.search_depth", "query.num_traces"];
    let limit =
        params.get(&depth, |text| text.parse::<u32>().ok(), "a whole number")?.filter(|limit| *limit > 0);
    let durations = durations(
        params,
        &["query.durationMin", "query.duration_min"],
        &["query.durationMax", "query.duration_max"],
    )?;
    if matches!(durations, (Some(min), Some(max)) if max < min) {
        return Err(Refusal::bad_request("query.durationMax must not be less than query.durationMin"));
    }
    params.boolean(&["query.rawTraces", "query.raw_traces"])?;
    let named = |names: &[&'static str]| params.any(names).map(|(_, value)| value);
    let service = named(&["query.serviceName", "query.service_name"]);
    let operation = named(&["query.operationName", "query.operation_name"]);
    let is_described =
        service.is_some() || operation.is_some() || !wanted.is_empty() || durations != (None, None);
    let spans = match params.first("query.filter") {
        None => conditions(service, operation, &wanted, durations),
        Some(_) if is_described => {
            let message = "query.filter excludes the service, the operation, attributes and durations";
            return Err(Refusal::bad_request(message));
        }
        Some(json) => {
            let compiled = filter::of_json(json).and_then(|call| filter::compile(&call));
            let fault = |reason| Refusal::bad_request(format!("malformed parameter query.filter: {reason}"));
            compiled.map_err(fault)?
        }
    };
    let time = TimeRange { start, end: end.saturating_add(1) };
    let limit = (limit.unwrap_or(LIMIT) as usize).min(LIMIT_MAX);
    Ok(Plan { time, spans, limit, ..Plan::new(tenant, Ask::Traces) })
}

/// The time in which a search of `/api/v3` looks.
pub(super) fn range_v3(params: &Params, now: UnixNanos) -> Result<(UnixNanos, UnixNanos), Refusal> {
    let moment = |text: &str| query::moment::parse(text, now);
    let start = params.get(&["query.startTimeMin", "query.start_time_min"], moment, TIME)?;
    let end = params.get(&["query.startTimeMax", "query.start_time_max"], moment, TIME)?;
    let (Some(start), Some(end)) = (start, end) else {
        return Err(Refusal::bad_request("query.startTimeMin and query.startTimeMax are required"));
    };
    if end <= start {
        return Err(Refusal::bad_request("query.startTimeMin must be before query.startTimeMax"));
    }
    Ok((start, end))
}

/// One trace; a time range is a hint where to look.
pub(super) fn by_ids(tenant: Tenant, mut ids: Vec<TraceId>) -> Result<Plan, Refusal> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > LIMIT_MAX {
        return Err(Refusal::bad_request(format!(
            "parameter 'traceID' comes {} times: ask for at most {LIMIT_MAX}",
            ids.len()
        )));
    }
    Ok(Plan { limit: ids.len(), ids: Some(ids), ..Plan::new(tenant, Ask::Traces) })
}

/// The hint where to look for a trace, in microseconds.
pub(super) fn hint_micros(params: &Params) -> Result<TimeRange, Refusal> {
    hint(params, [&["start"], &["end"]], params::micros, "a time in microseconds since 1970")
}

/// The hint where to look for a trace, as `/api/v3` writes it.
pub(super) fn hint_v3(params: &Params, now: UnixNanos) -> Result<TimeRange, Refusal> {
    let names: [&[&str]; 2] = [&["startTime", "start_time"], &["endTime", "end_time"]];
    hint(params, names, |text| query::moment::parse(text, now), TIME)
}

fn hint(
    params: &Params,
    [start, end]: [&[&str]; 2],
    read: impl Fn(&str) -> Option<UnixNanos>,
    expected: &str,
) -> Result<TimeRange, Refusal> {
    let start = params.get(start, &read, expected)?.unwrap_or(TimeRange::ALL.start);
    let end = params.get(end, &read, expected)?.map_or(TimeRange::ALL.end, |end| end.saturating_add(1));
    Ok(TimeRange { start, end })
}

/// `GET /api/dependencies`.
pub(super) fn dependencies(params: &Params, tenant: Tenant, now: UnixNanos) -> Result<Plan, Refusal> {
    let end = params.get(&["endTs"], params::millis, "a time in milliseconds since 1970")?.unwrap_or(now);
    let lookback = params.get(&["lookback"], params::millis, "a number of milliseconds")?;
    let start = end.saturating_sub(lookback.unwrap_or(DEPENDENCY_LOOKBACK));
    Ok(edges(tenant, TimeRange { start, end: end.saturating_add(1) }))
}

/// `GET /api/v3/dependencies`.
pub(super) fn dependencies_v3(params: &Params, tenant: Tenant, now: UnixNanos) -> Result<Plan, Refusal> {
    for (name, alias) in [("startTime", "start_time"), ("endTime", "end_time")] {
        if params.any(&[name, alias]).is_none() {
            return Err(Refusal::bad_request(format!("missing required parameter: {name}")));
        }
    }
    let time = hint_v3(params, now)?;
    if time.end <= time.start.saturating_add(1) {
        return Err(Refusal::bad_request("endTime must be after startTime"));
    }
    Ok(edges(tenant, time))
}

/// Who calls whom.
pub(super) fn edges(tenant: Tenant, time: TimeRange) -> Plan {
    Plan { time, limit: LIMIT_MAX, ..Plan::new(tenant, Ask::Edges) }
}

/// The operations of a service; of all where none is named.
pub(super) fn operations(tenant: Tenant, service: Option<&str>, kind: Option<&str>) -> Plan {
    let mut all: Vec<Filter> = service.map(Filter::service).into_iter().collect();
    if let Some(word) = kind {
        let operand = Kind::parse(word).map_or_else(|| Operand::Text(word.into()), Operand::Kind);
        all.push(Filter::equal(Field::Kind, operand));
    }
    Plan { spans: Filter::And(all), limit: LIMIT_MAX, ..Plan::new(tenant, Ask::Operations) }
}

/// All services.
pub(super) fn services(tenant: Tenant) -> Plan {
    Plan { limit: LIMIT_MAX, ..Plan::new(tenant, Ask::Services) }
}

pub(super) fn form(is_raw: bool) -> Form {
    if is_raw { Form::Raw } else { Form::Adjusted }
}

type Durations = (Option<u64>, Option<u64>);

fn durations(params: &Params, min: &[&str], max: &[&str]) -> Result<Durations, Refusal> {
    let min = params.get(min, query::duration::parse, DURATION)?.filter(|min| *min > 0);
    let max = params.get(max, query::duration::parse, DURATION)?.filter(|max| *max > 0);
    Ok((min, max))
}

/// What one span must pass.
pub(super) fn conditions(
    service: Option<&str>,
    operation: Option<&str>,
    wanted: &[(String, String)],
    (min, max): Durations,
) -> Filter {
    let mut all: Vec<Filter> = service.map(Filter::service).into_iter().collect();
    all.extend(operation.map(|name| Filter::equal(Field::Name, Operand::Text(name.into()))));
    for (compare, nanos) in [(Compare::AtLeast, min), (Compare::AtMost, max)] {
        let operand = |nanos| Operand::Int(i64::try_from(nanos).unwrap_or(i64::MAX));
        all.extend(
            nanos.map(|nanos| {
                Filter::Is(Condition { field: Field::Duration, compare, operand: operand(nanos) })
            }),
        );
    }
    all.extend(wanted.iter().map(|(key, value)| tags::filter(key, value)));
    Filter::And(all)
}
