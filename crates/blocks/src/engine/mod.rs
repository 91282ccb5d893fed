//! The life of a span in the store: journal → head → open block → committed block → retention.
//!
//! # What the engine asks of `block` and `search`
//!
//! The engine calls these from blocking threads and never holds a lock meanwhile. All errors are
//! `crate::error::Error` (`use crate::error::{Doing, Error, Next, Result}`).
//!
//! ```text
//! // crate::block
//! /// What the manifest keeps of a block (serde; the manifest writes it as JSON).
//! pub struct BlockMeta { id: String, spans: u64, traces: u64,
//!                        start_ns: u64, end_ns: u64,       // first and last span start
//!                        tenants: Vec<String>,             // every tenant with spans in it
//!                        data_bytes: u64, data_crc: u32,   // spans.parquet, CRC-32C of the file
//!                        index_bytes: u64, index_crc: u32, // .idx
//!                        skew: bool, level: u8 }
//!
//! impl OpenBlock {
//!     /// Begins `dir/spans.parquet` in a directory that exists and is empty.
//!     pub fn create(dir: &Path, id: &str) -> Result<Self>;
//!     /// One sorted, searchable row group (or several). The batches are of one tenant. After an error
//!     /// (disk full) the block is as it was before, and the engine tries the same chunk again later:
//!     /// the earlier row groups are nowhere else in memory.
//!     pub fn append(&mut self, chunk: &[Batch]) -> Result<()>;
//!     /// A view on what was appended so far. It stays valid while the block grows, after `close`, and
//!     /// after its files were renamed or removed (it holds the open file).
//!     pub fn view(&self) -> Arc<BlockView>;
//!     pub fn spans(&self) -> u64;
//!     pub fn bytes(&self) -> u64;
//!     /// Writes footer and `dir/spans.idx`, fsyncs both files.
//!     pub fn close(self) -> Result<BlockMeta>;
//! }
//!
//! impl BlockView {
//!     /// A finished block, as `close` left it; reads and checks index and footer.
//!     pub fn open(dir: &Path, meta: &BlockMeta) -> Result<Self>;
//! }
//!
//! // crate::search — blocking; the engine gives it everything that is searchable at one instant.
//! pub struct Sources { head: Vec<Batch>, blocks: Vec<Arc<BlockView>> }
//! pub fn run(plan: &Plan, sources: &Sources) -> std::result::Result<Answer, ReadError>;
//! ```
