//! Values of attributes that merged blocks tell: right in every state, and without reading a span where they are few.

use std::sync::Arc;

use model::{Batch, StatusCode, Tenant};
use store::conformance::{Any, Draft, batch};
use store::memory::MemoryStore;
use store::{Answer, Ask, Level, Plan, Reader, Rows, Writer};

use super::super::{Sources, run};
use super::yard::Yard;
use crate::block::BlockView;

/// Keys with columns, of which `http.method` is an older name of another; one that has more values than are told; one
/// that is in tails, one on two levels, one that is nowhere.
const KEYS: [&str; 8] = [
    "http.request.method",
    "http.method",
    "http.response.status_code",
    "service.version",
    "url.path",
    "own.key",
    "user",
    "nowhere",
];

/// The keys of which merged blocks tell all.
const TOLD: [&str; 5] =
    ["http.request.method", "http.method", "http.response.status_code", "service.version", "nowhere"];

fn spans(traces: impl Iterator<Item = u64>) -> Batch {
    let span = |number: u64| {
        let mut span = Draft::new(number, 1)
            .with_resource("service.version", ["1", "2", ""][number as usize % 3])
            .lasting(number * number * 1_000)
            .with("url.path", format!("/{number}").as_str())
            .with("own.key", Any::Array(vec![Any::Int(number as i64 % 4)]));
        if number.is_multiple_of(5) {
            span = span.status(StatusCode::Error).with("user", "ann").with_resource("user", "bob");
        }
        match number % 3 {
            0 => span.with("http.request.method", "GET").with("http.response.status_code", 200),
            1 => span.with("http.method", "PUT").with("http.response.status_code", 500),
            _ => span,
        }
    };
    batch(&Tenant::default(), &traces.map(span).collect::<Vec<_>>())
}

fn questions(keys: &[&str]) -> Vec<Plan> {
    let levels = [Level::Any, Level::Span, Level::Resource];
    let asks = keys.iter().flat_map(|key| levels.map(|level| Ask::Values { key: (*key).to_owned(), level }));
    asks.map(|ask| Plan { limit: 10_000, ..Plan::new(Tenant::default(), ask) }).collect()
}

/// Checks all answers, and hands over each.
#[track_caller]
fn check(blocks: &[Arc<BlockView>], sent: &[&Batch], keys: &[&str], mut see: impl FnMut(&Plan, &Answer)) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = MemoryStore::default();
    sent.iter().for_each(|batch| runtime.block_on(store.write((*batch).clone())).unwrap());
    let sources = Sources { blocks: blocks.to_vec(), ..Sources::default() };
    for plan in questions(keys) {
        let expected = runtime.block_on(store.run(&plan)).unwrap();
        let answer = run(&plan, &sources).unwrap();
        let (Rows::Names(expected), Rows::Names(got)) = (&expected.rows, &answer.rows) else {
            panic!("{plan:?} has names")
        };
        assert_eq!(got, expected, "{plan:?}");
        assert_eq!(answer.partial, None);
        see(&plan, &answer);
    }
}

#[test]
fn merged_blocks_tell_few_values_without_a_span() {
    let mut yard = Yard::new();
    let [one, two, three] = [1..=400, 401..=700, 701..=900].map(spans);
    let [first, second, third] = [&one, &two, &three].map(|batch| yard.closed(&[vec![batch.clone()]]));
    let apart = [first.clone(), second.clone(), third.clone()];
    check(&apart, &[&one, &two, &three], &KEYS, |_, _| {});
    let merged = [yard.merged(&[first, second]), yard.merged(&[third])];
    check(&merged, &[&one, &two, &three], &KEYS, |_, _| {});
    check(&merged, &[&one, &two, &three], &TOLD, |plan, answer| {
        assert_eq!((answer.work.spans_seen, answer.work.pages_read), (0, 0), "{plan:?}");
    });
    let again = yard.merged(&merged);
    check(&[again], &[&one, &two, &three], &KEYS, |_, _| {});
}

#[test]
fn spans_that_stand_in_two_merged_blocks_count_once() {
    let mut yard = Yard::new();
    let [all, again] = [1..=400, 100..=102].map(spans);
    let [first, second] = [&all, &again].map(|batch| yard.closed(&[vec![batch.clone()]]));
    let merged = [yard.merged(&[first]), yard.merged(&[second])];
    check(&merged, &[&all, &again], &KEYS, |_, _| {});
}
