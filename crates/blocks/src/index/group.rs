//! A row group as searches see it: little in memory, the rest when it is asked for.

use std::sync::Arc;

use model::{Tenant, TraceId};

use super::block::GroupFacts;
use super::catalogue::Keys;
use super::held::Index;
use super::parts::Parts;
use super::section::{About, Section};
use super::sets::{Found, InSet, Live};
use super::summaries::Summaries;
use super::traces::Runs;
use super::zones::Zones;
use crate::error::Result;

/// A row group of a block.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Whose spans these are.
    pub(crate) tenant: Tenant,
    pub(crate) rows: u32,
    /// How many runs of rows it has, one for each trace.
    pub(crate) runs: u32,
    /// The first and the last span start.
    pub(crate) extent: (u64, u64),
    /// True where the traces that links lead to are looked up.
    pub(crate) has_links: bool,
    /// As in [`GroupFacts`].
    pub(crate) longest: Option<u64>,
    /// Its place among the groups of the block.
    pub(crate) number: u32,
    leaves: usize,
    index: Arc<Index>,
    looked_up: LookedUp,
}

/// Where what is looked up of a row group is.
#[derive(Clone, Debug)]
pub(crate) enum LookedUp {
    /// In memory, while the block grows.
    Live(Arc<Live>),
    /// In a lookup of the block.
    Written(InSet),
}

impl Group {
    pub(crate) fn new(
        facts: &GroupFacts,
        number: u32,
        (leaves, index): (usize, Arc<Index>),
        looked_up: LookedUp,
    ) -> Self {
        let GroupFacts { tenant, rows, runs, extent, has_links, longest } = facts.clone();
        Self { tenant, rows, runs, extent, has_links, longest, number, leaves, index, looked_up }
    }

    /// The same group whose lookups are on disk now.
    pub(crate) fn written(&self, place: InSet) -> Self {
        Self { looked_up: LookedUp::Written(place), ..self.clone() }
    }

    /// What is looked up of it, while that is in memory.
    pub(crate) fn live(&self) -> Option<&Arc<Live>> {
        match &self.looked_up {
            LookedUp::Live(live) => Some(live),
            LookedUp::Written(_) => None,
        }
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

    /// Where the rows of each trace are.
    pub(crate) fn runs(&self) -> Result<Arc<Runs>> {
        self.section()
    }

    /// The same for whoever reads all of them once.
    pub(crate) fn passing_runs(&self) -> Result<Arc<Runs>> {
        self.index.passing(self.number, self.about())
    }

    /// Which set of row groups it is looked up with; `None` where it is alone.
    pub(crate) fn set(&self) -> Option<u32> {
        match &self.looked_up {
            LookedUp::Live(_) => None,
            LookedUp::Written(place) => Some(place.set()),
        }
    }

    /// To where in its set a token leads.
    pub(crate) fn with_token(&self, token: u64) -> Result<Vec<u32>> {
        match &self.looked_up {
            LookedUp::Live(live) => Ok(live.with_token(token)),
            LookedUp::Written(place) => place.with_token(&self.index, token),
        }
    }

    /// Which of these places are here.
    pub(crate) fn found(&self, places: &[u32]) -> Found {
        match &self.looked_up {
            LookedUp::Live(_) => Live::found(places),
            LookedUp::Written(place) => place.found(places),
        }
    }

    /// The runs of its set that may be of a trace.
    pub(crate) fn with_id(&self, id: TraceId) -> Result<Vec<u32>> {
        match &self.looked_up {
            LookedUp::Live(live) => Ok(live.with_id(id)),
            LookedUp::Written(place) => place.with_id(&self.index, id),
        }
    }

    /// The runs of its set whose trace ids have this hash.
    pub(crate) fn with_hash(&self, hash: u32) -> Result<Vec<u32>> {
        match &self.looked_up {
            LookedUp::Live(live) => Ok(live.with_hash(hash)),
            LookedUp::Written(place) => place.with_hash(&self.index, hash),
        }
    }

    /// Which of these runs are its own, counted from its first.
    pub(crate) fn own_runs(&self, runs: &[u32]) -> Vec<u32> {
        match &self.looked_up {
            LookedUp::Live(_) => runs.to_vec(),
            LookedUp::Written(place) => place.own_runs(runs),
        }
    }

    /// The hashes of all trace ids of its set.
    pub(crate) fn id_hashes(&self) -> Result<Vec<u32>> {
        match &self.looked_up {
            LookedUp::Live(live) => Ok(live.id_hashes()),
            LookedUp::Written(place) => place.id_hashes(&self.index),
        }
    }

    /// Which keys occur.
    pub(crate) fn keys(&self) -> Result<Arc<Keys>> {
        self.section()
    }

    /// What is shown of its runs; `None` in blocks that older versions wrote.
    pub(crate) fn summaries(&self) -> Result<Option<Arc<Summaries>>> {
        self.index.section_if_there(self.number, self.about())
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
