//! What a store keeps and for how long, as APIs and command line speak of it; and who looks after it.
//!
//! The types are JSON's; the store behind [`Keeper`] is the binary's matter.

use async_trait::async_trait;
use model::{Tenant, TimeRange, TraceId};
use query::answer::Count64;
use serde::{Deserialize, Serialize};
use store::Filter;

/// Looks after a store: says what is kept, keeps traces for ever, erases spans.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// What is kept, and what goes next.
    async fn stat(&self) -> StoreStat;

    /// Keeps traces for ever; returns those that are not here.
    ///
    /// # Errors
    /// Why that could not be done.
    async fn archive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<Vec<TraceId>, String>;

    /// Keeps traces no longer than others; returns how many were archived.
    ///
    /// # Errors
    /// Why that could not be done.
    async fn unarchive(&self, tenant: &Tenant, ids: &[TraceId]) -> Result<u64, String>;

    /// The archived traces of a tenant, the latest first.
    async fn archived(&self, tenant: &Tenant) -> Vec<Archived>;

    /// Erases spans for good.
    ///
    /// # Errors
    /// Why that could not be done, or not to its end.
    async fn erase(&self, what: Erase) -> Result<Erasure, String>;
}

/// Spans that are to be erased.
#[derive(Clone, Debug)]
pub struct Erase {
    /// Whose.
    pub tenant: Tenant,
    /// Of these traces only.
    pub ids: Option<Vec<TraceId>>,
    /// That pass this.
    pub spans: Filter,
    /// That start inside.
    pub time: TimeRange,
    /// Only count them.
    pub dry_run: bool,
}

/// The body of `POST erase`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EraseAsked {
    /// Hexadecimal ids of traces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<String>,
    /// A filter, as for searches.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Only spans that start at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only spans that start before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only count them.
    #[serde(default)]
    pub dry_run: bool,
}

/// An archived trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// Its id, hexadecimal.
    pub trace_id: String,
    /// Since when, in nanoseconds since 1970.
    pub since: Count64,
}

/// The answer of `GET archive`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// The archived traces, the latest first.
    pub traces: Vec<Archived>,
}

/// What an erasure did, and the proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Nothing is left of the spans in what the store lists and in its journal; false for a dry run.
    pub is_proven: bool,
    /// Nothing was changed.
    pub dry_run: bool,
    /// What was acknowledged before is covered; spans that arrived later are not. In nanoseconds since 1970.
    pub began: Count64,
    /// Spans that were erased, or would be.
    pub spans: u64,
    /// The blocks that held them.
    pub blocks: Vec<ErasedBlock>,
    /// Blocks that could not be read, so that nobody knows.
    pub unreadable: Vec<String>,
    /// What the look afterwards saw.
    pub verified: Verified,
    /// When the last of the old files is deleted, copies in the cache included; absent where they are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_gone_at: Option<Count64>,
    /// Archived traces that were taken out of the archive.
    pub unarchived: u64,
}

/// A block that was written again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasedBlock {
    /// As it was.
    pub before: BlockSums,
    /// As it is; absent where no span was left, or nothing was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<BlockSums>,
    /// Spans that were erased.
    pub spans: u64,
}

/// A block and its checksums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSums {
    /// Its id.
    pub block: String,
    /// Its spans.
    pub spans: u64,
    /// CRC-32C of `spans.parquet`, hexadecimal.
    pub data_crc32c: String,
    /// CRC-32C of `spans.idx`, hexadecimal.
    pub index_crc32c: String,
}

/// What the look after an erasure saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Blocks that were searched.
    pub blocks: u64,
    /// Spans in them.
    pub spans: u64,
    /// Blocks in which such a span was found.
    pub blocks_found: u64,
    /// Frames of the journal that are as old.
    pub journal_frames: u64,
    /// Such spans in them.
    pub journal_found: u64,
    /// Removed blocks whose files are still there.
    pub files_waiting: u64,
}

/// What a store keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoreStat {
    /// Where: a path or a URL.
    pub location: String,
    /// What "now" was, in nanoseconds since 1970.
    pub now: Count64,
    /// Committed blocks.
    pub blocks: u64,
    /// Spans in them.
    pub spans: u64,
    /// Their bytes, indexes included.
    pub bytes: u64,
    /// The first and the last span start in them, without those of impossible times; in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<(Count64, Count64)>,
    /// Spans that are in no committed block yet.
    pub uncommitted_spans: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
    /// The blocks by level and tier.
    pub parts: Vec<Part>,
    /// Blocks that are due to become cold.
    #[serde(default)]
    pub cooling: Cooling,
    /// The blocks by tenant.
    pub tenants: Vec<TenantPart>,
    /// Bytes of blocks by their age, from the oldest to now, in parts of equal time.
    pub ages: Vec<u64>,
    /// The room and how it is used up.
    pub room: Room,
    /// How long what is kept.
    pub rules: Vec<RulePart>,
    /// What goes next by its age, soonest first.
    pub next: Vec<Next>,
    /// What went for good, by why.
    pub dropped: Vec<Dropped>,
    /// Traces that are kept for ever.
    pub archived: u64,
    /// The wall clock jumped, and is not believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockJump>,
    /// Why spans are refused, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusing: Option<String>,
}

/// A wall clock that is not believed: nothing goes by its age that would not go by the time before the jump as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJump {
    /// How far it jumped ahead, or back where negative.
    pub ahead_s: i64,
    /// It is believed once it has stayed there for so much longer.
    pub left_s: u64,
}

/// The blocks of one level and tier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// 0 as cut from the head; compaction counts up.
    pub level: u8,
    /// `hot`, `warm` or `cold`.
    pub tier: String,
    /// How many.
    pub blocks: u64,
    /// Their spans.
    pub spans: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The bytes of cold ones before they became cold, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<u64>,
}

/// Blocks that are due to become cold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cooling {
    /// How many.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The part of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantPart {
    /// Whose.
    pub tenant: String,
    /// Its spans.
    pub spans: u64,
    /// Its bytes, by its part of the spans.
    pub bytes: u64,
    /// Its traces that are kept for ever.
    pub archived: u64,
}

/// The room and how it is used up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Room {
    /// Blocks may take so many bytes; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// Bytes of dropped or replaced blocks that wait to be deleted.
    pub bytes_waiting: u64,
    /// Bytes of blocks that are added in a second, of late.
    pub bytes_per_s: f64,
    /// When the limit is reached if this goes on; absent if never. In nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Count64>,
    /// What everything takes once age drops as much as arrives.
    pub bytes_steady: u64,
}

/// A rule, or the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePart {
    /// Its name; `time` for what no rule matches.
    pub name: String,
    /// Its filter, as written; empty for what no rule matches.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Whose, if not everyone's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// For how long, in seconds.
    pub time_s: u64,
    /// Traces that it has kept beyond the time of others, counted in each block that holds a part of one.
    pub traces_kept: u64,
}

/// What goes next of a block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// The block.
    pub block: String,
    /// When it is due, in nanoseconds since 1970.
    pub at: Count64,
    /// Whose time is over: a rule's name, else `time`.
    pub by: String,
    /// The tenant with that rule.
    pub tenant: String,
    /// The block's spans.
    pub spans: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Nothing of the block remains, the archive apart; else what rules keep does.
    pub is_whole: bool,
}

/// What went for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// `time`, `bytes`, `erase` or `compaction`.
    pub why: String,
    /// Blocks that went, or were written again without some of their spans.
    pub blocks: u64,
    /// Spans that went.
    pub spans: u64,
}
