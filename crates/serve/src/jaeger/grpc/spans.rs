//! `FindSpans`: the spans themselves, in a stated order, in pages.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use model::proto::Message;
use query::spans::{PAGE_MAX, Place, SpanOrder};
use store::{Ask, Plan};

use super::super::spans;
use super::reply::failed;
use super::request::{self, invalid};
use super::{Answer, Reply, Services};
use crate::message::{bytes, every, number, resource_span, text};

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
    let next = found.next.map(|place| spans::token(&order, place));
    let chunks = found.spans.chunks(SPANS_AT_ONCE).count();
    let mut messages = Vec::with_capacity(chunks.max(1));
    for (at, part) in found.spans.chunks(SPANS_AT_ONCE).enumerate() {
        let mut out = Message::new();
        out.message(1, |out| {
            part.iter().for_each(|(trace, at)| resource_span(trace.span(&trace.nodes()[*at]), out))
        });
        if let Some(next) = next.as_deref().filter(|_| at + 1 == chunks) {
            out.text(3, next);
        }
        messages.push(Ok(Bytes::from(out.into_bytes())));
    }
    Ok(Reply::many(stream::iter(messages).boxed()).lacking(found.partial))
}

fn order(query: &[u8]) -> Result<SpanOrder, net::Status> {
    let mut terms = Vec::new();
    for term in every(query, 5) {
        let field = bytes(term, 1).and_then(|expression| bytes(expression, 2)).unwrap_or_default();
        let word = |message, number| text(message, number).unwrap_or_default();
        terms.push(spans::term(word(field, 2), word(field, 1), word(term, 2)).map_err(wrong_order)?);
    }
    spans::ordered(&terms).map_err(wrong_order)
}

fn wrong_order(reason: String) -> net::Status {
    invalid(format!("order_by: {reason}"))
}

fn page(query: &[u8], order: &SpanOrder) -> Result<(usize, Option<Place>), net::Status> {
    let Some(page) = bytes(query, 4) else { return Ok((spans::PAGE, None)) };
    let size = usize::try_from(number(page, 1)).unwrap_or(0).min(PAGE_MAX);
    if size == 0 {
        return Err(invalid("page_size is missing"));
    }
    let Some(token) = text(page, 2) else { return Ok((size, None)) };
    let place = spans::parsed(order, token).map_err(|reason| invalid(format!("page_token: {reason}")))?;
    Ok((size, Some(place)))
}
