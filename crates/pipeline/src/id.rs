//! The names of components: a kind, and a name where there are several of it.

use std::fmt;

/// `otlp`, or `otlp/edge`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentId {
    /// The part before the slash, as it was written.
    pub kind: String,
    /// The part after it.
    pub name: Option<String>,
}

impl ComponentId {
    /// The only one of its kind.
    pub fn of(kind: &str) -> Self {
        Self { kind: kind.to_owned(), name: None }
    }

    /// Reads `kind` or `kind/name`; the message says what is wrong.
    ///
    /// # Errors
    /// Where the kind is no word, or nothing follows the slash.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        let starts_well = kind.starts_with(|c: char| c.is_ascii_alphabetic());
        if !starts_well || !kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(format!("\"{text}\" is no name of a component, which looks like otlp or otlp/edge"));
        }
        if name == Some("") {
            return Err(format!("a name is missing after the slash of \"{text}\""));
        }
        Ok(Self { kind: kind.to_owned(), name: name.map(str::to_owned) })
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

#[cfg(test)]
mod tests;
