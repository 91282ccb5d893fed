//! Spans in the JSON of Zipkin's API v2.
//!
//! Source: Zipkin's API v2, and OpenTelemetry's specification of a Zipkin exporter: what Zipkin has no field for becomes
//! tags (`error`, `otel.status_code`, `otel.scope.*`, `span.kind` of internal spans), events become annotations. Times
//! are microseconds. A [`View`] is a span as Zipkin sees it, which is also what its searches compare.

mod endpoint;
mod view;

use model::{Kind, Trace};

use crate::jaeger_json::ShortId;
use crate::json::Writer;
pub use endpoint::{Endpoint, REMOTE_NAMES, remote_name};
pub use view::View;

/// Writes the spans of one trace as elements of the open array.
pub fn spans(trace: &Trace, out: &mut Writer) {
    for view in views(trace) {
        span(&view, out);
    }
}

/// The spans of a trace as Zipkin sees them, parents before children.
pub fn views(trace: &Trace) -> impl Iterator<Item = View<'_>> {
    trace.nodes().iter().map(|node| {
        let span = trace.span(node);
        let parent = node.parent.map(|parent| trace.span(&trace.nodes()[parent as usize]));
        let is_shared = parent.is_some_and(|parent| parent.span_id() == span.span_id());
        View { span, is_shared }
    })
}

fn span(view: &View<'_>, out: &mut Writer) {
    let span = view.span;
    out.object(|out| {
        out.key("traceId").plain(ShortId(span.trace_id()));
        if let Some(parent) = span.parent() {
            out.key("parentId").plain(parent);
        }
        out.key("id").plain(span.span_id());
        if let Some(kind) = kind(span.kind()) {
            out.key("kind").text(kind);
        }
        out.key("name").text(&view.name());
        if view.timestamp() > 0 {
            out.key("timestamp").int(view.timestamp());
        }
        out.key("duration").int(view.duration());
        endpoint("localEndpoint", &view.local(), out);
        endpoint("remoteEndpoint", &view.remote(), out);
        let annotations = view.annotations();
        if !annotations.is_empty() {
            out.key("annotations").array(|out| {
                for (timestamp, value) in &annotations {
                    out.object(|out| {
                        out.key("timestamp").int(*timestamp);
                        out.key("value").text(value);
                    });
                }
            });
        }
        let tags = view.tags();
        if !tags.is_empty() {
            out.key("tags").object(|out| tags.iter().for_each(|(key, value)| out.key(key).text(value)));
        }
        if view.is_shared {
            out.key("shared").boolean(true);
        }
    });
}

fn kind(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Unspecified | Kind::Internal => None,
        Kind::Server => Some("SERVER"),
        Kind::Client => Some("CLIENT"),
        Kind::Producer => Some("PRODUCER"),
        Kind::Consumer => Some("CONSUMER"),
    }
}

fn endpoint(key: &str, endpoint: &Endpoint, out: &mut Writer) {
    if endpoint.is_empty() {
        return;
    }
    out.key(key).object(|out| {
        if let Some(name) = &endpoint.name {
            out.key("serviceName").text(name);
        }
        if let Some(address) = endpoint.address {
            out.key(if address.is_ipv4() { "ipv4" } else { "ipv6" }).plain(address);
        }
        if let Some(port) = endpoint.port {
            out.key("port").int(port);
        }
    });
}

#[cfg(test)]
mod tests;
