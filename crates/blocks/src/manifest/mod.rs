//! Which blocks there are: a log of small numbered entries, each one transaction.
//!
//! In: entries (blocks added, blocks removed, journal ranges that are now in blocks). Out: the state
//! after the last entry. The only coordination is the object store's conditional create: whoever
//! creates entry n has committed it; whoever comes second reads it and tries n + 1. The files are
//! described in `docs/format/manifest.md`.

mod entry;
mod log;
mod note;
mod state;

#[cfg(test)]
mod tests;

#[cfg(fuzzing)]
pub(crate) use entry::decode;
pub use entry::{Archiving, Block, BlockMeta, Entry, JournalRange, Judged, Mark, Removal, Tier};
pub use log::{Damage, Gap, Known, Manifest};
pub(crate) use log::{Rescued, replace};
pub(crate) use note::Note;
pub use state::{Dropped, Node, State};
