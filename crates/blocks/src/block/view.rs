//! A block as searches see it: its columns and row groups in memory, everything else read when it is asked for.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use model::Tenant;

use super::file::{BlockFiles, LocalFile, RangeFile};
use super::rebuild;
use super::source::Source;
use crate::columns::schema::Layout;
use crate::digest::{Digested, Digests};
use crate::error::{Doing, Error, Next, Result};
use crate::index::section::About;
use crate::index::{BlockFacts, Group, InSet, Index, LookedUp};
use crate::manifest::BlockMeta;
use crate::memory::Memory;

/// The row groups of a block that were written so far.
#[derive(Clone, Debug)]
pub struct BlockView {
    pub(crate) layout: Arc<Layout>,
    pub(crate) groups: Vec<Arc<Group>>,
    pub(crate) source: Arc<Source>,
    /// What the spans add up to, while the block grows; the index knows it then.
    pub(crate) digests: Digests,
    /// By which its row groups are known, among those of all blocks of one memory; they never change.
    pub(crate) number: Arc<u64>,
    /// It was merged from others, so no span stands in it twice.
    pub(crate) is_joined: bool,
}

impl BlockView {
    /// A finished block in a folder, as closing left it.
    ///
    /// # Errors
    /// Where a file is missing, is not the one that the manifest lists, or is damaged; the error names file and place.
    pub fn open(folder: &Path, meta: &BlockMeta, memory: &Arc<Memory>) -> Result<Self> {
        Self::of(&BlockFiles::local(folder)?, meta, memory)
    }

    /// A finished block, wherever its files are.
    ///
    /// # Errors
    /// As [`BlockView::open`].
    pub fn of(files: &BlockFiles, meta: &BlockMeta, memory: &Arc<Memory>) -> Result<Self> {
        match Self::as_it_is(files, meta, memory) {
            Err(error) if error.next == Next::Repair => match memory.rebuilt() {
                Some(folder) => Self::rebuilt(files, meta, (memory, folder), &error),
                None => Err(error),
            },
            opened => opened,
        }
    }

    /// The block with an index that was rebuilt because its own is of no use, now or before.
    fn rebuilt(
        files: &BlockFiles,
        meta: &BlockMeta,
        (memory, folder): (&Arc<Memory>, &Path),
        why: &Error,
    ) -> Result<Self> {
        let path = folder.join(format!("{}.idx", meta.id));
        let again = || -> Result<Self> {
            let index: Arc<dyn RangeFile> = Arc::new(LocalFile::open(&path)?);
            let index_bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
            let files = BlockFiles { data: files.data.clone(), index };
            Self::as_it_is(&files, &BlockMeta { index_bytes, ..meta.clone() }, memory)
        };
        if let Ok(known) = again() {
            return Ok(known);
        }
        tracing::warn!(block = meta.id, error = %why, "the index of a block is of no use; it is rebuilt");
        let doing = || format!("rebuild the index of block {} into {}", meta.id, folder.display());
        std::fs::create_dir_all(folder).doing(Next::Retry, doing())?;
        let new = folder.join(format!("{}.new", meta.id));
        _ = std::fs::remove_file(&new);
        rebuild(files, meta, &new)?;
        std::fs::rename(&new, &path).doing(Next::Retry, doing())?;
        again()
    }

    fn as_it_is(files: &BlockFiles, meta: &BlockMeta, memory: &Arc<Memory>) -> Result<Self> {
        let name = || files.index.name();
        let index = Arc::new(Index::open(files.index.clone(), meta.index_bytes, memory.clone())?);
        let about = About { rows: 0, leaves: 0 };
        let facts = index.section::<BlockFacts>(0, about)?;
        if facts.data != (meta.data_bytes, meta.data_crc) {
            let reason = format!("{} is not the index of these spans", name());
            return Err(Error::new(Next::Repair, reason));
        }
        let layout = memory.layout(facts.promoted.clone());
        if layout.leaves.len() != facts.leaves {
            let reason = format!("{} knows other columns than this program", name());
            return Err(Error::new(Next::Repair, reason));
        }
        let places = InSet::all(&facts.groups, &facts.sets).ok_or_else(|| {
            Error::new(Next::Repair, format!("{} does not look every row group up", name()))
        })?;
        let group = |((number, facts), place)| {
            let index = (layout.leaves.len(), index.clone());
            Arc::new(Group::new(facts, number, index, LookedUp::Written(place)))
        };
        let groups = (0..).zip(&facts.groups).zip(places).map(group).collect();
        let source = Arc::new(Source::new(files.data.clone()));
        let is_joined = meta.level > 0;
        let number = memory.number(&meta.id);
        Ok(Self { layout, groups, source, digests: Digests::default(), number, is_joined })
    }

    /// What the spans of a tenant add up to: one after the other while the block grows; `None` where it is not known.
    ///
    /// # Errors
    /// Where the index can't be read, or is damaged.
    pub(crate) fn digests(&self, tenant: &Tenant) -> Result<Option<Vec<Digested>>> {
        let growing = self.digests.of(tenant);
        if !growing.is_empty() {
            return Ok(Some(growing.iter().cloned().map(Digested::Growing).collect()));
        }
        let mut others: HashSet<&Tenant> = HashSet::new();
        for group in &self.groups {
            if group.tenant == *tenant {
                let index = group.shared_index();
                return Ok(Digested::written(index, others.len() as u32)?.map(|digest| vec![digest]));
            }
            others.insert(&group.tenant);
        }
        Ok(Some(Vec::new()))
    }

    /// Has the tenant spans in it?
    pub(crate) fn has(&self, tenant: &Tenant) -> bool {
        self.groups.iter().any(|group| group.tenant == *tenant)
    }

    /// True where row groups may follow.
    pub(crate) fn grows(&self) -> bool {
        !self.digests.is_empty() || self.groups.last().is_some_and(|group| group.live().is_some())
    }

    /// How many spans it has.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.rows)).sum()
    }
}
