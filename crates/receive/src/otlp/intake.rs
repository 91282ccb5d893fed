//! What both protocols do with a request once its bytes are there: walk, hand on, wait, count.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Admitted, Batch, Malformed, Rejections, Tenant};
use net::collect::Collected;
use net::{Budget, Permit, Situation, Status};
use pipeline::{Consumer, Outcome, Reason, ReceiverMeter};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::metrics::Metrics;
use super::poison::Poison;

/// Batches on their way at one time; a further one is refused with a retry hint.
pub(super) const DELIVERIES_MAX: usize = 1 << 16;

/// How long a client waits for the outcome if it does not say.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(30);

/// Larger bodies are worked on by another thread, since they take longer than half a millisecond.
const INLINE_MAX: usize = 512 << 10;

pub(super) struct Intake {
    pub(super) meter: ReceiverMeter,
    pub(super) metrics: Metrics,
    pub(super) next: Arc<dyn Consumer>,
    pub(super) tenant: Tenant,
    pub(super) budget: Budget,
    pub(super) poison: Poison,
    pub(super) deliveries: Arc<Semaphore>,
}

/// The spans of a request that will never be taken; the others are stored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) rejected: u64,
    pub(super) message: String,
}

/// A request that is not taken, and the word that metrics carry.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) situation: Situation,
    pub(super) label: &'static str,
    pub(super) status: Status,
}

impl Refused {
    pub(super) fn new(situation: Situation, label: &'static str, message: impl Into<String>) -> Refused {
        Refused { situation, label, status: situation.status(message, None) }
    }
}

/// Makes OTLP protobuf of a body.
pub(super) type Decode = fn(Bytes) -> Result<Bytes, String>;

impl Intake {
    /// Takes a request in; ends when its outcome is known, at the latest at `deadline`.
    pub(super) async fn take(
        self: &Arc<Self>,
        request: Collected,
        decode: Decode,
        deadline: Instant,
    ) -> Result<Partial, Refused> {
        let Collected { bytes, permit } = request;
        let admitted = self.admit(bytes, decode).await?;
        let Admitted { batch, rejected, mended } = admitted;
        self.metrics.mended(mended);
        for (label, words, spans) in rejected.reasons() {
            self.meter.rejected(spans, &Reason::new(label, words));
        }
        if batch.is_empty() {
            return Ok(partial(rejected, Outcome::Stored));
        }
        let outcome = self.deliver(batch, permit, deadline).await?;
        match outcome {
            Outcome::Retry { after, reason } => {
                let situation = Situation::Unavailable;
                let status = situation.status(reason.text(), after);
                Err(Refused { situation, label: reason.label(), status })
            }
            outcome => Ok(partial(rejected, outcome)),
        }
    }

    /// Counts a request that was refused before its spans were known.
    pub(super) fn count_refused(&self, refused: &Refused) {
        let text = refused.status.message.clone();
        self.meter.request_refused(&Reason::new(refused.label, text));
    }

    async fn admit(&self, bytes: Bytes, decode: Decode) -> Result<Admitted, Refused> {
        if self.poison.is_known(&bytes) {
            let refused =
                Refused::new(Situation::Poison, "poison", "this batch has met a bug of faden before");
            self.count_refused(&refused);
            return Err(refused);
        }
        let (tenant, body) = (self.tenant.clone(), bytes.clone());
        let walk = move || decode(body).and_then(|otlp| admitted(otlp, tenant));
        let walked = if bytes.len() <= INLINE_MAX {
            catch_unwind(AssertUnwindSafe(walk)).map_err(drop)
        } else {
            tokio::task::spawn_blocking(walk).await.map_err(drop)
        };
        let refused = match walked {
            Ok(Ok(admitted)) => return Ok(admitted),
            Ok(Err(message)) => Refused::new(Situation::Undecodable, "malformed", message),
            Err(()) => self.bug(&bytes),
        };
        self.count_refused(&refused);
        Err(refused)
    }

    /// The batch goes its way even if the client leaves; its bytes count as in flight until it has arrived.
    async fn deliver(
        self: &Arc<Self>,
        batch: Batch,
        permit: Permit,
        deadline: Instant,
    ) -> Result<Outcome, Refused> {
        let Ok(place) = Arc::clone(&self.deliveries).try_acquire_owned() else {
            let message = "too many batches are on their way";
            self.meter.refused(&batch, Reason::new("deliveries", message));
            return Err(Refused::new(Situation::Unavailable, "deliveries", message));
        };
        let (intake, bytes) = (Arc::clone(self), batch.bytes().clone());
        let delivery = tokio::spawn(async move {
            let outcome = intake.meter.deliver(intake.next.as_ref(), batch).await;
            drop((permit, place));
            outcome
        });
        match timeout_at(deadline, delivery).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => Err(self.bug(&bytes)),
            Err(_) => {
                let message = "the time was over before the spans were stored; they may still be";
                Err(Refused::new(Situation::DeadlinePassed, "deadline", message))
            }
        }
    }

    fn bug(&self, bytes: &[u8]) -> Refused {
        self.metrics.panicked();
        self.poison.remember(bytes);
        tracing::error!(
            bytes = bytes.len(),
            "a batch met a bug in faden; it is refused once and rejected after"
        );
        Refused::new(Situation::Bug, "panic", "this batch met a bug of faden")
    }
}

fn admitted(otlp: Bytes, tenant: Tenant) -> Result<Admitted, String> {
    Batch::admit(otlp, tenant).map_err(|cause: Malformed| cause.to_string())
}

fn partial(rejected: Rejections, outcome: Outcome) -> Partial {
    let mut partial = Partial { rejected: rejected.total(), message: rejected.to_string() };
    if let Outcome::Rejected { spans, reason } = outcome {
        partial.rejected += spans;
        if !partial.message.is_empty() {
            partial.message.push_str("; ");
        }
        partial.message.push_str(reason.text());
    }
    partial
}
