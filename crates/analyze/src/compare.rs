//! Compares two traces, or two groups of traces, call by call.
//!
//! Spans with the same path of service, operation and kind are one node, however many there are; both sides are added up
//! into the same tree, and the differences are those of the means of each trace. Bounded by [`NODES_MAX`] nodes (spans of
//! further ones are only counted) and [`CONTRIBUTIONS_MAX`] contributions.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::{Kind, StatusCode, Trace, Value};
use serde::{Deserialize, Serialize};

use crate::{EXACT_MAX, Skeleton};

/// So many different calls are told.
pub const NODES_MAX: usize = 20_000;
/// So many of the greatest contributions.
pub const CONTRIBUTIONS_MAX: usize = 50;
/// So many attributes that differ.
pub const ATTRIBUTES_MAX: usize = 200;

/// The two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The first.
    A,
    /// The second.
    B,
}

/// How two sides differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The first side.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// The calls of both, callers before those whom they call.
    pub nodes: Vec<Node>,
    /// The nodes whose own time differs most, by place.
    pub contributions: Vec<u32>,
    /// Spans of calls for which there was no room.
    pub left_out: u64,
}

/// One side as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// How many traces.
    pub traces: u64,
    /// How many spans in all of them.
    pub spans: u64,
    /// How many of these failed.
    pub errors: u64,
    /// How long a trace took in the mean.
    pub duration_ns: u64,
}

/// A call of both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The place of the caller; -1 for none.
    pub parent: i64,
    /// Levels below the top.
    pub depth: u32,
    /// The service.
    pub service: String,
    /// The operation.
    pub name: String,
    /// The kind of its spans.
    pub kind: String,
    /// Its spans on the first side; absent where there are none.
    pub a: Option<Sum>,
    /// Its spans on the second.
    pub b: Option<Sum>,
    /// How much longer the second side took for it, for each trace.
    pub delta_ns: i64,
    /// The same of the time in which no child ran.
    pub delta_self_ns: i64,
}

/// What the spans of a call add up to, over all traces of a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many spans.
    pub count: u64,
    /// How many failed.
    pub errors: u64,
    /// How long they took.
    pub total_ns: u64,
    /// Time in which no child ran.
    pub self_ns: u64,
}

/// Both sides so far.
#[derive(Debug, Default)]
pub struct Compare {
    calls: Vec<Call>,
    places: HashMap<(Option<u32>, Said), u32, FixedState>,
    sides: [Side; 2],
    durations: [u64; 2],
    left_out: u64,
}

type Said = (String, String, u8);

#[derive(Debug)]
struct Call {
    parent: Option<u32>,
    said: Said,
    sums: [Sum; 2],
}

impl Compare {
    /// Adds a trace to a side.
    pub fn add(&mut self, which: Which, trace: &Skeleton) {
        let columns = &trace.columns;
        let side = which as usize;
        self.sides[side].traces += 1;
        self.sides[side].spans += columns.len() as u64;
        self.durations[side] = self.durations[side].saturating_add(trace.duration_ns);
        let mut calls: Vec<Option<u32>> = Vec::with_capacity(columns.len());
        for at in 0..columns.len() {
            let parent = usize::try_from(columns.parent[at]).ok().map(|parent| calls[parent]);
            let failed = columns.status[at] == StatusCode::Error as u8;
            self.sides[side].errors += u64::from(failed);
            let service = &trace.services[columns.service[at] as usize].name;
            let name = &trace.names[columns.name[at] as usize];
            let call = match parent {
                // What was called by a call that found no room finds none either.
                Some(None) => None,
                parent => self.call(parent.flatten(), (service.clone(), name.clone(), columns.kind[at])),
            };
            calls.push(call);
            let Some(call) = call else {
                self.left_out += 1;
                continue;
            };
            let sum = &mut self.calls[call as usize].sums[side];
            sum.count += 1;
            sum.errors += u64::from(failed);
            sum.total_ns = sum.total_ns.saturating_add(columns.duration_ns[at]).min(EXACT_MAX);
            sum.self_ns = sum.self_ns.saturating_add(columns.self_ns[at]).min(EXACT_MAX);
        }
    }

    fn call(&mut self, parent: Option<u32>, said: Said) -> Option<u32> {
        if let Some(known) = self.places.get(&(parent, said.clone())) {
            return Some(*known);
        }
        if self.calls.len() == NODES_MAX {
            return None;
        }
        let place = self.calls.len() as u32;
        self.places.insert((parent, said.clone()), place);
        self.calls.push(Call { parent, said, sums: [Sum::default(); 2] });
        Some(place)
    }

    /// How the sides differ.
    #[must_use]
    pub fn finish(self) -> Comparison {
        let mut below: Vec<Vec<u32>> = vec![Vec::new(); self.calls.len()];
        let mut tops = Vec::new();
        for (place, call) in self.calls.iter().enumerate() {
            match call.parent {
                Some(parent) => below[parent as usize].push(place as u32),
                None => tops.push(place as u32),
            }
        }
        let mut nodes: Vec<Node> = Vec::with_capacity(self.calls.len());
        let mut waiting: Vec<(u32, i64, u32)> = tops.into_iter().rev().map(|top| (top, -1, 0)).collect();
        while let Some((call, parent, depth)) = waiting.pop() {
            let here = nodes.len() as i64;
            nodes.push(self.node(&self.calls[call as usize], (parent, depth)));
            waiting.extend(below[call as usize].iter().rev().map(|child| (*child, here, depth + 1)));
        }
        let mut contributions: Vec<u32> =
            (0..nodes.len() as u32).filter(|at| nodes[*at as usize].delta_self_ns != 0).collect();
        contributions.sort_by_key(|at| std::cmp::Reverse(nodes[*at as usize].delta_self_ns.unsigned_abs()));
        contributions.truncate(CONTRIBUTIONS_MAX);
        let side = |at: usize| Side {
            duration_ns: self.durations[at] / self.sides[at].traces.max(1),
            ..self.sides[at]
        };
        Comparison { a: side(0), b: side(1), nodes, contributions, left_out: self.left_out }
    }

    fn node(&self, call: &Call, (parent, depth): (i64, u32)) -> Node {
        let mean =
            |side: usize, of: fn(&Sum) -> u64| (of(&call.sums[side]) / self.sides[side].traces.max(1)) as i64;
        let delta = |of: fn(&Sum) -> u64| mean(1, of) - mean(0, of);
        let side = |at: usize| (call.sums[at].count > 0).then_some(call.sums[at]);
        let (service, name, kind) = call.said.clone();
        Node {
            parent,
            depth,
            service,
            name,
            kind: Kind::from_number(kind).as_str().into(),
            a: side(0),
            b: side(1),
            delta_ns: delta(|sum| sum.total_ns),
            delta_self_ns: delta(|sum| sum.self_ns),
        }
    }
}

/// An attribute that differs between two traces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Whose resource it is of; of the root span where `is_root` is true.
    pub service: String,
    /// True for attributes of the root span.
    pub is_root: bool,
    /// The key.
    pub key: String,
    /// The value in the first trace; absent where there is none.
    pub a: Option<String>,
    /// The value in the second.
    pub b: Option<String>,
}

/// The attributes of resources and of root spans that two traces do not share.
#[must_use]
pub fn attributes(a: &Trace, b: &Trace) -> Vec<Difference> {
    let (left, right) = (known(a), known(b));
    let mut all: Vec<&(bool, String, String)> = left.keys().chain(right.keys()).collect();
    all.sort_unstable();
    all.dedup();
    let different = all.into_iter().filter(|key| left.get(*key) != right.get(*key));
    let difference = |key: &(bool, String, String)| Difference {
        is_root: !key.0,
        service: key.1.clone(),
        key: key.2.clone(),
        a: left.get(key).cloned(),
        b: right.get(key).cloned(),
    };
    different.map(difference).take(ATTRIBUTES_MAX).collect()
}

/// Attributes by service and key; those of the root come first. Of several resources of a service the first one counts.
fn known(trace: &Trace) -> BTreeMap<(bool, String, String), String> {
    let mut known = BTreeMap::new();
    let root = trace.root();
    let text = |value: Value<'_>| value.to_text().into_owned();
    for attribute in root.attributes() {
        let key = (false, root.service().to_owned(), attribute.key.to_owned());
        known.entry(key).or_insert_with(|| text(attribute.value));
    }
    let mut seen = std::collections::HashSet::new();
    for node in trace.nodes() {
        if !seen.insert(trace.resource_key(node)) {
            continue;
        }
        let resource = trace.span(node).resource();
        for attribute in resource.attributes().filter(|attribute| attribute.key != "service.name") {
            let key = (true, resource.service().to_owned(), attribute.key.to_owned());
            known.entry(key).or_insert_with(|| text(attribute.value));
        }
    }
    known
}

#[cfg(test)]
mod tests;
