//! What can go wrong with a journal, sorted by what the caller does next.

use std::{fmt, io};

/// The result of a journal operation.
pub type Result<T> = std::result::Result<T, Error>;

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again later: the disk failed or is full.
    Retry,
    /// Give up on this frame: it can never be kept.
    Refuse,
    /// Ask a human: the journal needs another version of the program, or repair.
    Repair,
}

/// A failed journal operation.
#[derive(Debug)]
pub struct Error {
    /// What the caller does next.
    pub next: Next,
    doing: &'static str,
    cause: String,
}

impl Error {
    pub(crate) fn new(next: Next, doing: &'static str, cause: impl fmt::Display) -> Self {
        Self { next, doing, cause: cause.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "journal: cannot {}: {}", self.doing, self.cause)
    }
}

impl std::error::Error for Error {}

/// Says what was being done when the disk failed.
pub(crate) trait Doing<T> {
    fn doing(self, next: Next, doing: &'static str) -> Result<T>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, next: Next, doing: &'static str) -> Result<T> {
        self.map_err(|cause| Error::new(next, doing, cause))
    }
}
