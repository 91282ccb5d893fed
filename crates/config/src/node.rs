//! The tree that a configuration is: values that know where they stand.

use crate::{KeyPath, Place};

/// One value of the configuration.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where the value is written.
    pub place: Place,
    /// The keys that lead to it.
    pub path: KeyPath,
    /// What it is.
    pub value: Value,
    /// The text that `${…}` expanded to, for options that want text whatever YAML makes of it.
    pub(crate) expanded: Option<String>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A single value; its type is decided by who reads it.
    Scalar {
        /// The value without quotes.
        text: String,
        /// Whether it was written in quotes or as a block.
        quoted: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the file.
    Mapping(Vec<Entry>),
    /// A value whose problem is reported already; readers take their default.
    Invalid,
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as text.
    pub key: String,
    /// Where the key is written.
    pub place: Place,
    /// What stands under it.
    pub value: Node,
}

impl Node {
    pub(crate) fn new(place: Place, value: Value) -> Self {
        Self { place, path: KeyPath::root(), value, expanded: None }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The keys and values of a mapping, nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The single value as text; numbers and booleans are text too.
    pub fn text(&self) -> Option<&str> {
        match (&self.expanded, &self.value) {
            (Some(text), _) => Some(text),
            (None, Value::Scalar { text, .. }) => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is written here.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What messages call a value of this kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Invalid => "an invalid value",
        }
    }

    /// Gives this node and all below it their paths.
    pub(crate) fn locate(&mut self, path: &KeyPath) {
        self.path = path.clone();
        match &mut self.value {
            Value::Sequence(items) => {
                for (position, item) in items.iter_mut().enumerate() {
                    item.locate(&path.element(position));
                }
            }
            Value::Mapping(entries) => {
                for entry in entries {
                    entry.value.locate(&path.key(&entry.key));
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Invalid => {}
        }
    }

    /// Says that this node and all below it stand at one place, that of the text they came from.
    pub(crate) fn move_to(&mut self, place: &Place) {
        self.place = place.clone();
        match &mut self.value {
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Value::Mapping(entries) => {
                for entry in entries {
                    entry.place = place.clone();
                    entry.value.move_to(place);
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Invalid => {}
        }
    }

    /// Nodes, bytes of text and depth of this subtree.
    pub(crate) fn size(&self) -> Size {
        let mut size = Size { nodes: 1, bytes: self.text().map_or(0, str::len), depth: 1 };
        match &self.value {
            Value::Sequence(items) => items.iter().for_each(|item| size.contain(item.size())),
            Value::Mapping(entries) => {
                for entry in entries {
                    size.bytes += entry.key.len();
                    size.contain(entry.value.size());
                }
            }
            Value::Null | Value::Scalar { .. } | Value::Invalid => {}
        }
        size
    }
}

/// What a subtree costs.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) nodes: usize,
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Size {
    fn contain(&mut self, inner: Size) {
        self.nodes += inner.nodes;
        self.bytes += inner.bytes;
        self.depth = self.depth.max(inner.depth + 1);
    }
}
