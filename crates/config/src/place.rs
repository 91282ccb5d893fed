//! Where something stands: file, line and column, and the path of keys that leads to it.

use std::fmt;
use std::sync::Arc;

/// A position in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The name of the file as the user gave it.
    pub file: Arc<str>,
    /// Counted from one.
    pub line: usize,
    /// Counted in characters, from one.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The keys that lead to a node, displayed `receivers::otlp::protocols`, list elements as `[0]`.
///
/// Parents are shared, so a path costs one small allocation whatever its length.
#[derive(Clone, Debug, Default)]
pub struct KeyPath(Option<Arc<Step>>);

#[derive(Debug)]
struct Step {
    parent: KeyPath,
    last: Last,
}

#[derive(Debug)]
enum Last {
    Key(String),
    Element(usize),
}

impl KeyPath {
    /// The path of the whole document, displayed as nothing.
    pub fn root() -> Self {
        Self(None)
    }

    /// The path of the value under `key`.
    pub fn key(&self, key: &str) -> Self {
        Self(Some(Arc::new(Step { parent: self.clone(), last: Last::Key(key.to_owned()) })))
    }

    /// The path of a list element.
    pub fn element(&self, position: usize) -> Self {
        Self(Some(Arc::new(Step { parent: self.clone(), last: Last::Element(position) })))
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(step) = &self.0 else { return Ok(()) };
        step.parent.fmt(f)?;
        match &step.last {
            Last::Key(key) if step.parent.0.is_none() => f.write_str(key),
            Last::Key(key) => write!(f, "::{key}"),
            Last::Element(position) => write!(f, "[{position}]"),
        }
    }
}
