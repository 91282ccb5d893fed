//! Tries again while the remote says "later", with growing pauses.
//!
//! A hint of the remote is obeyed: the pause is at least as long. Pauses are spread by chance so that
//! many senders do not come back at once. Given up when the time is over or the exporter stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::Batch;
use net::retry::{Backoff, RetryPolicy};
use pipeline::Outcome;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Attempt;

/// Attempts with pauses between them.
pub(crate) struct Retrying {
    policy: RetryPolicy,
    attempt: Arc<dyn Attempt>,
    chance: AtomicU64,
    stop: watch::Receiver<bool>,
}

impl Retrying {
    pub(crate) fn new(
        policy: RetryPolicy,
        attempt: Arc<dyn Attempt>,
        seed: u64,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self { policy, attempt, chance: AtomicU64::new(seed), stop }
    }

    /// The final outcome of the batch.
    pub(crate) async fn send(&self, batch: &Batch) -> Outcome {
        let started = Instant::now();
        let mut backoff = Backoff::new(self.policy.clone());
        loop {
            let outcome = self.attempt.attempt(batch).await;
            let Outcome::Retry { after, reason } = &outcome else { return outcome };
            let Some(pause) = backoff.pause(started.elapsed(), *after, self.chance()) else { return outcome };
            tracing::info!(%reason, ?pause, spans = batch.len(), "sending again after a pause");
            let mut stop = self.stop.clone();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stopping| *stopping) => return outcome,
            }
        }
    }

    /// Between 0 and 1.
    fn chance(&self) -> f64 {
        let seed = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        (mixed(seed) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The finisher of splitmix64: neighbours in, independent bits out.
fn mixed(seed: u64) -> u64 {
    let bits = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
