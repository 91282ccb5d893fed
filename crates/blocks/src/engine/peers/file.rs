//! A file of a block that a peer has lent, read over the network.
//!
//! Ranges that are announced are fetched together and wait for whoever reads them, up to [`WAITING_BYTES_MAX`].

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{Call, Peer, offer::READ_BYTES_MAX, wire::Reading};
use crate::{
    block::RangeFile,
    error::{Error, Next, Result},
};

/// Bytes that were fetched before they were read; more is fetched when it is read.
const WAITING_BYTES_MAX: u64 = 16 << 20;

/// A file of a block on another node.
#[derive(Debug)]
pub(super) struct PeerFile {
    peer: Arc<dyn Peer>,
    runtime: Handle,
    block: String,
    is_index: bool,
    /// By where they begin.
    waiting: Mutex<BTreeMap<u64, Bytes>>,
}

impl PeerFile {
    pub(super) fn new(peer: Arc<dyn Peer>, runtime: Handle, (block, is_index): (String, bool)) -> Self {
        Self { peer, runtime, block, is_index, waiting: Mutex::default() }
    }

    /// Fetches ranges, in the same order.
    fn fetch(&self, ranges: Vec<Range<u64>>) -> Result<Vec<Bytes>> {
        let length: u64 = ranges.iter().map(length).sum();
        let reading = Reading { block: self.block.clone(), is_index: self.is_index, ranges };
        let failed = |why: String| Error::new(Next::Retry, format!("cannot read {}: {why}", self.name()));
        let bytes_max = usize::try_from(length).unwrap_or(usize::MAX);
        let fetched = self.runtime.block_on(self.peer.call(Call::Read, reading.encode(), bytes_max));
        let mut fetched = fetched.map_err(failed)?;
        if fetched.len() as u64 != length {
            return Err(failed("the answer has another length".into()));
        }
        Ok(reading.ranges.iter().map(|range| fetched.split_to(length_of(range))).collect())
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn length_of(range: &Range<u64>) -> usize {
    usize::try_from(length(range)).unwrap_or(usize::MAX)
}

impl RangeFile for PeerFile {
    fn name(&self) -> String {
        let what = if self.is_index { "the index" } else { "the spans" };
        format!("{what} of block {} on {}", self.block, self.peer.name())
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&range.start);
        if let Some(bytes) = waiting.filter(|bytes| bytes.len() == length_of(&range)) {
            return Ok(bytes);
        }
        if length(&range) > READ_BYTES_MAX {
            return Err(Error::new(Next::Refuse, format!("{}: a part of it is too large", self.name())));
        }
        Ok(self.fetch(vec![range])?.into_iter().flatten().collect())
    }

    fn is_far(&self) -> bool {
        true
    }

    fn expect(&self, ranges: &[Range<u64>]) -> Result<()> {
        let mut bytes = 0;
        let fits = |range: &&Range<u64>| {
            bytes += length(range);
            bytes <= WAITING_BYTES_MAX
        };
        let ranges: Vec<Range<u64>> = ranges.iter().take_while(fits).cloned().collect();
        if ranges.is_empty() {
            return Ok(());
        }
        let fetched = self.fetch(ranges.clone())?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let held: u64 = waiting.values().map(|bytes| bytes.len() as u64).sum();
        if held > WAITING_BYTES_MAX {
            waiting.clear();
        }
        waiting.extend(ranges.iter().map(|range| range.start).zip(fetched));
        Ok(())
    }
}
