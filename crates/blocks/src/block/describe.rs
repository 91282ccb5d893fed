//! What a manifest says of a block, told by the block itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::file::{BlockFiles, crc_of};
use super::{DATA_FILE, INDEX_FILE};
use crate::error::{Doing, Error, Next, Result};
use crate::index::section::About;
use crate::index::{BlockFacts, GroupFacts, Index};
use crate::manifest::BlockMeta;
use crate::memory::Memory;

/// What row groups add up to; of the files nothing is known yet.
pub(super) fn described(id: &str, groups: &[GroupFacts]) -> BlockMeta {
    let mut tenants: Vec<String> = groups.iter().map(|group| group.tenant.to_string()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let mut tenant_spans = BTreeMap::new();
    for group in groups.iter().filter(|_| tenants.len() > 1) {
        *tenant_spans.entry(group.tenant.to_string()).or_default() += u64::from(group.rows);
    }
    BlockMeta {
        id: id.into(),
        spans: groups.iter().map(|group| u64::from(group.rows)).sum(),
        traces: groups.iter().map(|group| u64::from(group.runs)).sum(),
        start_ns: groups.iter().map(|group| group.extent.0).min().unwrap_or(0),
        end_ns: groups.iter().map(|group| group.extent.1).max().unwrap_or(0),
        tenants,
        tenant_spans,
        ..BlockMeta::default()
    }
}

/// Reads both files of a finished block in this folder whole. Its level, its tier and whether it is of skewed spans
/// are not told.
///
/// # Errors
/// Where a file is missing or damaged, or they do not belong together.
pub(crate) fn found(folder: &Path, id: &str) -> Result<BlockMeta> {
    let files = BlockFiles::local(folder)?;
    let length = |name| {
        let path = folder.join(name);
        let metadata = std::fs::metadata(&path).doing(Next::Repair, format!("look at {}", path.display()));
        metadata.map(|metadata| metadata.len())
    };
    let (data_bytes, index_bytes) = (length(DATA_FILE)?, length(INDEX_FILE)?);
    let (data_crc, index_crc) = (crc_of(&*files.data, data_bytes)?, crc_of(&*files.index, index_bytes)?);
    let index = Index::open(files.index, index_bytes, Arc::new(Memory::new(0, 0)))?;
    let facts = index.section::<BlockFacts>(0, About { rows: 0, leaves: 0 })?;
    if facts.data != (data_bytes, data_crc) {
        let what = format!("{} is damaged, or has another index", folder.join(DATA_FILE).display());
        return Err(Error::new(Next::Repair, what));
    }
    Ok(BlockMeta { data_bytes, data_crc, index_bytes, index_crc, ..described(id, &facts.groups) })
}
