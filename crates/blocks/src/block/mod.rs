//! Blocks: the files that hold spans, and views on them.
//!
//! In: batches of one tenant at a time. Out: `spans.parquet` and `spans.idx`, which never change once closed, and a
//! [`BlockView`] that can be searched from the first row group on, while the file still grows. What the spans of a row
//! group become is the matter of `columns`; what is known of them without reading, of `index`.

mod describe;
mod file;
mod lend;
mod loose;
mod open;
mod pack;
mod pieces;
mod reader;
mod rebuild;
mod source;
#[cfg(test)]
mod tests;
mod traces;
mod view;

pub(crate) use describe::found;
pub(crate) use file::LocalFile;
pub use file::{BlockFiles, RangeFile};
pub(crate) use lend::{Borrowed, Loan};
pub use loose::LooseFile;
pub(crate) use open::LEVEL;
pub use open::OpenBlock;
pub(crate) use pack::{Packed, Packer, Shape};
pub(crate) use pieces::pieces;
pub(crate) use reader::{GroupReader, pages};
pub(crate) use rebuild::{rebuild, tidy_rebuilt};
pub(crate) use source::checked;
pub(crate) use traces::Beside;
pub use view::BlockView;

/// The file of spans in a block's folder.
pub const DATA_FILE: &str = "spans.parquet";

/// The file of the index in a block's folder.
pub const INDEX_FILE: &str = "spans.idx";

/// The batches of one row group may have so many bytes in all; more is refused, since the head holds less.
pub const GROUP_BYTES_MAX: usize = 1 << 30;
