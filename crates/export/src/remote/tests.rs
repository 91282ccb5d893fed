use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use config::Problems;
use model::Tenant;
use pipeline::testing;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::*;

/// A remote that answers as it was told, and remembers when it was asked.
struct Scripted {
    answers: Mutex<VecDeque<Outcome>>,
    asked: Mutex<Vec<Instant>>,
    gate: Semaphore,
}

impl Scripted {
    fn open(answers: impl IntoIterator<Item = Outcome>) -> Arc<Self> {
        let scripted = Self::closed(answers);
        scripted.gate.add_permits(Semaphore::MAX_PERMITS);
        scripted
    }

    fn closed(answers: impl IntoIterator<Item = Outcome>) -> Arc<Self> {
        let answers = Mutex::new(answers.into_iter().collect());
        Arc::new(Self { answers, asked: Mutex::default(), gate: Semaphore::new(0) })
    }

    fn pauses(&self) -> Vec<Duration> {
        let asked = self.asked.lock().expect("no test panics here");
        asked.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("no test panics here").len()
    }
}

#[async_trait]
impl Attempt for Scripted {
    async fn attempt(&self, _: &Batch) -> Outcome {
        self.asked.lock().expect("no test panics here").push(Instant::now());
        self.gate.acquire().await.expect("it is never closed").forget();
        self.answers.lock().expect("no test panics here").pop_front().unwrap_or(Outcome::Stored)
    }
}

fn settings(yaml: &str) -> RemoteSettings {
    let problems = Problems::new();
    let node = config::parse(yaml, "test").expect("tests write YAML");
    let settings = RemoteSettings::read(&mut Block::of(&node, &problems));
    assert!(!problems.has_errors(), "{problems}");
    settings
}

async fn started(yaml: &str, remote: &Arc<Scripted>) -> (Arc<dyn Exporter>, Context) {
    let context = testing::context("otlp");
    let exporter = Remote::exporter(&settings(yaml), &context, Arc::clone(remote) as Arc<dyn Attempt>);
    exporter.start().await.expect("nothing hinders it");
    (exporter, context)
}

fn spans(count: usize) -> Batch {
    testing::batch(count, Tenant::default())
}

fn later(after_s: Option<u64>) -> Outcome {
    Outcome::retry(after_s.map(Duration::from_secs), "busy", "busy")
}

const NO_QUEUE: &str = "sending_queue: { enabled: false }";

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_remotes_outcome_is_the_outcome() {
    let remote = Scripted::open([Outcome::rejected(2, "x", "x"), Outcome::Stored]);
    let (exporter, context) = started(NO_QUEUE, &remote).await;
    assert_eq!(exporter.consume(spans(5)).await, Outcome::rejected(2, "x", "x"));
    assert_eq!(exporter.consume(spans(5)).await, Outcome::Stored);
    let meter = context.telemetry.exporter(&context.id);
    assert_eq!((meter.sent.get(), meter.failed.get()), (8, 2));
}

#[tokio::test(start_paused = true)]
async fn a_hint_of_the_remote_is_obeyed() {
    let remote = Scripted::open([later(Some(60)), later(None), Outcome::Stored]);
    let (exporter, _) = started(NO_QUEUE, &remote).await;
    assert_eq!(exporter.consume(spans(1)).await, Outcome::Stored);
    let pauses = remote.pauses();
    assert!(pauses[0] >= Duration::from_secs(60), "{pauses:?}");
    assert!(pauses[1] < Duration::from_secs(12), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_a_batch_is_given_up_when_its_time_is_over() {
    let remote = Scripted::open(std::iter::repeat_n(later(None), 1000));
    let yaml = "sending_queue: { enabled: false }\nretry_on_failure: { initial_interval: 1s, randomization_factor: 0, multiplier: 2, max_interval: 5s, max_elapsed_time: 20s }";
    let (exporter, context) = started(yaml, &remote).await;
    assert_eq!(exporter.consume(spans(3)).await, later(None));
    let pauses: Vec<u64> = remote.pauses().iter().map(Duration::as_secs).collect();
    assert_eq!(pauses, [1, 2, 4, 5, 5]);
    assert_eq!(context.telemetry.exporter(&context.id).failed.get(), 3);
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_turned_off() {
    let remote = Scripted::open([later(Some(1))]);
    let (exporter, _) =
        started("sending_queue: { enabled: false }\nretry_on_failure: { enabled: false }", &remote).await;
    assert_eq!(exporter.consume(spans(1)).await, later(Some(1)));
    assert_eq!(remote.asked(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_and_takes_again_when_there_is_room() {
    let remote = Scripted::closed([]);
    let (exporter, context) = started("sending_queue: { queue_size: 2, num_consumers: 1 }", &remote).await;
    assert_eq!(exporter.consume(spans(1)).await, Outcome::Stored);
    assert_eq!(exporter.consume(spans(1)).await, Outcome::Stored);
    let refused = exporter.consume(spans(4)).await;
    assert_eq!(refused, Outcome::retry(None, "queue_full", "the sending queue is full"));
    let meter = context.telemetry.exporter(&context.id);
    assert_eq!((meter.enqueue_failed.get(), meter.queue_size.get(), meter.queue_capacity.get()), (4, 2, 2));
    remote.gate.add_permits(1);
    while exporter.consume(spans(1)).await != Outcome::Stored {
        tokio::task::yield_now().await;
    }
    remote.gate.add_permits(10);
    exporter.shutdown().await;
    assert_eq!((meter.sent.get(), meter.queue_size.get()), (3, 0));
}

#[tokio::test]
async fn a_full_queue_can_let_wait() {
    let remote = Scripted::closed([]);
    let yaml = "sending_queue: { queue_size: 10, sizer: items, block_on_overflow: true, num_consumers: 1 }";
    let (exporter, _) = started(yaml, &remote).await;
    assert_eq!(exporter.consume(spans(8)).await, Outcome::Stored);
    let waiting = tokio::spawn({
        let exporter = Arc::clone(&exporter);
        async move { exporter.consume(spans(5)).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    remote.gate.add_permits(2);
    assert_eq!(waiting.await.expect("it does not panic"), Outcome::Stored);
}

#[tokio::test]
async fn a_batch_larger_than_the_queue_is_rejected_since_it_will_never_fit() {
    let remote = Scripted::open([]);
    let (exporter, _) = started("sending_queue: { queue_size: 10, sizer: items }", &remote).await;
    assert!(matches!(exporter.consume(spans(11)).await, Outcome::Rejected { spans: 11, .. }));
}

#[tokio::test]
async fn the_result_can_be_waited_for_behind_the_queue() {
    let remote = Scripted::open([Outcome::rejected(1, "x", "x")]);
    let (exporter, _) = started("sending_queue: { wait_for_result: true }", &remote).await;
    assert_eq!(exporter.consume(spans(2)).await, Outcome::rejected(1, "x", "x"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_waiting_and_sends_what_is_queued() {
    let remote = Scripted::open([later(Some(100)), later(Some(100))]);
    let (exporter, context) = started("sending_queue: { num_consumers: 1 }", &remote).await;
    for _ in 0..3 {
        assert_eq!(exporter.consume(spans(1)).await, Outcome::Stored);
    }
    exporter.shutdown().await;
    let meter = context.telemetry.exporter(&context.id);
    assert_eq!((meter.sent.get(), meter.failed.get()), (1, 2));
    assert_eq!(
        exporter.consume(spans(1)).await,
        Outcome::retry(None, "queue_full", "the sending queue is full")
    );
}

#[test]
fn a_queue_in_memory_is_pointed_out() {
    let warnings = |yaml: &str| {
        let problems = Problems::new();
        let node = config::parse(yaml, "test").expect("tests write YAML");
        RemoteSettings::read(&mut Block::of(&node, &problems));
        problems.sorted().len()
    };
    assert_eq!(warnings("{}"), 1);
    assert_eq!(warnings(NO_QUEUE), 0);
    assert_eq!(warnings("sending_queue: { wait_for_result: true }"), 0);
}
