//! Whether two spans are one that was sent twice: equal in everything but the order of different keys.

use model::{Attributes, Span};

use crate::columns::tail;

/// True where nothing is lost if one of the two is left out.
pub(super) fn is_same(left: Span<'_>, right: Span<'_>) -> bool {
    content(left) == content(right)
}

/// A key, the letter of its value's type, and the value as text.
type Pair = (String, u8, String);

fn content(span: Span<'_>) -> impl Eq + use<> {
    let events: Vec<_> = span
        .events()
        .map(|event| (event.time(), event.name().to_owned(), pairs(event.attributes()), event.dropped()))
        .collect();
    let links: Vec<_> = span
        .links()
        .map(|link| {
            let counts = (link.flags(), link.dropped());
            (link.trace_id(), link.span_id(), link.trace_state().to_owned(), pairs(link.attributes()), counts)
        })
        .collect();
    let (resource, scope) = (span.resource(), span.scope());
    let row = span.row();
    let numbers = (row.trace_id, row.span_id, row.parent, row.start, row.end, row.kind, row.status);
    let texts = [span.name(), span.status_message(), span.trace_state()].map(str::to_owned);
    let attributes = (pairs(span.attributes()), span.flags(), span.dropped());
    let resource = (pairs(resource.attributes()), resource.schema_url().to_owned(), resource.dropped());
    let scope_texts = [scope.name(), scope.version(), scope.schema_url()].map(str::to_owned);
    let scope = (scope_texts, pairs(scope.attributes()), scope.dropped());
    ((numbers, texts, attributes), (events, links), (resource, scope))
}

/// The attributes by key; several values of one key stay in their order.
fn pairs(attributes: Attributes<'_>) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = attributes
        .map(|attribute| {
            let mut text = String::new();
            let letter = tail::write(attribute.value, &mut text);
            (attribute.key.to_owned(), letter, text)
        })
        .collect();
    pairs.sort_by(|left, right| left.0.cmp(&right.0));
    pairs
}
