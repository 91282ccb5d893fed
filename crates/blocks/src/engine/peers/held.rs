//! What is held of a peer between two questions, so that nothing is sent twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use model::{Batch, Tenant};
use tokio::runtime::Handle;

use super::{
    Found, Peer,
    file::PeerFile,
    wire::{Chunk, Known, Offer},
};
use crate::{
    block::{BlockFiles, Borrowed},
    engine::head::cost,
    error::{Doing, Error, Next, Result},
    memory::Memory,
};

/// Parts of a peer's head, and its blocks that are not committed.
#[derive(Debug, Default)]
pub(super) struct Held {
    node: String,
    epoch: u64,
    tenants: BTreeMap<Tenant, OfTenant>,
    blocks: BTreeMap<String, Borrowed>,
    turn: u64,
}

/// The chunks of one tenant.
#[derive(Debug, Default)]
struct OfTenant {
    chunks: BTreeMap<u64, Vec<Batch>>,
    /// When it was asked for last.
    turn: u64,
}

impl OfTenant {
    fn bytes(&self) -> usize {
        self.chunks.values().flatten().map(cost).sum()
    }
}

impl Held {
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What need not be sent again.
    pub(super) fn known(&self, tenant: &Tenant) -> Vec<Known> {
        let chunks = self.tenants.get(tenant).map(|of| &of.chunks).into_iter().flatten();
        chunks.map(|(chunk, batches)| Known { chunk: *chunk, batches: batches.len() as u64 }).collect()
    }

    /// The blocks whose lookups need not be sent again, and of how many row groups.
    pub(super) fn borrowed(&self) -> Vec<(String, u64)> {
        self.blocks.iter().map(|(id, block)| (id.clone(), block.groups())).collect()
    }

    /// Was it this node that was asked? If not, everything of the other is forgotten.
    pub(super) fn is_of(&mut self, offer: &Offer) -> bool {
        let is_same = (&*offer.node, offer.epoch) == (&*self.node, self.epoch);
        if !is_same {
            *self = Self { node: offer.node.clone(), epoch: offer.epoch, ..Self::default() };
        }
        is_same
    }

    /// Takes in what was offered, forgets what is no longer there, and answers all of it.
    pub(super) fn take(
        &mut self,
        offer: Offer,
        tenant: &Tenant,
        (peer, memory, bytes_max): (&Arc<dyn Peer>, &Arc<Memory>, usize),
    ) -> Result<Found> {
        self.turn += 1;
        let of = self.tenants.entry(tenant.clone()).or_default();
        of.turn = self.turn;
        let mut before = std::mem::take(&mut of.chunks);
        for Chunk { chunk, from, batches } in offer.chunks {
            let mut all = before.remove(&chunk).unwrap_or_default();
            if all.len() as u64 != from {
                return Err(Error::new(Next::Retry, "it offers another part of its head than was asked for"));
            }
            for bytes in batches {
                all.push(Batch::read(bytes, tenant.clone()).doing(Next::Retry, "read a batch of its head")?);
            }
            of.chunks.insert(chunk, all);
        }
        let head: Vec<Batch> = of.chunks.values().flatten().cloned().collect();
        self.make_room(bytes_max);
        let offered: BTreeSet<&str> = offer.loans.iter().map(|loan| loan.id.as_str()).collect();
        self.blocks.retain(|id, _| offered.contains(id.as_str()));
        let mut blocks = Vec::new();
        for loan in &offer.loans {
            let borrowed = self
                .blocks
                .entry(loan.id.clone())
                .or_insert_with(|| Borrowed::new(files(peer, &loan.id), memory));
            blocks.push(Arc::new(borrowed.view(loan)?));
        }
        Ok(Found { node: offer.node, behind: 0, head, blocks, missing: offer.missing })
    }

    /// Bytes of batches that are kept.
    pub(super) fn bytes(&self) -> u64 {
        self.tenants.values().map(OfTenant::bytes).sum::<usize>() as u64
    }

    /// Forgets the tenants that were not asked for longest; at last also the one that was just asked for.
    fn make_room(&mut self, bytes_max: usize) {
        let mut bytes: usize = self.tenants.values().map(OfTenant::bytes).sum();
        while bytes > bytes_max {
            let oldest = self.tenants.iter().min_by_key(|(_, of)| of.turn).map(|(tenant, _)| tenant.clone());
            let Some(gone) = oldest.and_then(|oldest| self.tenants.remove(&oldest)) else { return };
            bytes -= gone.bytes();
        }
    }
}

fn files(peer: &Arc<dyn Peer>, block: &str) -> BlockFiles {
    let file =
        |is_index| Arc::new(PeerFile::new(peer.clone(), Handle::current(), (block.to_owned(), is_index)));
    BlockFiles { data: file(false), index: file(true) }
}
