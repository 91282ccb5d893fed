use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::poll;
use model::{Batch, Tenant};
use pipeline::testing::{Scripted, batch, context, numbered};
use pipeline::{Consumer, Outcome, Processor};
use proptest::prelude::*;

use super::config::{Settings, read};
use super::{Batcher, Limits};

const HOUR: Duration = Duration::from_secs(3600);

fn batcher(spans_min: usize, spans_max: usize, timeout: Duration, next: Arc<dyn Consumer>) -> Batcher {
    limited(Settings { spans_min, spans_max, timeout }, Limits::default(), next)
}

fn limited(settings: Settings, limits: Limits, next: Arc<dyn Consumer>) -> Batcher {
    let meter = context("batch").telemetry.batch(&context("batch").id);
    Batcher::new(settings, limits, next, meter)
}

fn spans(count: usize) -> Batch {
    batch(count, Tenant::default())
}

#[tokio::test]
async fn nothing_is_stored_before_the_exporter_has_it() {
    let exporter = Scripted::closed([]);
    let batcher = batcher(10, 0, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let mut first = batcher.consume(spans(4));
    let mut second = batcher.consume(spans(6));
    assert!(poll!(&mut first).is_pending());
    assert!(exporter.taken().is_empty(), "it is too early to send");
    assert!(poll!(&mut second).is_pending());
    exporter.arrival().await;
    assert_eq!(exporter.sizes(), [10]);
    assert!(
        poll!(&mut first).is_pending() && poll!(&mut second).is_pending(),
        "the exporter has not answered"
    );
    exporter.let_through(1);
    assert_eq!((first.await, second.await), (Outcome::Stored, Outcome::Stored));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fill_a_batch_goes_when_its_time_is_over() {
    let exporter = Scripted::open([]);
    let batcher = batcher(1000, 0, Duration::from_millis(200), Arc::clone(&exporter) as Arc<dyn Consumer>);
    let before = tokio::time::Instant::now();
    let outcomes = tokio::join!(batcher.consume(spans(3)), batcher.consume(spans(4)));
    assert_eq!(outcomes, (Outcome::Stored, Outcome::Stored));
    assert_eq!(exporter.sizes(), [7]);
    let waited = before.elapsed();
    assert!(Duration::from_millis(200) <= waited && waited < Duration::from_millis(250), "{waited:?}");
}

#[tokio::test]
async fn rejections_are_shared_among_the_parts_exactly_and_a_retry_is_for_all() {
    let answers = [Outcome::rejected(5, "test", "no"), Outcome::retry(None, "test", "later")];
    let exporter = Scripted::open(answers);
    let batcher = batcher(10, 0, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let outcomes = tokio::join!(batcher.consume(spans(4)), batcher.consume(spans(6)));
    assert_eq!(outcomes, (Outcome::rejected(2, "test", "no"), Outcome::rejected(3, "test", "no")));
    let outcomes = tokio::join!(batcher.consume(spans(4)), batcher.consume(spans(6)));
    assert_eq!(outcomes, (Outcome::retry(None, "test", "later"), Outcome::retry(None, "test", "later")));
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_cut_and_its_pieces_outcomes_add_up() {
    let answers = [Outcome::rejected(1, "test", "no"), Outcome::Stored, Outcome::rejected(2, "test", "no")];
    let exporter = Scripted::open(answers);
    let batcher = batcher(10, 10, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    assert_eq!(batcher.consume(spans(25)).await, Outcome::rejected(3, "test", "no"));
    let sizes = exporter.sizes();
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size <= 10), "{sizes:?}");
    assert_eq!(sizes.iter().sum::<usize>(), 25);
}

#[tokio::test]
async fn tenants_are_never_mixed() {
    let exporter = Scripted::open([]);
    let batcher = batcher(10, 0, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let tenant = |name: &str| Tenant::parse(name).expect("it is a name");
    let parts = [("a", 5), ("b", 5), ("a", 5), ("b", 5)];
    let outcomes = join_all(parts.map(|(name, count)| batcher.consume(batch(count, tenant(name))))).await;
    assert_eq!(outcomes, vec![Outcome::Stored; 4]);
    let taken: HashMap<String, usize> =
        exporter.taken().iter().map(|batch| (batch.tenant().to_string(), batch.len())).collect();
    assert_eq!(taken, HashMap::from([("a".to_owned(), 10), ("b".to_owned(), 10)]));
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_take_the_others_with_it() {
    let exporter = Scripted::closed([]);
    let batcher = batcher(10, 0, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let mut first = batcher.consume(spans(4));
    assert!(poll!(&mut first).is_pending());
    let mut second = batcher.consume(spans(6));
    assert!(poll!(&mut second).is_pending());
    drop(second);
    exporter.let_through(1);
    assert_eq!(first.await, Outcome::Stored);
    assert_eq!(exporter.sizes(), [10]);
}

#[tokio::test]
async fn an_end_sends_what_is_held_and_waits_for_its_outcome() {
    let exporter = Scripted::closed([Outcome::rejected(1, "test", "no")]);
    let batcher = batcher(1000, 0, HOUR, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let mut held = batcher.consume(spans(4));
    assert!(poll!(&mut held).is_pending());
    let mut shutdown = batcher.shutdown();
    assert!(poll!(&mut shutdown).is_pending());
    exporter.arrival().await;
    assert!(poll!(&mut shutdown).is_pending(), "the exporter has not answered");
    exporter.let_through(2);
    shutdown.await;
    assert_eq!(held.await, Outcome::rejected(1, "test", "no"));
    assert_eq!(batcher.consume(spans(1)).await, Outcome::Stored, "nothing is held back any more");
}

#[tokio::test]
async fn when_memory_is_used_up_what_is_held_is_sent_and_new_parts_wait() {
    let exporter = Scripted::closed([]);
    let settings = Settings { spans_min: 1000, spans_max: 0, timeout: HOUR };
    let part = spans(4);
    let cost = part.bytes().len() as u32 + 10;
    let limits = Limits { bytes_max: 2 * cost, part_bytes: 10, ..Limits::default() };
    let batcher = limited(settings, limits, Arc::clone(&exporter) as Arc<dyn Consumer>);
    let mut waiting: Vec<_> = (0..3).map(|_| batcher.consume(part.clone())).collect();
    for part in &mut waiting {
        assert!(poll!(part).is_pending());
    }
    exporter.arrival().await;
    assert_eq!(exporter.sizes(), [8], "the third has no room");
    exporter.let_through(1);
    let third = waiting.pop().expect("there are three");
    assert_eq!(join_all(waiting).await, [Outcome::Stored, Outcome::Stored]);
    let end = async {
        exporter.let_through(1);
        while exporter.sizes().len() < 2 {
            batcher.hurry();
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(tokio::join!(third, end).0, Outcome::Stored);
}

#[tokio::test]
async fn a_batch_larger_than_the_memory_goes_alone() {
    let exporter = Scripted::open([]);
    let settings = Settings { spans_min: 10, spans_max: 0, timeout: HOUR };
    let limits = Limits { bytes_max: 64, part_bytes: 10, ..Limits::default() };
    let batcher = limited(settings, limits, Arc::clone(&exporter) as Arc<dyn Consumer>);
    assert_eq!(batcher.consume(spans(100)).await, Outcome::Stored);
    assert_eq!(exporter.sizes(), [100]);
}

#[tokio::test]
async fn an_exporter_that_breaks_down_means_send_again() {
    struct Broken;
    #[async_trait]
    impl Consumer for Broken {
        async fn consume(&self, _: Batch) -> Outcome {
            panic!("a bug in an exporter")
        }
    }
    let batcher = batcher(1, 0, HOUR, Arc::new(Broken));
    assert!(matches!(batcher.consume(spans(1)).await, Outcome::Retry { .. }));
    assert!(matches!(batcher.consume(spans(1)).await, Outcome::Retry { .. }), "its room was given back");
}

#[test]
fn options_are_the_collectors() {
    let rows = super::KIND.options();
    let defaults: Vec<(&str, &str)> =
        rows.iter().map(|row| (row.path.as_str(), row.default.as_str())).collect();
    let expected = [
        ("send_batch_size", "8192"),
        ("send_batch_max_size", "0"),
        ("timeout", "200ms"),
        ("metadata_keys", "[]"),
        ("metadata_cardinality_limit", "1000"),
    ];
    assert_eq!(defaults, expected);
}

#[test]
fn a_largest_size_below_the_size_is_a_problem() {
    let node = config::parse("{send_batch_size: 10, send_batch_max_size: 5}", "f.yaml").expect("it is YAML");
    let problems = config::Problems::new();
    read(&mut config::Block::of(&node, &problems));
    let text = problems.to_string();
    assert!(text.contains("send_batch_max_size: 5 is less than send_batch_size, which is 10"), "{text}");
}

/// Judges each batch by the numbers of its spans, and remembers what it said.
#[derive(Default)]
struct Judge {
    /// A batch with one of these is to be sent again.
    again: Vec<u64>,
    /// These are never taken.
    never: Vec<u64>,
    /// The numbers of every batch that came, and whether it was to be sent again.
    seen: Mutex<Vec<(Vec<u64>, bool)>>,
}

fn numbers(batch: &Batch) -> Vec<u64> {
    batch.rows().iter().map(|row| u64::from_be_bytes(row.span_id.0)).collect()
}

#[async_trait]
impl Consumer for Judge {
    async fn consume(&self, batch: Batch) -> Outcome {
        let numbers = numbers(&batch);
        let again = numbers.iter().any(|number| self.again.contains(number));
        let never = numbers.iter().filter(|number| self.never.contains(number)).count() as u64;
        self.seen.lock().unwrap().push((numbers, again));
        match (again, never) {
            (true, _) => Outcome::retry(None, "again", "again"),
            (false, 0) => Outcome::Stored,
            (false, never) => Outcome::rejected(never, "never", "never"),
        }
    }
}

/// Sends parts of these sizes through a batcher; gives each part's numbers and outcome.
async fn sent_through(judge: &Arc<Judge>, parts: &[u64], settings: Settings) -> Vec<(Vec<u64>, Outcome)> {
    let batcher = limited(settings, Limits::default(), Arc::clone(judge) as Arc<dyn Consumer>);
    let mut first = 1;
    let mut batches = Vec::new();
    for part in parts {
        batches.push(numbered(first..first + part, Tenant::default()));
        first += part;
    }
    let outcomes = join_all(batches.iter().map(|batch| batcher.consume(batch.clone()))).await;
    batches.iter().map(numbers).zip(outcomes).collect()
}

fn check(judge: &Judge, parts: &[(Vec<u64>, Outcome)]) {
    let seen = judge.seen.lock().unwrap();
    let mut arrived: Vec<u64> = seen.iter().flat_map(|(numbers, _)| numbers.clone()).collect();
    arrived.sort_unstable();
    let sent: Vec<u64> = parts.iter().flat_map(|(numbers, _)| numbers.clone()).collect();
    assert_eq!(arrived, sent, "every span arrives once");
    let mut rejected = 0;
    for (numbers, outcome) in parts {
        let again =
            seen.iter().any(|(piece, again)| *again && piece.iter().any(|number| numbers.contains(number)));
        match outcome {
            Outcome::Retry { .. } => assert!(again, "nothing of it was to be sent again"),
            Outcome::Rejected { spans, .. } => {
                assert!(!again && *spans <= numbers.len() as u64);
                rejected += spans;
            }
            Outcome::Stored => assert!(!again, "a piece of it was not stored"),
        }
    }
    if judge.again.is_empty() {
        assert_eq!(rejected, judge.never.len() as u64, "as many are rejected as the exporter rejected");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn outcomes_survive_merging_and_cutting(
        parts in proptest::collection::vec(0..30_u64, 1..12),
        (spans_min, extra, cuts) in (1..60_usize, 0..40_usize, any::<bool>()),
        (again, never) in (proptest::collection::vec(0.0..1.0_f64, 0..2), proptest::collection::vec(0.0..1.0_f64, 0..9)),
    ) {
        let total: u64 = parts.iter().sum();
        let pick = |shares: Vec<f64>| {
            let mut picked: Vec<u64> = shares.iter().map(|share| 1 + (share * total as f64) as u64).collect();
            picked.sort_unstable();
            picked.dedup();
            picked.retain(|number| *number <= total);
            picked
        };
        let judge = Arc::new(Judge { again: pick(again), never: pick(never), ..Judge::default() });
        let settings = Settings {
            spans_min,
            spans_max: if cuts { spans_min + extra } else { 0 },
            timeout: Duration::from_millis(5),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let outcomes = runtime.block_on(sent_through(&judge, &parts, settings));
        check(&judge, &outcomes);
        for (piece, _) in judge.seen.lock().unwrap().iter() {
            prop_assert!(!cuts || piece.len() <= settings.spans_max);
        }
    }
}
