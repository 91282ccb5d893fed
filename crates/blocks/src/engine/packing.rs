//! Chunks on their way into blocks that are being packed, several at once, each on a thread of its own.
//!
//! What is packed is handed over in the order in which the chunks were sealed. Bounded by `Limits::packing_max`.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use super::head::{Head, Sealed};
use crate::{
    block::{self, Packed, Packer, Shape},
    error::{Doing, Next, Result},
};

/// What is being packed.
#[derive(Default)]
pub(super) struct Packing {
    running: VecDeque<Running>,
    /// What the row groups of a generation's blocks have in common.
    shapes: BTreeMap<(u64, bool), Shape>,
    /// Those that are not at work. Their memory is used again while there is much to pack; then one is enough.
    idle: Vec<Packer>,
}

/// A chunk that is packed; nothing where it has no span.
pub(super) struct Ready {
    pub(super) chunk: Arc<Sealed>,
    pub(super) packed: Result<Option<Packed>>,
    /// How long that took.
    pub(super) packing: Duration,
}

struct Running {
    chunk: Arc<Sealed>,
    task: JoinHandle<(Packer, Result<Option<Packed>>, Duration)>,
}

impl Packing {
    /// Packs more chunks, as long as no more than `at_once` are on their way.
    pub(super) fn begin(&mut self, head: &Head, at_once: usize) {
        while self.running.len() < at_once
            && let Some(chunk) = head.next_chunk()
        {
            let mut packer = self.idle.pop().unwrap_or_else(|| Packer::new(block::LEVEL));
            let shape = self.shapes.entry((chunk.generation, chunk.skew)).or_default().clone();
            let packed = chunk.clone();
            let task = tokio::task::spawn_blocking(move || {
                let began = Instant::now();
                let outcome = packer.pack(&packed.batches, &shape);
                (packer, outcome, began.elapsed())
            });
            self.running.push_back(Running { chunk, task });
        }
        if self.running.is_empty() {
            self.idle.truncate(1);
        }
    }

    /// Waits for the chunk that was begun first; for ever if there is none. May be asked again when it was not awaited.
    pub(super) async fn next(&mut self) -> Ready {
        let Some(first) = self.running.front_mut() else { return std::future::pending().await };
        let joined = (&mut first.task).await;
        let chunk = first.chunk.clone();
        self.running.pop_front();
        match joined.doing(Next::Repair, "pack a chunk") {
            Ok((packer, packed, packing)) => {
                self.idle.push(packer);
                Ready { chunk, packed, packing }
            }
            Err(panicked) => Ready { chunk, packed: Err(panicked), packing: Duration::ZERO },
        }
    }

    /// No chunk of this generation comes any more.
    pub(super) fn closes(&mut self, generation: u64) {
        self.shapes.retain(|(known, _), _| *known != generation);
    }

    /// Forgets what is on its way: it is packed again.
    pub(super) fn forget(&mut self) {
        self.running.clear();
    }
}
