//! What the spans of one tenant in a block add up to: services, operations and keys with their counts, and durations by
//! steps of time.
//!
//! In: the columns of row groups, before they are encoded. Out: sections of the block's index, of which a search reads
//! those that it needs. While a block grows its digests are in memory, a few for each tenant; closing it makes one of them.
//! Bounded by [`listing::OPERATIONS_MAX`] and the byte limits of [`cubes`], beyond which operations are no longer told
//! apart, or steps become longer: then a search counts the spans themselves. Calls between services are in [`calls`],
//! what services use besides in [`uses`], values of attributes in [`valued`].

mod build;
mod callers;
mod calls;
mod cubes;
mod listing;
mod merge;
mod relations;
mod summaries;
mod tallied;
#[cfg(test)]
mod tests;
mod users;
mod uses;
mod valued;

use std::sync::Arc;

use model::Tenant;

pub(crate) use build::{Detail, digest};
pub(crate) use calls::{Called, Calls, MESSAGING, parents};
pub(crate) use cubes::{CallCube, Cube, Role, STATUSES, UseCube};
pub(crate) use listing::Listing;
pub(crate) use uses::{Used, Uses};
pub(crate) use valued::{KeyValues, OfKey};

use crate::error::Result;
use crate::index::section::About;
use crate::index::{Index, IndexWriter};

/// So many digests of a tenant wait in a growing block before they are made one.
const WAITING_MAX: usize = 8;

/// What some spans of one tenant add up to.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    pub(crate) listing: Arc<Listing>,
    /// By [`Role`]; a role that is missing can be had from the cube of operations.
    pub(crate) cubes: [Option<Arc<Cube>>; Role::ALL.len()],
    /// `None` where calls are too many, or can't be told by the spans of a run.
    pub(crate) called: Option<Called>,
    /// `None` also where what is used is too much.
    pub(crate) used: Option<Used>,
    /// The values of attributes; `None` where the block is not a merged one.
    pub(crate) values: Option<Arc<KeyValues>>,
}

/// A digest wherever it is.
#[derive(Clone, Debug)]
pub(crate) enum Digested {
    /// In memory, of a part of a block that grows.
    Growing(Arc<Digest>),
    /// In the index of a block, under the number of the tenant.
    Written { index: Arc<Index>, tenant: u32, listing: Arc<Listing> },
}

/// Sections about a tenant need to know nothing of the block.
const OF_TENANT: About = About { rows: 0, leaves: 0 };

impl Digested {
    /// That of a tenant, if the index has one.
    ///
    /// # Errors
    /// Where the index can't be read, or is damaged.
    pub(crate) fn written(index: Arc<Index>, tenant: u32) -> Result<Option<Self>> {
        let listing = index.section_if_there(tenant, OF_TENANT)?;
        Ok(listing.map(|listing| Self::Written { index, tenant, listing }))
    }

    pub(crate) fn listing(&self) -> &Arc<Listing> {
        match self {
            Self::Growing(digest) => &digest.listing,
            Self::Written { listing, .. } => listing,
        }
    }

    /// A cube, if there is one.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn cube(&self, role: Role) -> Result<Option<Arc<Cube>>> {
        match self {
            Self::Growing(digest) => Ok(digest.cubes[role as usize].clone()),
            Self::Written { index, tenant, .. } => index.section_if_there(role.section(*tenant), OF_TENANT),
        }
    }
}

impl Digested {
    /// Who calls whom; `None` where that is not known.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn calls(&self) -> Result<Option<Arc<Calls>>> {
        match self {
            Self::Growing(digest) => Ok(digest.called.as_ref().map(|called| called.calls.clone())),
            Self::Written { index, tenant, .. } => index.section_if_there(*tenant, OF_TENANT),
        }
    }

    /// The cube of [`calls`](Self::calls): all time in one step, or in short steps.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn call_cube(&self, is_whole: bool) -> Result<Option<Arc<Cube>>> {
        match self {
            Self::Growing(digest) => Ok(digest.called.as_ref().and_then(|called| match is_whole {
                true => called.whole.clone(),
                false => Some(called.steps.clone()),
            })),
            Self::Written { index, tenant, .. } => {
                let number = 2 * tenant + u32::from(is_whole);
                let cube: Option<Arc<CallCube>> = index.section_if_there(number, OF_TENANT)?;
                Ok(cube.map(|cube| cube.0.clone()))
            }
        }
    }

    /// The values of attributes, as far as they are few; `None` where none are known.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn values(&self) -> Result<Option<Arc<KeyValues>>> {
        match self {
            Self::Growing(digest) => Ok(digest.values.clone()),
            Self::Written { index, tenant, .. } => index.section_if_there(*tenant, OF_TENANT),
        }
    }

    /// What services use; `None` where that is not known.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn uses(&self) -> Result<Option<Arc<Uses>>> {
        match self {
            Self::Growing(digest) => Ok(digest.used.as_ref().map(|used| used.uses.clone())),
            Self::Written { index, tenant, .. } => index.section_if_there(*tenant, OF_TENANT),
        }
    }

    /// The cube of [`uses`](Self::uses): all time in one step, or in short steps.
    ///
    /// # Errors
    /// As [`Digested::written`].
    pub(crate) fn use_cube(&self, is_whole: bool) -> Result<Option<Arc<Cube>>> {
        match self {
            Self::Growing(digest) => Ok(digest.used.as_ref().and_then(|used| match is_whole {
                true => used.whole.clone(),
                false => Some(used.steps.clone()),
            })),
            Self::Written { index, tenant, .. } => {
                let number = 2 * tenant + u32::from(is_whole);
                let cube: Option<Arc<UseCube>> = index.section_if_there(number, OF_TENANT)?;
                Ok(cube.map(|cube| cube.0.clone()))
            }
        }
    }
}

/// The digests of a block that grows, by tenant in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digests(Vec<(Tenant, Vec<Arc<Digest>>)>);

impl Digests {
    pub(crate) fn add(&mut self, tenant: &Tenant, digest: Digest) {
        let known = self.0.iter_mut().find(|(known, _)| known == tenant);
        let Some((_, waiting)) = known else {
            self.0.push((tenant.clone(), vec![Arc::new(digest)]));
            return;
        };
        waiting.push(Arc::new(digest));
        if waiting.len() > WAITING_MAX {
            let one = merge::merge(waiting, false);
            *waiting = vec![Arc::new(one)];
        }
    }

    /// True where nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those of a tenant.
    pub(crate) fn of(&self, tenant: &Tenant) -> &[Arc<Digest>] {
        self.0.iter().find(|(known, _)| known == tenant).map_or(&[], |(_, digests)| digests)
    }

    /// Writes the sections of the finished block; tenants have the numbers in which their first row groups come.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn write(&self, index: &mut IndexWriter) -> Result<()> {
        for (number, (_, digests)) in (0..).zip(&self.0) {
            let one = merge::merge(digests, true);
            index.section(number, &*one.listing)?;
            for (role, cube) in Role::ALL.into_iter().zip(&one.cubes) {
                if let Some(cube) = cube {
                    index.section(role.section(number), &**cube)?;
                }
            }
            if let Some(called) = one.called {
                index.section(number, &*called.calls)?;
                index.section(2 * number, &CallCube::from(called.steps))?;
                if let Some(whole) = called.whole {
                    index.section(2 * number + 1, &CallCube::from(whole))?;
                }
            }
            if let Some(used) = one.used {
                index.section(number, &*used.uses)?;
                index.section(2 * number, &UseCube::from(used.steps))?;
                if let Some(whole) = used.whole {
                    index.section(2 * number + 1, &UseCube::from(whole))?;
                }
            }
            if let Some(values) = one.values {
                index.section(number, &*values)?;
            }
        }
        Ok(())
    }
}
