//! `traces/{id}/…`: one trace in the parts that a page needs, one after the other.
//!
//! `skeleton` is the structure without attributes ([`analyze::Skeleton`]), `attributes` and `spans/{span_id}` are whole
//! spans for rows of it; [`filter`](super::matching) says which rows match. Rows are places in the skeleton; they stay
//! what they are until spans of the trace come late. A skeleton is of this moment, read without attributes; with `detail`
//! it has only the rows that matter most, `with` and `row` besides those that are wanted, and `under` unfolds one of them.
//! What follows on a skeleton is answered from what is [at hand](super::recent); of a large trace only the spans are read
//! that are [named](super::named).

use std::sync::Arc;

use analyze::Skeleton;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use model::{SpanId, Tenant, TraceId};
use query::answer::{Resource, Span, Summary, resources};
use serde::{Deserialize, Serialize};
use store::{Ask, Plan};

use super::scope::shown;
use super::trace::{not_found, trace_id};
use super::{Api, Asked, Failed, JsonBody, computed, named};

/// So many spans are written out whole at once.
pub const ROWS_MAX: usize = 1_000;

/// So many rows of a folded skeleton can be asked for.
pub const DETAIL_MAX: usize = 200_000;
/// Rows of a part that is unfolded where no number is given.
const DETAIL_DEFAULT: usize = 10_000;
/// So many spans can be asked for by `with`.
pub const WITH_MAX: usize = 16;

/// The answer to `skeleton`.
#[derive(Clone, Debug, Serialize)]
struct Told<'a> {
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<&'a str>,
    #[serde(flatten)]
    skeleton: &'a Skeleton,
}

/// A skeleton that was made, with what is said beside it.
pub(super) struct Made {
    summary: Summary,
    partial: Option<String>,
    skeleton: Skeleton,
}

impl Made {
    /// The skeleton itself.
    pub(super) fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }
}

/// Whole spans and what produced them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Whole {
    /// What produced the spans; they refer to it by place.
    pub resources: Vec<Resource>,
    /// The spans, in the order in which they were asked for.
    pub spans: Vec<Span>,
}

/// Which rows are asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    spans: Vec<u32>,
}

type Found = (Arc<model::Trace>, Option<String>);

pub(super) async fn skeleton(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    mut asked: Asked,
) -> Result<Response, Failed> {
    let id = trace_id(&id)?;
    let (under, row) = (asked.take("under"), asked.take("row"));
    let detail = match (&under, &row, asked.names("detail")) {
        (None, None, false) => None,
        _ => Some(asked.number("detail", DETAIL_DEFAULT, DETAIL_MAX)?),
    };
    let with = span_ids(asked.take("with"))?;
    asked.nothing_more()?;
    let [under, row] = [("under", under), ("row", row)].map(|(name, text)| number(name, text));
    let (under, row) = (under?, row?);
    // Rows are those of the skeleton that the asker has.
    let known = under.or(row).and_then(|_| api.skeletons.get(&asked.tenant, id));
    let made = match known {
        Some(made) => made,
        None => made(&api, &asked.tenant, id).await?,
    };
    for (name, row) in [("under", under), ("row", row)] {
        if let Some(row) = row.filter(|row| *row >= made.skeleton.columns.len()) {
            return Err(no_row(name, &row.to_string()));
        }
    }
    let body = computed(move || {
        let wanted: Vec<usize> =
            with.into_iter().flat_map(|id| made.skeleton.rows_of(id)).chain(row).collect();
        let folded = detail.map(|rows_max| made.skeleton.folded(under, rows_max, &wanted));
        let skeleton = folded.as_ref().unwrap_or(&made.skeleton);
        let told = Told { summary: &made.summary, partial: made.partial.as_deref(), skeleton };
        serde_json::to_vec(&told).expect("answers have text keys and memory takes every byte")
    });
    Ok(([(CONTENT_TYPE, "application/json")], Body::from(body.await?)).into_response())
}

/// The ids that a comma stands between.
fn span_ids(text: Option<String>) -> Result<Vec<SpanId>, Failed> {
    let ids = text.iter().flat_map(|text| text.split(',')).map(span_id).collect::<Result<Vec<_>, _>>();
    let ids = ids.map_err(|failed| failed.of("with"))?;
    if ids.len() > WITH_MAX {
        let message = format!("with: {} spans are more than {WITH_MAX}", ids.len());
        return Err(Failed::invalid(message).remedy("ask for the others by a search of their own"));
    }
    Ok(ids)
}

fn number(name: &str, text: Option<String>) -> Result<Option<usize>, Failed> {
    text.map(|text| text.parse().map_err(|_| no_row(name, &text))).transpose()
}

fn no_row(name: &str, text: &str) -> Failed {
    Failed::invalid(format!("{name}: there is no row `{}`", shown(text)))
        .remedy("it is a number from `row` of a folded skeleton, or the place in a whole one")
}

/// The skeleton as it is now.
pub(super) async fn made(api: &Api, tenant: &Tenant, id: TraceId) -> Result<Arc<Made>, Failed> {
    let plan = Plan { ask: Ask::Outlines(Vec::new()), ..Plan::trace(tenant.clone(), id) };
    let (mut traces, answer) = api.faden.query.traces(&plan).await?;
    let trace = traces.pop().ok_or_else(|| not_found(id, answer.partial.as_deref()))?;
    let made = computed(move || {
        let (summary, skeleton) = ((&trace.summary()).into(), Skeleton::of(&trace));
        Arc::new(Made { summary, partial: answer.partial, skeleton })
    });
    let made = made.await?;
    if made.partial.is_none() {
        api.skeletons.put((tenant, id), &made, made.skeleton.memory_bytes());
    }
    Ok(made)
}

pub(super) async fn attributes(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    asked: Asked,
    JsonBody(rows): JsonBody<Rows>,
) -> Result<Json<Whole>, Failed> {
    asked.nothing_more()?;
    if rows.spans.len() > ROWS_MAX {
        let message = format!("spans: {} rows are more than {ROWS_MAX}", rows.spans.len());
        return Err(Failed::invalid(message).remedy("ask several times"));
    }
    let id = trace_id(&id)?;
    if let Some(whole) = named::rows(&api, (&asked.tenant, id), &rows.spans).await? {
        return Ok(Json(whole));
    }
    let (trace, _) = load(&api, &asked.tenant, id).await?;
    let length = trace.nodes().len();
    if let Some(row) = rows.spans.iter().find(|row| **row as usize >= length) {
        return Err(Failed::invalid(format!("spans: there is no row {row}"))
            .remedy(format!("the trace has the rows 0 to {}; read its skeleton again", length - 1)));
    }
    Ok(Json(computed(move || whole(&trace, &rows.spans)).await?))
}

pub(super) async fn span(
    State(api): State<Arc<Api>>,
    Path((id, span)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<Whole>, Failed> {
    asked.nothing_more()?;
    let (id, wanted) = (trace_id(&id)?, span_id(&span)?);
    if let Some(whole) = named::spans(&api, (&asked.tenant, id), wanted).await? {
        return Ok(Json(whole));
    }
    let (trace, partial) = load(&api, &asked.tenant, id).await?;
    let rows = find(&trace, wanted, partial)?;
    Ok(Json(computed(move || whole(&trace, &rows)).await?))
}

/// The trace: at hand if it was read lately, else from the store.
pub(super) async fn load(api: &Api, tenant: &Tenant, id: TraceId) -> Result<Found, Failed> {
    if let Some(trace) = api.traces.get(tenant, id) {
        return Ok((trace, None));
    }
    let (mut traces, answer) = api.faden.query.traces(&Plan::trace(tenant.clone(), id)).await?;
    let trace = traces.pop().ok_or_else(|| not_found(id, answer.partial.as_deref()))?;
    if answer.partial.is_none() {
        api.traces.put((tenant, id), &trace, trace.memory_bytes());
    }
    Ok((trace, answer.partial))
}

/// The id of a span that a path names.
pub(super) fn span_id(text: &str) -> Result<SpanId, Failed> {
    SpanId::parse(text).ok_or_else(|| {
        Failed::invalid(format!("`{}` is no span id", text.chars().take(100).collect::<String>()))
            .remedy("it has 1 to 16 hexadecimal digits, and is not zero")
    })
}

/// The rows of the spans with this id; more than one where ids are shared.
pub(super) fn find(
    trace: &model::Trace,
    wanted: SpanId,
    partial: Option<String>,
) -> Result<Vec<u32>, Failed> {
    let spans = (0u32..).zip(trace.spans()).filter(|(_, span)| span.span_id() == wanted);
    let rows: Vec<u32> = spans.map(|(row, _)| row).collect();
    if rows.is_empty() { Err(no_span(trace.id(), wanted, partial)) } else { Ok(rows) }
}

/// What is said where a trace is here, but not this span of it.
pub(super) fn no_span(id: TraceId, wanted: SpanId, partial: Option<String>) -> Failed {
    let remedy = partial.unwrap_or_else(|| "it was never sent here; it may come late".into());
    Failed::new(StatusCode::NOT_FOUND, format!("trace {id} has no span {wanted}")).remedy(remedy)
}

/// The spans of some rows, with the resources that they need.
pub(super) fn whole(trace: &model::Trace, rows: &[u32]) -> Whole {
    let (all, places) = resources(trace);
    let mut needed: Vec<u32> = rows.iter().map(|row| places[*row as usize]).collect();
    needed.sort_unstable();
    needed.dedup();
    let place = |resource: u32| needed.partition_point(|known| *known < resource) as u32;
    let span = |row: &u32| {
        let at = *row as usize;
        Span::of(trace, &trace.nodes()[at], place(places[at]))
    };
    let spans = rows.iter().map(span).collect();
    Whole { resources: needed.iter().map(|at| all[*at as usize].clone()).collect(), spans }
}
