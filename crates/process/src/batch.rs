//! Gathers small batches of a tenant into larger ones, and cuts batches that are too large.
//!
//! A batch is sent on when `send_batch_size` spans are together or `timeout` is over. Whoever handed
//! in a part waits until the outcome of the merged batch is known and gets its share of it, so that
//! nothing is stored in the client's eyes before the exporter has it.
//! Bounded by [`Limits`]; when full, what is gathered is sent at once and new parts wait.

mod config;
mod cut;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use model::{Batch, Tenant};
use pipeline::{BatchMeter, Consumer, Outcome, Processor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{AbortHandle, spawn_blocking};

pub(crate) use config::KIND;
use config::Settings;
use cut::cut;

/// How much a batcher holds.
#[derive(Clone, Copy, Debug)]
struct Limits {
    /// Bytes of all parts that are gathered or under way; when they are used up, new parts wait.
    bytes_max: u32,
    /// Bytes that a part costs beside its spans, so that the number of parts is bounded too.
    part_bytes: u32,
    /// Bytes of a merged batch; one that reaches them is sent, whatever its spans.
    merged_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 64 << 20, part_bytes: 512, merged_bytes_max: 16 << 20 }
    }
}

/// A running batcher.
struct Batcher(Arc<Inner>);

struct Inner {
    settings: Settings,
    limits: Limits,
    next: Arc<dyn Consumer>,
    meter: BatchMeter,
    room: Arc<Semaphore>,
    groups: Mutex<HashMap<Tenant, Group>>,
    hurried: AtomicBool,
}

/// What is gathered of one tenant.
struct Group {
    parts: Vec<Part>,
    spans: usize,
    bytes: usize,
    timer: Option<AbortHandle>,
}

/// What one caller handed in. Room is given back when its outcome is known, or nobody waits for it.
struct Part {
    batch: Batch,
    answer: oneshot::Sender<Outcome>,
    room: OwnedSemaphorePermit,
}

impl Batcher {
    fn new(settings: Settings, limits: Limits, next: Arc<dyn Consumer>, meter: BatchMeter) -> Self {
        let room = Arc::new(Semaphore::new(limits.bytes_max as usize));
        let groups = Mutex::default();
        let hurried = AtomicBool::new(false);
        Self(Arc::new(Inner { settings, limits, next, meter, room, groups, hurried }))
    }
}

#[async_trait]
impl Consumer for Batcher {
    async fn consume(&self, batch: Batch) -> Outcome {
        if batch.is_empty() {
            return Outcome::Stored;
        }
        let room = self.0.room_for(&batch).await;
        let (answer, outcome) = oneshot::channel();
        self.0.gather(Part { batch, answer, room });
        outcome.await.unwrap_or_else(|_| Outcome::retry(None, "batch_lost", "the batch was lost on its way"))
    }
}

#[async_trait]
impl Processor for Batcher {
    fn hurry(&self) {
        self.0.hurried.store(true, Ordering::SeqCst);
        self.0.send_all();
    }

    async fn shutdown(&self) {
        self.hurry();
        let everything = self.0.room.acquire_many(self.0.limits.bytes_max).await;
        drop(everything);
    }
}

impl Inner {
    /// Waits for room; when there is none, what is gathered does not wait for more.
    async fn room_for(self: &Arc<Self>, batch: &Batch) -> OwnedSemaphorePermit {
        let bytes = u32::try_from(batch.bytes().len()).unwrap_or(u32::MAX);
        let bytes = bytes.saturating_add(self.limits.part_bytes).min(self.limits.bytes_max);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(bytes) {
            return room;
        }
        self.send_all();
        Arc::clone(&self.room).acquire_many_owned(bytes).await.expect("the semaphore is never closed")
    }

    fn gather(self: &Arc<Self>, part: Part) {
        let tenant = part.batch.tenant().clone();
        let mut groups = self.lock();
        let group = groups.entry(tenant.clone()).or_insert_with(|| {
            let timer = (!self.is_immediate()).then(|| self.set_timer(tenant.clone()));
            Group { parts: Vec::new(), spans: 0, bytes: 0, timer }
        });
        group.spans += part.batch.len();
        group.bytes += part.batch.bytes().len();
        group.parts.push(part);
        let full = group.spans >= self.settings.spans_min || group.bytes >= self.limits.merged_bytes_max;
        if full || self.is_immediate() {
            let group = groups.remove(&tenant);
            drop(groups);
            self.meter.size_triggers.inc();
            self.send(group);
        }
    }

    fn is_immediate(&self) -> bool {
        let waits = self.settings.timeout > Duration::ZERO && self.settings.spans_min > 0;
        !waits || self.hurried.load(Ordering::SeqCst)
    }

    fn set_timer(self: &Arc<Self>, tenant: Tenant) -> AbortHandle {
        let inner = Arc::downgrade(self);
        let timeout = self.settings.timeout;
        let timer = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            let Some(inner) = inner.upgrade() else { return };
            let group = inner.lock().remove(&tenant);
            inner.meter.timeout_triggers.inc_by(u64::from(group.is_some()));
            inner.send(group);
        });
        timer.abort_handle()
    }

    fn send_all(self: &Arc<Self>) {
        let groups = std::mem::take(&mut *self.lock());
        for group in groups.into_values() {
            self.send(Some(group));
        }
    }

    /// Sends a group on by itself: a caller that gives up must not take the others' parts with it.
    fn send(self: &Arc<Self>, group: Option<Group>) {
        let Some(group) = group else { return };
        if let Some(timer) = group.timer {
            timer.abort();
        }
        let inner = Arc::clone(self);
        tokio::spawn(async move { inner.deliver(group.parts).await });
    }

    async fn deliver(&self, parts: Vec<Part>) {
        let batches: Vec<Batch> = parts.iter().map(|part| part.batch.clone()).collect();
        let sizes: Vec<usize> = batches.iter().map(Batch::len).collect();
        let Some(pieces) = self.cut(batches).await else { return };
        let lengths: Vec<usize> = pieces.iter().map(Batch::len).collect();
        for piece in &pieces {
            self.meter.size.observe(piece.len() as f64);
            self.meter.bytes.observe(piece.bytes().len() as f64);
        }
        let outcomes = join_all(pieces.into_iter().map(|piece| self.next.consume(piece))).await;
        let shares = cut::share(&sizes, lengths.into_iter().zip(outcomes));
        for (part, outcome) in parts.into_iter().zip(shares) {
            drop(part.room);
            let _ = part.answer.send(outcome);
        }
    }

    /// Merging copies megabytes, which is no work for a thread that others wait for.
    async fn cut(&self, parts: Vec<Batch>) -> Option<Vec<Batch>> {
        let spans_max = self.settings.spans_max;
        match &parts[..] {
            [only] if spans_max == 0 || only.len() <= spans_max => Some(parts),
            _ => spawn_blocking(move || cut(&parts, spans_max)).await.ok(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Tenant, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
