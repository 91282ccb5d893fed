//! The columns of a block: intrinsics, conventions, promoted keys, tails, events and links.
//!
//! The leaves up to [`leaf::FIXED`] are the same in every block, in this order; then one leaf for each entry of
//! [`FIXED`](super::conventions::FIXED), then the promoted keys of the block. `docs/format/block.md` describes them.

use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, Type, TypePtr};
use store::Level;

use super::conventions::{FIXED, fixed};

/// What a leaf's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// UTF-8.
    Text,
    /// 32-bit integers.
    Int32,
    /// 64-bit integers.
    Int,
    /// 64-bit floating-point numbers.
    Double,
    /// Truth values.
    Bool,
    /// Ids of this many bytes.
    Id(u8),
}

/// How a leaf is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// With a dictionary where that is smaller.
    Sized,
    /// With a dictionary where values repeat often: the values of one key, which questions look for.
    Keyed,
    /// Differences, bit-packed.
    Delta,
    /// As they are, not compressed.
    Raw,
}

/// One column of the file.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) kind: Kind,
    pub(crate) style: Style,
    pub(crate) def_max: u8,
    pub(crate) rep_max: u8,
    /// Page statistics in the file, for other readers.
    pub(crate) statistics: bool,
    pub(crate) descriptor: ColumnDescPtr,
}

/// A key that a block gives a column of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Promoted {
    /// Where the key stands: [`Level::Span`] or [`Level::Resource`].
    pub(crate) level: Level,
    /// The key.
    pub(crate) key: String,
    /// The type of value that the column takes; others stay in the tail.
    pub(crate) kind: Kind,
}

impl Promoted {
    /// The column's name in the file.
    pub(crate) fn column(&self) -> String {
        match self.level {
            Level::Resource => format!("{RESOURCE_PREFIX}{}", self.key),
            _ => self.key.clone(),
        }
    }
}

/// What the columns of promoted keys of the resource begin with; keys of spans that begin so are not promoted.
pub(crate) const RESOURCE_PREFIX: &str = "resource.";

/// The columns of one block.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) promoted: Vec<Promoted>,
    pub(crate) schema: TypePtr,
}

/// The places of the leaves that every block has.
pub(crate) mod leaf {
    pub(crate) const TRACE_ID: usize = 0;
    pub(crate) const SPAN_ID: usize = 1;
    pub(crate) const PARENT_DISTANCE: usize = 2;
    pub(crate) const PARENT_ID: usize = 3;
    pub(crate) const NAME: usize = 4;
    pub(crate) const KIND: usize = 5;
    pub(crate) const STATUS: usize = 6;
    pub(crate) const STATUS_MESSAGE: usize = 7;
    pub(crate) const START: usize = 8;
    pub(crate) const DURATION: usize = 9;
    pub(crate) const TRACE_STATE: usize = 10;
    pub(crate) const FLAGS: usize = 11;
    pub(crate) const DROPPED_ATTRIBUTES: usize = 12;
    pub(crate) const DROPPED_EVENTS: usize = 13;
    pub(crate) const DROPPED_LINKS: usize = 14;
    pub(crate) const SCOPE_NAME: usize = 15;
    pub(crate) const SCOPE_VERSION: usize = 16;
    pub(crate) const SCOPE_SCHEMA: usize = 17;
    pub(crate) const SCOPE_DROPPED: usize = 18;
    pub(crate) const RESOURCE_SCHEMA: usize = 19;
    pub(crate) const RESOURCE_DROPPED: usize = 20;
    pub(crate) const OLD_NAMES: usize = 21;
    pub(crate) const ATTRS: usize = 22;
    pub(crate) const RESOURCE_ATTRS: usize = 25;
    pub(crate) const SCOPE_ATTRS: usize = 28;
    pub(crate) const EVENT_TIME: usize = 31;
    pub(crate) const EVENT_NAME: usize = 32;
    /// Three of them: type, message, stack trace.
    pub(crate) const EXCEPTION: usize = 33;
    pub(crate) const EVENT_ATTRS: usize = 36;
    pub(crate) const EVENT_DROPPED: usize = 39;
    pub(crate) const LINK_TRACE_ID: usize = 40;
    pub(crate) const LINK_SPAN_ID: usize = 41;
    pub(crate) const LINK_TRACE_STATE: usize = 42;
    pub(crate) const LINK_ATTRS: usize = 43;
    pub(crate) const LINK_FLAGS: usize = 46;
    pub(crate) const LINK_DROPPED: usize = 47;
    pub(crate) const FIXED: usize = 48;
    /// From the first of a tail's three leaves (key, value, types) to its values.
    pub(crate) const VALUES: usize = 1;
    /// From the first of a tail's three leaves to its types.
    pub(crate) const TYPES: usize = 2;
}

/// The attributes of exception events that have columns of their own.
pub(crate) const EXCEPTION_KEYS: [&str; 3] = ["exception.type", "exception.message", "exception.stacktrace"];

impl Layout {
    /// The layout of a block with these promoted keys.
    pub(crate) fn new(promoted: Vec<Promoted>) -> Self {
        let mut fields = intrinsics();
        fields.extend(FIXED.iter().map(|fixed| column(fixed.key, fixed.kind, Repetition::OPTIONAL)));
        fields.extend(promoted.iter().map(|key| column(&key.column(), key.kind, Repetition::OPTIONAL)));
        let schema = group("span", Repetition::REQUIRED, None, fields);
        let descriptor = SchemaDescriptor::new(schema.clone());
        let leaves = (0..descriptor.num_columns()).map(|at| describe(at, descriptor.column(at))).collect();
        Self { leaves, promoted, schema }
    }

    /// The leaf that holds a key of the span or of the resource, and the bit of its older name.
    pub(crate) fn find(&self, level: Level, key: &str) -> Option<(usize, Option<u8>)> {
        let promoted = || {
            let at = self.promoted.iter().position(|other| other.level == level && other.key == key)?;
            Some((leaf::FIXED + FIXED.len() + at, None))
        };
        fixed(level, key).map(|(at, bit)| (leaf::FIXED + at, bit)).or_else(promoted)
    }

    /// The level and key of a leaf that holds one key.
    pub(crate) fn key(&self, at: usize) -> Option<(Level, &str)> {
        let place = at.checked_sub(leaf::FIXED)?;
        match FIXED.get(place) {
            Some(fixed) => Some((fixed.level, fixed.key)),
            None => self.promoted.get(place - FIXED.len()).map(|key| (key.level, key.key.as_str())),
        }
    }

    /// True where a column of this name would stand beside one that differs in case only, or not at all.
    pub(crate) fn clashes(&self, column: &str) -> bool {
        self.schema.get_fields().iter().any(|field| field.name().eq_ignore_ascii_case(column))
    }
}

impl Leaf {
    /// True where the pages lie in the file as they are.
    pub(crate) fn is_uncompressed(&self) -> bool {
        self.style == Style::Raw && matches!(self.kind, Kind::Id(_))
    }
}

fn describe(at: usize, descriptor: ColumnDescPtr) -> Leaf {
    let kind = match descriptor.physical_type() {
        Physical::INT32 => Kind::Int32,
        Physical::INT64 => Kind::Int,
        Physical::DOUBLE => Kind::Double,
        Physical::BOOLEAN => Kind::Bool,
        Physical::FIXED_LEN_BYTE_ARRAY => Kind::Id(descriptor.type_length() as u8),
        _ => Kind::Text,
    };
    let style = match at {
        leaf::SPAN_ID | leaf::PARENT_ID | leaf::LINK_SPAN_ID | leaf::LINK_TRACE_ID => Style::Raw,
        leaf::START | leaf::DURATION | leaf::EVENT_TIME => Style::Delta,
        _ if matches!(kind, Kind::Bool | Kind::Double) => Style::Raw,
        leaf::FIXED.. => Style::Keyed,
        _ => Style::Sized,
    };
    let statistics = matches!(at, leaf::START | leaf::DURATION | leaf::STATUS | leaf::KIND);
    let (def_max, rep_max) = (descriptor.max_def_level() as u8, descriptor.max_rep_level() as u8);
    Leaf { kind, style, def_max, rep_max, statistics, descriptor }
}

fn intrinsics() -> Vec<TypePtr> {
    const OPTIONAL: Repetition = Repetition::OPTIONAL;
    const REQUIRED: Repetition = Repetition::REQUIRED;
    let mut fields = vec![
        column("trace_id", Kind::Id(16), REQUIRED),
        column("span_id", Kind::Id(8), REQUIRED),
        column("parent_distance", Kind::Int32, OPTIONAL),
        column("parent_span_id", Kind::Id(8), OPTIONAL),
        column("name", Kind::Text, REQUIRED),
        column("kind", Kind::Int32, REQUIRED),
        column("status", Kind::Int32, REQUIRED),
        column("status_message", Kind::Text, OPTIONAL),
        column("start_ns", Kind::Int, REQUIRED),
        column("duration_ns", Kind::Int, REQUIRED),
        column("trace_state", Kind::Text, OPTIONAL),
        column("flags", Kind::Int32, OPTIONAL),
        column("dropped_attributes", Kind::Int32, OPTIONAL),
        column("dropped_events", Kind::Int32, OPTIONAL),
        column("dropped_links", Kind::Int32, OPTIONAL),
        column("scope_name", Kind::Text, OPTIONAL),
        column("scope_version", Kind::Text, OPTIONAL),
        column("scope_schema_url", Kind::Text, OPTIONAL),
        column("scope_dropped_attributes", Kind::Int32, OPTIONAL),
        column("resource_schema_url", Kind::Text, OPTIONAL),
        column("resource_dropped_attributes", Kind::Int32, OPTIONAL),
        column("old_names", Kind::Int, OPTIONAL),
    ];
    fields.extend(tail("attrs", "attr_types"));
    fields.extend(tail("resource_attrs", "resource_attr_types"));
    fields.extend(tail("scope_attrs", "scope_attr_types"));
    fields.push(list("events", events()));
    fields.push(list("links", links()));
    fields
}

fn events() -> Vec<TypePtr> {
    let mut fields = vec![
        column("time_ns", Kind::Int, Repetition::REQUIRED),
        column("name", Kind::Text, Repetition::REQUIRED),
        column("exception_type", Kind::Text, Repetition::OPTIONAL),
        column("exception_message", Kind::Text, Repetition::OPTIONAL),
        column("exception_stacktrace", Kind::Text, Repetition::OPTIONAL),
    ];
    fields.extend(tail("attrs", "attr_types"));
    fields.push(column("dropped_attributes", Kind::Int32, Repetition::OPTIONAL));
    fields
}

fn links() -> Vec<TypePtr> {
    let mut fields = vec![
        column("trace_id", Kind::Id(16), Repetition::REQUIRED),
        column("span_id", Kind::Id(8), Repetition::REQUIRED),
        column("trace_state", Kind::Text, Repetition::OPTIONAL),
    ];
    fields.extend(tail("attrs", "attr_types"));
    fields.push(column("flags", Kind::Int32, Repetition::OPTIONAL));
    fields.push(column("dropped_attributes", Kind::Int32, Repetition::OPTIONAL));
    fields
}

/// A map of keys to text, and one letter per entry that says its type.
fn tail(name: &str, types: &str) -> [TypePtr; 2] {
    let entry = vec![
        column("key", Kind::Text, Repetition::REQUIRED),
        column("value", Kind::Text, Repetition::REQUIRED),
    ];
    let entries = group("key_value", Repetition::REPEATED, None, entry);
    let map = group(name, Repetition::OPTIONAL, Some((LogicalType::Map, ConvertedType::MAP)), vec![entries]);
    [map, column(types, Kind::Text, Repetition::OPTIONAL)]
}

fn list(name: &str, fields: Vec<TypePtr>) -> TypePtr {
    let element = group("element", Repetition::REQUIRED, None, fields);
    let repeated = group("list", Repetition::REPEATED, None, vec![element]);
    group(name, Repetition::OPTIONAL, Some((LogicalType::List, ConvertedType::LIST)), vec![repeated])
}

fn group(
    name: &str,
    repetition: Repetition,
    logical: Option<(LogicalType, ConvertedType)>,
    fields: Vec<TypePtr>,
) -> TypePtr {
    let mut builder = Type::group_type_builder(name).with_repetition(repetition).with_fields(fields);
    if let Some((logical, converted)) = logical {
        builder = builder.with_logical_type(Some(logical)).with_converted_type(converted);
    }
    Arc::new(builder.build().expect("a group of valid fields is valid"))
}

fn column(name: &str, kind: Kind, repetition: Repetition) -> TypePtr {
    let physical = match kind {
        Kind::Text => Physical::BYTE_ARRAY,
        Kind::Int32 => Physical::INT32,
        Kind::Int => Physical::INT64,
        Kind::Double => Physical::DOUBLE,
        Kind::Bool => Physical::BOOLEAN,
        Kind::Id(_) => Physical::FIXED_LEN_BYTE_ARRAY,
    };
    let mut builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    if let Kind::Id(width) = kind {
        builder = builder.with_length(i32::from(width));
    }
    if kind == Kind::Text {
        builder =
            builder.with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8);
    }
    Arc::new(builder.build().expect("a column of a known type is valid"))
}
