//! One whole trace, joined from any number of batches.
//!
//! In: batches that hold spans of one trace, in any order, possibly with duplicates. Out: a skeleton in depth-first
//! order, parents before children, siblings by start; attributes stay in the batches. A cycle of parents is broken at
//! its earliest span, and a parent that is missing makes its children roots.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroU32;

use crate::same::{self, Place};
use crate::time::UnixNanos;
use crate::{Batch, Kind, Span, SpanId, StatusCode, Tenant, TraceId};

/// The spans of one trace and their structure.
#[derive(Clone, Debug)]
pub struct Trace {
    id: TraceId,
    batches: Vec<Batch>,
    nodes: Vec<Node>,
}

/// A span's place in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    batch: u32,
    row: u32,
    /// Place of the parent in [`Trace::nodes`]; always smaller than the span's own.
    pub parent: Option<u32>,
    /// Levels below its root.
    pub depth: u32,
    /// How many spans name it as their parent.
    pub children: u32,
    /// True where the span names a parent that the trace does not hold.
    pub is_orphan: bool,
    /// Nanoseconds in which no child of it ran.
    pub self_time: u64,
}

/// What a list of traces shows of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which trace.
    pub id: TraceId,
    /// The earliest start of its spans.
    pub start: UnixNanos,
    /// The latest end of its spans.
    pub end: UnixNanos,
    /// The service of its root (or of its earliest span, while no root has arrived).
    pub root_service: String,
    /// The operation of its root (or of its earliest span).
    pub root_name: String,
    /// How many spans.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How many name a parent that is missing.
    pub orphans: u64,
    /// Each service with its spans and errors, by name.
    pub services: Vec<ServiceCount>,
}

/// The part of one service in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCount {
    /// The service.
    pub name: String,
    /// Its spans.
    pub spans: u64,
    /// Its spans that failed.
    pub errors: u64,
}

impl Summary {
    /// From the earliest start to the latest end, in nanoseconds.
    #[must_use]
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl Trace {
    /// Joins what belongs to the trace; spans of other traces are skipped. `None` where no span is left.
    #[must_use]
    pub fn join(id: TraceId, batches: Vec<Batch>) -> Option<Self> {
        let places = distinct(id, &batches);
        if places.is_empty() {
            return None;
        }
        let nodes = arrange(&batches, &places);
        Some(Self { id, batches, nodes })
    }

    /// What it takes in memory, at most: batches may be shared with others.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let batches: usize = self.batches.iter().map(Batch::memory_bytes).sum();
        (batches + self.nodes.len() * size_of::<Node>()) as u64
    }

    /// Which trace.
    #[must_use]
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// Whose trace.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.batches[0].tenant()
    }

    /// The structure, parents before children.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The span of a node.
    #[must_use]
    pub fn span(&self, node: &Node) -> Span<'_> {
        self.batches[node.batch as usize].span(node.row as usize)
    }

    /// All spans, parents before children.
    pub fn spans(&self) -> impl Iterator<Item = Span<'_>> {
        self.nodes.iter().map(|node| self.span(node))
    }

    /// The trace as an OTLP `TracesData` message: its spans with their resources and scopes, as they were sent.
    #[must_use]
    pub fn to_otlp(&self) -> Vec<u8> {
        self.batches().iter().flat_map(|batch| batch.bytes().to_vec()).collect()
    }

    /// Its spans in batches of no other, each span once.
    #[must_use]
    pub fn batches(&self) -> Vec<Batch> {
        let mut places: Vec<Place> = self.nodes.iter().map(|node| (node.batch, node.row)).collect();
        places.sort_unstable();
        let of_one_batch = places.chunk_by(|left, right| left.0 == right.0);
        let select = |places: &[Place]| {
            let batch = &self.batches[places[0].0 as usize];
            if places.len() == batch.len() {
                return batch.clone();
            }
            batch.select(|row| places.binary_search(&(places[0].0, row as u32)).is_ok())
        };
        of_one_batch.map(select).collect()
    }

    /// A number that is equal for two nodes exactly where their resources are the same object.
    #[must_use]
    pub fn resource_key(&self, node: &Node) -> (u32, u32) {
        (node.batch, self.batches[node.batch as usize].rows()[node.row as usize].resource)
    }

    /// The earliest start.
    #[must_use]
    pub fn start(&self) -> UnixNanos {
        self.spans().map(|span| span.start()).min().unwrap_or(0)
    }

    /// The latest end; never before the start.
    #[must_use]
    pub fn end(&self) -> UnixNanos {
        self.spans().map(|span| span.end().max(span.start())).max().unwrap_or(0)
    }

    /// What a list shows of it.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let root = self.root();
        // By resource first: names are compared once for each, not once for each span.
        let mut by_resource: HashMap<(u32, u32), (&str, u64, u64), foldhash::fast::FixedState> =
            HashMap::default();
        for node in &self.nodes {
            let span = self.span(node);
            let fresh = || (span.service(), 0, 0);
            let (_, spans, errors) = by_resource.entry(self.resource_key(node)).or_insert_with(fresh);
            *spans += 1;
            *errors += u64::from(span.status() == StatusCode::Error);
        }
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (name, more_spans, more_errors) in by_resource.into_values() {
            let (spans, errors) = counts.entry(name).or_default();
            *spans += more_spans;
            *errors += more_errors;
        }
        let counted = |(name, (spans, errors)): (&str, _)| ServiceCount { name: name.into(), spans, errors };
        let services: Vec<ServiceCount> = counts.into_iter().map(counted).collect();
        Summary {
            id: self.id,
            start: self.start(),
            end: self.end(),
            root_service: root.service().into(),
            root_name: root.name().into(),
            spans: self.nodes.len() as u64,
            errors: services.iter().map(|service| service.errors).sum(),
            orphans: self.nodes.iter().filter(|node| node.is_orphan).count() as u64,
            services,
        }
    }

    /// The earliest span that names no parent, else the earliest of all.
    #[must_use]
    pub fn root(&self) -> Span<'_> {
        let tops = self.nodes.iter().filter(|node| node.parent.is_none());
        let earliest = tops.min_by_key(|node| (node.is_orphan, self.span(node).start()));
        self.span(earliest.expect("a trace has a span, and the first has no parent"))
    }
}

fn distinct(id: TraceId, batches: &[Batch]) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for (batch, spans) in batches.iter().enumerate() {
        let rows = spans.rows().iter().enumerate().filter(|(_, row)| row.trace_id == id);
        places.extend(rows.map(|(row, _)| (batch as u32, row as u32)));
    }
    let span = |place: Place| batches[place.0 as usize].span(place.1 as usize);
    let key = |place: &Place| (span(*place).start(), span(*place).span_id());
    places.sort_by_key(|place| (key(place), *place));
    let mut kept: Vec<Place> = Vec::with_capacity(places.len());
    for group in places.chunk_by(|left, right| key(left) == key(right)) {
        if let [only] = group {
            kept.push(*only);
            continue;
        }
        let mut seen = HashSet::new();
        kept.extend(group.iter().filter(|place| seen.insert(same::content(span(**place)))));
    }
    kept
}

/// Which spans carry an id. More than one does where client and server share it (Zipkin) or an id came by chance twice.
#[derive(Default)]
struct Holders {
    /// The earliest two that called another service: one more than their places, so that many spans need little memory.
    callers: [Option<NonZeroU32>; 2],
    /// The earliest two others.
    others: [Option<NonZeroU32>; 2],
}

impl Holders {
    fn add(&mut self, at: usize, kind: Kind) {
        let list = if is_caller(kind) { &mut self.callers } else { &mut self.others };
        if let Some(free) = list.iter_mut().find(|place| place.is_none()) {
            *free = NonZeroU32::new(at as u32 + 1);
        }
    }

    /// The parent that a span of this kind means: a server was called by a caller, all else runs inside the server.
    fn parent_for(&self, child: usize, kind: Kind) -> Option<usize> {
        let lists =
            if kind == Kind::Server { [&self.callers, &self.others] } else { [&self.others, &self.callers] };
        there(lists.into_iter().flatten()).find(|at| *at != child)
    }

    /// The client's half of a span whose server's half this is.
    fn caller_of(&self, server: usize) -> Option<usize> {
        there(self.callers.iter()).find(|at| *at != server)
    }
}

fn there<'a>(places: impl Iterator<Item = &'a Option<NonZeroU32>>) -> impl Iterator<Item = usize> {
    places.flatten().map(|place| place.get() as usize - 1)
}

fn is_caller(kind: Kind) -> bool {
    matches!(kind, Kind::Client | Kind::Producer)
}

/// What the place of a span in its trace depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin {
    /// When it starts.
    pub start: UnixNanos,
    /// Its id.
    pub id: SpanId,
    /// The id that it names as its parent.
    pub parent: Option<SpanId>,
    /// Its role.
    pub kind: Kind,
}

/// The place of each span's parent among the spans of a trace, which come by start, then id. Parents may form cycles.
#[must_use]
pub fn parents(spans: &[Kin]) -> Vec<Option<usize>> {
    let hasher = foldhash::fast::FixedState::default();
    let mut by_id: HashMap<SpanId, Holders, _> = HashMap::with_capacity_and_hasher(spans.len(), hasher);
    for (at, span) in spans.iter().enumerate() {
        by_id.entry(span.id).or_default().add(at, span.kind);
    }
    let parent_of = |(at, span): (usize, &Kin)| {
        let shared = by_id.get(&span.id).filter(|_| span.kind == Kind::Server);
        shared
            .and_then(|holders| holders.caller_of(at))
            .or_else(|| by_id.get(&span.parent?)?.parent_for(at, span.kind))
    };
    spans.iter().enumerate().map(parent_of).collect()
}

fn arrange(batches: &[Batch], places: &[Place]) -> Vec<Node> {
    let span = |at: usize| batches[places[at].0 as usize].span(places[at].1 as usize);
    let kin = (0..places.len()).map(span).map(|span| Kin {
        start: span.start(),
        id: span.span_id(),
        parent: span.parent(),
        kind: span.kind(),
    });
    let parents = parents(&kin.collect::<Vec<_>>());
    let children = Children::of(&parents);
    let mut order = Walked { nodes: Vec::with_capacity(places.len()), seen: vec![false; places.len()] };
    let tops = (0..places.len()).filter(|at| parents[*at].is_none());
    for top in tops.chain(0..places.len()) {
        order.descend(top, &children, |at| {
            let named = span(at).parent().filter(|parent| *parent != span(at).span_id());
            Node {
                batch: places[at].0,
                row: places[at].1,
                parent: None,
                depth: 0,
                children: 0,
                is_orphan: named.is_some() && parents[at].is_none(),
                self_time: self_time(span(at), children.below(at).iter().map(|child| span(*child as usize))),
            }
        });
    }
    order.nodes
}

/// The children of every span, in order, in one list.
struct Children {
    /// For each span where its children begin; one more at the end.
    begin: Vec<u32>,
    list: Vec<u32>,
}

impl Children {
    fn of(parents: &[Option<usize>]) -> Self {
        let mut begin = vec![0_u32; parents.len() + 1];
        for parent in parents.iter().flatten() {
            begin[parent + 1] += 1;
        }
        for at in 0..parents.len() {
            begin[at + 1] += begin[at];
        }
        let mut next = begin.clone();
        let mut list = vec![0; begin[parents.len()] as usize];
        for (at, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                list[next[*parent] as usize] = at as u32;
                next[*parent] += 1;
            }
        }
        Self { begin, list }
    }

    fn below(&self, at: usize) -> &[u32] {
        &self.list[self.begin[at] as usize..self.begin[at + 1] as usize]
    }
}

struct Walked {
    nodes: Vec<Node>,
    seen: Vec<bool>,
}

impl Walked {
    fn descend(&mut self, top: usize, children: &Children, node: impl Fn(usize) -> Node) {
        let mut waiting = vec![(top, None::<u32>)];
        while let Some((at, parent)) = waiting.pop() {
            if std::mem::replace(&mut self.seen[at], true) {
                continue;
            }
            let place = self.nodes.len() as u32;
            let depth = parent.map_or(0, |parent| {
                self.nodes[parent as usize].children += 1;
                self.nodes[parent as usize].depth + 1
            });
            self.nodes.push(Node { parent, depth, ..node(at) });
            waiting.extend(children.below(at).iter().rev().map(|child| (*child as usize, Some(place))));
        }
    }
}

/// The span's duration less the union of its children's times; `children` come by start.
fn self_time<'a>(span: Span<'_>, children: impl Iterator<Item = Span<'a>>) -> u64 {
    let mut covered = 0;
    let mut reached = span.start();
    for child in children {
        let from = child.start().max(reached);
        let to = child.end().min(span.end());
        if from < to {
            covered += to - from;
            reached = to;
        }
    }
    span.duration() - covered
}

#[cfg(test)]
mod tests;
