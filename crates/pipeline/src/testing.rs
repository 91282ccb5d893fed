//! For the tests of components: batches to send, and a destination that answers as it is told.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use model::proto::Message;
use model::{Batch, Clock, Tenant, otlp};
use prometheus::Registry;
use tokio::sync::Semaphore;

use crate::{
    ComponentId, Consumer, Context, Exporter, Extension, Listening, Memory, Outcome, Processor, Receiver,
    Shared, StartError, Stop, Telemetry,
};

/// A batch of so many spans, numbered from one.
pub fn batch(spans: usize, tenant: Tenant) -> Batch {
    numbered(1..spans as u64 + 1, tenant)
}

/// A batch of spans whose ids are these numbers.
pub fn numbered(numbers: Range<u64>, tenant: Tenant) -> Batch {
    let mut request = Message::new();
    request.message(otlp::request::RESOURCE_SPANS, |resource| {
        resource.message(otlp::resource_spans::SCOPE_SPANS, |scope| {
            for number in numbers {
                scope.message(otlp::scope_spans::SPANS, |span| {
                    span.bytes(otlp::span::TRACE_ID, &u128::from(number).to_be_bytes());
                    span.bytes(otlp::span::SPAN_ID, &number.to_be_bytes());
                    span.text(otlp::span::NAME, "test");
                });
            }
        });
    });
    Batch::read(request.into_bytes().into(), tenant).expect("it is written by the rules")
}

/// What a component named `id` gets when nothing is lent to it.
pub fn context(id: &str) -> Context {
    Context {
        id: ComponentId::parse(id).expect("tests name components well"),
        tenant: Tenant::default(),
        telemetry: Telemetry::new(Registry::new(), Arc::new(model::SystemClock))
            .expect("a new registry is empty"),
        clock: Arc::new(Stopped),
        memory: Memory { live: || 0, total: || None },
        shared: Shared::new(),
    }
}

/// A clock that stands still.
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> u64 {
        1_700_000_000_000_000_000
    }
}

/// A destination that remembers what came and answers as it is told, when it is told.
pub struct Scripted {
    taken: Mutex<Vec<Batch>>,
    answers: Mutex<VecDeque<Outcome>>,
    arrivals: Semaphore,
    gate: Semaphore,
}

impl Scripted {
    /// Answers at once: with `answers` in order, and `Stored` after them.
    pub fn open(answers: impl IntoIterator<Item = Outcome>) -> Arc<Self> {
        let scripted = Self::closed(answers);
        scripted.let_through(Semaphore::MAX_PERMITS);
        scripted
    }

    /// Answers nothing until it is let through.
    pub fn closed(answers: impl IntoIterator<Item = Outcome>) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            answers: Mutex::new(answers.into_iter().collect()),
            arrivals: Semaphore::new(0),
            gate: Semaphore::new(0),
        })
    }

    /// Lets so many answers out.
    pub fn let_through(&self, count: usize) {
        self.gate.add_permits(count);
    }

    /// Waits until one more batch has come.
    pub async fn arrival(&self) {
        self.arrivals.acquire().await.expect("it is never closed").forget();
    }

    /// Every batch that came, in order.
    pub fn taken(&self) -> Vec<Batch> {
        lock(&self.taken).clone()
    }

    /// How many spans came in each batch, in order.
    pub fn sizes(&self) -> Vec<usize> {
        lock(&self.taken).iter().map(Batch::len).collect()
    }
}

#[async_trait]
impl Consumer for Scripted {
    async fn consume(&self, batch: Batch) -> Outcome {
        lock(&self.taken).push(batch);
        let answer = lock(&self.answers).pop_front().unwrap_or(Outcome::Stored);
        self.arrivals.add_permits(1);
        self.gate.acquire().await.expect("it is never closed").forget();
        answer
    }
}

/// A component that does nothing: as a receiver it waits for its end, as a consumer it stores.
pub struct Nothing;

#[async_trait]
impl Consumer for Nothing {
    async fn consume(&self, _: Batch) -> Outcome {
        Outcome::Stored
    }
}

#[async_trait]
impl Receiver for Nothing {
    async fn bind(&mut self) -> Result<Vec<Listening>, StartError> {
        Ok(Vec::new())
    }

    async fn run(self: Box<Self>, _: Arc<dyn Consumer>, stop: Stop) {
        stop.requested().await;
    }
}

impl Processor for Nothing {}

impl Exporter for Nothing {}

#[async_trait]
impl Extension for Nothing {
    async fn start(&self, _: Stop) -> Result<Vec<Listening>, StartError> {
        Ok(Vec::new())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
