//! `compare`: two traces, or two groups of traces, call by call ([`analyze::compare`]).

use std::sync::Arc;
use std::time::Duration;

use analyze::Skeleton;
use analyze::compare::{Compare, Difference, Node, Side, Which, attributes};
use axum::Json;
use axum::extract::State;
use model::{Tenant, Trace};
use query::answer::{Summary, Work};
use query::scope::Bounds;
use serde::{Deserialize, Serialize};
use store::Plan;

use super::trace::{not_found, trace_id};
use super::{Api, Asked, Failed, JsonBody, computed};

/// So many traces of a group are compared, the newest.
pub const GROUP_TRACES_MAX: usize = 500;

/// What is compared.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Question {
    a: Choice,
    b: Choice,
}

/// One side: a trace, or what its traces have in common.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Choice {
    trace: Option<String>,
    q: Option<String>,
    start: Option<String>,
    end: Option<String>,
    last: Option<String>,
}

/// How two sides differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The first side.
    pub a: OneSide,
    /// The second.
    pub b: OneSide,
    /// The calls of both, callers before those whom they call.
    pub nodes: Vec<Node>,
    /// The nodes whose own time differs most, by place.
    pub contributions: Vec<u32>,
    /// Spans of calls for which there was no room.
    pub left_out: u64,
    /// Attributes of roots and resources that differ; only between two traces.
    pub attributes: Vec<Difference>,
    /// Why traces may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// What it cost.
    pub work: Work,
}

/// One side as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneSide {
    /// The trace; absent for a group.
    #[serde(flatten)]
    pub trace: Option<Header>,
    /// What its traces add up to.
    #[serde(flatten)]
    pub side: Side,
}

/// What a list shows of a trace, but for what a [`Side`] tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its id, hexadecimal.
    pub trace_id: String,
    /// Its earliest start, in nanoseconds since 1970.
    pub start: query::answer::Count64,
    /// From the earliest start to the latest end.
    pub duration: query::answer::Count64,
    /// The service of its root.
    pub root_service: String,
    /// The operation of its root.
    pub root_name: String,
    /// How many spans name a parent that is missing.
    pub orphans: u64,
    /// Each service with its part.
    pub services: Vec<query::answer::Service>,
}

impl From<&Trace> for Header {
    fn from(trace: &Trace) -> Self {
        let Summary { trace_id, start, duration, root_service, root_name, orphans, services, .. } =
            Summary::from(&trace.summary());
        Self { trace_id, start, duration, root_service, root_name, orphans, services }
    }
}

/// The traces of a side, read.
#[derive(Default)]
struct Read {
    one: Option<Arc<Trace>>,
    many: Vec<Skeleton>,
    partial: Option<String>,
    work: store::Work,
}

pub(super) async fn compare(
    State(api): State<Arc<Api>>,
    asked: Asked,
    JsonBody(question): JsonBody<Question>,
) -> Result<Json<Compared>, Failed> {
    asked.nothing_more()?;
    let a = read(&api, &asked.tenant, ("a", question.a)).await?;
    let b = read(&api, &asked.tenant, ("b", question.b)).await?;
    Ok(Json(computed(move || compared(a, b)).await?))
}

async fn read(api: &Api, tenant: &Tenant, (name, choice): (&str, Choice)) -> Result<Read, Failed> {
    let has_more = [&choice.q, &choice.start, &choice.end, &choice.last].iter().any(|field| field.is_some());
    if choice.trace.is_some() == has_more {
        return Err(Failed::invalid(format!("{name}: it names a trace, or what its traces have in common"))
            .remedy("send {\"trace\":\"ID\"}, or {\"q\":\"{ … }\",\"last\":\"1h\"}"));
    }
    if let Some(id) = choice.trace {
        let id = trace_id(&id).map_err(|failed| failed.of(name))?;
        let (mut traces, answer) = api.faden.query.traces(&Plan::trace(tenant.clone(), id)).await?;
        let trace = traces.pop().ok_or_else(|| not_found(id, answer.partial.as_deref()).of(name))?;
        return Ok(Read { one: Some(trace), partial: answer.partial, work: answer.work, ..Read::default() });
    }
    let fields = [("q", choice.q), ("start", choice.start), ("end", choice.end), ("last", choice.last)];
    let pairs = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let asked = Asked { tenant: tenant.clone(), pairs };
    let scope = asked.scope(api.faden.clock.as_ref()).map_err(|failed| failed.of(name))?;
    let bounds = Bounds { time_limit: Duration::from_secs(10), traces_max: GROUP_TRACES_MAX };
    let (many, visited) = scope
        .visit(&api.faden.query, bounds, Vec::new(), |many, subject, _| {
            many.push(Skeleton::of(subject.trace()));
        })
        .await?;
    if many.is_empty() {
        return Err(Failed::new(http::StatusCode::NOT_FOUND, format!("{name}: no trace is found"))
            .remedy("ask /search/diagnose why"));
    }
    Ok(Read { one: None, many, partial: visited.partial, work: visited.work })
}

fn compared(a: Read, b: Read) -> Compared {
    let mut compare = Compare::default();
    for (which, read) in [(Which::A, &a), (Which::B, &b)] {
        read.one.iter().for_each(|trace| compare.add(which, &Skeleton::of(trace)));
        read.many.iter().for_each(|trace| compare.add(which, trace));
    }
    let found = compare.finish();
    let attributes = match (&a.one, &b.one) {
        (Some(a), Some(b)) => attributes(a, b),
        _ => Vec::new(),
    };
    let header = |read: &Read| read.one.as_deref().map(Header::from);
    let mut work = a.work;
    work += b.work;
    Compared {
        a: OneSide { trace: header(&a), side: found.a },
        b: OneSide { trace: header(&b), side: found.b },
        nodes: found.nodes,
        contributions: found.contributions,
        left_out: found.left_out,
        attributes,
        partial: a.partial.or(b.partial),
        work: Work::from(work),
    }
}
