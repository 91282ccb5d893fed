//! Blocks that another node reads where they were written, before they are committed.
//!
//! A view is lent as what is always in memory of it: its facts, the directory of its index, and the lookups that are not on
//! disk yet. The borrower reads the sections and pages that a question needs through the lender, and keeps them under
//! its own budgets; as a block grows, what is kept stays valid.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::file::{BlockFiles, RangeFile};
use super::source::Source;
use super::view::BlockView;
use crate::digest::Digests;
use crate::error::{Error, Next, Result};
use crate::index::section::{About, Section};
use crate::index::{BlockFacts, Group, GroupFacts, InSet, Index, Live, LookedUp};
use crate::memory::Memory;

/// What is handed over of a block that grows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loan {
    pub(crate) id: String,
    /// The section of its facts.
    pub(crate) facts: Bytes,
    /// The directory of its index.
    pub(crate) directory: Bytes,
    /// The lookups of row groups, by number, that are not on disk yet, without those that were handed over before.
    pub(crate) lives: Vec<(u32, Bytes)>,
}

impl BlockView {
    /// What a borrower needs first, who has the lookups of the first groups already.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub(crate) fn lent(&self, id: String, groups_known: u64) -> Result<Loan> {
        let facts = |group: &Arc<Group>| GroupFacts {
            tenant: group.tenant.clone(),
            rows: group.rows,
            runs: group.runs,
            extent: group.extent,
            has_links: group.has_links,
            longest: group.longest,
        };
        let in_sets: Vec<u32> = self.groups.iter().map_while(|group| group.set()).collect();
        let facts = BlockFacts {
            data: (0, 0),
            leaves: self.layout.leaves.len(),
            promoted: self.layout.promoted.clone(),
            groups: self.groups.iter().map(facts).collect(),
            sets: in_sets.chunk_by(|left, right| left == right).map(|set| set.len() as u32).collect(),
        };
        let directory =
            self.groups.first().map_or_else(|| Ok(Vec::new()), |group| group.index().directory())?;
        let fresh = self.groups.iter().filter(|group| u64::from(group.number) >= groups_known);
        let lives = fresh.filter_map(|group| Some((group.number, group.live()?.write().into()))).collect();
        Ok(Loan { id, facts: facts.write().into(), directory: directory.into(), lives })
    }

    /// One of its files.
    pub(crate) fn file(&self, is_index: bool) -> Option<Arc<dyn RangeFile>> {
        match is_index {
            true => self.groups.first().map(|group| group.index().file().clone()),
            false => Some(self.source.file().clone()),
        }
    }
}

/// A block of another node, however far it has grown.
#[derive(Debug)]
pub(crate) struct Borrowed {
    index: Arc<Index>,
    source: Arc<Source>,
    /// The row groups that were seen.
    groups: u64,
    number: Arc<u64>,
    lives: BTreeMap<u32, Arc<Live>>,
}

impl Borrowed {
    pub(crate) fn new(files: BlockFiles, memory: &Arc<Memory>) -> Self {
        let index = Arc::new(Index::borrowed(files.index, memory.clone()));
        let source = Arc::new(Source::new(files.data));
        Self { index, source, groups: 0, number: Arc::new(memory.block()), lives: BTreeMap::new() }
    }

    /// Of how many row groups the lookups need not be sent again.
    pub(crate) fn groups(&self) -> u64 {
        self.groups
    }

    /// The block as it was lent.
    ///
    /// # Errors
    /// Where that is nothing that was lent, or by another version.
    pub(crate) fn view(&mut self, loan: &Loan) -> Result<BlockView> {
        let name = self.index.file().name();
        let wrong = |what: &str| Error::new(Next::Refuse, format!("{name}: {what}"));
        let facts = BlockFacts::read(&loan.facts, About { rows: 0, leaves: 0 });
        let facts = facts.ok_or_else(|| wrong("what is said of it cannot be read"))?;
        let layout = self.index.memory().layout(facts.promoted);
        if layout.leaves.len() != facts.leaves {
            return Err(wrong("it has other columns than this program knows"));
        }
        self.index.grown(&loan.directory)?;
        let in_sets = facts.sets.iter().fold(0_usize, |sum, groups| sum.saturating_add(*groups as usize));
        let written = facts.groups.get(..in_sets).and_then(|groups| InSet::all(groups, &facts.sets));
        let written = written.ok_or_else(|| wrong("its row groups are not those that are looked up"))?;
        for (number, live) in &loan.lives {
            let live = Live::read(live).ok_or_else(|| wrong("what is looked up of it cannot be read"))?;
            self.lives.insert(*number, Arc::new(live));
        }
        self.lives.retain(|number, _| *number as usize >= in_sets);
        let mut groups = Vec::with_capacity(facts.groups.len());
        for (number, facts) in (0..).zip(&facts.groups) {
            let looked_up = match (written.get(number as usize), self.lives.get(&number)) {
                (Some(place), _) => LookedUp::Written(*place),
                (None, Some(live)) => LookedUp::Live(live.clone()),
                (None, None) => return Err(wrong("a row group cannot be looked up")),
            };
            groups.push(Arc::new(Group::new(
                facts,
                number,
                (layout.leaves.len(), self.index.clone()),
                looked_up,
            )));
        }
        self.groups = groups.len() as u64;
        Ok(BlockView {
            layout,
            groups,
            source: self.source.clone(),
            digests: Digests::default(),
            number: self.number.clone(),
            is_joined: false,
        })
    }
}
