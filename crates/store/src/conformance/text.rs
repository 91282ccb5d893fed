//! A trace as comparable lines: every field of every span, types and bits included.
//!
//! Lines come sorted, and so do the keys of a span: two traces are equal where their lines are, in whatever order a
//! store keeps spans of one time and attributes of one span.

use model::{Attributes, Span, Trace, Value};

use crate::{Field, eval, metrics};

/// One line for each span of the trace.
#[must_use]
pub fn describe(trace: &Trace) -> Vec<String> {
    let mut lines: Vec<String> = trace
        .nodes()
        .iter()
        .map(|node| {
            let parent = node.parent.map(|parent| trace.span(&trace.nodes()[parent as usize]).span_id());
            format!(
                "{} in {parent:?} depth {} orphan {} children {} self {}",
                span_text(trace.span(node)),
                node.depth,
                node.is_orphan,
                node.children,
                node.self_time
            )
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// The same for an outline: structure, what is drawn of it, and the values of some fields.
pub(super) fn outline(trace: &Trace, fields: &[Field]) -> Vec<String> {
    let text = |node: &model::Node| {
        let span = trace.span(node);
        let parent = node.parent.map(|parent| trace.span(&trace.nodes()[parent as usize]).span_id());
        let events: Vec<_> = span.events().map(|event| (event.time(), event.name())).collect();
        let links: Vec<_> = span.links().map(|link| link.trace_id()).collect();
        let values: Vec<_> = fields.iter().map(|field| values(field, span)).collect();
        format!(
            "{} {:?} {:?} {:?} {}..{} {:?} {:?} in {parent:?} depth {} orphan {} self {} events {events:?} links {links:?} \
             values {values:?}",
            span.span_id(),
            span.parent(),
            span.service(),
            span.name(),
            span.start(),
            span.end(),
            span.kind(),
            span.status(),
            node.depth,
            node.is_orphan,
            node.self_time
        )
    };
    let mut lines: Vec<String> = trace.nodes().iter().map(text).collect();
    lines.sort_unstable();
    lines
}

/// Every value of a field, those of one event or link together.
fn values(field: &Field, span: Span<'_>) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    match field {
        Field::Attribute { level, key } => {
            eval::any_attribute(*level, span, &mut |attributes| {
                let mut here: Vec<_> = attributes.values_of(key).map(value_text).collect();
                here.sort_unstable();
                all.push(here);
                false
            });
        }
        Field::LinkSpanId => all.extend(span.links().map(|link| vec![link.span_id().to_string()])),
        field => all.push(metrics::text_of(field, span).map(Into::into).into_iter().collect()),
    }
    all
}

fn span_text(span: Span<'_>) -> String {
    let events: Vec<_> = span
        .events()
        .map(|event| format!("{}@{}{}", event.name(), event.time(), pairs(event.attributes())))
        .collect();
    let links: Vec<_> = span
        .links()
        .map(|link| format!("{}/{}{}", link.trace_id(), link.span_id(), pairs(link.attributes())))
        .collect();
    let (resource, scope) = (span.resource(), span.scope());
    format!(
        "{} {} {:?} {:?} {}..{} {:?} {:?} {:?} state {:?} flags {} {} resource {} scope {:?} {:?} {} events {events:?} \
         links {links:?} dropped {:?}",
        span.trace_id(),
        span.span_id(),
        span.parent(),
        span.name(),
        span.start(),
        span.end(),
        span.kind(),
        span.status(),
        span.status_message(),
        span.trace_state(),
        span.flags(),
        pairs(span.attributes()),
        pairs(resource.attributes()),
        scope.name(),
        scope.version(),
        pairs(scope.attributes()),
        span.dropped(),
    )
}

fn pairs(attributes: Attributes<'_>) -> String {
    let mut pairs: Vec<_> = attributes.map(|pair| (pair.key, value_text(pair.value))).collect();
    pairs.sort_by_key(|(key, _)| *key);
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| format!("{key:?}={value}")).collect();
    format!("{{{}}}", pairs.join(","))
}

fn value_text(value: Value<'_>) -> String {
    match value {
        Value::Double(number) => format!("double {number} bits {:x}", number.to_bits()),
        Value::Array(values) => format!("[{}]", values.iter().map(value_text).collect::<Vec<_>>().join(",")),
        Value::Map(map) => pairs(map.iter()),
        other => format!("{} {:?}", eval::type_word(other), other.to_text()),
    }
}
