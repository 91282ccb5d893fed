//! Makes requests when they are due.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use r#gen::{Fault, Rate, Shape, Timeline, Traffic};
use model::{Batch, SystemClock, Tenant};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Arguments;
use super::ledger::{Ledger, Progress};
use crate::exit::Failure;

/// How often a slow rate is looked at.
const TICK: Duration = Duration::from_millis(50);
/// A trace's spans are spread over so much time, as SDKs do that send every few seconds.
const SPREAD_S: f64 = 2.0;
/// What waits at the end goes out on top of the spans that were asked for: at most this share of them.
const SPREAD_SHARE_MAX: f64 = 0.02;
/// Spans that may wait at the pods.
const SPREAD_MAX: f64 = 6_000.0;

/// Traffic, and when to stop.
pub struct Maker {
    traffic: Traffic,
    /// Nothing: as fast as it goes.
    rate: Option<Rate>,
    duration: Option<Duration>,
    spans: Option<u64>,
    request_spans: u64,
    /// Whether the last traces are to be whole; the corpus ends where it was told to.
    is_finished: bool,
}

/// A request, ready to be sent.
pub struct Made {
    /// `ExportTraceServiceRequest`.
    pub bytes: Bytes,
}

impl From<Made> for Batch {
    fn from(made: Made) -> Self {
        Self::read(made.bytes, Tenant::default()).expect("the generator writes OTLP")
    }
}

impl Maker {
    /// Reads what the flags say about the traffic.
    pub fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let rate = match arguments.rate.as_str() {
            "max" => None,
            text => Some(text.parse::<Rate>().map_err(Failure::usage)?),
        };
        let traffic = if arguments.corpus { r#gen::corpus_1() } else { traffic(arguments, rate)? };
        let request_spans =
            if arguments.corpus { r#gen::corpus::REQUEST_SPANS as u64 } else { arguments.request_spans };
        Ok(Self {
            traffic,
            rate,
            duration: arguments.duration,
            spans: arguments.spans,
            request_spans,
            is_finished: !arguments.corpus,
        })
    }

    /// Makes requests until time or spans are over, or nobody takes them any more.
    pub async fn run(
        mut self,
        tx: mpsc::Sender<Made>,
        ledger: &Ledger,
        progress: &Progress,
    ) -> r#gen::Summary {
        let started = Instant::now();
        loop {
            let elapsed = started.elapsed();
            let Some(spans) = self.due(elapsed) else { break };
            if spans == 0 {
                tokio::time::sleep(TICK).await;
                continue;
            }
            let bytes = Bytes::from(self.traffic.next_request(spans as usize));
            ledger.note_made(self.traffic.made());
            if tx.send(Made { bytes }).await.is_err() {
                break;
            }
            progress.advance(ledger, elapsed);
        }
        if let Some(rest) = self.rest() {
            // Whoever takes nothing any more has stopped for good.
            let _ = tx.send(Made { bytes: rest }).await;
        }
        ledger.note_made(self.traffic.made());
        self.traffic.made()
    }

    /// The next request without regard to time; nothing when enough were made.
    pub fn next(&mut self) -> Option<Bytes> {
        match self.left() {
            0 => self.rest(),
            left => Some(self.traffic.next_request(left.min(self.request_spans) as usize).into()),
        }
    }

    /// What was made so far.
    pub fn made(&self) -> r#gen::Summary {
        self.traffic.made()
    }

    /// Whether something says when to stop.
    pub fn has_end(&self) -> bool {
        self.spans.is_some()
    }

    /// How many spans are to be made now; nothing at the end.
    fn due(&self, elapsed: Duration) -> Option<u64> {
        if self.duration.is_some_and(|duration| elapsed >= duration) || self.left() == 0 {
            return None;
        }
        let due = match &self.rate {
            None => u64::MAX,
            Some(rate) => rate.due(elapsed).saturating_sub(self.traffic.made().spans),
        };
        Some(due.min(self.left()).min(self.request_spans))
    }

    fn rest(&mut self) -> Option<Bytes> {
        if self.is_finished { self.traffic.finish().map(Bytes::from) } else { None }
    }

    fn left(&self) -> u64 {
        self.spans.map_or(u64::MAX, |spans| spans.saturating_sub(self.traffic.made().spans))
    }
}

fn traffic(arguments: &Arguments, rate: Option<Rate>) -> Result<Traffic, Failure> {
    let faults: Result<Vec<Fault>, _> = arguments.fault.iter().map(|fault| fault.parse()).collect();
    let spread = rate.map_or(SPREAD_MAX, |rate| (rate.at(Duration::ZERO) * SPREAD_S).min(SPREAD_MAX));
    let spread = arguments.spans.map_or(spread, |spans| spread.min(spans as f64 * SPREAD_SHARE_MAX));
    let live = Timeline::Live(Arc::new(SystemClock));
    let fixed = Shape::default().timeline;
    let shape = Shape {
        seed: arguments.seed,
        services: arguments.services as usize,
        spans_per_trace: arguments.trace_spans,
        depth: arguments.depth as usize,
        errors: arguments.errors,
        faults: faults.map_err(Failure::usage)?,
        timeline: if arguments.file.is_some() { fixed } else { live },
        spread: spread as usize,
    };
    Traffic::new(shape).map_err(Failure::usage)
}
