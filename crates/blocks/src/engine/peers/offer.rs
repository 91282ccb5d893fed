//! The other side: what this node has that is in no committed block, and parts of those blocks.

use std::sync::atomic::Ordering::Acquire;

use bytes::{Bytes, BytesMut};

use super::{
    Call,
    wire::{Chunk, Offer, Question, Reading},
};
use crate::{
    engine::{Engine, Inner, head::Behind},
    error::{Doing, Error, Next, Result},
    manifest::JournalRange,
};

/// Bytes that one request reads at most.
pub(super) const READ_BYTES_MAX: u64 = 256 << 20;

impl Engine {
    /// Answers another node; what is said is the matter of both engines alone.
    ///
    /// # Errors
    /// If it asks for something that is not at hand, or speaks another version.
    pub async fn answer_peer(&self, call: Call, request: Bytes) -> Result<Bytes> {
        let inner = self.inner.clone();
        let answering = tokio::task::spawn_blocking(move || match call {
            Call::Offer => inner.offer(&Question::decode(&request)?).map(|offer| offer.encode()),
            Call::Read => inner.read_for(&Reading::decode(&request)?),
        });
        answering.await.doing(Next::Retry, "answer another node")?
    }
}

impl Inner {
    fn offer(&self, question: &Question) -> Result<Offer> {
        let identity = &self.identity;
        let mut offer = Offer { node: identity.node.clone(), epoch: identity.epoch, ..Offer::default() };
        if (&*question.node, question.epoch) != (&*identity.node, identity.epoch) {
            return Ok(offer);
        }
        if !self.recovery.done.load(Acquire) {
            offer.missing = "it has just started and does not search everything yet".into();
        }
        let is_committed = |from, to| {
            let JournalRange { from, to } = JournalRange::new(from, to);
            question.committed.iter().any(|range| range.from <= from && to <= range.to)
        };
        let unseen = match self.head.unseen(&question.tenant, question.number, is_committed) {
            Ok(unseen) => unseen,
            Err(Behind(number)) => return Ok(Offer { behind: number, ..offer }),
        };
        for (chunk, batches) in unseen.chunks {
            let known = question.known.iter().find(|known| known.chunk == chunk);
            let from = known.map_or(0, |known| known.batches.min(batches.len() as u64));
            let fresh = batches[from as usize..].iter().map(|batch| batch.bytes().clone()).collect();
            offer.chunks.push(Chunk { chunk, from, batches: fresh });
        }
        for (id, view) in unseen.blocks {
            let known = question.borrowed.iter().find(|(borrowed, _)| *borrowed == id);
            offer.loans.push(view.lent(id, known.map_or(0, |(_, groups)| *groups))?);
        }
        Ok(offer)
    }

    fn read_for(&self, reading: &Reading) -> Result<Bytes> {
        let gone = || Error::new(Next::Retry, format!("block {} is not lent any more", reading.block));
        let view = self.head.lent(&reading.block).ok_or_else(gone)?;
        let file = view.file(reading.is_index).ok_or_else(gone)?;
        let lengths = reading.ranges.iter().map(|range| range.end - range.start);
        let total = lengths.fold(0_u64, u64::saturating_add);
        if total > READ_BYTES_MAX {
            return Err(Error::new(Next::Refuse, "it asks for too much at once"));
        }
        let mut parts = BytesMut::new();
        for range in &reading.ranges {
            parts.extend_from_slice(&file.read(range.clone())?);
        }
        Ok(parts.freeze())
    }
}
