//! Merges blocks into larger ones.
//!
//! In: views on finished blocks. Out: finished blocks in folders that the caller makes, in which traces are whole, rows
//! are in order over all row groups, and spans that were sent twice stand once. Which blocks are merged is decided by
//! `plan` alone. Memory is bounded by the pages and columns of one output row group, about
//! [`GROUP_BYTES_MAX`], whatever the size of a trace and of its spans.

mod facts;
mod gather;
mod layout;
mod order;
mod pages;
pub mod plan;
mod retail;
mod scattered;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use model::Tenant;

pub use self::order::GROUP_BYTES_MAX;
use self::order::Merge;
use self::pages::Pages;
use crate::block::{BlockView, OpenBlock};
use crate::error::Result;
use crate::index::Group;
use crate::manifest::BlockMeta;
use crate::memory::{Cache, Memory};

/// What a merge needs of the rest of the engine.
pub trait Site {
    /// The name and the empty folder of a new block.
    ///
    /// # Errors
    /// Where it can't be made.
    fn begin(&mut self) -> Result<(String, PathBuf)>;

    /// Called between pieces of work of some milliseconds: waits if others need the machine.
    ///
    /// # Errors
    /// Where the merge has to end.
    fn pause(&mut self) -> Result<()>;
}

/// What became of the merged blocks.
#[derive(Debug, Default)]
pub struct Merged {
    /// The new blocks, without level and skew.
    pub outputs: Vec<BlockMeta>,
    /// Spans that were left out because they stood there already.
    pub repeated: u64,
}

/// How strongly merged blocks are compressed, as zstd counts.
pub const LEVEL: i32 = 3;

/// How merged blocks are written.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// A tenant with so many spans gets a block of its own; the others share one.
    pub own_min: u64,
    /// How strongly they are compressed, as zstd counts.
    pub level: i32,
}

/// Bytes for the traces of row groups that a merge comes back to; those without room are read again.
const TRACES_BYTES_MAX: usize = 32 << 20;

/// Merges blocks into new ones of this form; one block alone is written again.
///
/// Nothing of it stays in the memory of searches: the inputs are about to go, and nobody asks the outputs yet.
///
/// # Errors
/// Where a file can't be read or written, or the site says that it is over; what was begun is of no use then.
pub fn merge(inputs: &[Arc<BlockView>], form: Form, site: &mut dyn Site) -> Result<Merged> {
    let passing = Arc::new(Memory::new(0, 0));
    let mut spans: BTreeMap<&Tenant, u64> = BTreeMap::new();
    for group in inputs.iter().flat_map(|view| &view.groups) {
        *spans.entry(&group.tenant).or_default() += u64::from(group.rows);
    }
    let (own, shared): (Vec<_>, Vec<_>) = spans.into_iter().partition(|(_, spans)| *spans >= form.own_min);
    let owners = own.into_iter().map(|tenant| vec![tenant]).chain([shared]);
    let mut merged = Merged::default();
    for tenants in owners.filter(|tenants| !tenants.is_empty()) {
        let (id, folder) = site.begin()?;
        let mut block = OpenBlock::create(&folder, &id, &passing)?.packed(form.level);
        let groups = inputs.iter().flat_map(|view| view.groups.iter().map(move |group| (&**view, &**group)));
        let is_of = |group: &Group| tenants.iter().any(|(tenant, _)| **tenant == group.tenant);
        block.begin_with(Arc::new(layout::choose(groups.filter(|(_, group)| is_of(group)))?))?;
        for (tenant, _) in tenants {
            merged.repeated += write(&mut block, inputs, tenant, site)?;
        }
        merged.outputs.push(block.close()?);
    }
    Ok(merged)
}

/// Writes all spans of a tenant; answers how many were left out.
fn write(
    block: &mut OpenBlock,
    inputs: &[Arc<BlockView>],
    tenant: &Tenant,
    site: &mut dyn Site,
) -> Result<u64> {
    let kept = Arc::new(Cache::new(TRACES_BYTES_MAX));
    let groups = inputs.iter().flat_map(|view| view.groups.iter().map(move |group| (view, group)));
    let groups = groups.filter(|(_, group)| group.tenant == *tenant);
    let inputs = (0..).zip(groups).map(|(number, (view, group))| Pages::new(view, group, (number, &kept)));
    let mut merge = Merge::new(inputs.collect::<Result<_>>()?)?;
    let mut repeated = 0;
    while let Some(ordered) = merge.next()? {
        repeated += ordered.repeated;
        merge.forget();
        let (layout, spare) = (block.layout(), block.spare());
        let columns = gather::gather(&mut merge, ordered, (&layout, spare), site)?;
        block.append_columns(tenant.clone(), columns)?;
        site.pause()?;
    }
    Ok(repeated)
}
