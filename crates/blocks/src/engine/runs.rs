//! A list of batches that grows at its end and is cheap to copy at any moment.

use std::sync::Arc;

use model::Batch;

use super::head::cost;

/// Batches that are shared as one, once there are so many.
const RUN_BATCHES: usize = 256;

/// Batches in the order they came.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    full: Vec<Arc<[Batch]>>,
    tail: Vec<Batch>,
    spans: usize,
    bytes: usize,
}

impl Runs {
    pub(crate) fn push(&mut self, batch: Batch) {
        self.spans += batch.len();
        self.bytes += cost(&batch);
        self.tail.push(batch);
        if self.tail.len() == RUN_BATCHES {
            self.full.push(self.tail.drain(..).collect());
        }
    }

    pub(crate) fn batches(&self) -> impl Iterator<Item = Batch> {
        self.full.iter().flat_map(|run| run.iter()).chain(&self.tail).cloned()
    }

    pub(crate) fn spans(&self) -> usize {
        self.spans
    }

    /// Bytes that they take in the head.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
