//! A file of a block in a bucket, read by ranges through the cache.
//!
//! Pieces that are not in the cache are fetched, neighbours in one request, a few requests at once. What is read is
//! compared with its checksum by whoever asked, who says so if it does not hold: then the copies are thrown away, and
//! the next read comes from the bucket.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use tokio::runtime::Handle;

use super::cache::{Cache, Key, PIECE_BYTES, Part};
use crate::{
    block::RangeFile,
    error::{Doing, Error, Next, Result},
};
use std::sync::atomic::Ordering::Relaxed;

/// Bytes that one request fetches at most.
const FETCH_BYTES_MAX: u64 = 8 << 20;

/// Requests on their way at once for one read.
const FETCHES_MAX: usize = 4;

/// Pieces that lie no further apart are fetched together.
const GAP_PIECES_MAX: u64 = 2;

/// A file in a bucket.
#[derive(Debug)]
pub(super) struct RemoteFile {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) cache: Arc<Cache>,
    pub(super) runtime: Handle,
    pub(super) block: String,
    pub(super) file: &'static str,
    pub(super) path: Path,
    pub(super) bytes: u64,
}

impl RangeFile for RemoteFile {
    fn name(&self) -> String {
        format!("{} in the bucket", self.path)
    }

    fn read(&self, range: Range<u64>) -> Result<Bytes> {
        if range.start > range.end || range.end > self.bytes {
            let what = format!("{} has no bytes {} to {}", self.name(), range.start, range.end);
            return Err(Error::new(Next::Repair, what));
        }
        if let Some(bytes) = self.cache.read(&self.key(Part::Whole), range.clone()) {
            self.cache.hits.fetch_add(1, Relaxed);
            return Ok(bytes);
        }
        let mut missing = Vec::new();
        let mut parts = Vec::new();
        for number in pieces(&range) {
            let piece = self.piece(number);
            let wanted = range.start.max(piece.start) - piece.start..range.end.min(piece.end) - piece.start;
            let part = self.cache.read(&self.key(Part::Piece(number)), wanted);
            if part.is_none() {
                missing.push(number);
            }
            parts.push((number, part));
        }
        self.cache.hits.fetch_add((parts.len() - missing.len()) as u64, Relaxed);
        let mut fetched = self.fetch(&missing)?.into_iter();
        let mut whole = BytesMut::new();
        for (number, part) in parts {
            let part = match part {
                Some(part) => part,
                None => {
                    let piece = self.piece(number);
                    let bytes = fetched.find(|(found, _)| *found == number).map(|(_, bytes)| bytes);
                    let bytes = bytes.expect("what is fetched is every piece that is missing, in order");
                    let from = range.start.max(piece.start) - piece.start;
                    bytes.slice(from as usize..(range.end.min(piece.end) - piece.start) as usize)
                }
            };
            if parts_are_one(&range, &part) {
                return Ok(part);
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole.freeze())
    }

    fn is_far(&self) -> bool {
        true
    }

    fn expect(&self, ranges: &[Range<u64>]) -> Result<()> {
        if self.cache.has(&self.key(Part::Whole)) {
            return Ok(());
        }
        let mut missing: Vec<u64> = ranges.iter().flat_map(pieces).collect();
        missing.dedup();
        missing.retain(|number| !self.cache.has(&self.key(Part::Piece(*number))));
        self.fetch(&missing).map(drop)
    }

    fn distrust(&self, range: Range<u64>) -> bool {
        let mut parts = vec![Part::Whole];
        parts.extend(pieces(&range).map(Part::Piece));
        let mut is_copy = false;
        for key in parts.into_iter().map(|part| self.key(part)) {
            is_copy |= self.cache.has(&key);
            self.cache.forget(&key);
        }
        is_copy
    }
}

impl RemoteFile {
    fn key(&self, part: Part) -> Key {
        Key { block: self.block.clone(), file: self.file, part }
    }

    fn piece(&self, number: u64) -> Range<u64> {
        number * PIECE_BYTES..((number + 1) * PIECE_BYTES).min(self.bytes)
    }

    /// Fetches pieces, given in ascending order, and keeps them; what lies between two of them comes along.
    fn fetch(&self, missing: &[u64]) -> Result<Vec<(u64, Bytes)>> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        self.cache.misses.fetch_add(missing.len() as u64, Relaxed);
        let runs = runs(missing);
        let fetching = stream::iter(runs)
            .map(|run| async move {
                let range = run.start * PIECE_BYTES..self.piece(run.end - 1).end;
                let reading = || format!("read {} from byte {}", self.name(), range.start);
                let bytes = self.store.get_range(&self.path, range.clone()).await;
                let bytes = bytes.map_err(|cause| gone(&cause, cause.to_string(), reading()))?;
                if bytes.len() as u64 != range.end - range.start {
                    let what = format!("{} ends before byte {}", self.name(), range.end);
                    return Err(Error::new(Next::Repair, what));
                }
                Ok((run, bytes))
            })
            .buffered(FETCHES_MAX)
            .try_collect::<Vec<_>>();
        let mut pieces = Vec::new();
        for (run, bytes) in self.runtime.block_on(fetching)? {
            for number in run.clone() {
                let from = ((number - run.start) * PIECE_BYTES) as usize;
                let to = (from + PIECE_BYTES as usize).min(bytes.len());
                let piece = bytes.slice(from..to);
                self.cache.put(self.key(Part::Piece(number)), &piece);
                pieces.push((number, piece));
            }
        }
        Ok(pieces)
    }
}

fn parts_are_one(range: &Range<u64>, part: &Bytes) -> bool {
    part.len() as u64 == range.end - range.start
}

fn gone(cause: &object_store::Error, text: String, reading: String) -> Error {
    let next = match cause {
        object_store::Error::NotFound { .. } => Next::Repair,
        _ => Next::Retry,
    };
    Err::<(), _>(text).doing(next, reading).expect_err("made from an error")
}

/// The pieces that a range touches.
fn pieces(range: &Range<u64>) -> Range<u64> {
    range.start / PIECE_BYTES..range.end.div_ceil(PIECE_BYTES).max(range.start / PIECE_BYTES)
}

/// Ascending pieces as ranges that one request each fetches.
fn runs(missing: &[u64]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for number in missing {
        match runs.last_mut() {
            Some(run)
                if *number <= run.end + GAP_PIECES_MAX
                    && (number + 1 - run.start) * PIECE_BYTES <= FETCH_BYTES_MAX =>
            {
                run.end = number + 1;
            }
            _ => runs.push(*number..number + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_fetched_together_but_not_without_end() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[3]), vec![3..4; 1]);
        assert_eq!(runs(&[1, 2, 3, 6, 9, 20]), [1..10, 20..21]);
        let all: Vec<u64> = (0..100).collect();
        let runs = runs(&all);
        assert!(runs.iter().all(|run| (run.end - run.start) * PIECE_BYTES <= FETCH_BYTES_MAX));
        assert_eq!(runs.len(), 4);
    }

    #[test]
    fn a_range_knows_its_pieces() {
        assert_eq!(pieces(&(0..1)), 0..1);
        assert_eq!(pieces(&(PIECE_BYTES - 1..PIECE_BYTES + 1)), 0..2);
        assert_eq!(pieces(&(PIECE_BYTES..2 * PIECE_BYTES)), 1..2);
        assert_eq!(pieces(&(5..5)).count(), 1);
    }
}
