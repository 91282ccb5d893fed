use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use model::{Batch, Tenant};
use tokio::sync::mpsc;

use super::{DRAIN_MAX, End, Running, start};
use crate::tap::Seen;
use crate::testing::{Scripted, batch, context};
use crate::{
    BuildExporter, BuildProcessor, BuildReceiver, Component, ComponentId, Consumer, Exporter, Listening,
    Outcome, PipelineSettings, Processor, Receiver, Settings, StartError, Stop, Tap, TelemetrySettings,
};

type Diary = Arc<Mutex<Vec<String>>>;

fn note(diary: &Diary, what: impl Into<String>) {
    diary.lock().unwrap().push(what.into());
}

/// Hands on what it is given from the test, and writes a diary.
struct Given {
    name: &'static str,
    batches: mpsc::Receiver<(Batch, tokio::sync::oneshot::Sender<Outcome>)>,
    diary: Diary,
    port_in_use: bool,
}

#[async_trait]
impl Receiver for Given {
    async fn bind(&mut self) -> Result<Vec<Listening>, StartError> {
        note(&self.diary, format!("{} binds", self.name));
        match self.port_in_use {
            true => Err(StartError::new("127.0.0.1:1 is in use").remedy("choose another port")),
            false => Ok(Vec::new()),
        }
    }

    async fn run(mut self: Box<Self>, next: Arc<dyn Consumer>, stop: Stop) {
        note(&self.diary, format!("{} runs", self.name));
        loop {
            tokio::select! {
                () = stop.requested() => break,
                given = self.batches.recv() => {
                    let Some((batch, answer)) = given else { break };
                    let _ = answer.send(next.consume(batch).await);
                }
            }
        }
        note(&self.diary, format!("{} ends", self.name));
    }
}

struct Writes {
    name: &'static str,
    diary: Diary,
    next: Arc<dyn Consumer>,
}

#[async_trait]
impl Consumer for Writes {
    async fn consume(&self, batch: Batch) -> Outcome {
        note(&self.diary, format!("{} passes {}", self.name, batch.len()));
        self.next.consume(batch).await
    }
}

#[async_trait]
impl Processor for Writes {
    fn hurry(&self) {
        note(&self.diary, format!("{} hurries", self.name));
    }

    async fn shutdown(&self) {
        note(&self.diary, format!("{} flushes", self.name));
    }
}

#[async_trait]
impl Exporter for Writes {
    async fn start(&self) -> Result<(), StartError> {
        note(&self.diary, format!("{} starts", self.name));
        Ok(())
    }

    async fn shutdown(&self) {
        note(&self.diary, format!("{} closes", self.name));
        if self.name == "stuck" {
            std::future::pending().await
        }
    }
}

/// What a test holds of a graph with its parts.
#[derive(Default)]
struct Plan {
    settings: Option<Settings>,
    diary: Diary,
}

type Gate = mpsc::Sender<(Batch, tokio::sync::oneshot::Sender<Outcome>)>;

impl Plan {
    fn new() -> Self {
        let telemetry = TelemetrySettings { log_level: "info", log_json: false, metrics_address: None };
        let settings = Settings {
            receivers: Vec::new(),
            processors: Vec::new(),
            exporters: Vec::new(),
            extensions: Vec::new(),
            pipelines: Vec::new(),
            telemetry,
        };
        Self { settings: Some(settings), diary: Diary::default() }
    }

    fn settings(&mut self) -> &mut Settings {
        self.settings.as_mut().expect("it is there until the start")
    }

    fn receiver(&mut self, name: &'static str, port_in_use: bool) -> Gate {
        let (tx, batches) = mpsc::channel(1);
        let given = Given { name, batches, diary: Arc::clone(&self.diary), port_in_use };
        let build: BuildReceiver = Box::new(|_| Ok(Box::new(given)));
        self.settings().receivers.push(Component { id: ComponentId::of(name), kind: "given", build });
        tx
    }

    fn processor(&mut self, name: &'static str) {
        let diary = Arc::clone(&self.diary);
        let build: BuildProcessor =
            Box::new(move |_, next| Ok(Arc::new(Writes { name, diary: Arc::clone(&diary), next })));
        self.settings().processors.push(Component { id: ComponentId::of(name), kind: "writes", build });
    }

    fn exporter(&mut self, name: &'static str, answers: impl IntoIterator<Item = Outcome>) -> Arc<Scripted> {
        let scripted = Scripted::open(answers);
        let writes =
            Writes { name, diary: Arc::clone(&self.diary), next: Arc::clone(&scripted) as Arc<dyn Consumer> };
        let build: BuildExporter = Box::new(|_| Ok(Arc::new(writes)));
        self.settings().exporters.push(Component { id: ComponentId::of(name), kind: "writes", build });
        scripted
    }

    fn pipeline(&mut self, receivers: &[&str], processors: &[&str], exporters: &[&str]) {
        let ids = |names: &[&str]| names.iter().map(|name| ComponentId::of(name)).collect();
        let pipeline = PipelineSettings {
            id: ComponentId::of("traces"),
            receivers: ids(receivers),
            processors: ids(processors),
            exporters: ids(exporters),
        };
        self.settings().pipelines.push(pipeline);
    }

    async fn start(&mut self, tap: &Tap) -> Result<Running, StartError> {
        let settings = self.settings.take().expect("it starts once");
        start(settings, &context("test"), tap).await
    }

    fn diary(&self) -> Vec<String> {
        self.diary.lock().unwrap().clone()
    }
}

async fn send(gate: &Gate, spans: usize) -> Outcome {
    let (tx, rx) = tokio::sync::oneshot::channel();
    gate.send((batch(spans, Tenant::default()), tx)).await.expect("the receiver runs");
    rx.await.expect("every batch is answered")
}

#[tokio::test]
async fn everything_starts_before_receivers_run_and_ends_in_the_order_of_the_flow() {
    let mut plan = Plan::new();
    let gate = plan.receiver("in", false);
    plan.processor("first");
    plan.processor("second");
    plan.exporter("out", []);
    plan.pipeline(&["in"], &["first", "second"], &["out"]);
    let running = plan.start(&Tap::new()).await.expect("it starts");
    assert_eq!(send(&gate, 3).await, Outcome::Stored);
    running.stopper().request();
    assert_eq!(running.finished().await, End::Drained);
    let expected = [
        "in binds",
        "out starts",
        "in runs",
        "first passes 3",
        "second passes 3",
        "out passes 3",
        "first hurries",
        "second hurries",
        "in ends",
        "first flushes",
        "second flushes",
        "out closes",
    ];
    assert_eq!(plan.diary(), expected);
}

#[tokio::test]
async fn a_receiver_of_two_pipelines_hears_the_worst_and_shared_exporters_are_one() {
    let mut plan = Plan::new();
    let gate = plan.receiver("in", false);
    plan.processor("p");
    let good = plan.exporter("good", []);
    let bad =
        plan.exporter("bad", [Outcome::rejected(2, "test", "no"), Outcome::retry(None, "test", "later")]);
    plan.pipeline(&["in"], &["p"], &["good"]);
    plan.pipeline(&["in"], &["p"], &["good", "bad"]);
    let running = plan.start(&Tap::new()).await.expect("it starts");
    assert_eq!(send(&gate, 5).await, Outcome::rejected(2, "test", "no"));
    assert_eq!(send(&gate, 5).await, Outcome::retry(None, "test", "later"));
    assert_eq!((good.sizes(), bad.sizes()), (vec![5, 5, 5, 5], vec![5, 5]));
    drop(running);
}

#[tokio::test]
async fn a_port_in_use_names_the_receiver_and_nothing_runs() {
    let mut plan = Plan::new();
    let _gate = plan.receiver("in", true);
    plan.exporter("out", []);
    plan.pipeline(&["in"], &[], &["out"]);
    let Err(error) = plan.start(&Tap::new()).await else { panic!("it started") };
    assert_eq!(error.to_string(), "receiver in: 127.0.0.1:1 is in use; choose another port");
    assert_eq!(plan.diary(), ["in binds"]);
}

#[tokio::test]
async fn a_viewer_sees_what_was_stored_and_not_what_was_put_off() {
    let mut plan = Plan::new();
    let gate = plan.receiver("in", false);
    plan.exporter("out", [Outcome::retry(None, "test", "later")]);
    plan.pipeline(&["in"], &[], &["out"]);
    let tap = Tap::new();
    let mut view = tap.watch(Tenant::default());
    let _running = plan.start(&tap).await.expect("it starts");
    send(&gate, 1).await;
    send(&gate, 2).await;
    let Some(Seen::Batch(batch)) = view.next().await else { panic!("nothing was seen") };
    assert_eq!(batch.len(), 2);
}

#[tokio::test]
async fn a_second_request_ends_at_once_and_a_stuck_end_has_a_limit() {
    let stuck = || async {
        let mut plan = Plan::new();
        let gate = plan.receiver("in", false);
        plan.exporter("stuck", []);
        plan.pipeline(&["in"], &[], &["stuck"]);
        (plan.start(&Tap::new()).await.expect("it starts"), gate)
    };
    let (running, _gate) = stuck().await;
    running.stopper().request();
    running.stopper().request();
    assert_eq!(running.finished().await, End::Cut);

    tokio::time::pause();
    let (running, _gate) = stuck().await;
    running.stopper().request();
    let before = tokio::time::Instant::now();
    assert_eq!(running.finished().await, End::Overdue);
    assert!(before.elapsed() < DRAIN_MAX + Duration::from_secs(1));
}

#[tokio::test]
async fn a_receiver_that_ends_by_itself_ends_the_run_in_order() {
    let mut plan = Plan::new();
    let gate = plan.receiver("in", false);
    plan.exporter("out", []);
    plan.pipeline(&["in"], &[], &["out"]);
    let running = plan.start(&Tap::new()).await.expect("it starts");
    drop(gate);
    assert_eq!(running.finished().await, End::Failed(ComponentId::of("in")));
    assert_eq!(plan.diary().last().map(String::as_str), Some("out closes"));
}
