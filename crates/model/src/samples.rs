//! Requests for the tests of this crate.

use crate::proto::Message;
use crate::walk::Admitted;
use crate::{Batch, Kind, SpanId, Tenant, TraceId, otlp};

/// A span to be written; the rest of the request is as plain as can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) name: &'static str,
    pub(crate) service: &'static str,
    pub(crate) kind: Kind,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) failed: bool,
}

impl Sample {
    pub(crate) fn new(id: u64, parent: u64, start: u64, end: u64) -> Self {
        Self {
            trace: 1,
            id,
            parent,
            name: "work",
            service: "shop",
            kind: Kind::Internal,
            start,
            end,
            failed: false,
        }
    }

    /// A request that holds this span alone.
    pub(crate) fn batch(self) -> Batch {
        request(|group| {
            let service = crate::Value::Text(self.service);
            group.message(otlp::resource_spans::RESOURCE, |resource| {
                otlp::attribute(resource, otlp::resource::ATTRIBUTES, "service.name", service);
            });
            scope_spans(group, |span| self.write(span));
        })
        .batch
    }

    pub(crate) fn write(self, span: &mut Message) {
        let trace = TraceId(self.trace.to_be_bytes());
        otlp::span_ids(span, trace, SpanId(self.id.to_be_bytes()), SpanId(self.parent.to_be_bytes()));
        span.text(otlp::span::NAME, self.name);
        span.varint(otlp::span::KIND, self.kind as u64);
        span.fixed64(otlp::span::START_TIME_UNIX_NANO, self.start);
        span.fixed64(otlp::span::END_TIME_UNIX_NANO, self.end);
        if self.failed {
            span.message(otlp::span::STATUS, |status| status.varint(otlp::status::CODE, 2));
        }
    }
}

/// One group of scope spans with one span.
pub(crate) fn scope_spans(group: &mut Message, write: impl FnOnce(&mut Message)) {
    group.message(otlp::resource_spans::SCOPE_SPANS, |spans| spans.message(otlp::scope_spans::SPANS, write));
}

/// A request of one group, taken in.
#[track_caller]
pub(crate) fn request(write: impl FnOnce(&mut Message)) -> Admitted {
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, write);
    admit(request.into_bytes())
}

/// A request of one span, taken in.
#[track_caller]
pub(crate) fn span(write: impl FnOnce(&mut Message)) -> Admitted {
    request(|group| scope_spans(group, write))
}

/// A request of one valid span with more fields, taken in.
#[track_caller]
pub(crate) fn valid(write: impl FnOnce(&mut Message)) -> Admitted {
    span(|span| {
        Sample::new(1, 0, 10, 20).write(span);
        write(span);
    })
}

#[track_caller]
pub(crate) fn admit(bytes: Vec<u8>) -> Admitted {
    Batch::admit(bytes.into(), Tenant::default()).expect("an OTLP request")
}
