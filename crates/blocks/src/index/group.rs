//! A row group as searches see it: little in memory, the rest when it is asked for.

use std::sync::Arc;

use model::Tenant;

use super::block::GroupFacts;
use super::catalogue::Keys;
use super::held::Index;
use super::parts::Parts;
use super::section::{About, Section};
use super::tokens::Filters;
use super::traces::Traces;
use super::zones::Zones;
use crate::error::Result;

/// A row group of a block.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Whose spans these are.
    pub(crate) tenant: Tenant,
    pub(crate) rows: u32,
    /// The first and the last span start.
    pub(crate) extent: (u64, u64),
    /// Its place among the groups of the block.
    pub(crate) number: u32,
    leaves: usize,
    index: Arc<Index>,
}

impl Group {
    pub(crate) fn new(facts: &GroupFacts, number: u32, leaves: usize, index: Arc<Index>) -> Self {
        let GroupFacts { tenant, rows, extent } = facts.clone();
        Self { tenant, rows, extent, number, leaves, index }
    }

    /// How many pages a column has.
    pub(crate) fn pages(&self) -> usize {
        self.about().pages()
    }

    /// Where the pages of each column lie.
    ///
    /// # Errors
    /// This and what follows: where the section can't be read, or is damaged.
    pub(crate) fn parts(&self) -> Result<Arc<Parts>> {
        self.section()
    }

    /// What the spans of each page lie between.
    pub(crate) fn zones(&self) -> Result<Arc<Zones>> {
        self.section()
    }

    /// Which values each page may hold.
    pub(crate) fn filters(&self) -> Result<Arc<Filters>> {
        self.section()
    }

    /// Which traces there are.
    pub(crate) fn traces(&self) -> Result<Arc<Traces>> {
        self.section()
    }

    /// Which keys occur.
    pub(crate) fn keys(&self) -> Result<Arc<Keys>> {
        self.section()
    }

    /// A section about the group, of any kind.
    pub(crate) fn section<T: Section>(&self) -> Result<Arc<T>> {
        self.index.section(self.number, self.about())
    }

    /// The index of its block, to be kept.
    pub(crate) fn shared_index(&self) -> Arc<Index> {
        self.index.clone()
    }

    /// The index of its block.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    fn about(&self) -> About {
        About { rows: self.rows, leaves: self.leaves }
    }
}
