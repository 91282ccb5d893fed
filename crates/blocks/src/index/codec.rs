//! The sections of a group as bytes, and back.
//!
//! A section is a protobuf message; long lists of numbers are packed varints, most of them differences. Reading
//! answers `None` where the bytes are not what writing makes; nothing is reserved for a length that was only claimed.

use model::proto::{Cursor, Field, Message};
use model::{Kind, Tenant, TraceId};
use store::Level;

use super::group::{Group, Operation, Texts, Traces};
use super::tokens::{Filter, level_number};
use super::zones::Zone;
use crate::columns::keys::KeyFacts;
use crate::columns::schema;
use crate::columns::schema::{Layout, Promoted};
use crate::columns::shred::TraceRows;
use crate::columns::sink::{Chunk, Part};

/// The section of the block's layout.
pub(super) fn write_layout(layout: &Layout) -> Vec<u8> {
    let mut out = Message::new();
    for promoted in &layout.promoted {
        out.message(1, |key| {
            key.varint(1, level_number(promoted.level));
            key.bytes(2, promoted.key.as_bytes());
            key.varint(3, kind_number(promoted.kind));
        });
    }
    out.varint(2, layout.leaves.len() as u64);
    out.into_bytes()
}

pub(super) fn read_layout(raw: &[u8]) -> Option<Layout> {
    let (mut promoted, mut leaves) = (Vec::new(), None);
    each(raw, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => {
                let key = Parsed::of(raw)?;
                let kind = kind_of(key.number(3)?)?;
                promoted.push(Promoted { level: level_of(key.number(1)?)?, key: key.text(2)?, kind });
            }
            (2, Field::Varint(count)) => leaves = Some(count as usize),
            _ => {}
        }
        Some(())
    })?;
    let layout = Layout::new(promoted);
    (leaves == Some(layout.leaves.len())).then_some(layout)
}

/// The section of a group: tenant, rows and where its pages lie.
pub(super) fn write_group(group: &Group) -> Vec<u8> {
    let mut out = Message::new();
    out.bytes(1, group.tenant.as_str().as_bytes());
    out.varint(2, u64::from(group.rows));
    for chunk in &group.chunks {
        out.message(3, |message| {
            let mut numbers = Packed::default();
            let mut last = 0_u64;
            let parts = chunk.dictionary.iter().chain(&chunk.pages);
            for part in parts {
                numbers.signed(part.at.wrapping_sub(last) as i64);
                numbers.put(u64::from(part.length));
                numbers.put(u64::from(part.crc));
                last = part.at + u64::from(part.length);
            }
            message.varint(1, u64::from(chunk.dictionary.is_some()));
            message.bytes(2, &numbers.0);
        });
    }
    out.into_bytes()
}

pub(super) fn read_group(raw: &[u8], layout: &Layout) -> Option<Group> {
    let mut chunks = Vec::new();
    each(raw, |number, field| {
        if let (3, Field::Bytes(raw)) = (number, field) {
            let chunk = Parsed::of(raw)?;
            let mut numbers = Unpacked(chunk.bytes(2)?);
            let (mut parts, mut last) = (Vec::new(), 0_u64);
            while !numbers.is_done() {
                let at = last.wrapping_add(numbers.signed()? as u64);
                let (length, crc) = (numbers.u32()?, numbers.u32()?);
                last = at.checked_add(u64::from(length))?;
                parts.push(Part { at, length, crc });
            }
            let dictionary = (chunk.number(1)? == 1 && !parts.is_empty()).then(|| parts.remove(0));
            chunks.push(Chunk { dictionary, pages: parts });
        }
        Some(())
    })?;
    let head = Parsed::of(raw)?;
    let rows = u32::try_from(head.number(2)?).ok()?;
    let pages = (rows as usize).div_ceil(crate::columns::sink::PAGE_ROWS);
    let whole = chunks.iter().all(|chunk| chunk.pages.is_empty() || chunk.pages.len() == pages);
    (whole && chunks.len() == layout.leaves.len()).then_some(())?;
    Some(Group {
        tenant: Tenant::parse(&head.text(1)?)?,
        rows,
        chunks,
        zones: Vec::new(),
        filters: Vec::new(),
        traces: Traces::default(),
        keys: Vec::new(),
        operations: Vec::new(),
    })
}

/// The section of zones.
pub(super) fn write_zones(group: &Group) -> Vec<u8> {
    let mut out = Packed::default();
    for zone in &group.zones {
        for number in [
            zone.start_min,
            zone.start_max.wrapping_sub(zone.start_min),
            zone.trace_start_max,
            zone.duration_min,
            zone.duration_max,
            u64::from(zone.kinds),
            u64::from(zone.statuses),
        ] {
            out.put(number);
        }
    }
    out.0
}

pub(super) fn read_zones(raw: &[u8], group: &mut Group) -> Option<()> {
    let mut numbers = Unpacked(raw);
    while !numbers.is_done() {
        let start_min = numbers.next()?;
        group.zones.push(Zone {
            start_min,
            start_max: start_min.wrapping_add(numbers.next()?),
            trace_start_max: numbers.next()?,
            duration_min: numbers.next()?,
            duration_max: numbers.next()?,
            kinds: u8::try_from(numbers.next()?).ok()?,
            statuses: u8::try_from(numbers.next()?).ok()?,
        });
    }
    (group.zones.len() == pages(group)).then_some(())
}

/// The section of traces, in row order.
pub(super) fn write_traces(group: &Group) -> Vec<u8> {
    let traces = group.traces.by_row();
    let mut ids = Vec::with_capacity(16 * traces.len());
    let (mut counts, mut times) = (Packed::default(), Packed::default());
    let mut last = 0;
    for trace in &traces {
        ids.extend_from_slice(&trace.id.0);
        counts.put(u64::from(trace.count) << 1 | u64::from(trace.plain));
        times.signed(trace.start.wrapping_sub(last) as i64);
        times.put(trace.end - trace.start);
        last = trace.start;
    }
    let mut out = Message::new();
    out.bytes(1, &ids);
    out.bytes(2, &counts.0);
    out.bytes(3, &times.0);
    out.into_bytes()
}

pub(super) fn read_traces(raw: &[u8], group: &mut Group) -> Option<()> {
    let parsed = Parsed::of(raw)?;
    let (mut counts, mut times) = (Unpacked(parsed.bytes(2)?), Unpacked(parsed.bytes(3)?));
    let (mut first, mut last) = (0_u32, 0_u64);
    let (ids, rest) = parsed.bytes(1)?.as_chunks::<16>();
    let mut traces = Vec::with_capacity(ids.len());
    for id in ids {
        let number = counts.next()?;
        let count = u32::try_from(number >> 1).ok().filter(|count| *count > 0)?;
        let start = last.wrapping_add(times.signed()? as u64);
        let end = start.checked_add(times.next()?)?;
        traces.push(TraceRows { id: TraceId(*id), first, count, start, end, plain: number & 1 == 1 });
        first = first.checked_add(count)?;
        last = start;
    }
    group.traces = Traces::new(traces);
    (rest.is_empty() && first == group.rows).then_some(())
}

/// The section of keys and operations.
pub(super) fn write_catalogue(group: &Group) -> Vec<u8> {
    let mut out = Message::new();
    for facts in &group.keys {
        out.message(1, |key| {
            key.varint(1, level_number(facts.level));
            key.bytes(2, facts.key.as_bytes());
            key.varint(3, facts.spans);
            key.varint(4, facts.in_tail);
            key.varint(5, facts.tail_bytes);
            let mut types = Packed::default();
            facts.tail_types.iter().for_each(|count| types.put(*count));
            key.bytes(6, &types.0);
        });
    }
    for operation in &group.operations {
        out.message(2, |message| {
            message.bytes(1, operation.service.as_bytes());
            message.bytes(2, operation.name.as_bytes());
            message.varint(3, operation.kind as u64);
            message.varint(4, operation.spans.into());
            message.varint(5, operation.errors.into());
        });
    }
    out.into_bytes()
}

pub(super) fn read_catalogue(raw: &[u8], group: &mut Group, texts: &mut Texts) -> Option<()> {
    each(raw, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => {
                let key = Parsed::of(raw)?;
                let mut types = Unpacked(key.bytes(6)?);
                let mut tail_types = [0; 5];
                for count in &mut tail_types {
                    *count = types.next()?;
                }
                group.keys.push(KeyFacts {
                    level: level_of(key.number(1)?)?,
                    key: key.text(2)?,
                    spans: key.number(3)?,
                    in_tail: key.number(4)?,
                    tail_bytes: key.number(5)?,
                    tail_types,
                });
            }
            (2, Field::Bytes(raw)) => {
                let operation = Parsed::of(raw)?;
                group.operations.push(Operation {
                    service: texts.keep(&operation.text(1)?),
                    name: texts.keep(&operation.text(2)?),
                    kind: Kind::from_number(operation.number(3)? as u8),
                    spans: u32::try_from(operation.number(4)?).ok()?,
                    errors: u32::try_from(operation.number(5)?).ok()?,
                });
            }
            _ => {}
        }
        Some(())
    })
}

/// The section of token filters.
pub(super) fn write_filters(group: &Group) -> Vec<u8> {
    let mut out = Message::new();
    for filter in &group.filters {
        let words: Vec<u8> = filter.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        out.bytes(1, &words);
    }
    out.into_bytes()
}

pub(super) fn read_filters(raw: &[u8], group: &mut Group) -> Option<()> {
    each(raw, |number, field| {
        if let (1, Field::Bytes(raw)) = (number, field) {
            let (words, rest) = raw.as_chunks::<8>();
            (rest.is_empty() && words.len() % 8 == 0).then_some(())?;
            let words = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
            group.filters.push(Filter { words });
        }
        Some(())
    })?;
    (group.filters.len() == pages(group)).then_some(())
}

fn pages(group: &Group) -> usize {
    (group.rows as usize).div_ceil(crate::columns::sink::PAGE_ROWS)
}

fn kind_number(kind: schema::Kind) -> u64 {
    match kind {
        schema::Kind::Int => 1,
        schema::Kind::Double => 2,
        schema::Kind::Bool => 3,
        _ => 0,
    }
}

fn kind_of(number: u64) -> Option<schema::Kind> {
    let kinds = [schema::Kind::Text, schema::Kind::Int, schema::Kind::Double, schema::Kind::Bool];
    kinds.get(usize::try_from(number).ok()?).copied()
}

fn level_of(number: u64) -> Option<Level> {
    let levels = [Level::Resource, Level::Scope, Level::Span, Level::Event, Level::Link];
    levels.into_iter().find(|level| level_number(*level) == number)
}

fn each(raw: &[u8], mut visit: impl FnMut(u32, Field<'_>) -> Option<()>) -> Option<()> {
    let mut cursor = Cursor::new(raw);
    while let Some((number, field)) = cursor.next_field().ok()? {
        visit(number, field)?;
    }
    Some(())
}

/// The single fields of a message.
struct Parsed<'a>(Vec<(u32, Field<'a>)>);

impl<'a> Parsed<'a> {
    fn of(raw: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        let mut cursor = Cursor::new(raw);
        while let Some(field) = cursor.next_field().ok()? {
            fields.push(field);
        }
        Some(Self(fields))
    }

    fn get(&self, number: u32) -> Option<Field<'a>> {
        self.0.iter().find(|(found, _)| *found == number).map(|(_, field)| *field)
    }

    fn number(&self, number: u32) -> Option<u64> {
        self.get(number)?.varint()
    }

    fn bytes(&self, number: u32) -> Option<&'a [u8]> {
        self.get(number)?.bytes()
    }

    fn text(&self, number: u32) -> Option<String> {
        std::str::from_utf8(self.bytes(number)?).ok().map(str::to_owned)
    }
}

/// Varints, one after the other.
#[derive(Default)]
struct Packed(Vec<u8>);

impl Packed {
    fn put(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn signed(&mut self, number: i64) {
        self.put((number << 1 ^ number >> 63) as u64);
    }
}

struct Unpacked<'a>(&'a [u8]);

impl Unpacked<'_> {
    fn is_done(&self) -> bool {
        self.0.is_empty()
    }

    fn next(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn u32(&mut self) -> Option<u32> {
        u32::try_from(self.next()?).ok()
    }

    fn signed(&mut self) -> Option<i64> {
        let raw = self.next()?;
        Some((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }
}
