//! TraceQL, the whole language: from a text to spansets and to numbers over time.
//!
//! [`parse`] turns the text into data ([`ast`]), and names the place of the first mistake. [`search`](search::search) asks
//! a store for traces that may match and evaluates each whole ([`eval`]).

pub mod ast;
pub mod complete;
pub mod eval;
mod field;
mod lex;
mod literal;
pub mod loose;
pub mod metrics;
mod parse;
mod prefilter;
pub mod search;
pub mod visit;
mod write;

#[cfg(test)]
mod tests;

pub use lex::TEXT_BYTES_MAX;
pub use parse::{DEPTH_MAX, parse};
pub(crate) use prefilter::{Part, stored};
pub use prefilter::{Prefilter, prefilter};
