//! Whole spans of a trace that is too large to be read for them: found by their ids, placed as its skeleton says.
//!
//! In: rows of a skeleton, or the id of a span. Out: those spans, as the whole trace would tell them. Where store and
//! skeleton do not tell the same (spans came late, or are alike), there is no answer, and the trace has to be read.
//! Bounded by what is asked for: at most [`ROWS_MAX`](super::ROWS_MAX) ids.

use std::collections::HashMap;
use std::sync::Arc;

use analyze::skeleton::flag;
use analyze::{EXACT_MAX, Skeleton};
use model::{Span, SpanId, Tenant, Trace, TraceId};
use query::answer::{Count64, Place};
use store::Plan;

use super::skeleton::{Made, Whole, find, load, made, no_span, span_id, whole};
use super::{Api, Failed, computed};

/// Traces of so many spans are read whole, and are at hand for the next question.
pub(super) const WHOLE_SPANS_MAX: usize = 10_000;

/// So many spans with one id are told apart; where more share it, the trace is read.
const ALIKE_MAX: usize = 16;

/// The spans of rows of a large trace.
pub(super) async fn rows(
    api: &Api,
    (tenant, id): (&Tenant, TraceId),
    rows: &[u32],
) -> Result<Option<Whole>, Failed> {
    let Some(made) = large(api, (tenant, id)).await? else { return Ok(None) };
    let skeleton = made.skeleton();
    if rows.iter().any(|row| *row as usize >= skeleton.columns.len()) {
        return Ok(None);
    }
    let ids: Option<Vec<SpanId>> = rows.iter().map(|row| SpanId::parse(skeleton.id(*row as usize))).collect();
    let Some(mut ids) = ids else { return Ok(None) };
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Some(Whole::default()));
    }
    let (named, _) = read(api, (tenant, id), ids).await?;
    let Some(named) = named else { return Ok(None) };
    let rows = rows.to_vec();
    computed(move || placed(made.skeleton(), &named, &rows)).await
}

/// All spans with an id of a large trace.
pub(super) async fn spans(
    api: &Api,
    (tenant, id): (&Tenant, TraceId),
    wanted: SpanId,
) -> Result<Option<Whole>, Failed> {
    let Some(at_hand) = large(api, (tenant, id)).await? else { return Ok(None) };
    let (named, partial) = read(api, (tenant, id), vec![wanted]).await?;
    let named = named.ok_or_else(|| no_span(id, wanted, partial))?;
    let answer = all_of(at_hand, &named, wanted).await?;
    if answer.is_some() {
        return Ok(answer);
    }
    // It may have come after the skeleton was made.
    all_of(made(api, tenant, id).await?, &named, wanted).await
}

/// A span of a trace by its id, with the trace or a part of it: the first where several share the id.
pub(super) async fn first(
    api: &Api,
    (tenant, id): (&Tenant, TraceId),
    text: &str,
) -> Result<(Arc<Trace>, usize), Failed> {
    let wanted = span_id(text)?;
    if api.traces.get(tenant, id).is_none()
        && let (Some(named), _) = read(api, (tenant, id), vec![wanted]).await?
        && named.nodes().len() == 1
    {
        return Ok((named, 0));
    }
    let (trace, partial) = load(api, tenant, id).await?;
    let row = find(&trace, wanted, partial)?[0];
    Ok((trace, row as usize))
}

/// The skeleton of a trace that is not at hand and too large to be.
pub(super) async fn large(api: &Api, (tenant, id): (&Tenant, TraceId)) -> Result<Option<Arc<Made>>, Failed> {
    if api.traces.get(tenant, id).is_some() {
        return Ok(None);
    }
    let made = at_hand(api, tenant, id).await?;
    Ok(Some(made).filter(|made| made.skeleton().spans > WHOLE_SPANS_MAX))
}

/// The skeleton of a trace, as it was seen lately or is now.
pub(super) async fn at_hand(api: &Api, tenant: &Tenant, id: TraceId) -> Result<Arc<Made>, Failed> {
    match api.skeletons.get(tenant, id) {
        Some(made) => Ok(made),
        None => made(api, tenant, id).await,
    }
}

pub(super) async fn read(
    api: &Api,
    (tenant, id): (&Tenant, TraceId),
    spans: Vec<SpanId>,
) -> Result<(Option<Arc<Trace>>, Option<String>), Failed> {
    let (mut traces, answer) = api.faden.query.traces(&Plan::spans(tenant.clone(), id, spans)).await?;
    Ok((traces.pop(), answer.partial))
}

/// All spans that were found, if the skeleton has just these with the id.
async fn all_of(made: Arc<Made>, named: &Arc<Trace>, wanted: SpanId) -> Result<Option<Whole>, Failed> {
    let named = Arc::clone(named);
    computed(move || {
        let (skeleton, text) = (made.skeleton(), wanted.to_string());
        let ids = (0u32..).zip(skeleton.ids.as_bytes().chunks_exact(16));
        let rows: Vec<u32> = ids.filter(|(_, id)| *id == text.as_bytes()).map(|(row, _)| row).collect();
        if rows.len() == named.nodes().len() { placed(skeleton, &named, &rows) } else { None }
    })
    .await
}

/// The spans of rows, which are among those that were found; none where one can't be told.
fn placed(skeleton: &Skeleton, named: &Trace, rows: &[u32]) -> Option<Whole> {
    let base: u64 = skeleton.base.parse().ok()?;
    let mut by_id: HashMap<SpanId, Vec<usize>> = HashMap::new();
    for (at, span) in named.spans().enumerate() {
        by_id.entry(span.span_id()).or_default().push(at);
    }
    let mut nodes: Vec<u32> = Vec::with_capacity(rows.len());
    for row in rows {
        let row = *row as usize;
        let alike = by_id.get(&SpanId::parse(skeleton.id(row))?).filter(|alike| alike.len() <= ALIKE_MAX)?;
        let is_it = |at: &&usize| is_row(skeleton, (base, row), named.span(&named.nodes()[**at]));
        let mut found = alike.iter().filter(is_it);
        let (Some(only), None) = (found.next(), found.next()) else { return None };
        nodes.push(*only as u32);
    }
    let mut whole = whole(named, &nodes);
    for (span, row) in whole.spans.iter_mut().zip(rows) {
        let resource = span.place?.resource;
        span.place = Some(place(skeleton, *row as usize, resource)?);
    }
    Some(whole)
}

/// True where the skeleton tells of the span in this row.
pub(super) fn is_row(skeleton: &Skeleton, (base, row): (u64, usize), span: Span<'_>) -> bool {
    let columns = &skeleton.columns;
    span.start().checked_sub(base).is_some_and(|start| start.min(EXACT_MAX) == columns.start_ns[row])
        && span.duration().min(EXACT_MAX) == columns.duration_ns[row]
        && span.kind() as u8 == columns.kind[row]
        && span.status() as u8 == columns.status[row]
        && span.name() == skeleton.names[columns.name[row] as usize]
        && span.service() == skeleton.services[columns.service[row] as usize].name
}

fn place(skeleton: &Skeleton, row: usize, resource: u32) -> Option<Place> {
    let columns = &skeleton.columns;
    let end = row + columns.descendants[row] as usize;
    let (mut children, mut next) = (0, row + 1);
    while next <= end {
        children += 1;
        next += 1 + columns.descendants[next] as usize;
    }
    // A time that was cut is not told.
    let self_time = Some(columns.self_ns[row]).filter(|time| *time < EXACT_MAX)?;
    Some(Place {
        depth: columns.depth[row],
        children,
        is_orphan: columns.flags[row] & flag::ORPHAN != 0,
        self_time: Count64(self_time),
        resource,
    })
}
