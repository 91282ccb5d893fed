//! Spans as columns: the schema, and both ways between OTLP batches and the pages of a row group.
//!
//! In: batches of one tenant. Out: encoded columns through a [`ColumnSink`](sink::ColumnSink); and back, from pages to
//! OTLP bytes. Nothing here knows a file: `block` writes and reads, `index` says which pages to read.

pub(crate) mod conventions;
pub(crate) mod cursor;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod keys;
mod marks;
pub(crate) mod order;
mod prepare;
pub(crate) mod promote;
pub(crate) mod rebuild;
pub(crate) mod schema;
pub(crate) mod shred;
pub(crate) mod sink;
mod slots;
pub(crate) mod tail;
pub(crate) mod values;

#[cfg(test)]
pub(crate) mod tests;
