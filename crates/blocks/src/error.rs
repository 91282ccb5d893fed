//! What can go wrong with the store, sorted by what the caller does next.

use std::fmt;

/// The result of an operation on the store.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again later: the disk is full, the object store is away.
    Retry,
    /// Give up: it will never work.
    Refuse,
    /// Ask a human: a file is damaged, or made by another version.
    Repair,
}

/// A failed operation on the store.
#[derive(Debug)]
pub struct Error {
    /// What the caller does next.
    pub next: Next,
    doing: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error without a cause below it; `what` says what is wrong.
    pub fn new(next: Next, what: impl Into<String>) -> Self {
        Self { next, doing: what.into(), source: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "cannot {}: {source}", self.doing),
            None => f.write_str(&self.doing),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}

/// Says what was being done when something failed.
pub trait Doing<T> {
    /// Wraps the cause: `doing` completes "cannot …".
    fn doing(self, next: Next, doing: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Doing<T> for std::result::Result<T, E> {
    fn doing(self, next: Next, doing: impl Into<String>) -> Result<T> {
        self.map_err(|cause| Error { next, doing: doing.into(), source: Some(cause.into()) })
    }
}
