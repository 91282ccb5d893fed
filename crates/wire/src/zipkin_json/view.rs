//! One span as Zipkin sees it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Event, Kind, Span, StatusCode, Value};

use super::Endpoint;
use crate::json::Writer;

/// A span in Zipkin's terms: names in lower case, times in microseconds, tags that are texts.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The span.
    pub span: Span<'a>,
    /// True where it is the server's half of a span whose client's half has the same id.
    pub is_shared: bool,
}

impl<'a> View<'a> {
    /// The operation, in lower case.
    #[must_use]
    pub fn name(&self) -> String {
        self.span.name().to_lowercase()
    }

    /// When it began; 0 where nobody knows.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.span.start() / 1_000
    }

    /// How long it took: at least one microsecond.
    #[must_use]
    pub fn duration(&self) -> u64 {
        (self.span.duration() / 1_000).max(1)
    }

    /// Who recorded it.
    #[must_use]
    pub fn local(&self) -> Endpoint {
        Endpoint::local(self.span)
    }

    /// Who is at the other end.
    #[must_use]
    pub fn remote(&self) -> Endpoint {
        Endpoint::remote(self.span)
    }

    /// Attributes of span, scope and resource (the first wins where they have the same key), and what else Zipkin keeps
    /// in tags.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<&'a str, Cow<'a, str>> {
        let span = self.span;
        let mut tags = BTreeMap::new();
        let scope = span.scope();
        let own = span.attributes().filter(|tag| !is_no_error(tag.key, tag.value));
        let resource = span.resource().attributes().filter(|tag| tag.key != "service.name");
        for tag in own.chain(scope.attributes()).chain(resource) {
            tags.entry(tag.key).or_insert_with(|| tag.value.to_text());
        }
        match span.status() {
            StatusCode::Unset => {}
            StatusCode::Ok => add(&mut tags, "otel.status_code", "OK"),
            StatusCode::Error => {
                add(&mut tags, "otel.status_code", "ERROR");
                let why = span.status_message();
                add(&mut tags, "error", if why.is_empty() { "true" } else { why });
            }
        }
        if span.kind() == Kind::Internal {
            add(&mut tags, "span.kind", "internal");
        }
        add(&mut tags, "otel.scope.name", scope.name());
        add(&mut tags, "otel.scope.version", scope.version());
        add(&mut tags, "w3c.tracestate", span.trace_state());
        tags
    }

    /// When something happened, and what: the name of the event, with its attributes as JSON where it has some.
    #[must_use]
    pub fn annotations(&self) -> Vec<(u64, Cow<'a, str>)> {
        self.span.events().map(|event| (event.time() / 1_000, annotation(event))).collect()
    }
}

fn add<'a>(tags: &mut BTreeMap<&'a str, Cow<'a, str>>, key: &'a str, value: &'a str) {
    if !value.is_empty() {
        tags.entry(key).or_insert(Cow::Borrowed(value));
    }
}

/// In Zipkin a span failed where it has the tag `error`, whatever its value.
fn is_no_error(key: &str, value: Value<'_>) -> bool {
    key == "error" && value.to_text() == "false"
}

fn annotation(event: Event<'_>) -> Cow<'_, str> {
    let mut attributes = event.attributes().peekable();
    if attributes.peek().is_none() {
        return Cow::Borrowed(event.name());
    }
    let mut out = Writer::compact();
    out.object(|out| {
        out.key(event.name())
            .object(|out| attributes.for_each(|tag| out.key(tag.key).text(&tag.value.to_text())));
    });
    let text = String::from_utf8(out.into_bytes()).expect("the writer writes UTF-8");
    // The braces around the whole are not written: `"name":{"key":"value"}`.
    Cow::Owned(text[1..text.len() - 1].to_owned())
}
