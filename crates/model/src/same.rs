//! Which spans are one that was sent several times: after a lost acknowledgement senders send again.
//!
//! Two spans are the same where all that they hold is equal, but for the order of different keys, which no store keeps.
//! Spans that share an id and differ (Zipkin's caller and called) are two.

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::time::UnixNanos;
use crate::{Attributes, Batch, Span, SpanId, TraceId, Value};

/// Where a span is: the number of its batch, and its place there.
pub type Place = (u32, u32);

/// What two spans share at least that are the same.
pub type Key = (TraceId, SpanId, UnixNanos);

/// What the same spans have in common, before they are compared as a whole.
#[must_use]
pub fn key(span: Span<'_>) -> Key {
    (span.trace_id(), span.span_id(), span.start())
}

/// All that a span holds, in bytes: equal for two spans exactly where they are the same.
#[must_use]
pub fn content(span: Span<'_>) -> Vec<u8> {
    let row = span.row();
    let mut out = Content(Vec::with_capacity(512));
    out.0.extend_from_slice(&row.trace_id.0);
    out.0.extend_from_slice(&row.span_id.0);
    out.0.extend_from_slice(&row.parent.0);
    out.0.extend_from_slice(&[row.kind, row.status]);
    out.number(row.start);
    out.number(row.end);
    out.number(span.flags().into());
    span.dropped().into_iter().for_each(|count| out.number(count.into()));
    [span.name(), span.status_message(), span.trace_state()].into_iter().for_each(|text| out.text(text));
    out.pairs(span.attributes());
    out.each(span.events(), |out, event| {
        out.number(event.time());
        out.text(event.name());
        out.number(event.dropped().into());
        out.pairs(event.attributes());
    });
    out.each(span.links(), |out, link| {
        out.0.extend_from_slice(&link.trace_id().0);
        out.0.extend_from_slice(&link.span_id().0);
        out.number(link.flags().into());
        out.number(link.dropped().into());
        out.text(link.trace_state());
        out.pairs(link.attributes());
    });
    let (resource, scope) = (span.resource(), span.scope());
    out.text(resource.schema_url());
    out.number(resource.dropped().into());
    out.pairs(resource.attributes());
    [scope.name(), scope.version(), scope.schema_url()].into_iter().for_each(|text| out.text(text));
    out.number(scope.dropped().into());
    out.pairs(scope.attributes());
    out.0
}

/// Where spans stand that stand before in these batches, too.
#[must_use]
pub fn repeated(batches: &[Batch]) -> HashSet<Place, FixedState> {
    let mut first: HashMap<Key, Place, FixedState> = HashMap::default();
    let mut alike: HashMap<Key, Vec<Place>, FixedState> = HashMap::default();
    for (number, batch) in (0..).zip(batches) {
        for (place, span) in (0..).zip(batch.spans()) {
            let earliest = *first.entry(key(span)).or_insert((number, place));
            if earliest != (number, place) {
                alike.entry(key(span)).or_insert_with(|| vec![earliest]).push((number, place));
            }
        }
    }
    let mut repeated = HashSet::default();
    for places in alike.into_values() {
        let mut known = HashSet::new();
        let content = |(batch, place): &Place| content(batches[*batch as usize].span(*place as usize));
        repeated.extend(places.into_iter().filter(|place| !known.insert(content(place))));
    }
    repeated
}

/// Bytes from which everything could be read back, so that nothing that differs looks alike.
struct Content(Vec<u8>);

impl Content {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn each<T>(&mut self, all: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        for one in all {
            self.0.push(1);
            write(self, one);
        }
        self.0.push(0);
    }

    /// The attributes by key; several values of one key stay in their order.
    fn pairs(&mut self, attributes: Attributes<'_>) {
        let mut pairs: Vec<_> = attributes.collect();
        pairs.sort_by_key(|pair| pair.key);
        self.each(pairs.into_iter(), |out, pair| {
            out.text(pair.key);
            out.value(pair.value);
        });
    }

    fn value(&mut self, value: Value<'_>) {
        let (letter, bytes): (u8, &[u8]) = match &value {
            Value::Empty => (b'n', &[]),
            Value::Text(text) => (b's', text.as_bytes()),
            Value::Bool(truth) => (b'b', &[u8::from(*truth)]),
            Value::Int(number) => (b'i', &number.to_le_bytes()),
            Value::Double(number) => (b'd', &number.to_bits().to_le_bytes()),
            Value::Bytes(bytes) => (b'y', bytes),
            Value::Array(values) => (b'a', values.raw()),
            Value::Map(pairs) => (b'm', pairs.raw()),
        };
        self.0.push(letter);
        self.bytes(bytes);
    }
}

#[cfg(test)]
mod tests;
