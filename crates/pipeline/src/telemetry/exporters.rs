//! What goes out of exporters.

use std::sync::Arc;

use model::Batch;
use prometheus::{
    Error, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

use super::SIGNAL;
use super::register::{BYTE_BUCKETS, SPAN_BUCKETS, counters, gauges, histograms};
use crate::{Audit, ComponentId, Outcome};

pub(super) struct Metrics {
    sent: IntCounterVec,
    failed: IntCounterVec,
    enqueue_failed: IntCounterVec,
    queue_size: IntGaugeVec,
    queue_capacity: IntGaugeVec,
    in_flight: IntGaugeVec,
    send_size: HistogramVec,
    send_bytes: HistogramVec,
}

impl Metrics {
    pub(super) fn register(r: &Registry) -> Result<Self, Error> {
        let one = &["exporter"];
        let both = &["exporter", "data_type"];
        let not_sent = "otelcol_exporter_send_failed_spans";
        let not_queued = "otelcol_exporter_enqueue_failed_spans";
        let sizes = ("otelcol_exporter_queue_batch_send_size", "Spans in a request");
        let bytes = ("otelcol_exporter_queue_batch_send_size_bytes", "Bytes in a request");
        Ok(Self {
            sent: counters(r, "otelcol_exporter_sent_spans", "Spans handed over", one)?,
            failed: counters(r, not_sent, "Spans not handed over after all retries", one)?,
            enqueue_failed: counters(r, not_queued, "Spans that the queue did not take", one)?,
            queue_size: gauges(r, "otelcol_exporter_queue_size", "What the queue holds", both)?,
            queue_capacity: gauges(r, "otelcol_exporter_queue_capacity", "What the queue can hold", both)?,
            in_flight: gauges(r, "otelcol_exporter_in_flight_requests", "Requests under way", both)?,
            send_size: histograms(r, sizes, "exporter", SPAN_BUCKETS)?,
            send_bytes: histograms(r, bytes, "exporter", BYTE_BUCKETS)?,
        })
    }

    pub(super) fn meter(&self, id: &ComponentId, audit: &Audit) -> ExporterMeter {
        let exporter = id.to_string();
        let one = &[exporter.as_str()];
        let both = &[exporter.as_str(), SIGNAL];
        ExporterMeter {
            sent: self.sent.with_label_values(one),
            failed: self.failed.with_label_values(one),
            enqueue_failed: self.enqueue_failed.with_label_values(one),
            queue_size: self.queue_size.with_label_values(both),
            queue_capacity: self.queue_capacity.with_label_values(both),
            in_flight: self.in_flight.with_label_values(both),
            send_size: self.send_size.with_label_values(one),
            send_bytes: self.send_bytes.with_label_values(one),
            audit: audit.clone(),
            place: format!("exporter:{exporter}").into(),
        }
    }
}

/// Counts what one exporter hands over; each final outcome counts once.
#[derive(Clone)]
pub struct ExporterMeter {
    /// Spans handed over.
    pub sent: IntCounter,
    /// Spans that were not, after all retries.
    pub failed: IntCounter,
    /// Spans that the queue did not take; in neither of the two above.
    pub enqueue_failed: IntCounter,
    /// What the queue holds, in flight included, in its own unit.
    pub queue_size: IntGauge,
    /// What the queue can hold.
    pub queue_capacity: IntGauge,
    /// Requests under way, waiting for a retry included.
    pub in_flight: IntGauge,
    /// Spans per request.
    pub send_size: Histogram,
    /// Bytes per request.
    pub send_bytes: Histogram,
    audit: Audit,
    place: Arc<str>,
}

impl ExporterMeter {
    /// Counts the final outcome of a batch of so many spans.
    pub fn settle(&self, spans: u64, outcome: &Outcome) {
        let failed = match outcome {
            Outcome::Stored => 0,
            Outcome::Rejected { spans: rejected, .. } => spans.min(*rejected),
            Outcome::Retry { .. } => spans,
        };
        self.sent.inc_by(spans - failed);
        self.failed.inc_by(failed);
    }

    /// Notes the spans of an acknowledged batch that are given up after all.
    pub fn note_dropped(&self, batch: &Batch, outcome: &Outcome) {
        self.audit.note_dropped(&self.place, batch, outcome);
    }
}
