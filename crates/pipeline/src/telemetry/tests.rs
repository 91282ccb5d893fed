use std::sync::Arc;

use async_trait::async_trait;
use model::{Batch, Tenant};
use prometheus::{Registry, TextEncoder};

use super::Telemetry;
use crate::{ComponentId, Consumer, Outcome, testing};

/// Answers every batch in the same way, or never.
struct Answers(Option<Outcome>);

#[async_trait]
impl Consumer for Answers {
    async fn consume(&self, _: Batch) -> Outcome {
        match &self.0 {
            Some(outcome) => outcome.clone(),
            None => std::future::pending().await,
        }
    }
}

fn telemetry() -> Telemetry {
    Telemetry::new(Registry::new(), Arc::new(model::SystemClock)).expect("a new registry is empty")
}

fn text(telemetry: &Telemetry) -> String {
    TextEncoder::new().encode_to_string(&telemetry.registry().gather()).expect("metrics are text")
}

fn spans(count: usize) -> Batch {
    testing::batch(count, Tenant::default())
}

#[tokio::test]
async fn the_ledger_adds_up_whatever_becomes_of_spans() {
    let telemetry = telemetry();
    let meter = telemetry.receiver(&ComponentId::of("otlp"), "grpc");
    meter.deliver(&Answers(Some(Outcome::Stored)), spans(10)).await;
    meter.deliver(&Answers(Some(Outcome::rejected(3, "too_old", "too old"))), spans(10)).await;
    meter.deliver(&Answers(Some(Outcome::retry(None, "memory", "no memory"))), spans(5)).await;
    meter.rejected(2, &crate::Reason::new("invalid_id", "without an id"));
    let never = Answers(None);
    tokio::select! {
        biased;
        _ = meter.deliver(&never, spans(4)) => panic!("it was not to answer"),
        () = std::future::ready(()) => {}
    }
    let text = text(&telemetry);
    for line in [
        "faden_spans_received_total 31",
        "faden_spans_accepted_total 17",
        "faden_spans_refused_total{reason=\"memory\"} 5",
        "faden_spans_refused_total{reason=\"abandoned\"} 4",
        "faden_spans_rejected_total{reason=\"too_old\"} 3",
        "faden_spans_rejected_total{reason=\"invalid_id\"} 2",
        "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 17",
        "otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"grpc\"} 14",
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
    }
}

#[test]
fn an_exporter_counts_each_final_outcome_once() {
    let telemetry = telemetry();
    let meter = telemetry.exporter(&ComponentId::of("otlp"));
    meter.settle(10, &Outcome::Stored);
    meter.settle(10, &Outcome::rejected(4, "x", "x"));
    meter.settle(10, &Outcome::retry(None, "x", "x"));
    assert_eq!((meter.sent.get(), meter.failed.get()), (16, 14));
}
