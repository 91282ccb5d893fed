//! Reads the columns from a trace, each span's bytes once.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use model::proto::Cursor;
use model::proto::Field;
use model::{Span, StatusCode, Trace, otlp};

use super::{Columns, Missing, Service, Skeleton, flag};
use crate::EXACT_MAX;

pub(super) fn read(trace: &Trace) -> Skeleton {
    let base = trace.start();
    let nodes = trace.nodes();
    let mut columns = Columns::default();
    let mut words = Words::default();
    let mut ids = String::with_capacity(16 * nodes.len());
    for node in nodes {
        let span = trace.span(node);
        push_hex(&mut ids, span.span_id().0);
        columns.start_ns.push((span.start() - base).min(EXACT_MAX));
        columns.duration_ns.push(span.duration().min(EXACT_MAX));
        columns.self_ns.push(node.self_time.min(EXACT_MAX));
        columns.parent.push(node.parent.map_or(-1, |parent| i32::try_from(parent).unwrap_or(-1)));
        columns.depth.push(node.depth);
        columns.service.push(words.service(trace.resource_key(node), span));
        columns.name.push(words.name(span.name()));
        columns.kind.push(span.kind() as u8);
        columns.status.push(span.status() as u8);
        columns.flags.push(carried(span) | if node.is_orphan { flag::ORPHAN } else { 0 });
    }
    columns.descendants = descendants(&columns.parent);
    note_errors(&mut columns);
    note_bounds(&mut columns);
    let duration = (trace.end() - base).min(EXACT_MAX);
    let mut services: Vec<Service> = words.services;
    for (at, service) in columns.service.iter().enumerate() {
        let service = &mut services[*service as usize];
        service.spans += 1;
        service.errors += u64::from(columns.status[at] == StatusCode::Error as u8);
        service.self_ns = service.self_ns.saturating_add(columns.self_ns[at]).min(EXACT_MAX);
    }
    let names = words.names.into_iter().map(str::to_owned).collect();
    Skeleton {
        base: base.to_string(),
        duration_ns: duration,
        spans: nodes.len(),
        ids,
        columns,
        services,
        names,
        missing: missing(trace),
        ..Skeleton::default()
    }
}

/// Services and operations by number.
#[derive(Default)]
struct Words<'a> {
    services: Vec<Service>,
    service_numbers: HashMap<&'a str, u32, FixedState>,
    by_resource: HashMap<(u32, u32), u32, FixedState>,
    names: Vec<&'a str>,
    name_numbers: HashMap<&'a str, u32, FixedState>,
}

impl<'a> Words<'a> {
    fn service(&mut self, resource: (u32, u32), span: Span<'a>) -> u32 {
        if let Some(known) = self.by_resource.get(&resource) {
            return *known;
        }
        let name = span.service();
        let number = *self.service_numbers.entry(name).or_insert_with(|| {
            self.services.push(Service { name: name.to_owned(), ..Service::default() });
            self.services.len() as u32 - 1
        });
        self.by_resource.insert(resource, number);
        number
    }

    fn name(&mut self, name: &'a str) -> u32 {
        *self.name_numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() as u32 - 1
        })
    }
}

/// What a span carries besides attributes, in one walk over it.
fn carried(span: Span<'_>) -> u16 {
    let mut flags = 0;
    let mut fields = Cursor::new(span.raw());
    while let Ok(Some((number, field))) = fields.next_field() {
        match number {
            otlp::span::LINKS => flags |= flag::LINKS,
            otlp::span::EVENTS => {
                flags |= flag::EVENTS;
                if field.bytes().is_some_and(is_exception) {
                    flags |= flag::EXCEPTION;
                }
            }
            _ => {}
        }
    }
    flags
}

fn is_exception(event: &[u8]) -> bool {
    let mut fields = Cursor::new(event);
    while let Ok(Some((number, field))) = fields.next_field() {
        if number == otlp::event::NAME {
            return field == Field::Bytes(b"exception");
        }
    }
    false
}

/// How many spans are below each, from the rows of parents, which come before their children.
pub(super) fn descendants(parents: &[i32]) -> Vec<u32> {
    let mut below = vec![0; parents.len()];
    for at in (0..parents.len()).rev() {
        if let Ok(parent) = usize::try_from(parents[at]) {
            below[parent] += below[at] + 1;
        }
    }
    below
}

fn note_errors(columns: &mut Columns) {
    let mut below = vec![false; columns.len()];
    for at in (0..columns.len()).rev() {
        let failed = columns.status[at] == StatusCode::Error as u8;
        columns.flags[at] |= match (failed, below[at]) {
            (true, false) => flag::ERROR_ORIGIN,
            (true, true) => flag::ERROR_ECHO,
            (false, true) => flag::ERROR_BELOW,
            (false, false) => 0,
        };
        if let Ok(parent) = usize::try_from(columns.parent[at]) {
            below[parent] |= failed || below[at];
        }
    }
}

fn note_bounds(columns: &mut Columns) {
    for at in 0..columns.len() {
        let Ok(parent) = usize::try_from(columns.parent[at]) else { continue };
        if columns.start_ns[at] < columns.start_ns[parent] {
            columns.flags[at] |= flag::BEFORE_PARENT;
        }
        if columns.end_ns(at) > columns.end_ns(parent) {
            columns.flags[at] |= flag::AFTER_PARENT;
        }
    }
}

fn missing(trace: &Trace) -> Vec<Missing> {
    let mut places: HashMap<_, usize, FixedState> = HashMap::default();
    let mut missing: Vec<Missing> = Vec::new();
    for (at, node) in trace.nodes().iter().enumerate().filter(|(_, node)| node.is_orphan) {
        let Some(id) = trace.span(node).parent() else { continue };
        let place = *places.entry(id).or_insert(missing.len());
        if place == missing.len() {
            missing.push(Missing { id: id.to_string(), children: Vec::new() });
        }
        missing[place].children.push(at as u32);
    }
    missing
}

fn push_hex(into: &mut String, id: [u8; 8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in id {
        into.push(char::from(DIGITS[usize::from(byte >> 4)]));
        into.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
