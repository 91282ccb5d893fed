//! Other nodes' heads: what is younger than the bucket is asked of those who have it.
//!
//! A question takes the views on committed blocks, and with them the manifest that they stand for. Each peer is told
//! what that manifest knows of its journal, and offers the rest (`offer.rs`): the batches of its head, of which those
//! that were handed over before are not sent again, and its blocks that are not committed, of which only what a question
//! needs is read (`file.rs`). So every span is found once, wherever it is on its way, and a question is answered over all
//! of it as if it were here. A peer that does not answer is named in the answer, which is partial then.
//!
//! Memory is bounded by `Limits::peer_bytes_max` for batches, and by the budgets for indexes and pages.

mod file;
mod held;
mod offer;
mod wire;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use model::{Batch, Tenant};

use self::{
    held::Held,
    wire::{Offer, Question},
};
use super::{Engine, Inner, head::Visible};
use crate::{
    block::BlockView,
    error::{Error, Next, Result},
    manifest::State,
    search::Sources,
};

/// So often a question looks at the manifest again because a peer knows a newer one.
const ATTEMPTS_MAX: usize = 4;

/// A peer that did not answer is not asked again for this long.
const AWAY_FOR: Duration = Duration::from_secs(1);

/// What a node asks of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// What it has that is in no committed block.
    Offer,
    /// Parts of a block that it offered.
    Read,
}

/// Another node that ingests into the same object store.
#[async_trait]
pub trait Peer: fmt::Debug + Send + Sync {
    /// What to call it in a message.
    fn name(&self) -> &str;

    /// Hands a request to [`Engine::answer_peer`](super::Engine::answer_peer) over there, and waits for the answer, not for
    /// ever; of an answer with more bytes nothing is kept.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn call(&self, call: Call, request: Bytes, bytes_max: usize) -> std::result::Result<Bytes, String>;
}

/// The peers of a node.
#[derive(Debug, Default)]
pub(super) struct Peers(Vec<Known>);

#[derive(Debug)]
struct Known {
    peer: Arc<dyn Peer>,
    /// Batches of it that may be kept here.
    bytes_max: usize,
    /// One question at a time asks it, so that what is held of it only grows.
    held: tokio::sync::Mutex<Held>,
    /// Batches of it that are kept here.
    bytes: AtomicU64,
    away: Mutex<Option<(Instant, String)>>,
}

/// What the peers have of a tenant.
#[derive(Default)]
struct Borrowed {
    head: Vec<Batch>,
    blocks: Vec<Arc<BlockView>>,
    /// The manifest that has to be seen first.
    behind: u64,
    missing: Vec<String>,
}

/// What one of them has.
pub(super) struct Found {
    node: String,
    behind: u64,
    head: Vec<Batch>,
    blocks: Vec<Arc<BlockView>>,
    missing: String,
}

impl Peers {
    pub(super) fn new(peers: &[Arc<dyn Peer>], bytes_max: usize) -> Self {
        let bytes_max = bytes_max / peers.len().max(1);
        let known = |peer: &Arc<dyn Peer>| Known {
            peer: peer.clone(),
            bytes_max,
            held: tokio::sync::Mutex::default(),
            bytes: AtomicU64::new(0),
            away: Mutex::default(),
        };
        Self(peers.iter().map(known).collect())
    }

    /// Who did not answer when asked last, and why.
    pub(super) fn away(&self) -> Vec<String> {
        self.0.iter().filter_map(Known::why_away).collect()
    }
}

impl Engine {
    /// Bytes of other nodes' heads that are kept.
    #[must_use]
    pub fn peer_bytes(&self) -> u64 {
        self.inner.peers.0.iter().map(|known| known.bytes.load(Relaxed)).sum()
    }
}

impl Inner {
    /// Everything of a tenant that is searchable at this instant, here and on the peers, and why some of it may be
    /// missing.
    pub(super) async fn sources(self: &Arc<Self>, tenant: &Tenant) -> (Sources, Option<String>) {
        for attempt in 1.. {
            let Visible { mut head, mut blocks, seen } = self.head.visible(tenant);
            let mut borrowed = self.borrow(tenant, &seen).await;
            if borrowed.behind > 0 {
                if let Err(error) = self.follow().await {
                    borrowed.missing.push(format!("cannot see what was committed last: {error}"));
                } else if attempt < ATTEMPTS_MAX {
                    continue;
                } else {
                    borrowed.missing.push("other nodes commit faster than this one can see it".into());
                }
            }
            head.extend(borrowed.head);
            blocks.extend(borrowed.blocks);
            let missing = (!borrowed.missing.is_empty()).then(|| borrowed.missing.join("; "));
            return (Sources { head, blocks, memory: Some(self.memory.clone()) }, missing);
        }
        unreachable!("the last attempt returns")
    }

    /// Asks every peer at once.
    async fn borrow(&self, tenant: &Tenant, seen: &State) -> Borrowed {
        let asking =
            self.peers.0.iter().map(|known| async move { (known, known.ask(self, tenant, seen).await) });
        let mut borrowed = Borrowed::default();
        let mut nodes = BTreeSet::from([self.identity.node.clone()]);
        for (known, found) in join_all(asking).await {
            let name = known.peer.name();
            match found {
                // The node itself, or one that is named twice.
                Ok(found) if !nodes.insert(found.node.clone()) => {}
                Ok(found) => {
                    borrowed.behind = borrowed.behind.max(found.behind);
                    borrowed.head.extend(found.head);
                    borrowed.blocks.extend(found.blocks);
                    if !found.missing.is_empty() {
                        borrowed.missing.push(format!("{name}: {}", found.missing));
                    }
                }
                Err(why) => borrowed.missing.push(format!("what only {name} has is missing: {why}")),
            }
        }
        borrowed
    }
}

impl Known {
    fn why_away(&self) -> Option<String> {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.as_ref().map(|(_, why)| format!("{} does not answer: {why}", self.peer.name()))
    }

    /// What the peer has of a tenant that is in no block of this manifest.
    async fn ask(&self, inner: &Inner, tenant: &Tenant, seen: &State) -> std::result::Result<Found, String> {
        let mut held = self.held.lock().await;
        if let Some((since, why)) = &*self.away.lock().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < AWAY_FOR
        {
            return Err(why.clone());
        }
        let found = self.borrow(&mut held, inner, (tenant, seen)).await.map_err(|error| error.to_string());
        self.bytes.store(held.bytes(), Relaxed);
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match &found {
            Err(why) => {
                if away.is_none() {
                    tracing::warn!(peer = self.peer.name(), why, "a peer does not answer");
                }
                *away = Some((Instant::now(), why.clone()));
            }
            Ok(_) if away.take().is_some() => tracing::info!(peer = self.peer.name(), "a peer answers again"),
            Ok(_) => {}
        }
        found
    }

    async fn borrow(
        &self,
        held: &mut Held,
        inner: &Inner,
        (tenant, seen): (&Tenant, &State),
    ) -> Result<Found> {
        // A node whose name was not known, or is another one now, is asked once more.
        for _ in 0..2 {
            let committed = seen.nodes.get(held.node()).map(|node| node.journal.clone()).unwrap_or_default();
            let question = Question {
                tenant: tenant.clone(),
                number: seen.number,
                node: held.node().to_owned(),
                epoch: held.epoch(),
                committed,
                known: held.known(tenant),
                borrowed: held.borrowed(),
            };
            let answer = self.peer.call(Call::Offer, question.encode(), self.bytes_max).await;
            let offer = Offer::decode(&answer.map_err(|why| Error::new(Next::Retry, why))?)?;
            if !held.is_of(&offer) {
                continue;
            }
            if offer.behind > 0 {
                let Offer { node, behind, .. } = offer;
                return Ok(Found {
                    node,
                    behind,
                    head: Vec::new(),
                    blocks: Vec::new(),
                    missing: String::new(),
                });
            }
            return held.take(offer, tenant, (&self.peer, &inner.memory, self.bytes_max));
        }
        Err(Error::new(Next::Retry, "it has just been replaced by another node"))
    }
}
