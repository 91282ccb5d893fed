//! What came in and what became of it: the ledger is kept here.

use std::sync::Arc;

use model::Batch;
use prometheus::{Error, IntCounter, IntCounterVec, Registry};

use super::register::{counter, counters};
use crate::audit::{Audit, Fate};
use crate::{ComponentId, Consumer, Outcome, Reason};

pub(super) struct Metrics {
    accepted: IntCounterVec,
    refused: IntCounterVec,
    requests_refused: IntCounterVec,
    ledger: Ledger,
}

/// Spans received = accepted + refused + rejected, over all receivers.
#[derive(Clone)]
struct Ledger {
    received: IntCounter,
    accepted: IntCounter,
    refused: IntCounterVec,
    rejected: IntCounterVec,
}

impl Metrics {
    pub(super) fn register(r: &Registry) -> Result<Self, Error> {
        let labels = &["receiver", "transport"];
        let reasons = &["receiver", "transport", "reason"];
        Ok(Self {
            accepted: counters(r, "otelcol_receiver_accepted_spans", "Spans taken over", labels)?,
            refused: counters(r, "otelcol_receiver_refused_spans", "Spans not taken over", labels)?,
            requests_refused: counters(
                r,
                "faden_receiver_refused_requests_total",
                "Requests refused before their spans were known",
                reasons,
            )?,
            ledger: Ledger {
                received: counter(r, "faden_spans_received_total", "Spans that came in")?,
                accepted: counter(r, "faden_spans_accepted_total", "Spans acknowledged as stored")?,
                refused: counters(r, "faden_spans_refused_total", "Spans to be sent again", &["reason"])?,
                rejected: counters(
                    r,
                    "faden_spans_rejected_total",
                    "Spans that cannot be taken",
                    &["reason"],
                )?,
            },
        })
    }

    pub(super) fn meter(&self, id: &ComponentId, transport: &'static str, audit: &Audit) -> ReceiverMeter {
        let receiver = id.to_string();
        let labels = &[receiver.as_str(), transport];
        ReceiverMeter {
            accepted: self.accepted.with_label_values(labels),
            refused: self.refused.with_label_values(labels),
            requests_refused: self.requests_refused.clone(),
            ledger: self.ledger.clone(),
            audit: audit.clone(),
            place: format!("receiver:{receiver}").into(),
            receiver,
            transport,
        }
    }
}

/// Counts what one receiver takes in over one transport; cheap to clone.
#[derive(Clone)]
pub struct ReceiverMeter {
    receiver: String,
    transport: &'static str,
    accepted: IntCounter,
    refused: IntCounter,
    requests_refused: IntCounterVec,
    ledger: Ledger,
    audit: Audit,
    place: Arc<str>,
}

impl ReceiverMeter {
    /// Hands a batch to what follows the receiver and counts what becomes of it.
    ///
    /// Every receiver passes its batches through here, so that the ledger is exact: if the future is
    /// dropped, because the client has gone or its deadline is over, its spans count as refused.
    pub async fn deliver(&self, next: &dyn Consumer, batch: Batch) -> Outcome {
        let mut open = Open { meter: self, batch: batch.clone(), settled: false };
        self.ledger.received.inc_by(open.batch.len() as u64);
        let outcome = next.consume(batch).await;
        open.settle(&outcome);
        outcome
    }

    /// Spans that came in but were left out before the pipeline, such as those without an id.
    pub fn rejected(&self, spans: u64, reason: &Reason) {
        if spans > 0 {
            self.ledger.received.inc_by(spans);
            self.reject(spans, reason);
            self.audit.note_spans(Fate::Rejected, &self.place, reason, spans);
        }
    }

    /// A batch that came in but was not handed on; the client may send it again.
    pub fn refused(&self, batch: &Batch, reason: Reason) {
        self.ledger.received.inc_by(batch.len() as u64);
        self.refuse(batch.len() as u64, &reason);
        self.audit.note(&self.place, batch, &Outcome::Retry { after: None, reason });
    }

    /// A whole request that was refused before anybody knew its spans: malformed, too large, too many.
    pub fn request_refused(&self, reason: &Reason) {
        let labels = &[self.receiver.as_str(), self.transport, reason.label()];
        self.requests_refused.with_label_values(labels).inc();
        self.audit.note_request(&self.place, reason);
    }

    fn accept(&self, spans: u64) {
        self.accepted.inc_by(spans);
        self.ledger.accepted.inc_by(spans);
    }

    fn reject(&self, spans: u64, reason: &Reason) {
        self.refused.inc_by(spans);
        self.ledger.rejected.with_label_values(&[reason.label()]).inc_by(spans);
    }

    fn refuse(&self, spans: u64, reason: &Reason) {
        self.refused.inc_by(spans);
        self.ledger.refused.with_label_values(&[reason.label()]).inc_by(spans);
    }
}

/// Spans of which nobody knows yet what becomes of them.
struct Open<'a> {
    meter: &'a ReceiverMeter,
    batch: Batch,
    settled: bool,
}

impl Open<'_> {
    fn settle(&mut self, outcome: &Outcome) {
        self.settled = true;
        let all = self.batch.len() as u64;
        match outcome {
            Outcome::Stored => self.meter.accept(all),
            Outcome::Rejected { spans, reason } => {
                let rejected = all.min(*spans);
                self.meter.accept(all - rejected);
                self.meter.reject(rejected, reason);
            }
            Outcome::Retry { reason, .. } => self.meter.refuse(all, reason),
        }
        self.meter.audit.note(&self.meter.place, &self.batch, outcome);
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.settled {
            let text = "nobody waited for the outcome any more; they may be stored";
            self.settle(&Outcome::retry(None, "abandoned", text));
        }
    }
}
