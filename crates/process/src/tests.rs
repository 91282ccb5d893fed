use std::sync::Arc;

use async_trait::async_trait;
use config::{Block, Problems};
use model::{Batch, Tenant};
use pipeline::testing::{Scripted, batch, context};
use pipeline::{
    BuildExporter, BuildReceiver, Consumer, End, Exporter, Kind, Listening, Outcome, Receiver, Registry,
    Stability, StartError, Stop, Tap,
};
use tokio::sync::oneshot;

/// Hands on one batch and says what became of it; like any receiver it ends when that is answered.
struct One(Batch, oneshot::Sender<Outcome>);

#[async_trait]
impl Receiver for One {
    async fn bind(&mut self) -> Result<Vec<Listening>, StartError> {
        Ok(Vec::new())
    }

    async fn run(self: Box<Self>, next: Arc<dyn Consumer>, stop: Stop) {
        let _ = self.1.send(next.consume(self.0).await);
        stop.requested().await;
    }
}

struct To(Arc<Scripted>);

#[async_trait]
impl Consumer for To {
    async fn consume(&self, batch: Batch) -> Outcome {
        self.0.consume(batch).await
    }
}

impl Exporter for To {}

const FILE: &str = "
receivers: {one: }
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 100}
  batch: {timeout: 1h}
exporters: {to: }
service:
  pipelines:
    traces: {receivers: [one], processors: [memory_limiter, batch], exporters: [to]}
";

fn receiver(_: &mut Block<'_>) -> BuildReceiver {
    Box::new(|context| {
        let lent = context.shared.get::<Arc<std::sync::Mutex<Option<One>>>>().expect("the test lends it");
        let one = lent.lock().unwrap().take().expect("there is one receiver");
        Ok(Box::new(one))
    })
}

fn exporter(_: &mut Block<'_>) -> BuildExporter {
    Box::new(|context| Ok(Arc::new(To(context.shared.get().expect("the test lends it")))))
}

fn kind<B>(name: &'static str, parse: fn(&mut Block<'_>) -> B) -> Kind<B> {
    Kind { name, aliases: &[], summary: "for tests", stability: Stability::Stable, parse }
}

#[tokio::test]
async fn a_run_that_ends_stores_what_its_processors_hold_and_says_so() {
    let problems = Problems::new();
    let root = config::parse(FILE, "f.yaml").expect("it is YAML");
    let registry = Registry {
        receivers: vec![kind("one", receiver)],
        processors: super::ALL.to_vec(),
        exporters: vec![kind("to", exporter)],
        extensions: Vec::new(),
    };
    let mut block = Block::of(&root, &problems);
    let settings = pipeline::resolve(&mut block, &registry);
    block.finish();
    assert!(problems.is_empty(), "{problems}");

    let exporter = Scripted::closed([]);
    let (answer, mut answered) = oneshot::channel();
    let one = Arc::new(std::sync::Mutex::new(Some(One(batch(7, Tenant::default()), answer))));
    let mut context = context("test");
    context.shared = context.shared.with(one).with(Arc::clone(&exporter));
    let running = pipeline::start(settings, &context, &Tap::new()).await.expect("it starts");
    running.stopper().request();
    let finished = tokio::spawn(running.finished());
    exporter.arrival().await;
    assert!(answered.try_recv().is_err(), "the exporter has not answered");
    exporter.let_through(1);
    assert_eq!(answered.await, Ok(Outcome::Stored));
    assert_eq!(finished.await.expect("it does not panic"), End::Drained);
    let meter = context.telemetry.processor(&pipeline::ComponentId::of("batch"));
    assert_eq!((meter.incoming.get(), meter.outgoing.get()), (7, 7));
}
