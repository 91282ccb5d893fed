//! What goes through processors.

use prometheus::{
    Error, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

use super::SIGNAL;
use super::register::{BYTE_BUCKETS, SPAN_BUCKETS, counters, gauges, histograms};
use crate::ComponentId;

pub(super) struct Metrics {
    incoming: IntCounterVec,
    outgoing: IntCounterVec,
    dropped: IntCounterVec,
    batch_size: HistogramVec,
    batch_bytes: HistogramVec,
    size_triggers: IntCounterVec,
    timeout_triggers: IntCounterVec,
    cardinality: IntGaugeVec,
    limiter_accepted: IntCounterVec,
    limiter_refused: IntCounterVec,
}

impl Metrics {
    pub(super) fn register(r: &Registry) -> Result<Self, Error> {
        let both = &["processor", "otel_signal"];
        let one = &["processor"];
        let sizes = ("otelcol_processor_batch_batch_send_size", "Spans in a batch that was sent on");
        let bytes = ("otelcol_processor_batch_batch_send_size_bytes", "Bytes in a batch that was sent on");
        let by_size = "otelcol_processor_batch_batch_size_trigger_send";
        let by_age = "otelcol_processor_batch_timeout_trigger_send";
        let groups = "otelcol_processor_batch_metadata_cardinality";
        let let_through = "otelcol_processor_memory_limiter_accepted_spans";
        let held_off = "otelcol_processor_memory_limiter_refused_spans";
        Ok(Self {
            incoming: counters(r, "otelcol_processor_incoming_items", "Spans into a processor", both)?,
            outgoing: counters(r, "otelcol_processor_outgoing_items", "Spans out of a processor", both)?,
            dropped: counters(r, "otelcol_processor_dropped_spans", "Spans that a processor took out", one)?,
            batch_size: histograms(r, sizes, "processor", SPAN_BUCKETS)?,
            batch_bytes: histograms(r, bytes, "processor", BYTE_BUCKETS)?,
            size_triggers: counters(r, by_size, "Batches sent on for their size", one)?,
            timeout_triggers: counters(r, by_age, "Batches sent on for their age", one)?,
            cardinality: gauges(r, groups, "Groups that are batched apart", one)?,
            limiter_accepted: counters(r, let_through, "Spans let through", one)?,
            limiter_refused: counters(r, held_off, "Spans held off for want of memory", one)?,
        })
    }

    pub(super) fn meter(&self, id: &ComponentId) -> ProcessorMeter {
        let processor = id.to_string();
        ProcessorMeter {
            incoming: self.incoming.with_label_values(&[processor.as_str(), SIGNAL]),
            outgoing: self.outgoing.with_label_values(&[processor.as_str(), SIGNAL]),
            dropped: self.dropped.with_label_values(&[processor.as_str()]),
        }
    }

    pub(super) fn batch(&self, id: &ComponentId) -> BatchMeter {
        let processor = &[id.to_string()];
        BatchMeter {
            size: self.batch_size.with_label_values(processor),
            bytes: self.batch_bytes.with_label_values(processor),
            size_triggers: self.size_triggers.with_label_values(processor),
            timeout_triggers: self.timeout_triggers.with_label_values(processor),
            cardinality: self.cardinality.with_label_values(processor),
        }
    }

    pub(super) fn limiter(&self, id: &ComponentId) -> LimiterMeter {
        let processor = &[id.to_string()];
        LimiterMeter {
            accepted: self.limiter_accepted.with_label_values(processor),
            refused: self.limiter_refused.with_label_values(processor),
        }
    }
}

/// Counts what goes into and out of one processor; the graph does the first two for all of them.
#[derive(Clone)]
pub struct ProcessorMeter {
    /// Spans into it.
    pub incoming: IntCounter,
    /// Spans out of it.
    pub outgoing: IntCounter,
    /// Spans that it took out on purpose.
    pub dropped: IntCounter,
}

/// Counts what a batcher sends on.
#[derive(Clone)]
pub struct BatchMeter {
    /// Spans per batch.
    pub size: Histogram,
    /// Bytes per batch.
    pub bytes: Histogram,
    /// Batches sent because they were full.
    pub size_triggers: IntCounter,
    /// Batches sent because they had waited long enough.
    pub timeout_triggers: IntCounter,
    /// Groups that are batched apart.
    pub cardinality: IntGauge,
}

/// Counts what a memory limiter lets through.
#[derive(Clone)]
pub struct LimiterMeter {
    /// Spans let through.
    pub accepted: IntCounter,
    /// Spans held off.
    pub refused: IntCounter,
}
