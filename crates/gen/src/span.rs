//! Writes one planned span as OTLP bytes.
//!
//! Attributes that vary are drawn here, so a span is written in one go and nothing is kept of it.

use std::fmt::Write as _;

use model::proto::Message;
use model::time::UnixNanos;
use model::{SpanId, TraceId, Value, otlp};

use crate::chance::Chance;
use crate::language::Area;
use crate::plan::{Draft, Plan, Step};
use crate::topology::{Service, Topology};

mod database;
mod http;
mod messaging;
mod trouble;
mod work;

/// What all spans of a trace share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared {
    /// When the root starts.
    pub(crate) base: UnixNanos,
    user: u64,
    request: u128,
}

impl Shared {
    pub(crate) fn draw(chance: &mut Chance, base: UnixNanos) -> Self {
        let request = u128::from(chance.bits()) << 64 | u128::from(chance.bits());
        Self { base, user: chance.zipf(1_000_000), request }
    }
}

/// Writes the spans of one plan.
pub(crate) struct Writer<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) plan: &'a Plan,
    pub(crate) shared: Shared,
    pub(crate) chance: &'a mut Chance,
    /// Room for values that are put together.
    pub(crate) text: &'a mut String,
}

impl Draft {
    /// Which instrumentation makes this span.
    pub(crate) fn area(&self) -> Area {
        match self.step {
            Step::Entry => Area::Server,
            Step::Call { .. } => Area::Client,
            Step::Query { .. } => Area::Database,
            Step::Work { .. } => Area::Own,
            Step::Send { .. } | Step::Receive { .. } => Area::Messaging,
        }
    }
}

impl<'a> Writer<'a> {
    /// Writes the content of a `Span`.
    pub(crate) fn span(&mut self, out: &mut Message, draft: &Draft) {
        let remote = self.ids(out, draft);
        self.name(out, draft);
        let start = self.shared.base + draft.start;
        out.varint(otlp::span::KIND, kind(draft.step));
        out.fixed64(otlp::span::START_TIME_UNIX_NANO, start);
        out.fixed64(otlp::span::END_TIME_UNIX_NANO, start + draft.duration);
        match draft.step {
            Step::Entry => self.entry(out, draft),
            Step::Call { service, operation } => {
                self.call(out, draft, &self.service(service).operations[operation])
            }
            Step::Query { statement } => self.query(out, draft, statement),
            Step::Work { function } => self.work(out, draft, function),
            Step::Send { topic } => self.message(out, draft, draft.service, topic),
            Step::Receive { from, topic } => self.message(out, draft, from, topic),
        }
        if draft.failed {
            self.failure(out, draft);
        } else if self.chance.happens(0.03) {
            self.cache_miss(out, draft);
        }
        self.link(out, draft);
        out.fixed32(otlp::span::FLAGS, if remote { SAMPLED_REMOTE } else { SAMPLED });
    }

    /// Writes the ids and says whether the parent is another process's span.
    fn ids(&self, out: &mut Message, draft: &Draft) -> bool {
        let parent = draft.cause.map(|cause| &self.plan.drafts[cause]);
        let parent = parent.filter(|parent| parent.trace == draft.trace);
        let parent_id = parent.map_or([0; 8], |parent| parent.id.to_be_bytes());
        let trace = TraceId(self.plan.traces[draft.trace]);
        otlp::span_ids(out, trace, SpanId(draft.id.to_be_bytes()), SpanId(parent_id));
        parent.is_some_and(|parent| parent.pod != draft.pod)
    }

    fn name(&mut self, out: &mut Message, draft: &Draft) {
        let service = self.service(draft.service);
        match draft.step {
            Step::Entry => out.text(otlp::span::NAME, &service.operations[draft.operation].name),
            Step::Call { service, operation } => {
                out.text(otlp::span::NAME, self.service(service).operations[operation].method);
            }
            Step::Query { statement } => {
                out.text(otlp::span::NAME, &service.database.statements[statement].span_name);
            }
            Step::Work { function } => out.text(otlp::span::NAME, &service.functions[function]),
            Step::Send { topic } => {
                let name = self.put_together(format_args!("send {}", service.topics[topic].name));
                out.text(otlp::span::NAME, name);
            }
            Step::Receive { from, topic } => {
                let topic = &self.service(from).topics[topic].name;
                out.text(otlp::span::NAME, self.put_together(format_args!("process {topic}")));
            }
        }
    }

    /// A consumer links to the producer's span, whether or not that is its parent.
    fn link(&self, out: &mut Message, draft: &Draft) {
        let (Step::Receive { .. }, Some(cause)) = (draft.step, draft.cause) else { return };
        let producer = &self.plan.drafts[cause];
        out.message(otlp::span::LINKS, |link| {
            link.bytes(otlp::link::TRACE_ID, &self.plan.traces[producer.trace]);
            link.bytes(otlp::link::SPAN_ID, &producer.id.to_be_bytes());
            link.fixed32(otlp::link::FLAGS, SAMPLED_REMOTE);
        });
    }

    fn service(&self, place: usize) -> &'a Service {
        &self.topology.services[place]
    }

    fn put_together(&mut self, value: std::fmt::Arguments<'_>) -> &str {
        self.text.clear();
        self.text.write_fmt(value).expect("a string takes whatever is written to it");
        self.text
    }

    /// An attribute whose text is put together.
    fn composed(&mut self, out: &mut Message, key: &str, value: std::fmt::Arguments<'_>) {
        text(out, key, self.put_together(value));
    }
}

/// W3C's sampled flag, and OTLP's statement that it is known that the parent is not remote.
const SAMPLED: u32 = 0x101;
/// … and that the parent is remote.
const SAMPLED_REMOTE: u32 = 0x301;

fn kind(step: Step) -> u64 {
    match step {
        Step::Work { .. } => 1,
        Step::Entry => 2,
        Step::Call { .. } | Step::Query { .. } => 3,
        Step::Send { .. } => 4,
        Step::Receive { .. } => 5,
    }
}

#[inline]
fn text(out: &mut Message, key: &str, value: &str) {
    otlp::attribute(out, otlp::span::ATTRIBUTES, key, Value::Text(value));
}

#[inline]
fn int(out: &mut Message, key: &str, value: u64) {
    otlp::attribute(out, otlp::span::ATTRIBUTES, key, Value::Int(value as i64));
}

#[inline]
fn truth(out: &mut Message, key: &str, value: bool) {
    otlp::attribute(out, otlp::span::ATTRIBUTES, key, Value::Bool(value));
}
