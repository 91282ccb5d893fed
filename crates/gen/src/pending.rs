//! Spans of one pod that wait to be sent, as bytes, in the order in which they were made.

use model::otlp;
use model::proto::Message;

use crate::language::{AREAS, Area};
use crate::topology::{Pod, Service};

/// What one pod's SDK holds.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// `ScopeSpans.spans` fields, one after the other.
    spans: Message,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    area: Area,
    end: usize,
}

impl Pending {
    /// Adds one span, whose content the closure writes.
    pub(crate) fn add(&mut self, area: Area, write: impl FnOnce(&mut Message)) {
        self.spans.message(otlp::scope_spans::SPANS, write);
        self.marks.push(Mark { area, end: self.spans.as_bytes().len() });
    }

    /// Moves the first spans, at most `spans_max`, into `out` as one `ResourceSpans`; says how many.
    pub(crate) fn send(
        &mut self,
        out: &mut Message,
        (pod, service): (&Pod, &Service),
        spans_max: usize,
    ) -> usize {
        let sent = self.marks.len().min(spans_max);
        if sent == 0 {
            return 0;
        }
        out.message(otlp::request::RESOURCE_SPANS, |group| {
            group.bytes(otlp::resource_spans::RESOURCE, &pod.resource);
            for area in AREAS {
                self.scope(group, area, sent, service);
            }
            group.text(otlp::resource_spans::SCHEMA_URL, service.names.schema_url);
        });
        self.forget(sent);
        sent
    }

    fn scope(&self, group: &mut Message, area: Area, sent: usize, service: &Service) {
        if !self.marks[..sent].iter().any(|mark| mark.area == area) {
            return;
        }
        group.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            scope.bytes(otlp::scope_spans::SCOPE, &service.scopes[area as usize]);
            let mut start = 0;
            for mark in &self.marks[..sent] {
                if mark.area == area {
                    scope.raw(&self.spans.as_bytes()[start..mark.end]);
                }
                start = mark.end;
            }
        });
    }

    fn forget(&mut self, sent: usize) {
        let gone = self.marks[sent - 1].end;
        if sent == self.marks.len() {
            self.spans.clear();
            self.marks.clear();
            return;
        }
        let mut left = Message::new();
        left.raw(&self.spans.as_bytes()[gone..]);
        self.spans = left;
        self.marks.drain(..sent);
        for mark in &mut self.marks {
            mark.end -= gone;
        }
    }
}
