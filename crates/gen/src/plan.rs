//! Decides what happens in one trace: which spans, where, when, and what fails. Writes nothing.
//!
//! A trace grows from its root: again and again one of the spans that can have children gets a query, a call, a
//! function or a message. Children lie inside their parents, but for consumers of messages. Then faults are applied
//! from the leaves up. The plan is reused from trace to trace, so nothing is allocated once it has grown.

use crate::chance::Chance;
use crate::fault::Ailment;
use crate::topology::{Layer, OPERATIONS, STATEMENTS, Topology};

mod ail;

/// Spans of one trace, however big it was meant to become.
pub(crate) const SPANS_PER_TRACE_MAX: usize = 5_000;

/// A span shorter than this has no children.
const HOST_NS_MIN: u64 = 20_000;

/// One trace, and the traces that its messages started.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) drafts: Vec<Draft>,
    /// The ids; `Draft::trace` is the index.
    pub(crate) traces: Vec<[u8; 16]>,
    hosts: Vec<usize>,
    extra_ns: Vec<u64>,
    children_ns: Vec<u64>,
}

/// A span before it is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft {
    pub(crate) id: u64,
    pub(crate) trace: usize,
    /// The span it belongs to: its parent, or for a linked consumer the producer.
    pub(crate) cause: Option<usize>,
    pub(crate) service: usize,
    pub(crate) pod: usize,
    pub(crate) step: Step,
    /// The operation of its service on whose behalf it runs.
    pub(crate) operation: usize,
    /// Nanoseconds since the root's start.
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) failed: bool,
    /// HTTP status of an entry or a call; 0 where there was no answer.
    pub(crate) code: u16,
    depth: usize,
}

/// What a span stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An HTTP request being served.
    Entry,
    /// An HTTP request to another service.
    Call { service: usize, operation: usize },
    /// A statement sent to the database.
    Query { statement: usize },
    /// A function of the service.
    Work { function: usize },
    /// A message being sent to a topic.
    Send { topic: usize },
    /// A message being processed; `from` is the service whose topic it is.
    Receive { from: usize, topic: usize },
}

/// What a planner knows of the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World<'a> {
    pub(crate) topology: &'a Topology,
    pub(crate) ailments: &'a [Ailment],
    pub(crate) entries: &'a [usize],
    pub(crate) spans_per_trace: f64,
    pub(crate) depth_max: usize,
    pub(crate) error_share: f64,
}

impl Draft {
    /// True where it lies inside the span that caused it.
    pub(crate) fn is_inside(&self) -> bool {
        self.cause.is_some() && !matches!(self.step, Step::Receive { .. })
    }

    fn end(&self) -> u64 {
        self.start + self.duration
    }
}

impl Plan {
    /// Plans the next trace.
    pub(crate) fn draw(&mut self, chance: &mut Chance, world: &World<'_>) {
        self.drafts.clear();
        self.traces.clear();
        self.hosts.clear();
        let target = target(chance, world.spans_per_trace);
        self.root(chance, world);
        while self.drafts.len() < target && !self.hosts.is_empty() {
            let host = self.hosts[self.hosts.len() - 1 - chance.zipf(self.hosts.len() as u64) as usize];
            self.grow(chance, world, host);
        }
        self.slow_down(world);
        self.fail(chance, world);
    }

    /// Nanoseconds from the root's start to the last end.
    pub(crate) fn length_ns(&self) -> u64 {
        self.drafts.iter().map(Draft::end).max().unwrap_or(0)
    }

    fn root(&mut self, chance: &mut Chance, world: &World<'_>) {
        let trace = self.new_trace(chance);
        let service = world.entries[chance.zipf(world.entries.len() as u64) as usize];
        self.add(
            world,
            Draft {
                id: chance.id(),
                trace,
                cause: None,
                service,
                pod: world.topology.pod(chance, service),
                step: Step::Entry,
                operation: chance.zipf(OPERATIONS as u64) as usize,
                start: 0,
                duration: (chance.log_normal(60e6, 1.1) as u64).max(200_000),
                failed: false,
                code: 0,
                depth: 1,
            },
        );
    }

    fn grow(&mut self, chance: &mut Chance, world: &World<'_>, host: usize) {
        let parent = self.drafts[host];
        let service = &world.topology.services[parent.service];
        let offset = (parent.duration as f64 * chance.unit() * 0.6) as u64;
        let room = parent.duration - offset;
        let child = Draft {
            id: chance.id(),
            cause: Some(host),
            start: parent.start + offset,
            duration: (room as f64 * (0.1 + 0.85 * chance.unit())) as u64,
            depth: parent.depth + 1,
            ..parent
        };
        let calls = &service.operations[parent.operation].calls;
        let deep_enough = child.depth < world.depth_max;
        let calling = if service.layer == Layer::Edge { 0.8 } else { 0.37 };
        let dice = chance.unit();
        if dice < calling && deep_enough && !calls.is_empty() {
            let call = calls[chance.zipf(calls.len() as u64) as usize];
            let step = Step::Call { service: call.service, operation: call.operation };
            self.call(chance, world, Draft { step, ..child });
        } else if (0.37..0.55).contains(&dice) && !service.topics.is_empty() {
            let topic = chance.below(service.topics.len() as u64) as usize;
            self.send(chance, world, Draft { step: Step::Send { topic }, ..child });
        } else if dice < 0.67 || service.layer == Layer::Edge {
            let function = chance.below(service.functions.len() as u64) as usize;
            self.add(world, Draft { step: Step::Work { function }, ..child });
        } else {
            let statement = chance.zipf(STATEMENTS as u64) as usize;
            let duration = (chance.log_normal(1.5e6, 1.0) as u64).min(room);
            self.add(world, Draft { step: Step::Query { statement }, duration, ..child });
        }
    }

    fn call(&mut self, chance: &mut Chance, world: &World<'_>, call: Draft) {
        let Step::Call { service, operation } = call.step else { return };
        if world.ailments[service].down {
            let duration = call.duration.min(1_000_000 + chance.below(2_000_000));
            self.add(world, Draft { failed: true, duration, ..call });
            return;
        }
        let cause = self.add(world, call);
        let network = (200_000 + chance.below(600_000)).min(call.duration / 4);
        self.add(
            world,
            Draft {
                id: chance.id(),
                cause: Some(cause),
                service,
                pod: world.topology.pod(chance, service),
                step: Step::Entry,
                operation,
                start: call.start + network,
                duration: call.duration - 2 * network,
                depth: call.depth + 1,
                ..call
            },
        );
    }

    fn send(&mut self, chance: &mut Chance, world: &World<'_>, send: Draft) {
        let Step::Send { topic } = send.step else { return };
        let duration = (300_000 + chance.below(2_000_000)).min(send.duration);
        let send = Draft { duration, ..send };
        let cause = self.add(world, send);
        let about = &world.topology.services[send.service].topics[topic];
        let service = *chance.pick(&about.consumers);
        let deep_enough = send.depth < world.depth_max;
        if world.ailments[service].down || !(about.linked || deep_enough) {
            return;
        }
        let trace = if about.linked { self.new_trace(chance) } else { send.trace };
        self.add(
            world,
            Draft {
                id: chance.id(),
                trace,
                cause: Some(cause),
                service,
                pod: world.topology.pod(chance, service),
                step: Step::Receive { from: send.service, topic },
                operation: chance.zipf(OPERATIONS as u64) as usize,
                start: send.start + send.duration + chance.log_normal(20e6, 1.0) as u64,
                duration: (chance.log_normal(15e6, 1.0) as u64).max(50_000),
                depth: if about.linked { 1 } else { send.depth + 1 },
                ..send
            },
        );
    }

    fn add(&mut self, world: &World<'_>, draft: Draft) -> usize {
        let place = self.drafts.len();
        let hosts = matches!(draft.step, Step::Entry | Step::Work { .. } | Step::Receive { .. });
        if hosts && draft.depth < world.depth_max && draft.duration >= HOST_NS_MIN {
            self.hosts.push(place);
        }
        self.drafts.push(draft);
        place
    }

    fn new_trace(&mut self, chance: &mut Chance) -> usize {
        let id = u128::from(chance.id()) << 64 | u128::from(chance.id());
        self.traces.push(id.to_be_bytes());
        self.traces.len() - 1
    }
}

/// How many spans a trace is to have: log-normal, 1 to 80, and one in five thousand far more.
fn target(chance: &mut Chance, mean: f64) -> usize {
    let spans = 1.0 + chance.log_normal((mean - 1.0).max(0.0) * MEDIAN_OF_MEAN, 0.75);
    let rare = if chance.happens(0.0002) { 20.0 + chance.unit() * 60.0 } else { 1.0 };
    ((spans.min(80.0) * rare) as usize).clamp(1, SPANS_PER_TRACE_MAX)
}

/// What the median has to be for a mean of 1, given sigma and the limits.
const MEDIAN_OF_MEAN: f64 = 0.93;
