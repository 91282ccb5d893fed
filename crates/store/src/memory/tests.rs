use std::sync::Arc;

use model::Tenant;

use super::MemoryStore;
use crate::conformance::{self, Draft};
use crate::{Ask, Field, Level, Plan, Reader, WriteError, Writer};

#[test]
fn the_memory_store_keeps_the_contract() {
    wait(conformance::run(async || {
        let store = Arc::new(MemoryStore::default());
        let (writer, reader): (Arc<dyn Writer>, Arc<dyn Reader>) = (store.clone(), store);
        (writer, reader)
    }));
}

#[test]
fn when_full_the_oldest_batches_go_and_are_counted() {
    let one = batch(1);
    let store = MemoryStore::new(one.bytes().len() * 2 + 1);
    for number in 1..=3 {
        wait(store.write(batch(number))).unwrap();
    }
    let held = store.held();
    assert_eq!((held.batches, held.spans, held.dropped_spans), (2, 2, 1));
    assert_eq!(held.bytes, one.bytes().len() * 2);
    let found = |number| {
        let plan = Plan::trace(Tenant::default(), Draft::new(number, 1).trace);
        let crate::Rows::Traces(traces) = wait(store.run(&plan)).unwrap().rows else {
            panic!("asked for traces")
        };
        traces.len()
    };
    assert_eq!([found(1), found(2), found(3)], [0, 1, 1]);
}

#[test]
fn a_batch_over_the_whole_limit_is_refused_for_good() {
    let store = MemoryStore::new(10);
    assert!(matches!(wait(store.write(batch(1))), Err(WriteError::Refused { .. })));
    assert_eq!(store.held().batches, 0);
}

#[test]
fn a_question_that_is_dropped_ends_between_two_batches() {
    let store = MemoryStore::default();
    for number in 1..=20 {
        wait(store.write(batch(number))).unwrap();
    }
    let values = Ask::Values { key: "code".into(), level: Level::Any };
    let by_name = Ask::Metrics { by: vec![Field::Name], step: None };
    let asks =
        [Ask::Traces, Ask::Outlines(Vec::new()), Ask::Summaries, Ask::Services, Ask::Operations, Ask::Keys];
    for ask in asks.into_iter().chain([values, Ask::Edges, Ask::Uses, by_name]) {
        let plan = Plan::new(Tenant::default(), ask);
        let mut run = std::pin::pin!(store.run(&plan));
        assert!(turns(run.as_mut()).1 > 20, "{:?} gives others their turn at every batch", plan.ask);
    }
}

fn batch(number: u64) -> model::Batch {
    conformance::batch(&Tenant::default(), &[Draft::new(number, 1)])
}

/// Runs what waits for nothing but its turn.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    turns(std::pin::pin!(future)).0
}

/// What it comes to, and in how many turns.
fn turns<T>(mut future: std::pin::Pin<&mut impl Future<Output = T>>) -> (T, usize) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut count = 1;
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => return (value, count),
            std::task::Poll::Pending => count += 1,
        }
    }
}
