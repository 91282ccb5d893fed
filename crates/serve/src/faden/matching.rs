//! `traces/{id}/filter`: which rows of a trace match.
//!
//! Rows are those of its [skeleton](super::skeleton). In: a TraceQL query, or a text that is part of a name. Where the
//! query's conditions hold on single spans, the store [marks](store::Ask::Marks) by its index those that pass, and the
//! skeleton knows their rows; spans that share a mark are read. A text needs the skeleton alone. Whatever else a query
//! asks (relations, aggregates, parents), and spans that can't be told apart, need the whole trace. Bounded by the rows of
//! the trace.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use analyze::{EXACT_MAX, Skeleton};
use axum::Json;
use axum::extract::{Path, State};
use model::{SpanId, Tenant, Trace, TraceId};
use query::traceql::ast::{Pipeline, Root};
use query::traceql::{eval, parse, prefilter};
use serde::{Deserialize, Serialize};
use store::eval::passes;
use store::plan::SPANS_MAX;
use store::{Filter, Mark, Plan};

use super::named::{at_hand, is_row, large, read};
use super::skeleton::load;
use super::trace::trace_id;
use super::{Api, Asked, Failed, computed};

/// The rows that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Matching {
    count: usize,
    spans: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

impl From<Vec<u32>> for Matching {
    fn from(spans: Vec<u32>) -> Self {
        Self { count: spans.len(), spans, partial: None }
    }
}

pub(super) async fn filter(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    mut asked: Asked,
) -> Result<Json<Matching>, Failed> {
    let missing = || {
        Failed::invalid("q: the query is missing")
            .remedy("send q={ status = error } or another in TraceQL, or text= and a part of a name")
    };
    let (q, text) = (asked.take("q"), asked.take("text"));
    asked.nothing_more()?;
    let id = trace_id(&id)?;
    if let (Some(text), None) = (&text, &q) {
        let (made, text) = (at_hand(&api, &asked.tenant, id).await?, text.to_lowercase());
        return Ok(Json(computed(move || Matching::from(named(made.skeleton(), &text))).await?));
    }
    if text.is_some() {
        return Err(Failed::invalid("text: it cannot stand beside q").remedy("leave out one of them"));
    }
    let pipeline = spansets(&q.ok_or_else(missing)?)?;
    let filter = prefilter(&pipeline);
    if filter.is_exact
        && let Some(matching) = marked(&api, (&asked.tenant, id), filter.spans).await?
    {
        return Ok(Json(matching));
    }
    let (trace, _) = load(&api, &asked.tenant, id).await?;
    Ok(Json(computed(move || matching(&pipeline, &trace)).await?))
}

/// The rows that pass, by the index of the store; `None` where the trace has to be read, or is at hand.
async fn marked(
    api: &Api,
    (tenant, id): (&Tenant, TraceId),
    filter: Filter,
) -> Result<Option<Matching>, Failed> {
    let Some(made) = large(api, (tenant, id)).await? else { return Ok(None) };
    let (marks, answer) = api.faden.query.marks(&Plan::marks(tenant.clone(), id, filter.clone())).await?;
    let of = Arc::clone(&made);
    let Some((mut rows, alike)) = computed(move || rows(of.skeleton(), &marks)).await? else {
        return Ok(None);
    };
    if !alike.is_empty() {
        let ids = alike.iter().filter_map(|row| SpanId::parse(made.skeleton().id(*row as usize)));
        let ids: Vec<SpanId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        if ids.len() > SPANS_MAX {
            return Ok(None);
        }
        let (Some(named), _) = read(api, (tenant, id), ids).await? else { return Ok(None) };
        let told = computed(move || told_apart(made.skeleton(), &named, (&alike, &filter))).await?;
        let Some(told) = told else { return Ok(None) };
        rows.extend(told);
        rows.sort_unstable();
    }
    Ok(Some(Matching { partial: answer.partial, ..Matching::from(rows) }))
}

/// The rows of what was marked, and those that share a mark, of which some may not pass. What came after the skeleton is
/// no row of it.
fn rows(skeleton: &Skeleton, marks: &[Mark]) -> Option<(Vec<u32>, Vec<u32>)> {
    let base: u64 = skeleton.base.parse().ok()?;
    let mut firsts: HashMap<Mark, Option<u32>> = marks.iter().map(|mark| (*mark, None)).collect();
    let (mut rows, mut alike) = (Vec::with_capacity(marks.len()), Vec::new());
    for (row, offset) in (0u32..).zip(&skeleton.columns.start_ns) {
        let start = base.checked_add(*offset).filter(|_| *offset < EXACT_MAX)?;
        let Some(span) = SpanId::parse(skeleton.id(row as usize)) else { continue };
        let Some(first) = firsts.get_mut(&Mark { start, span }) else { continue };
        match first.replace(row) {
            None => rows.push(row),
            Some(other) => alike.extend([other, row]),
        }
    }
    alike.sort_unstable();
    alike.dedup();
    rows.retain(|row| alike.binary_search(row).is_err());
    Some((rows, alike))
}

/// Which of the rows that share a mark pass; `None` where one can't be told.
fn told_apart(skeleton: &Skeleton, named: &Trace, (alike, filter): (&[u32], &Filter)) -> Option<Vec<u32>> {
    let base: u64 = skeleton.base.parse().ok()?;
    let mut told = Vec::new();
    for row in alike {
        let at = *row as usize;
        let id = SpanId::parse(skeleton.id(at))?;
        let same = named.spans().filter(|span| span.span_id() == id && is_row(skeleton, (base, at), *span));
        let passing: BTreeSet<bool> = same.map(|span| passes(filter, span)).collect();
        match (passing.contains(&true), passing.contains(&false)) {
            (true, false) => told.push(*row),
            (false, true) => {}
            _ => return None,
        }
    }
    Some(told)
}

/// The rows in whose name or service a text occurs, or whose id it is.
fn named(skeleton: &Skeleton, text: &str) -> Vec<u32> {
    let has = |name: &str| name.to_lowercase().contains(text);
    let services: Vec<bool> = skeleton.services.iter().map(|service| has(&service.name)).collect();
    let names: Vec<bool> = skeleton.names.iter().map(|name| has(name)).collect();
    let columns = &skeleton.columns;
    let pairs = columns.service.iter().zip(&columns.name);
    let found = pairs.map(|(service, name)| services[*service as usize] || names[*name as usize]);
    let mut rows: Vec<u32> =
        (0u32..).zip(found).filter(|(_, is_found)| *is_found).map(|(row, _)| row).collect();
    if text.len() == 16
        && let Some(id) = SpanId::parse(text)
    {
        rows.extend(skeleton.rows_of(id).map(|row| row as u32));
        rows.sort_unstable();
        rows.dedup();
    }
    rows
}

/// A query that finds spans.
pub(super) fn spansets(text: &str) -> Result<Pipeline, Failed> {
    match parse(text).map_err(|mistake| Failed::invalid(format!("q: {mistake}")))?.root {
        Root::Spansets(pipeline) => Ok(pipeline),
        Root::Metrics(_) => {
            Err(Failed::invalid("q: this query computes numbers, and spans are asked for here")
                .remedy("leave out rate(), count_over_time() and the like"))
        }
    }
}

fn matching(pipeline: &Pipeline, trace: &Trace) -> Matching {
    let subject = eval::Subject::new(trace);
    let mut spans: Vec<u32> = eval::run(pipeline, &subject).into_iter().flat_map(|set| set.spans).collect();
    spans.sort_unstable();
    spans.dedup();
    Matching::from(spans)
}
