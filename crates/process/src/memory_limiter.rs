//! Holds spans off while memory is short, so that clients send them again later.
//!
//! Soft limit = limit − spike: above it batches are refused with a hint when to come back. Above the
//! limit itself they are refused as well, and the log says so louder. Memory is looked at once per
//! `check_interval`, when a batch comes. It should be the first processor of a pipeline.

mod config;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use model::Batch;
use pipeline::{Consumer, LimiterMeter, Memory, Outcome, Processor};
use tokio::time::Instant;

pub(crate) use config::KIND;

/// How much memory may be in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    hard_bytes: u64,
    soft_bytes: u64,
    check_interval: Duration,
}

struct Limiter {
    bounds: Bounds,
    memory: Memory,
    next: Arc<dyn Consumer>,
    meter: LimiterMeter,
    last: Mutex<Option<Look>>,
}

/// What was seen at the last look.
#[derive(Clone, Copy)]
struct Look {
    at: Instant,
    level: Level,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Enough,
    Short,
    None,
}

#[async_trait]
impl Consumer for Limiter {
    async fn consume(&self, batch: Batch) -> Outcome {
        let spans = batch.len() as u64;
        if self.level() == Level::Enough {
            self.meter.accepted.inc_by(spans);
            return self.next.consume(batch).await;
        }
        self.meter.refused.inc_by(spans);
        Outcome::retry(Some(self.bounds.check_interval), "memory_limit", "memory is short, send again later")
    }
}

impl Processor for Limiter {}

impl Limiter {
    fn new(bounds: Bounds, memory: Memory, next: Arc<dyn Consumer>, meter: LimiterMeter) -> Self {
        Self { bounds, memory, next, meter, last: Mutex::default() }
    }

    fn level(&self) -> Level {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match *last {
            Some(look) if now.duration_since(look.at) < self.bounds.check_interval => look.level,
            before => {
                let live = (self.memory.live)();
                let level = self.bounds.judge(live);
                *last = Some(Look { at: now, level });
                if before.map_or(Level::Enough, |look| look.level) != level {
                    self.report(level, live);
                }
                level
            }
        }
    }

    fn report(&self, level: Level, live_bytes: u64) {
        let Bounds { hard_bytes, soft_bytes, .. } = self.bounds;
        match level {
            Level::Enough => tracing::info!(live_bytes, soft_bytes, "memory is enough again, taking spans"),
            Level::Short => tracing::warn!(live_bytes, soft_bytes, "memory is short, holding spans off"),
            Level::None => tracing::error!(live_bytes, hard_bytes, "memory is used up, holding spans off"),
        }
    }
}

impl Bounds {
    fn judge(&self, live_bytes: u64) -> Level {
        if live_bytes >= self.hard_bytes {
            Level::None
        } else if live_bytes >= self.soft_bytes {
            Level::Short
        } else {
            Level::Enough
        }
    }
}

#[cfg(test)]
mod tests;
