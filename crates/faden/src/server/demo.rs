//! Demo spans: made by the generator and sent to this server's own OTLP receiver, as an application would.
//!
//! They are allowed while the store holds next to nothing else ([`OTHER_SPANS_MAX`]), always, or never, as
//! `serve.demo` says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use blocks::engine::Engine;
use bytes::Bytes;
use r#gen::{Shape, Timeline, Traffic};
use model::{Batch, Clock, Tenant};
use pipeline::Outcome;
use serve::faden::{Demo, DemoMade, Port};
use tokio::sync::mpsc;

use super::state::State;
use crate::deliver::{self, Pace, Protocol, Route, Tally};
use crate::settings::DemoRule;

/// A store with more spans that are no demo's is somebody's data, with which no demo is mixed.
const OTHER_SPANS_MAX: u64 = 10_000;

/// The traces are spread over so much time before now.
const SPREAD: Duration = Duration::from_mins(15);
/// The youngest trace is so old, so that none ends after now.
const YOUNGEST: Duration = Duration::from_secs(10);
/// Services of the demo.
const SERVICES: usize = 12;
/// Spans in a request.
const REQUEST_SPANS: usize = 200;
/// Requests that wait for the sender.
const QUEUE_MAX: usize = 4;
const RETRY_FOR: Duration = Duration::from_secs(10);

/// Makes demos.
pub struct DemoMaker {
    pub rule: DemoRule,
    pub engine: Arc<Engine>,
    pub state: Arc<State>,
    pub clock: Arc<dyn Clock>,
    /// Spans of demos that were accepted.
    pub made: AtomicU64,
}

#[derive(Default)]
struct Counted {
    accepted: AtomicU64,
    refusal: Mutex<Option<String>>,
}

impl Tally for Counted {
    fn note_retry(&self, _: &str) {}

    fn settle(&self, spans: u64, outcome: &Outcome, _: Duration) {
        let lost = match outcome {
            Outcome::Stored => 0,
            Outcome::Rejected { spans: rejected, .. } => spans.min(*rejected),
            Outcome::Retry { .. } => spans,
        };
        if let Outcome::Rejected { reason, .. } | Outcome::Retry { reason, .. } = outcome {
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.text().to_owned());
        }
        self.accepted.fetch_add(spans - lost, Ordering::Relaxed);
    }
}

impl DemoMaker {
    fn receiver(&self) -> Option<(Protocol, Port)> {
        let ports: Vec<Port> =
            self.state.ports().into_iter().filter(|port| self.state.is_receiver(port)).collect();
        let speaks = |what: &str| ports.iter().find(|port| port.what.starts_with(what)).cloned();
        let grpc = speaks("OTLP/gRPC").map(|port| (Protocol::Grpc, port));
        grpc.or_else(|| speaks("OTLP/HTTP").map(|port| (Protocol::Http, port)))
    }

    /// Requests with at least so many traces, and how many these are.
    fn requests(&self, traces: u64) -> (Vec<Bytes>, u64) {
        let now = self.clock.now();
        let (spread, youngest) = (SPREAD.as_nanos() as u64, YOUNGEST.as_nanos() as u64);
        let shape = Shape {
            seed: now,
            services: SERVICES,
            timeline: Timeline::Fixed {
                epoch: now.saturating_sub(spread + youngest),
                traces_per_second: traces as f64 / SPREAD.as_secs_f64(),
            },
            spread: 0,
            ..Shape::default()
        };
        let mut traffic = Traffic::new(shape).expect("without faults every service takes requests");
        let mut requests = Vec::new();
        while traffic.made().traces < traces {
            requests.push(Bytes::from(traffic.next_request(REQUEST_SPANS)));
        }
        requests.extend(traffic.finish().map(Bytes::from));
        (requests, traffic.made().traces)
    }
}

#[async_trait]
impl Demo for DemoMaker {
    async fn refusal(&self) -> Option<String> {
        match self.rule {
            DemoRule::Always => {}
            DemoRule::Never => return Some("serve.demo is `never`".to_owned()),
            DemoRule::Empty => {
                let stat = self.engine.stat().await;
                let spans = stat.block_spans + stat.uncommitted_spans;
                let others = spans.saturating_sub(self.made.load(Ordering::Relaxed));
                if others > OTHER_SPANS_MAX {
                    return Some(format!(
                        "the store holds {others} other spans, and demo data is not mixed with them"
                    ));
                }
            }
        }
        let is_there = self.receiver().is_some();
        (!is_there).then(|| "no receiver takes OTLP here".to_owned())
    }

    async fn run(&self, traces: u64) -> Result<DemoMade, String> {
        let (protocol, port) = self.receiver().ok_or("no receiver takes OTLP here")?;
        let number = port.address.rsplit(':').next().unwrap_or_default();
        let host = if port.is_loopback { port.address.clone() } else { format!("127.0.0.1:{number}") };
        let route = Route { protocol, endpoint: Some(format!("http://{host}")), compression: "none".into() };
        let clients = deliver::clients(&route, 1).await.map_err(|failure| failure.message)?;
        let (requests, traces) = self.requests(traces);
        let (tx, rx) = mpsc::channel::<Batch>(QUEUE_MAX);
        let counted = Arc::new(Counted::default());
        let tally: Arc<dyn Tally> = Arc::clone(&counted) as Arc<dyn Tally>;
        let senders = deliver::start(&clients, Pace { senders: 1, retry_for: RETRY_FOR }, rx, &tally);
        let mut spans = 0;
        for request in requests {
            let batch = Batch::read(request, Tenant::default()).expect("the generator writes OTLP");
            spans += batch.len() as u64;
            if tx.send(batch).await.is_err() {
                break;
            }
        }
        drop(tx);
        senders.finished().await;
        let accepted = counted.accepted.load(Ordering::Relaxed);
        self.made.fetch_add(accepted, Ordering::Relaxed);
        match counted.refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(why) if accepted == 0 => Err(format!("the receiver took none of it: {why}")),
            _ => Ok(DemoMade { traces, spans, accepted, services: SERVICES as u64 }),
        }
    }
}
