//! What one entry says, and its bytes: a line of JSON and a line with its checksum.

use journal::Position;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::error::{Doing, Error, Next, Result};

/// The version of the files that this program writes and reads.
pub(crate) const VERSION: u32 = 1;

/// What is known of a block without opening it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMeta {
    /// The name of its folder.
    pub id: String,
    /// 0 as cut from the head; compaction counts up.
    pub level: u8,
    /// Its spans lie outside the times that the store expects, so it is kept by receive time.
    pub skew: bool,
    /// Spans in it.
    pub spans: u64,
    /// Traces in it, in whole or in part.
    pub traces: u64,
    /// The first span start, Unix nanoseconds.
    pub start_ns: u64,
    /// The last span start, Unix nanoseconds.
    pub end_ns: u64,
    /// Every tenant with spans in it.
    pub tenants: Vec<String>,
    /// Bytes of `spans.parquet`.
    pub data_bytes: u64,
    /// CRC-32C of `spans.parquet`.
    pub data_crc: u32,
    /// Bytes of `spans.idx`.
    pub index_bytes: u64,
    /// CRC-32C of `spans.idx`.
    pub index_crc: u32,
}

/// A block as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What is in it.
    #[serde(flatten)]
    pub meta: BlockMeta,
    /// When the last of its spans was received, Unix nanoseconds.
    pub received_ns: u64,
}

/// A block that is no longer part of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The block.
    pub id: String,
    /// Why: `retention`.
    pub why: String,
}

/// Everything that a node's journal holds from one position up to another is in committed blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JournalRange {
    /// Segment and offset of the first frame.
    pub from: (u64, u64),
    /// Segment and offset after the last frame.
    pub to: (u64, u64),
}

impl JournalRange {
    /// The range between two positions.
    pub fn new(from: Position, to: Position) -> Self {
        Self { from: (from.segment, from.offset), to: (to.segment, to.offset) }
    }

    /// Does a frame that begins here lie in the range?
    pub fn contains(&self, position: Position) -> bool {
        let position = (position.segment, position.offset);
        self.from <= position && position < self.to
    }
}

/// One transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the format.
    pub version: u32,
    /// Its place in the log, from 1.
    pub number: u64,
    /// The node that wrote it.
    pub node: String,
    /// Counts up each time the node opens its data directory.
    pub epoch: u64,
    /// When it was written, Unix nanoseconds.
    pub time_ns: u64,
    /// Blocks that are new.
    #[serde(default)]
    pub add: Vec<Block>,
    /// Blocks that go; each must still be there.
    #[serde(default)]
    pub remove: Vec<Removal>,
    /// What the new blocks hold of the node's journal.
    #[serde(default)]
    pub journal: Vec<JournalRange>,
}

impl Entry {
    /// An entry that does nothing yet.
    pub fn new(node: &str, epoch: u64, time_ns: u64) -> Self {
        Self {
            version: VERSION,
            number: 0,
            node: node.into(),
            epoch,
            time_ns,
            add: Vec::new(),
            remove: Vec::new(),
            journal: Vec::new(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Trailer {
    crc32c: String,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// The bytes of an entry or a checkpoint.
pub(crate) fn encode<T: Serialize>(content: &T) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(content).doing(Next::Refuse, "write a manifest entry")?;
    bytes.push(b'\n');
    let trailer = Trailer { crc32c: format!("{:08x}", crc32c::crc32c(&bytes)) };
    serde_json::to_writer(&mut bytes, &trailer).doing(Next::Refuse, "write a manifest entry")?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads what `encode` wrote; nothing is parsed before its checksum holds.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let damaged = || Error::new(Next::Repair, "the file is torn or damaged: its checksum does not hold");
    let text = bytes.strip_suffix(b"\n").ok_or_else(damaged)?;
    let end = text.iter().rposition(|byte| *byte == b'\n').ok_or_else(damaged)? + 1;
    let trailer: Trailer = serde_json::from_slice(&text[end..]).map_err(|_| damaged())?;
    if trailer.crc32c != format!("{:08x}", crc32c::crc32c(&bytes[..end])) {
        return Err(damaged());
    }
    let Versioned { version } =
        serde_json::from_slice(&bytes[..end]).doing(Next::Repair, "read its version")?;
    if version != VERSION {
        let what = format!("the file has version {version} of the format, this program knows {VERSION}");
        return Err(Error::new(Next::Repair, what));
    }
    serde_json::from_slice(&bytes[..end]).doing(Next::Repair, "read its content")
}
