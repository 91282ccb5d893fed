//! What is known of a block without reading its spans: the side index, `spans.idx`.
//!
//! In memory: one [`Group`] for each row group, made while the group is written and kept with the open block. On disk:
//! the same in sections, each with its checksum. `docs/format/index.md` describes the bytes.

mod build;
mod codec;
mod file;
mod group;
pub(crate) mod tokens;
mod zones;

#[cfg(test)]
mod tests;

pub(crate) use build::{TAILS, build};
pub(crate) use file::{read, write};
pub(crate) use group::{Group, Operation, Texts};
pub(crate) use zones::duration;
