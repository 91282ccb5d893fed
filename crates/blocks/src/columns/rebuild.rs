//! Puts rows together again: from the decoded pages of a row group to OTLP bytes.
//!
//! Spans with equal resources and scopes are gathered. All of a span comes back, the order of its attributes excepted.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;
use model::proto::Message;
use model::{SpanId, otlp};
use store::Level;

use super::conventions::older_name;
use super::cursor::{Cursor, value};
use super::decode::{Page, Plain};
use super::schema::{EXCEPTION_KEYS, Layout, leaf};
use super::tail;

/// Gathers rows of any number of pages.
#[derive(Default)]
pub(crate) struct Rebuilder {
    resources: Vec<Group<Vec<Scoped>>>,
    by_resource: HashMap<Vec<u8>, usize, FixedState>,
    /// For each row that was added: its resource and scope.
    homes: Vec<(u32, u32)>,
}

/// The tags and lengths of a group, and of its head and schema, are shorter.
const TAGS_BYTES_MAX: usize = 64;

/// The spans of one scope, as fields of their message.
type Scoped = Group<Message>;

struct Group<T> {
    head: Vec<u8>,
    schema_url: String,
    content: T,
}

/// The pages of one page number, by leaf; `None` where no row that is asked for has a value.
pub(crate) struct Slab<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) pages: &'a [Option<Placed>],
}

/// A page, or some rows of one.
#[derive(Clone)]
pub(crate) struct Placed {
    pub(crate) page: Arc<Page>,
    /// The first of its rows, counted from the whole page's first.
    pub(crate) first: u32,
}

impl Rebuilder {
    /// Adds rows of a slab, in ascending order; `parent` answers the span id of the row so many before.
    pub(crate) fn add(
        &mut self,
        slab: &Slab<'_>,
        rows: &[u32],
        parent: &mut dyn FnMut(u32, i64) -> Option<SpanId>,
    ) {
        let mut reader = Reader::new(slab);
        let mut span = Message::with_capacity(512);
        for row in rows {
            let row = *row as usize;
            let bits = reader.int(leaf::OLD_NAMES, row).unwrap_or(0);
            let mut resource = Message::new();
            reader.attributes(&mut resource, Level::Resource, (row, bits));
            reader.tail(&mut resource, otlp::resource::ATTRIBUTES, leaf::RESOURCE_ATTRS, row);
            if let Some(count) = reader.int(leaf::RESOURCE_DROPPED, row) {
                resource.varint(otlp::resource::DROPPED_ATTRIBUTES_COUNT, u64::from(count as u32));
            }
            let resource_schema = reader.text(leaf::RESOURCE_SCHEMA, row);
            let mut scope = Message::new();
            scope.text(otlp::scope::NAME, reader.text(leaf::SCOPE_NAME, row));
            scope.text(otlp::scope::VERSION, reader.text(leaf::SCOPE_VERSION, row));
            reader.tail(&mut scope, otlp::scope::ATTRIBUTES, leaf::SCOPE_ATTRS, row);
            if let Some(count) = reader.int(leaf::SCOPE_DROPPED, row) {
                scope.varint(otlp::scope::DROPPED_ATTRIBUTES_COUNT, u64::from(count as u32));
            }
            let scope_schema = reader.text(leaf::SCOPE_SCHEMA, row);
            span.clear();
            reader.span(&mut span, (row, bits), parent);
            let resource_at = self.resource(resource.into_bytes(), resource_schema);
            let resource = &mut self.resources[resource_at];
            let scope_at = resource.scope(scope.into_bytes(), scope_schema);
            resource.content[scope_at].content.bytes(otlp::scope_spans::SPANS, span.as_bytes());
            self.homes.push((resource_at as u32, scope_at as u32));
        }
    }

    /// For each row that was added, in that order: which span of the request it becomes.
    pub(crate) fn places(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.homes.len() as u32).collect();
        rows.sort_by_key(|row| self.homes[*row as usize]);
        let mut places = vec![0; rows.len()];
        for (place, row) in rows.into_iter().enumerate() {
            places[row as usize] = place as u32;
        }
        places
    }

    fn resource(&mut self, head: Vec<u8>, schema_url: &str) -> usize {
        let mut key = head;
        let length = key.len();
        key.extend_from_slice(schema_url.as_bytes());
        key.extend_from_slice(&(schema_url.len() as u32).to_le_bytes());
        if let Some(at) = self.by_resource.get(&key) {
            return *at;
        }
        let head = key[..length].to_vec();
        self.by_resource.insert(key, self.resources.len());
        self.resources.push(Group { head, schema_url: schema_url.into(), content: Vec::new() });
        self.resources.len() - 1
    }

    /// An `ExportTraceServiceRequest` of all rows.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut request = Message::with_capacity(self.bytes_max());
        for resource in &self.resources {
            request.message(otlp::request::RESOURCE_SPANS, |group| {
                group.bytes(otlp::resource_spans::RESOURCE, &resource.head);
                for scope in &resource.content {
                    group.message(otlp::resource_spans::SCOPE_SPANS, |spans| {
                        spans.bytes(otlp::scope_spans::SCOPE, &scope.head);
                        spans.raw(scope.content.as_bytes());
                        spans.text(otlp::scope_spans::SCHEMA_URL, &scope.schema_url);
                    });
                }
                group.text(otlp::resource_spans::SCHEMA_URL, &resource.schema_url);
            });
        }
        request.into_bytes()
    }

    /// The bytes that all rows take at most, so that they are written without being moved.
    fn bytes_max(&self) -> usize {
        let scope =
            |scope: &Scoped| scope.head.len() + scope.schema_url.len() + scope.content.as_bytes().len();
        let scopes = |all: &[Scoped]| all.iter().map(|one| scope(one) + TAGS_BYTES_MAX).sum::<usize>();
        let resource =
            |group: &Group<Vec<Scoped>>| group.head.len() + group.schema_url.len() + TAGS_BYTES_MAX;
        self.resources.iter().map(|group| resource(group) + scopes(&group.content)).sum()
    }
}

impl Group<Vec<Scoped>> {
    fn scope(&mut self, head: Vec<u8>, schema_url: &str) -> usize {
        let known =
            self.content.iter().position(|scope| scope.head == head && scope.schema_url == schema_url);
        known.unwrap_or_else(|| {
            self.content.push(Group { head, schema_url: schema_url.into(), content: Message::new() });
            self.content.len() - 1
        })
    }
}

struct Reader<'a> {
    layout: &'a Layout,
    cursors: Vec<Option<Cursor<'a>>>,
    /// The leaves of single keys that have values, by level.
    span_leaves: Vec<usize>,
    resource_leaves: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(slab: &Slab<'a>) -> Self {
        let cursor = |(at, placed): (usize, &'a Option<Placed>)| {
            let Placed { page, first } = placed.as_ref()?;
            Some(Cursor::new(page, slab.layout.leaves[at].def_max).from(*first as usize))
        };
        let of_level = |level: Level| {
            let keyed = (leaf::FIXED..slab.pages.len()).filter(|at| slab.pages[*at].is_some());
            keyed.filter(|at| slab.layout.key(*at).is_some_and(|(found, _)| found == level)).collect()
        };
        Self {
            layout: slab.layout,
            cursors: slab.pages.iter().enumerate().map(cursor).collect(),
            span_leaves: of_level(Level::Span),
            resource_leaves: of_level(Level::Resource),
        }
    }

    fn get(&mut self, leaf: usize, row: usize) -> Option<(&'a Plain, usize)> {
        self.cursors[leaf].as_mut()?.get(row)
    }

    fn int(&mut self, leaf: usize, row: usize) -> Option<i64> {
        self.get(leaf, row).map(|(plain, at)| plain.int(at))
    }

    fn text(&mut self, leaf: usize, row: usize) -> &'a str {
        self.get(leaf, row).map_or("", |(plain, at)| plain.text(at))
    }

    fn attributes(&mut self, message: &mut Message, level: Level, (row, bits): (usize, i64)) {
        let resource = level == Level::Resource;
        let number = if resource { otlp::resource::ATTRIBUTES } else { otlp::span::ATTRIBUTES };
        let count = if resource { self.resource_leaves.len() } else { self.span_leaves.len() };
        for place in 0..count {
            let leaf = if resource { self.resource_leaves[place] } else { self.span_leaves[place] };
            let Some(cell) = self.get(leaf, row) else { continue };
            let older = if bits == 0 { None } else { older_name(bits, leaf - leaf::FIXED) };
            let key = older.or_else(|| self.layout.key(leaf).map(|(_, key)| key)).unwrap_or_default();
            otlp::attribute(message, number, key, value(cell));
        }
    }

    fn tail(&mut self, message: &mut Message, number: u32, base: usize, row: usize) {
        let types = self.text(base + leaf::TYPES, row).as_bytes();
        let [Some(keys), Some(values)] = self.pair(base) else { return };
        keys.seek(row);
        values.seek(row);
        write_tail(message, number, (keys, values), types, (true, 0));
        keys.row_done();
        values.row_done();
    }

    fn pair(&mut self, base: usize) -> [Option<&mut Cursor<'a>>; 2] {
        let [keys, values] =
            self.cursors.get_disjoint_mut([base, base + leaf::VALUES]).expect("two leaves of a tail");
        [keys.as_mut(), values.as_mut()]
    }

    fn span(
        &mut self,
        span: &mut Message,
        (row, bits): (usize, i64),
        parent: &mut dyn FnMut(u32, i64) -> Option<SpanId>,
    ) {
        for (leaf, number) in [(leaf::TRACE_ID, otlp::span::TRACE_ID), (leaf::SPAN_ID, otlp::span::SPAN_ID)] {
            if let Some((plain, at)) = self.get(leaf, row) {
                span.bytes(number, plain.bytes(at));
            }
        }
        span.text(otlp::span::TRACE_STATE, self.text(leaf::TRACE_STATE, row));
        if let Some(distance) = self.int(leaf::PARENT_DISTANCE, row) {
            if let Some(id) = parent(row as u32, distance) {
                span.bytes(otlp::span::PARENT_SPAN_ID, &id.0);
            }
        } else if let Some((plain, at)) = self.get(leaf::PARENT_ID, row) {
            span.bytes(otlp::span::PARENT_SPAN_ID, plain.bytes(at));
        }
        span.text(otlp::span::NAME, self.text(leaf::NAME, row));
        span.varint(otlp::span::KIND, self.int(leaf::KIND, row).unwrap_or(0) as u64);
        let start = self.int(leaf::START, row).unwrap_or(0);
        let duration = self.int(leaf::DURATION, row).unwrap_or(0);
        span.fixed64(otlp::span::START_TIME_UNIX_NANO, start as u64);
        span.fixed64(otlp::span::END_TIME_UNIX_NANO, start.wrapping_add(duration) as u64);
        self.attributes(span, Level::Span, (row, bits));
        self.tail(span, otlp::span::ATTRIBUTES, leaf::ATTRS, row);
        self.events(span, row);
        self.links(span, row);
        for (leaf, number) in [
            (leaf::DROPPED_ATTRIBUTES, otlp::span::DROPPED_ATTRIBUTES_COUNT),
            (leaf::DROPPED_EVENTS, otlp::span::DROPPED_EVENTS_COUNT),
            (leaf::DROPPED_LINKS, otlp::span::DROPPED_LINKS_COUNT),
        ] {
            if let Some(count) = self.int(leaf, row) {
                span.varint(number, u64::from(count as u32));
            }
        }
        let (code, message) =
            (self.int(leaf::STATUS, row).unwrap_or(0), self.text(leaf::STATUS_MESSAGE, row));
        if code != 0 || !message.is_empty() {
            span.message(otlp::span::STATUS, |status| {
                status.text(otlp::status::MESSAGE, message);
                status.varint(otlp::status::CODE, code as u64);
            });
        }
        if let Some(flags) = self.int(leaf::FLAGS, row) {
            span.fixed32(otlp::span::FLAGS, flags as u32);
        }
    }

    fn events(&mut self, span: &mut Message, row: usize) {
        let leaves = leaf::EVENT_TIME..leaf::LINK_TRACE_ID;
        let (before, nested) = self.cursors.split_at_mut(leaves.start);
        debug_assert_eq!(before.len(), leaf::EVENT_TIME);
        let nested = &mut nested[..leaves.len()];
        let mut list = List::new(nested, row);
        while let Some(is_first) = list.next_element() {
            span.message(otlp::span::EVENTS, |event| {
                let time = list.entry(leaf::EVENT_TIME - leaves.start, is_first);
                event.fixed64(otlp::event::TIME_UNIX_NANO, int_of(time) as u64);
                let name = list.entry(leaf::EVENT_NAME - leaves.start, is_first);
                event.text(otlp::event::NAME, text_of(name).unwrap_or_default());
                for (place, key) in EXCEPTION_KEYS.into_iter().enumerate() {
                    let text = list.entry(leaf::EXCEPTION + place - leaves.start, is_first);
                    if let Some(text) = text_of(text) {
                        otlp::attribute(event, otlp::event::ATTRIBUTES, key, model::Value::Text(text));
                    }
                }
                list.tail(event, otlp::event::ATTRIBUTES, (leaf::EVENT_ATTRS - leaves.start, is_first));
                let dropped = list.entry(leaf::EVENT_DROPPED - leaves.start, is_first);
                if dropped.is_some() {
                    event.varint(otlp::event::DROPPED_ATTRIBUTES_COUNT, u64::from(int_of(dropped) as u32));
                }
            });
        }
        list.done();
    }

    fn links(&mut self, span: &mut Message, row: usize) {
        let leaves = leaf::LINK_TRACE_ID..leaf::FIXED;
        let mut list = List::new(&mut self.cursors[leaves.clone()], row);
        while let Some(is_first) = list.next_element() {
            span.message(otlp::span::LINKS, |link| {
                for (leaf, number) in
                    [(leaf::LINK_TRACE_ID, otlp::link::TRACE_ID), (leaf::LINK_SPAN_ID, otlp::link::SPAN_ID)]
                {
                    if let Some((plain, at)) = list.entry(leaf - leaves.start, is_first) {
                        link.bytes(number, plain.bytes(at));
                    }
                }
                let state = list.entry(leaf::LINK_TRACE_STATE - leaves.start, is_first);
                link.text(otlp::link::TRACE_STATE, text_of(state).unwrap_or_default());
                list.tail(link, otlp::link::ATTRIBUTES, (leaf::LINK_ATTRS - leaves.start, is_first));
                let flags = list.entry(leaf::LINK_FLAGS - leaves.start, is_first);
                let dropped = list.entry(leaf::LINK_DROPPED - leaves.start, is_first);
                if dropped.is_some() {
                    link.varint(otlp::link::DROPPED_ATTRIBUTES_COUNT, u64::from(int_of(dropped) as u32));
                }
                if flags.is_some() {
                    link.fixed32(otlp::link::FLAGS, int_of(flags) as u32);
                }
            });
        }
        list.done();
    }
}

/// The leaves of one list, read element by element; the first leaf has a value in every element.
struct List<'a, 'c> {
    cursors: &'c mut [Option<Cursor<'a>>],
    begun: bool,
    has_any: bool,
}

impl<'a, 'c> List<'a, 'c> {
    fn new(cursors: &'c mut [Option<Cursor<'a>>], row: usize) -> Self {
        let mut has_any = false;
        for cursor in cursors.iter_mut().flatten() {
            cursor.seek(row);
        }
        if let Some(first) = cursors.first().and_then(Option::as_ref) {
            has_any = first.clone().next_entry(true, 0).is_some_and(|entry| entry.value.is_some());
        }
        Self { cursors, begun: false, has_any }
    }

    /// Whether another element follows, and if so whether it is the first.
    fn next_element(&mut self) -> Option<bool> {
        if !self.has_any {
            return None;
        }
        if !std::mem::replace(&mut self.begun, true) {
            return Some(true);
        }
        self.cursors.first()?.as_ref()?.continues().then_some(false)
    }

    fn entry(&mut self, leaf: usize, is_first: bool) -> Option<(&'a Plain, usize)> {
        self.cursors[leaf].as_mut()?.next_entry(is_first, 0)?.value
    }

    fn tail(&mut self, message: &mut Message, number: u32, (base, is_first): (usize, bool)) {
        let types = text_of(self.entry(base + leaf::TYPES, is_first)).unwrap_or_default();
        let [Some(keys), Some(values)] =
            self.cursors.get_disjoint_mut([base, base + leaf::VALUES]).expect("two leaves of a tail")
        else {
            return;
        };
        write_tail(message, number, (keys, values), types.as_bytes(), (is_first, 1));
    }

    /// Leaves the row; a row without elements has one level in each leaf, which is passed by the next seek.
    fn done(self) {
        if self.has_any {
            self.cursors.iter_mut().flatten().for_each(Cursor::row_done);
        }
    }
}

/// Writes the entries of one tail; `place` says whether they begin a row and the repetition that ends them.
fn write_tail(
    message: &mut Message,
    number: u32,
    (keys, values): (&mut Cursor<'_>, &mut Cursor<'_>),
    types: &[u8],
    place: (bool, u8),
) {
    let (mut begins, outer) = place;
    let mut at = 0;
    let mut first = true;
    loop {
        let begin = if outer == 0 { begins } else { first };
        let (Some(key), Some(text)) = (keys.next_entry(begin, outer), values.next_entry(begin, outer)) else {
            return;
        };
        begins = false;
        first = false;
        let (Some((keys, key)), Some((texts, text))) = (key.value, text.value) else { continue };
        let letter = types.get(at).copied().unwrap_or(tail::TEXT);
        tail::restore(message, number, keys.text(key), (letter, texts.text(text)));
        at += 1;
    }
}

fn int_of(cell: Option<(&Plain, usize)>) -> i64 {
    cell.map_or(0, |(plain, at)| plain.int(at))
}

fn text_of(cell: Option<(&Plain, usize)>) -> Option<&str> {
    cell.map(|(plain, at)| plain.text(at))
}
