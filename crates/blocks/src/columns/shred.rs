//! Takes sorted spans apart into the columns of one row group.
//!
//! Each span is walked once. What belongs to its resource and its scope was prepared once for all its spans, so a row
//! only refers to it. The first value of a key goes into the key's column where its type fits; everything else goes
//! into the tail, so that no value is lost and the first stays the first.

use std::ops::Range;

use model::proto::{Cursor, Field};
use model::{Batch, Span, SpanId, TraceId, Value, otlp};
use store::Level;

use super::keys::{KeyFacts, Keys, Route};
use super::order::{At, Ordered};
use super::prepare::Preparer;
use super::schema::{EXCEPTION_KEYS, Kind, Layout, leaf};
use super::tail;
use super::values::{Cell, Column};

/// The columns of a row group, and what its index wants to know.
#[derive(Debug)]
pub(crate) struct Shredded {
    pub(crate) rows: u32,
    pub(crate) columns: Vec<Column>,
    pub(crate) traces: Vec<TraceRows>,
    pub(crate) keys: Vec<KeyFacts>,
}

/// The rows of one trace in a row group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceRows {
    pub(crate) id: TraceId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// The earliest start.
    pub(crate) start: u64,
    /// The latest end, never before the start of its span.
    pub(crate) end: u64,
    /// Every span has an id of its own, and stands after its parent if that is there.
    pub(crate) plain: bool,
}

/// Shreds the traces of one row group, into the memory of columns that are of no more use.
pub(crate) fn shred(
    layout: &Layout,
    batches: &[Batch],
    ordered: &Ordered,
    group: &[Range<usize>],
    spare: Vec<Column>,
) -> Shredded {
    let mut shredder = Shredder::new(layout, batches, spare);
    let mut traces = Vec::with_capacity(group.len());
    for trace in group {
        traces.push(shredder.trace(&ordered.rows[trace.clone()]));
    }
    let rows = shredder.row;
    let (mut columns, keys) = shredder.finish();
    columns.iter_mut().for_each(|column| column.pad(rows));
    Shredded { rows, columns, traces, keys }
}

struct Shredder<'a> {
    layout: &'a Layout,
    batches: &'a [Batch],
    row: u32,
    columns: Vec<Column>,
    span_keys: Keys,
    event_keys: Keys,
    link_keys: Keys,
    preparer: Preparer<'a>,
    scratch: String,
    types: Vec<u8>,
}

/// Levels of one entry of a tail, and the tail's first leaf.
#[derive(Clone, Copy)]
struct Spot {
    base: usize,
    def: u8,
    rep: u8,
}

impl<'a> Shredder<'a> {
    fn new(layout: &'a Layout, batches: &'a [Batch], spare: Vec<Column>) -> Self {
        let columns = Column::all(layout, spare);
        Self {
            layout,
            batches,
            row: 0,
            columns,
            span_keys: Keys::new(Level::Span),
            event_keys: Keys::new(Level::Event),
            link_keys: Keys::new(Level::Link),
            preparer: Preparer::new(batches),
            scratch: String::new(),
            types: Vec::new(),
        }
    }

    fn finish(mut self) -> (Vec<Column>, Vec<KeyFacts>) {
        let mut keys = self.preparer.finish(&mut self.columns);
        for level in [&mut self.span_keys, &mut self.event_keys, &mut self.link_keys] {
            keys.extend(level.known.drain(..).map(|known| known.facts));
        }
        keys.retain(|facts| facts.spans > 0);
        (self.columns, keys)
    }

    fn trace(&mut self, rows: &[At]) -> TraceRows {
        let first = self.row;
        let (mut start, mut end) = (u64::MAX, 0);
        let mut trace_id = TraceId::default();
        let id = |at: &At| self.batches[at.batch as usize].rows()[at.place as usize].span_id;
        let mut parents = Parents::new(rows.iter().map(id).collect());
        for (place, at) in rows.iter().enumerate() {
            let batch = &self.batches[at.batch as usize];
            let span = batch.span(at.place as usize);
            trace_id = span.trace_id();
            start = start.min(span.start());
            end = end.max(span.end().max(span.start()));
            self.parent(place, span, &mut parents);
            self.prepared(*at, batch);
            self.intrinsics(span);
            self.span(span);
            self.row += 1;
        }
        let plain = parents.are_before && parents.are_distinct();
        TraceRows { id: trace_id, first, count: rows.len() as u32, start, end, plain }
    }

    fn parent(&mut self, place: usize, span: Span<'_>, parents: &mut Parents) {
        let Some(parent) = span.parent() else { return };
        match parents.find(parent, place) {
            Some(at) => {
                parents.are_before &= at < place;
                self.columns[leaf::PARENT_DISTANCE].int(self.row, place as i64 - at as i64);
            }
            None => self.columns[leaf::PARENT_ID].id(self.row, &parent.0),
        }
    }

    fn intrinsics(&mut self, span: Span<'_>) {
        let columns = &mut self.columns;
        columns[leaf::TRACE_ID].push_id(&span.trace_id().0);
        columns[leaf::SPAN_ID].push_id(&span.span_id().0);
        columns[leaf::KIND].push_int(i64::from(span.row().kind));
        columns[leaf::STATUS].push_int(i64::from(span.row().status));
        columns[leaf::START].push_int(span.start() as i64);
        columns[leaf::DURATION].push_int(span.end().wrapping_sub(span.start()) as i64);
    }

    fn prepared(&mut self, at: At, batch: &'a Batch) {
        let bits = self.preparer.resource(at, batch, self.layout, &mut self.columns);
        self.preparer.scope(at, batch, self.layout, &mut self.columns);
        if bits != 0 {
            self.old_name_bits(bits);
        }
    }

    /// Adds bits to those of this row.
    #[cold]
    fn old_name_bits(&mut self, bits: i64) {
        let column = &mut self.columns[leaf::OLD_NAMES];
        if column.seen == self.row + 1
            && let super::values::Values::Int(values) = &mut column.values
            && let Some(last) = values.last_mut()
        {
            *last |= bits;
            return;
        }
        column.seen = self.row + 1;
        column.int(self.row, bits);
    }

    fn span(&mut self, span: Span<'_>) {
        let row = self.row;
        self.types.clear();
        let (mut name, mut message, mut state) = (&[][..], &[][..], &[][..]);
        let mut counts = [0; 4];
        let (mut events, mut links) = (0, 0);
        let mut cursor = Cursor::new(span.raw());
        while let Ok(Some(field)) = cursor.next_field() {
            match field {
                (otlp::span::ATTRIBUTES, Field::Bytes(pair)) => self.attribute(pair),
                (otlp::span::NAME, Field::Bytes(text)) => name = text,
                (otlp::span::STATUS, Field::Bytes(status)) => {
                    message = last_bytes(status, otlp::status::MESSAGE)
                }
                (otlp::span::EVENTS, Field::Bytes(event)) => {
                    self.event(event, events == 0);
                    events += 1;
                }
                (otlp::span::LINKS, Field::Bytes(link)) => {
                    self.link(link, links == 0);
                    links += 1;
                }
                (otlp::span::TRACE_STATE, Field::Bytes(text)) => state = text,
                (otlp::span::FLAGS, Field::Fixed32(flags)) => counts[0] = flags,
                (otlp::span::DROPPED_ATTRIBUTES_COUNT, Field::Varint(count)) => counts[1] = count as u32,
                (otlp::span::DROPPED_EVENTS_COUNT, Field::Varint(count)) => counts[2] = count as u32,
                (otlp::span::DROPPED_LINKS_COUNT, Field::Varint(count)) => counts[3] = count as u32,
                _ => {}
            }
        }
        put_types(&mut self.columns[leaf::ATTRS + leaf::TYPES], row, &self.types);
        self.columns[leaf::NAME].text(row, name);
        self.columns[leaf::STATUS_MESSAGE].some_text(row, message);
        self.columns[leaf::TRACE_STATE].some_text(row, state);
        for (place, count) in counts.into_iter().enumerate() {
            self.columns[leaf::FLAGS + place].some_count(row, count);
        }
    }

    #[inline]
    fn attribute(&mut self, pair: &[u8]) {
        let (key, value) = key_value(pair);
        let number = self.span_keys.number(key, self.layout);
        let known = &mut self.span_keys.known[number];
        known.count(self.row);
        if let Route::Column { leaf, kind, bit } = known.route {
            let column = &mut self.columns[leaf as usize];
            let is_first = column.seen != self.row + 1;
            column.seen = self.row + 1;
            if is_first && let Some(cell) = cell(column, kind, value) {
                column.cell(self.row, cell);
                if let Some(bit) = bit {
                    self.old_name_bits(1 << bit);
                }
                return;
            }
        }
        let rep = u8::from(!self.types.is_empty());
        let mut types = std::mem::take(&mut self.types);
        let spot = Spot { base: leaf::ATTRS, def: 2, rep };
        types.push(self.tail(Level::Span, number, value, spot));
        self.types = types;
    }

    /// Writes one entry of a tail and answers the letter of its type.
    fn tail(&mut self, level: Level, number: usize, value: Read<'_>, spot: Spot) -> u8 {
        let keys = match level {
            Level::Event => &mut self.event_keys,
            Level::Link => &mut self.link_keys,
            _ => &mut self.span_keys,
        };
        let known = &mut keys.known[number];
        let column = &mut self.columns[spot.base];
        let place = *known.place.get_or_insert_with(|| column.store(known.facts.key.as_bytes()));
        column.level(self.row, spot.def, spot.rep);
        column.push_place(place);
        let (letter, text) = match value {
            Read::Text(text) => (tail::TEXT, text),
            Read::Other(value) => (tail::write(value, &mut self.scratch), self.scratch.as_bytes()),
        };
        let column = &mut self.columns[spot.base + leaf::VALUES];
        column.level(self.row, spot.def, spot.rep);
        let place = column.store(text);
        column.push_place(place);
        known.count_tail(1, text.len(), letter);
        letter
    }

    fn event(&mut self, event: &[u8], is_first: bool) {
        let rep = u8::from(!is_first);
        let (mut time, mut name, mut dropped) = (0, &[][..], 0);
        let mut exception = [None; 3];
        let mut seen = [false; 3];
        let mut types = Vec::new();
        let mut cursor = Cursor::new(event);
        while let Ok(Some(field)) = cursor.next_field() {
            match field {
                (otlp::event::TIME_UNIX_NANO, Field::Fixed64(at)) => time = at,
                (otlp::event::NAME, Field::Bytes(text)) => name = text,
                (otlp::event::DROPPED_ATTRIBUTES_COUNT, Field::Varint(count)) => dropped = count as u32,
                (otlp::event::ATTRIBUTES, Field::Bytes(pair)) => {
                    let (key, value) = key_value(pair);
                    let number = self.event_keys.number(key, self.layout);
                    self.event_keys.known[number].count(self.row);
                    let column = EXCEPTION_KEYS.iter().position(|other| other.as_bytes() == key);
                    match (column, value) {
                        (Some(at), Read::Text(text)) if !seen[at] => exception[at] = Some(text),
                        _ => {
                            let rep = if types.is_empty() { rep } else { 2 };
                            let spot = Spot { base: leaf::EVENT_ATTRS, def: 4, rep };
                            types.push(self.tail(Level::Event, number, value, spot));
                        }
                    }
                    column.into_iter().for_each(|at| seen[at] = true);
                }
                _ => {}
            }
        }
        self.element(leaf::EVENT_TIME, rep, |column| column.push_int(time as i64));
        self.element(leaf::EVENT_NAME, rep, |column| store_text(column, name));
        for (at, text) in exception.into_iter().enumerate() {
            self.optional_text(leaf::EXCEPTION + at, rep, text);
        }
        self.nested_tail_end(leaf::EVENT_ATTRS, rep, &types);
        self.optional_count(leaf::EVENT_DROPPED, rep, dropped);
    }

    fn link(&mut self, link: &[u8], is_first: bool) {
        let rep = u8::from(!is_first);
        let (mut trace_id, mut span_id, mut state) = ([0; 16], [0; 8], &[][..]);
        let (mut flags, mut dropped) = (0, 0);
        let mut types = Vec::new();
        let mut cursor = Cursor::new(link);
        while let Ok(Some(field)) = cursor.next_field() {
            match field {
                (otlp::link::TRACE_ID, Field::Bytes(id)) => trace_id = id.try_into().unwrap_or_default(),
                (otlp::link::SPAN_ID, Field::Bytes(id)) => span_id = id.try_into().unwrap_or_default(),
                (otlp::link::TRACE_STATE, Field::Bytes(text)) => state = text,
                (otlp::link::FLAGS, Field::Fixed32(bits)) => flags = bits,
                (otlp::link::DROPPED_ATTRIBUTES_COUNT, Field::Varint(count)) => dropped = count as u32,
                (otlp::link::ATTRIBUTES, Field::Bytes(pair)) => {
                    let (key, value) = key_value(pair);
                    let number = self.link_keys.number(key, self.layout);
                    self.link_keys.known[number].count(self.row);
                    let rep = if types.is_empty() { rep } else { 2 };
                    let spot = Spot { base: leaf::LINK_ATTRS, def: 4, rep };
                    types.push(self.tail(Level::Link, number, value, spot));
                }
                _ => {}
            }
        }
        self.element(leaf::LINK_TRACE_ID, rep, |column| column.push_id(&trace_id));
        self.element(leaf::LINK_SPAN_ID, rep, |column| column.push_id(&span_id));
        self.optional_text(leaf::LINK_TRACE_STATE, rep, (!state.is_empty()).then_some(state));
        self.nested_tail_end(leaf::LINK_ATTRS, rep, &types);
        self.optional_count(leaf::LINK_FLAGS, rep, flags);
        self.optional_count(leaf::LINK_DROPPED, rep, dropped);
    }

    fn element(&mut self, leaf: usize, rep: u8, put: impl FnOnce(&mut Column)) {
        let column = &mut self.columns[leaf];
        column.level(self.row, column.def_max(), rep);
        put(column);
    }

    fn optional_text(&mut self, leaf: usize, rep: u8, text: Option<&[u8]>) {
        match text {
            Some(text) => self.element(leaf, rep, |column| store_text(column, text)),
            None => self.columns[leaf].level(self.row, 2, rep),
        }
    }

    fn optional_count(&mut self, leaf: usize, rep: u8, count: u32) {
        match count {
            0 => self.columns[leaf].level(self.row, 2, rep),
            count => self.element(leaf, rep, |column| column.push_int(i64::from(count as i32))),
        }
    }

    fn nested_tail_end(&mut self, base: usize, rep: u8, types: &[u8]) {
        if types.is_empty() {
            self.columns[base].level(self.row, 2, rep);
            self.columns[base + leaf::VALUES].level(self.row, 2, rep);
        }
        let odd = types.iter().any(|letter| *letter != tail::TEXT);
        self.optional_text(base + leaf::TYPES, rep, odd.then_some(types));
    }
}

fn store_text(column: &mut Column, text: &[u8]) {
    let place = column.store(text);
    column.push_place(place);
}

fn put_types(column: &mut Column, row: u32, types: &[u8]) {
    if types.iter().any(|letter| *letter != tail::TEXT) {
        column.text(row, types);
    }
}

/// The value as a cell of its column, where the type fits.
#[inline]
pub(crate) fn cell(column: &mut Column, kind: Kind, value: Read<'_>) -> Option<Cell> {
    match (kind, value) {
        (Kind::Text, Read::Text(text)) => Some(Cell::Text(column.store(text))),
        (Kind::Int, Read::Other(Value::Int(number))) => Some(Cell::Int(number)),
        (Kind::Double, Read::Other(Value::Double(number))) => Some(Cell::Double(number)),
        (Kind::Bool, Read::Other(Value::Bool(truth))) => Some(Cell::Bool(truth)),
        _ => None,
    }
}

/// A value, whose text is not looked at: the walk has checked it.
#[derive(Clone, Copy)]
pub(crate) enum Read<'a> {
    Text(&'a [u8]),
    Other(Value<'a>),
}

#[inline]
pub(super) fn key_value(pair: &[u8]) -> (&[u8], Read<'_>) {
    if let Some((key, text)) = short_text(pair) {
        return (key, Read::Text(text));
    }
    let (mut key, mut value) = (&[][..], Value::Empty);
    let mut cursor = Cursor::new(pair);
    while let Ok(Some(field)) = cursor.next_field() {
        match field {
            (otlp::key_value::KEY, Field::Bytes(name)) => key = name,
            (otlp::key_value::VALUE, Field::Bytes(raw)) => value = Value::read(raw),
            _ => {}
        }
    }
    match value {
        Value::Text(text) => (key, Read::Text(text.as_bytes())),
        value => (key, Read::Other(value)),
    }
}

/// A key and a text as nearly all senders write them: one after the other, and each of fewer than 128 bytes.
#[inline]
fn short_text(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: u8 = (otlp::key_value::KEY << 3 | 2) as u8;
    const VALUE: u8 = (otlp::key_value::VALUE << 3 | 2) as u8;
    const STRING: u8 = (otlp::any_value::STRING << 3 | 2) as u8;
    let ([KEY, key_length @ ..=0x7f], rest) = pair.split_first_chunk::<2>()? else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(*key_length))?;
    let ([VALUE, length @ ..=0x7f, STRING, text_length], text) = rest.split_first_chunk::<4>()? else {
        return None;
    };
    let fits = text.len() == usize::from(*text_length) && text.len() + 2 == usize::from(*length);
    fits.then_some((key, text))
}

pub(super) fn last_bytes(message: &[u8], number: u32) -> &[u8] {
    let mut found = &[][..];
    let mut cursor = Cursor::new(message);
    while let Ok(Some((other, field))) = cursor.next_field() {
        if let (true, Field::Bytes(bytes)) = (other == number, field) {
            found = bytes;
        }
    }
    found
}

/// Finds the row of a parent: nearby rows are compared, a map is made once for large traces.
pub(crate) struct Parents {
    ids: Vec<SpanId>,
    by_id: std::collections::HashMap<SpanId, usize, foldhash::fast::FixedState>,
    /// So far every parent stood before its child.
    pub(crate) are_before: bool,
}

impl Parents {
    const NEAR: usize = 32;

    pub(crate) fn new(ids: Vec<SpanId>) -> Self {
        let mut by_id = std::collections::HashMap::default();
        if ids.len() > Self::NEAR {
            by_id.extend(ids.iter().enumerate().map(|(at, id)| (*id, at)));
        }
        Self { ids, by_id, are_before: true }
    }

    pub(crate) fn find(&self, parent: SpanId, place: usize) -> Option<usize> {
        let near = place.saturating_sub(Self::NEAR);
        if let Some(at) = self.ids[near..place].iter().rposition(|id| *id == parent) {
            return Some(near + at);
        }
        match self.by_id.is_empty() {
            true => self.ids.iter().position(|id| *id == parent),
            false => self.by_id.get(&parent).copied(),
        }
    }

    pub(crate) fn are_distinct(&self) -> bool {
        if !self.by_id.is_empty() {
            return self.by_id.len() == self.ids.len();
        }
        self.ids.iter().enumerate().all(|(at, id)| !self.ids[..at].contains(id))
    }
}
