//! JSON, both ways, without objects: a reader that hands over what it meets, and a writer that places the commas.
//!
//! Source: RFC 8259. The reader recurses only where its caller does; values that nobody asks for are skipped in a
//! loop. Strings stay bytes: invalid UTF-8 is passed on, since the walk over a batch mends and counts it.

mod read;
mod write;

pub use read::JsonError;
pub(crate) use read::{Outcome, Reader, shown};
pub use write::Writer;

#[cfg(test)]
mod tests;
