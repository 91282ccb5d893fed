//! A queue in memory between a pipeline and a remote.
//!
//! It holds at most `queue_size` requests, spans or bytes, those under way included. Full, it refuses (the
//! client is told to send again) or lets wait, as `block_on_overflow` says. What it holds is lost
//! when the process dies: that is why the default of Faden's own store has no queue.

use std::sync::{Arc, Mutex, PoisonError};

use config::Block;
use model::Batch;
use pipeline::Outcome;
use tokio::sync::{Mutex as AsyncMutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::Sender;

/// The most that `queue_size` can be.
const QUEUE_SIZE_MAX: usize = u32::MAX as usize;

/// The block `sending_queue`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueueSettings {
    pub(crate) is_enabled: bool,
    pub(crate) num_consumers: usize,
    pub(crate) queue_size: usize,
    pub(crate) sizer: &'static str,
    pub(crate) block_on_overflow: bool,
    pub(crate) wait_for_result: bool,
}

impl QueueSettings {
    pub(crate) fn read(parent: &mut Block<'_>) -> Self {
        let mut block = parent.section("sending_queue", "a queue in memory in front of the remote");
        let settings = Self {
            is_enabled: block.boolean(
                "enabled",
                true,
                "queue batches; otherwise the remote's answer is awaited",
            ),
            num_consumers: block.integer("num_consumers", 10, 1..=1000, "how many batches are sent at once"),
            queue_size: block.integer(
                "queue_size",
                1000,
                1..=QUEUE_SIZE_MAX,
                "how much it holds, by `sizer`",
            ),
            sizer: block.choice(
                "sizer",
                &["requests", "items", "bytes"],
                "requests",
                "what `queue_size` counts",
            ),
            block_on_overflow: block.boolean(
                "block_on_overflow",
                false,
                "full, let wait; otherwise refuse, and the client is told to send again",
            ),
            wait_for_result: block.boolean(
                "wait_for_result",
                false,
                "a batch is done when the remote has it, not when it is queued",
            ),
        };
        for key in ["storage", "batch"] {
            if block.node(key).is_some_and(|node| !node.is_null()) {
                block.problem(key, "this is not available", Some(remedy(key).to_owned()));
            }
        }
        drop(block);
        if settings.is_enabled && !settings.wait_for_result && !parent.is_describing() {
            parent.warning(
                "sending_queue",
                "batches are answered as stored when they are in this queue in memory, and lost if the process dies",
                Some("set sending_queue::enabled to false, or wait_for_result to true, to answer when the remote has them".to_owned()),
            );
        }
        settings
    }

    fn size(&self, batch: &Batch) -> usize {
        match self.sizer {
            "items" => batch.len(),
            "bytes" => batch.bytes().len(),
            _ => 1,
        }
    }
}

fn remedy(key: &str) -> &'static str {
    match key {
        "storage" => "export to `store` beside this exporter: what is stored is durable",
        _ => "name the processor `batch` in the pipeline",
    }
}

/// Batches on their way to the remote.
pub(crate) struct Queue {
    settings: QueueSettings,
    sender: Arc<Sender>,
    room: Arc<Semaphore>,
    tx: Mutex<Option<mpsc::Sender<Waiting>>>,
    rx: Arc<AsyncMutex<mpsc::Receiver<Waiting>>>,
    consumers: AsyncMutex<JoinSet<()>>,
}

struct Waiting {
    batch: Batch,
    size: i64,
    room: OwnedSemaphorePermit,
    answer: Option<oneshot::Sender<Outcome>>,
}

impl Queue {
    pub(crate) fn new(settings: QueueSettings, sender: Arc<Sender>) -> Self {
        let (tx, rx) = mpsc::channel(settings.queue_size);
        sender.meter.queue_capacity.set(settings.queue_size as i64);
        Self {
            room: Arc::new(Semaphore::new(settings.queue_size)),
            tx: Mutex::new(Some(tx)),
            rx: Arc::new(AsyncMutex::new(rx)),
            consumers: AsyncMutex::new(JoinSet::new()),
            settings,
            sender,
        }
    }

    /// Begins to send.
    pub(crate) fn start(&self) {
        let mut consumers = self.consumers.try_lock().expect("nobody drains what has not been started");
        for _ in 0..self.settings.num_consumers {
            consumers.spawn(consume(Arc::clone(&self.rx), Arc::clone(&self.sender)));
        }
    }

    /// Takes a batch in; its outcome is known at once unless `wait_for_result` is set.
    pub(crate) async fn put(&self, batch: Batch) -> Outcome {
        if batch.is_empty() {
            return Outcome::Stored;
        }
        let spans = batch.len() as u64;
        let size = self.settings.size(&batch);
        if size > self.settings.queue_size {
            self.sender.meter.enqueue_failed.inc_by(spans);
            let text = format!("a batch of {size} {} is larger than the whole queue", self.settings.sizer);
            return Outcome::rejected(spans, "queue_size", text);
        }
        let tx = self.tx.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(tx), Some(room)) = (tx, self.room(size).await) else {
            self.sender.meter.enqueue_failed.inc_by(spans);
            return Outcome::retry(None, "queue_full", "the sending queue is full");
        };
        let (answer, result) = oneshot::channel();
        let answer = self.settings.wait_for_result.then_some(answer);
        self.sender.meter.queue_size.add(size as i64);
        let waiting = Waiting { batch, size: size as i64, room, answer };
        if tx.send(waiting).await.is_err() {
            self.sender.meter.queue_size.sub(size as i64);
            return Outcome::retry(None, "shutdown", "the exporter is stopping");
        }
        drop(tx);
        if !self.settings.wait_for_result {
            return Outcome::Stored;
        }
        result.await.unwrap_or_else(|_| Outcome::retry(None, "shutdown", "the exporter is stopping"))
    }

    /// Takes nothing more and sends what it holds.
    pub(crate) async fn drain(&self) {
        self.tx.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut consumers = self.consumers.lock().await;
        while consumers.join_next().await.is_some() {}
    }

    async fn room(&self, size: usize) -> Option<OwnedSemaphorePermit> {
        let size = u32::try_from(size).expect("it is at most the size of the queue");
        let room = Arc::clone(&self.room);
        if self.settings.block_on_overflow {
            return room.acquire_many_owned(size).await.ok();
        }
        room.try_acquire_many_owned(size).ok()
    }
}

async fn consume(rx: Arc<AsyncMutex<mpsc::Receiver<Waiting>>>, sender: Arc<Sender>) {
    loop {
        let next = rx.lock().await.recv().await;
        let Some(Waiting { batch, size, room, answer }) = next else { return };
        let outcome = sender.send(&batch).await;
        sender.meter.queue_size.sub(size);
        drop(room);
        match (answer, &outcome) {
            (Some(answer), _) => {
                // Whoever waited may have gone; the batch is settled all the same.
                let _ = answer.send(outcome);
            }
            (None, Outcome::Retry { reason, .. }) => {
                sender.meter.note_dropped(&batch, &outcome);
                tracing::error!(exporter = sender.id, lost = batch.len(), %reason, "queued spans are given up");
            }
            (None, outcome) => sender.meter.note_dropped(&batch, outcome),
        }
    }
}
