//! Makes requests: draws traces, spreads their spans over the pods that made them, and sends pod after pod.

use std::fmt;
use std::sync::Arc;

use model::Clock;
use model::proto::Message;
use model::time::UnixNanos;

use crate::chance::Chance;
use crate::fault::{Ailment, Fault, FaultProblem, ailments};
use crate::pending::Pending;
use crate::plan::{Plan, SPANS_PER_TRACE_MAX, World};
use crate::span::{Shared, Writer};
use crate::topology::Topology;

/// The most services that can be asked for; more are taken as this many.
pub const SERVICES_MAX: usize = 10_000;

/// What the traffic is to look like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The same seed, and otherwise the same shape, give the same bytes (with a fixed timeline).
    pub seed: u64,
    /// How many services; from 1 to [`SERVICES_MAX`].
    pub services: usize,
    /// Spans of an average trace.
    pub spans_per_trace: f64,
    /// The most spans from a root down to a leaf; 1 or more.
    pub depth: usize,
    /// Share of spans that fail, `0.0..=1.0`, before faults.
    pub errors: f64,
    /// What goes wrong besides.
    pub faults: Vec<Fault>,
    /// When the spans happen.
    pub timeline: Timeline,
    /// How many spans wait at the pods before the first request goes out: the more, the longer the runs of one
    /// resource, and the wider the spans of one trace are spread over requests. 0 keeps traces nearly together.
    pub spread: usize,
}

/// When spans happen.
#[derive(Clone)]
pub enum Timeline {
    /// From a fixed time on, with traces starting at random at this rate.
    Fixed {
        /// Start of the first trace, about.
        epoch: UnixNanos,
        /// How many traces start in a second of made-up time.
        traces_per_second: f64,
    },
    /// Now: each trace ends at the moment in which it is made.
    Live(Arc<dyn Clock>),
}

impl fmt::Debug for Timeline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed { epoch, traces_per_second } => write!(out, "Fixed({epoch}, {traces_per_second}/s)"),
            Self::Live(_) => write!(out, "Live"),
        }
    }
}

impl Default for Shape {
    /// 100 services, 11 spans per trace, 5 % errors, no faults, the corpora's time.
    fn default() -> Self {
        Self {
            seed: 1,
            services: 100,
            spans_per_trace: 11.0,
            depth: 16,
            errors: 0.05,
            faults: Vec::new(),
            timeline: Timeline::Fixed { epoch: crate::corpus::EPOCH, traces_per_second: 111.0 },
            spread: 6_000,
        }
    }
}

/// What was made so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests handed out.
    pub requests: u64,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Traces begun, those of linked consumers included; their last spans may still wait.
    pub traces: u64,
    /// Spans made with status "error"; they may still wait.
    pub errors: u64,
}

/// An endless source of requests.
#[derive(Debug)]
pub struct Traffic {
    shape: Shape,
    topology: Topology,
    ailments: Vec<Ailment>,
    entries: Vec<usize>,
    chance: Chance,
    plan: Plan,
    text: String,
    pending: Vec<Pending>,
    waiting: usize,
    next_pod: usize,
    time: f64,
    made: Summary,
}

impl Traffic {
    /// Draws the services of a shape.
    ///
    /// # Errors
    /// Where a fault names no service, or leaves none where requests could enter.
    pub fn new(shape: Shape) -> Result<Self, FaultProblem> {
        let topology = Topology::new(shape.seed, shape.services.clamp(1, SERVICES_MAX));
        let names: Vec<&str> = topology.services.iter().map(|service| service.name.as_str()).collect();
        let ailments = ailments(&shape.faults, &names)?;
        let entries: Vec<usize> =
            topology.edges.iter().copied().filter(|edge| !ailments[*edge].down).collect();
        if entries.is_empty() {
            return Err(FaultProblem::all_down(topology.edges.iter().map(|edge| names[*edge])));
        }
        let pending = topology.pods.iter().map(|_| Pending::default()).collect();
        Ok(Self {
            chance: Chance::new(shape.seed),
            shape,
            topology,
            ailments,
            entries,
            plan: Plan::default(),
            text: String::new(),
            pending,
            waiting: 0,
            next_pod: 0,
            time: 0.0,
            made: Summary::default(),
        })
    }

    /// The names of the services, in their order.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.topology.services.iter().map(|service| service.name.as_str())
    }

    /// What was made so far.
    #[must_use]
    pub fn made(&self) -> Summary {
        self.made
    }

    /// An `ExportTraceServiceRequest` of this many spans (at least 1), from the pods of one service or a few.
    pub fn next_request(&mut self, spans: usize) -> Vec<u8> {
        while self.waiting < self.shape.spread.saturating_add(spans.max(1)) {
            self.trace();
        }
        self.send(spans.max(1))
    }

    /// An `ExportTraceServiceRequest` with all spans of one trace, and of the traces that its messages began.
    ///
    /// What waits from [`next_request`](Self::next_request) goes out with it.
    pub fn next_trace(&mut self) -> Vec<u8> {
        self.trace();
        self.send(usize::MAX)
    }

    /// What still waits, so that every trace that was begun is whole; nothing where nothing waits.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (self.waiting > 0).then(|| self.send(usize::MAX))
    }

    fn trace(&mut self) {
        let world = World {
            topology: &self.topology,
            ailments: &self.ailments,
            entries: &self.entries,
            spans_per_trace: self.shape.spans_per_trace,
            depth_max: self.shape.depth.max(1),
            error_share: self.shape.errors,
        };
        self.plan.draw(&mut self.chance, &world);
        debug_assert!(self.plan.drafts.len() <= SPANS_PER_TRACE_MAX + 2, "a step adds two spans at most");
        let base = base(&self.shape.timeline, &mut self.chance, &mut self.time, self.plan.length_ns());
        let mut writer = Writer {
            topology: &self.topology,
            plan: &self.plan,
            shared: Shared::draw(&mut self.chance, base),
            chance: &mut self.chance,
            text: &mut self.text,
        };
        for draft in &self.plan.drafts {
            self.pending[draft.pod].add(draft.area(), |span| writer.span(span, draft));
            self.made.errors += u64::from(draft.failed);
        }
        self.waiting += self.plan.drafts.len();
        self.made.traces += self.plan.traces.len() as u64;
    }

    /// Empties pods in turn until the request is full.
    fn send(&mut self, spans_max: usize) -> Vec<u8> {
        let wanted = spans_max.min(self.waiting);
        let mut request = Message::with_capacity(wanted * BYTES_PER_SPAN);
        let mut sent = 0;
        while sent < wanted {
            let at = self.next_pod;
            let pod = &self.topology.pods[at];
            let from = (pod, &self.topology.services[pod.service]);
            sent += self.pending[at].send(&mut request, from, wanted - sent);
            if sent < wanted {
                self.next_pod = (at + 1) % self.pending.len();
            }
        }
        self.waiting -= sent;
        self.made.requests += 1;
        self.made.spans += sent as u64;
        self.made.bytes += request.as_bytes().len() as u64;
        request.into_bytes()
    }
}

/// Room to reserve for each span of a request; more is taken where it is needed.
const BYTES_PER_SPAN: usize = 600;

/// When the root of the next trace starts.
fn base(timeline: &Timeline, chance: &mut Chance, time: &mut f64, length_ns: u64) -> UnixNanos {
    match timeline {
        Timeline::Fixed { epoch, traces_per_second } => {
            *time += chance.gap(1e9 / traces_per_second.max(1e-9));
            epoch.saturating_add(*time as u64)
        }
        Timeline::Live(clock) => clock.now().saturating_sub(length_ns),
    }
}

#[cfg(test)]
mod tests;
