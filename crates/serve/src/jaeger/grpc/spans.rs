//! `FindSpans`: the spans themselves, in a stated order, in pages.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::Trace;
use model::proto::Message;
use query::spans::{By, PAGE_MAX, Place, SpanOrder};
use store::{Ask, Plan};

use super::reply::failed;
use super::request::{self, invalid};
use super::{Answer, Reply, Services};
use crate::message::{bytes, every, number, text};

/// A page has so many spans where none is asked for.
const PAGE: usize = 100;

/// Spans of one chunk.
const SPANS_AT_ONCE: usize = 200;

pub(super) async fn find(services: &Services, message: &[u8]) -> Answer {
    let query = bytes(message, 1).ok_or_else(|| invalid("missing query"))?;
    if request::nanos(query, 1)?.is_none() || request::nanos(query, 2)?.is_none() {
        return Err(invalid("start_time_min and start_time_max are required"));
    }
    let mut plan =
        Plan { time: request::range(query, 1, 2)?, ..Plan::new(services.tenant.clone(), Ask::Traces) };
    if plan.time.end <= plan.time.start {
        return Err(invalid("start_time_min lies after start_time_max"));
    }
    if let Some(filter) = bytes(query, 3) {
        plan.spans = request::compiled(filter)?;
    }
    let order = order(query)?;
    let (size, after) = page(query, &order)?;
    plan.limit = size;
    let found = ::query::spans::find(&services.query, plan, &order, after).await.map_err(failed)?;
    let next = found.next.map(|place| token(&order, place));
    let chunks = found.spans.chunks(SPANS_AT_ONCE).count();
    let mut messages = Vec::with_capacity(chunks.max(1));
    for (at, part) in found.spans.chunks(SPANS_AT_ONCE).enumerate() {
        let mut out = Message::new();
        out.message(1, |out| part.iter().for_each(|(trace, node)| span(trace, *node, out)));
        if let Some(next) = next.as_deref().filter(|_| at + 1 == chunks) {
            out.text(3, next);
        }
        messages.push(Ok(Bytes::from(out.into_bytes())));
    }
    Ok(Reply::many(stream::iter(messages).boxed()).lacking(found.partial))
}

/// One span as OTLP's `ResourceSpans`.
fn span(trace: &Trace, node: usize, out: &mut Message) {
    let span = trace.span(&trace.nodes()[node]);
    out.message(1, |out| {
        out.bytes(1, span.resource().raw());
        out.message(2, |out| {
            out.bytes(1, span.scope().raw());
            out.bytes(2, span.raw());
            out.text(3, span.scope().schema_url());
        });
        out.text(3, span.resource().schema_url());
    });
}

fn order(query: &[u8]) -> Result<SpanOrder, net::Status> {
    let mut terms = Vec::new();
    for term in every(query, 5) {
        let field = bytes(term, 1).and_then(|expression| bytes(expression, 2));
        let (name, level) = field.map_or((None, None), |field| (text(field, 1), text(field, 2)));
        let by = match (level, name) {
            (Some("span"), Some("startTime")) => By::Start,
            (Some("span"), Some("duration")) => By::Duration,
            (Some("span"), Some("traceID")) => By::Trace,
            (Some("span"), Some("spanID")) => By::Span,
            _ => {
                return Err(invalid(
                    "order_by: spans are ordered by span.startTime, span.duration, span.traceID or span.spanID",
                ));
            }
        };
        match text(term, 2) {
            None | Some("asc") => terms.push((by, false)),
            Some("desc") => terms.push((by, true)),
            Some(other) => return Err(invalid(format!("order_by: {other:?} is neither asc nor desc"))),
        }
    }
    SpanOrder::new(&terms).ok_or_else(|| invalid("order_by names a field twice"))
}

fn page(query: &[u8], order: &SpanOrder) -> Result<(usize, Option<Place>), net::Status> {
    let Some(page) = bytes(query, 4) else { return Ok((PAGE, None)) };
    let size = usize::try_from(number(page, 1)).unwrap_or(0).min(PAGE_MAX);
    if size == 0 {
        return Err(invalid("page_size is missing"));
    }
    let Some(token) = text(page, 2) else { return Ok((size, None)) };
    let foreign = || invalid("page_token is none that was given out here for this order");
    parsed(order, token).map(|place| (size, Some(place))).ok_or_else(foreign)
}

/// Where a page ends, and in which order.
fn token(order: &SpanOrder, place: Place) -> String {
    let parts = place.map(|part| format!("{part:x}"));
    format!("{}.{}", order.code(), parts.join("."))
}

fn parsed(order: &SpanOrder, token: &str) -> Option<Place> {
    let (code, rest) = token.split_once('.')?;
    let parts: Option<Vec<u128>> = rest.split('.').map(|part| u128::from_str_radix(part, 16).ok()).collect();
    (code == order.code()).then_some(())?;
    parts?.try_into().ok()
}
