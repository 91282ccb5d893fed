//! What was acknowledged, and whether all of it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use model::{Batch, SpanId, Tenant, TimeRange, TraceId};

use crate::server::Server;

/// Traces in one question.
const TRACES_ASKED: usize = 200;

/// Traces that are asked for by their ids, beside all spans that are read as one stream.
const TRACES_ASKED_MAX: usize = 200;

/// The spans of each trace.
pub type Spans = BTreeMap<TraceId, BTreeSet<SpanId>>;

/// The spans that were acknowledged, and when the first and the last of them start.
#[derive(Clone, Default)]
pub struct Ledger {
    spans: Spans,
    time: Option<TimeRange>,
}

impl Ledger {
    /// Notes what was acknowledged.
    pub fn note(&mut self, batch: &Batch) {
        for row in batch.rows() {
            self.spans.entry(row.trace_id).or_default().insert(row.span_id);
            self.cover(TimeRange { start: row.start, end: row.start + 1 });
        }
    }

    /// How many spans there are.
    pub fn spans(&self) -> usize {
        self.spans.values().map(BTreeSet::len).sum()
    }

    /// How many traces there are.
    pub fn traces(&self) -> usize {
        self.spans.len()
    }

    /// Takes one trace of so many in from another.
    pub fn take(&mut self, other: &Self, one_of: usize) {
        self.spans.extend(other.spans.iter().step_by(one_of).map(|(id, spans)| (*id, spans.clone())));
        other.time.into_iter().for_each(|time| self.cover(time));
    }

    fn cover(&mut self, more: TimeRange) {
        let time = self.time.get_or_insert(more);
        *time = TimeRange { start: time.start.min(more.start), end: time.end.max(more.end) };
    }
}

/// Reads every span of the time back and compares them one by one; asks for some traces by their ids, too.
pub async fn check_found(server: &Server, ledger: &Ledger, when: &str) {
    searchable(server).await;
    let time = ledger.time.expect("something was acknowledged");
    let mut missing = ledger.spans.clone();
    exported(server, time, |batch| strike(&mut missing, batch)).await;
    assert_none(&missing, when);
    check_by_id(server, ledger, when).await;
}

/// Asks for traces by their ids: for all of a small ledger, for some of a large one.
pub async fn check_by_id(server: &Server, ledger: &Ledger, when: &str) {
    let one_of = ledger.spans.len().div_ceil(TRACES_ASKED_MAX).max(1);
    let asked: Vec<(&TraceId, &BTreeSet<SpanId>)> = ledger.spans.iter().step_by(one_of).collect();
    for some in asked.chunks(TRACES_ASKED) {
        let ids: Vec<String> = some.iter().map(|(id, _)| format!("traceID={id}")).collect();
        let (_, answer) = server.get(&format!("/api/traces?{}", ids.join("&"))).await;
        let mut missing: Spans = some.iter().map(|(id, spans)| (**id, (*spans).clone())).collect();
        for (trace, span) in shown(&answer) {
            found(&mut missing, trace, span);
        }
        assert_none(&missing, &format!("{when}, by id; of the answer {:?} are errors", answer["errors"]));
    }
}

#[track_caller]
fn assert_none(missing: &Spans, when: &str) {
    let first = missing.iter().next();
    assert!(first.is_none(), "{when}: {} traces lost spans, the first {first:?}", missing.len());
}

fn strike(missing: &mut Spans, batch: &Batch) {
    for row in batch.rows() {
        found(missing, row.trace_id, row.span_id);
    }
}

fn found(missing: &mut Spans, trace: TraceId, span: SpanId) {
    if let Some(spans) = missing.get_mut(&trace) {
        spans.remove(&span);
        if spans.is_empty() {
            missing.remove(&trace);
        }
    }
}

/// Hands over every span that starts inside, as the store reads it out.
async fn exported(server: &Server, time: TimeRange, mut take: impl FnMut(&Batch)) {
    let path = format!("/api/faden/v1/export?start={}&end={}", time.start, time.end);
    let mut body = server.stream(&path).await;
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("an export that breaks off is not whole");
        read.extend_from_slice(&frame.into_data().unwrap_or_default());
        while let Some(length) = read.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            && read.len() >= 4 + length
        {
            let otlp = read.split_to(4 + length).freeze().slice(4..);
            take(&Batch::read(otlp, Tenant::default()).expect("faden writes OTLP"));
        }
    }
    assert!(read.is_empty(), "the export ends with a whole frame");
}

/// The spans of an answer of Jaeger's API.
fn shown(answer: &serde_json::Value) -> Vec<(TraceId, SpanId)> {
    let mut shown = Vec::new();
    let traces = answer["data"].as_array().into_iter().flatten();
    for span in traces.filter_map(|trace| trace["spans"].as_array()).flatten() {
        let id = |key: &str| span[key].as_str().unwrap_or_default();
        let (Some(trace), Some(span)) = (TraceId::parse(id("traceID")), SpanId::parse(id("spanID"))) else {
            panic!("an id cannot be read in {span}");
        };
        shown.push((trace, span));
    }
    shown
}

/// Waits until the journal has been read again, as the server says by whole answers.
pub async fn searchable(server: &Server) {
    loop {
        let (_, answer) = server.get("/api/faden/v1/search?limit=1").await;
        if answer["traces"].is_array() && answer["partial"].is_null() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
