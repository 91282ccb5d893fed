//! What one entry says, and its bytes: a line of JSON and a line with its checksum.

use std::collections::BTreeMap;

use journal::Position;
use model::{Tenant, TraceId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::{Doing, Error, Next, Result},
    sum,
};

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
    /// Spans of each tenant, where there are several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenant_spans: BTreeMap<String, u64>,
    /// How it is kept.
    #[serde(default, skip_serializing_if = "Tier::is_hot")]
    pub tier: Tier,
    /// The bytes that its spans took before it became cold; 0 where nobody knows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_before: u64,
    /// What the retention has decided on it; nothing yet for most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
}

impl BlockMeta {
    /// Bytes of both files.
    pub fn bytes(&self) -> u64 {
        self.data_bytes + self.index_bytes
    }

    /// The bytes that so many of its spans took before it became cold; 0 where nobody knows.
    pub fn bytes_before_of(&self, spans: u64) -> u64 {
        (self.bytes_before as f64 * (spans as f64 / self.spans.max(1) as f64)) as u64
    }

    /// How many of its spans are the tenant's.
    pub fn spans_of(&self, tenant: &str) -> u64 {
        match &self.tenants[..] {
            [only] if only == tenant => self.spans,
            _ => self.tenant_spans.get(tenant).copied().unwrap_or(0),
        }
    }
}

/// How a block is kept. The manifest knows cold blocks only: what is hot or warm is each node's own matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Whole on the local disk.
    #[default]
    Hot,
    /// In the object store; its index and what was read last lie on the local disk as well.
    Warm,
    /// Written again, smaller and at more expense.
    Cold,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Tier {
    fn is_hot(&self) -> bool {
        *self == Self::Hot
    }
}

/// What the retention has decided on a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// The fingerprint of the rules that were in force.
    pub policy: u32,
    /// For each tenant: everything in it is to be kept for longer than this age, in nanoseconds.
    pub ages: BTreeMap<String, u64>,
    /// How many traces each rule keeps; `archive` stands for those that were archived.
    #[serde(default)]
    pub kept: BTreeMap<String, u64>,
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
    /// Why: `time`, `bytes`, `rules`, `erase`, `tier`, `compaction`, `repair`.
    pub why: String,
    /// How many of its spans are in none of the blocks that the same entry adds.
    #[serde(default)]
    pub spans: u64,
}

impl Removal {
    /// A block of which no span is lost, since the entry adds others with all of them.
    pub fn replaced(id: impl Into<String>, why: impl Into<String>) -> Self {
        Self { id: id.into(), why: why.into(), spans: 0 }
    }
}

/// A trace that is kept for ever, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archiving {
    /// Whose trace.
    pub tenant: String,
    /// Its id, 32 hexadecimal digits.
    pub trace: String,
}

impl Archiving {
    /// A tenant's trace.
    pub fn new(tenant: &Tenant, trace: TraceId) -> Self {
        Self { tenant: tenant.to_string(), trace: trace.to_string() }
    }
}

/// What the retention has decided on a block that stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The block.
    pub id: String,
    /// The decision.
    pub judged: Judged,
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
    /// Traces that are kept for ever from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archive: Vec<Archiving>,
    /// Archived traces that are kept like all others again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unarchive: Vec<Archiving>,
    /// What the retention has decided on blocks that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mark: Vec<Mark>,
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
            archive: Vec::new(),
            unarchive: Vec::new(),
            mark: Vec::new(),
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

/// Is this what `encode` wrote, whatever it says?
pub(crate) fn is_sound(bytes: &[u8]) -> bool {
    content(bytes).is_ok()
}

fn content(bytes: &[u8]) -> Result<&[u8]> {
    let damaged = || Error::new(Next::Repair, "the file is torn or damaged: its checksum does not hold");
    let text = bytes.strip_suffix(b"\n").ok_or_else(damaged)?;
    let end = text.iter().rposition(|byte| *byte == b'\n').ok_or_else(damaged)? + 1;
    let trailer: Trailer = serde_json::from_slice(&text[end..]).map_err(|_| damaged())?;
    let crc = u32::from_str_radix(&trailer.crc32c, 16).map_err(|_| damaged())?;
    if sum::holds(&bytes[..end], crc) { Ok(&bytes[..end]) } else { Err(damaged()) }
}

/// Reads what `encode` wrote; nothing is parsed before its checksum holds.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let content = content(bytes)?;
    let Versioned { version } = serde_json::from_slice(content).doing(Next::Repair, "read its version")?;
    if version != VERSION {
        let what = format!("the file has version {version} of the format, this program knows {VERSION}");
        return Err(Error::new(Next::Repair, what));
    }
    serde_json::from_slice(content).doing(Next::Repair, "read its content")
}
