//! What is known of a block without reading its spans: the side index, `spans.idx`.
//!
//! Sections, each with its checksum, written while the block grows ([`IndexWriter`]) and read one by one when a search
//! asks for them ([`Index`]); what of them stays in memory is under a budget ([`crate::memory`]). A new kind of section
//! implements [`Section`]. `docs/format/index.md` describes the bytes.

mod block;
mod build;
mod catalogue;
mod file;
mod group;
mod held;
mod lookup;
pub(crate) mod packed;
mod parts;
pub(crate) mod section;
mod sets;
mod summaries;
pub(crate) mod tokens;
mod traces;
mod zones;

#[cfg(test)]
mod tests;

pub(crate) use block::{BlockFacts, GroupFacts, level_of};
pub(crate) use build::{Built, TAILS, build, each_entry, types_by_tail};
pub(crate) use catalogue::Keys;
pub(crate) use file::IndexWriter;
pub(crate) use group::{Group, LookedUp};
pub(crate) use held::Index;
pub(crate) use lookup::short;
pub(crate) use parts::Parts;
pub(crate) use sets::{Found, InSet, Live, Sets};
pub(crate) use summaries::{OfService, Record, Summaries};
pub(crate) use traces::{Runs, TraceRun, Traces};
pub(crate) use zones::{Zones, duration};
