use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Tenant, TimeRange, TraceId};
use store::Writer;
use store::conformance::{Draft, NOW, batch, trace_id};
use store::memory::MemoryStore;

use super::{Export, PAGE_TRACES};
use crate::{Limits, Query, Search};

const TRACES: u64 = PAGE_TRACES as u64 + 100;

async fn query() -> Query {
    let store = MemoryStore::default();
    for traces in (1..=TRACES).collect::<Vec<_>>().chunks(100) {
        let root = |number: &u64| Draft::new(*number, 1).service("web").at(NOW - number * 1_000, 10);
        let child =
            |number: &u64| Draft::new(*number, 2).under(1).service("db").at(NOW - number * 1_000 + 500, 10);
        let spans: Vec<Draft> = traces.iter().map(root).collect();
        store.write(batch(&Tenant::default(), &spans)).await.unwrap();
        let spans: Vec<Draft> = traces.iter().map(child).collect();
        store.write(batch(&Tenant::default(), &spans)).await.unwrap();
    }
    Query::new(Arc::new(store), Limits::default())
}

fn export(pairs: &[(&str, &str)]) -> Export {
    let search = Search::read(pairs.iter().copied(), NOW).unwrap();
    Export { tenant: Tenant::default(), search, ids: Vec::new(), is_by_trace: false }
}

/// Spans of each trace, and the most batches that one trace was found in.
async fn taken(query: &Query, export: Export) -> (BTreeMap<TraceId, usize>, usize) {
    let (mut spans, mut batches) = (BTreeMap::new(), BTreeMap::<TraceId, usize>::new());
    let mut handed = query.export(export);
    while let Some(batch) = handed.recv().await {
        let batch = batch.unwrap();
        let mut here: Vec<TraceId> = batch.rows().iter().map(|row| row.trace_id).collect();
        here.iter().for_each(|id| *spans.entry(*id).or_default() += 1);
        here.sort_unstable();
        here.dedup();
        here.into_iter().for_each(|id| *batches.entry(id).or_default() += 1);
    }
    (spans, batches.into_values().max().unwrap_or(0))
}

#[tokio::test]
async fn all_spans_are_handed_over_once() {
    let (spans, _) = taken(&query().await, export(&[])).await;
    assert_eq!(spans.len() as u64, TRACES);
    assert!(spans.values().all(|count| *count == 2));
}

#[tokio::test]
async fn a_range_holds_the_spans_that_start_inside() {
    let time = TimeRange { start: NOW - 10_000, end: NOW - 9_400 };
    let mut asked = export(&[]);
    asked.search.time = time;
    let (spans, _) = taken(&query().await, asked).await;
    assert_eq!(spans, BTreeMap::from([(trace_id(10), 2)]));
}

#[tokio::test]
async fn what_a_search_finds_is_handed_over_in_whole_traces_over_all_pages() {
    let (spans, batches) = taken(&query().await, export(&[("service", "db")])).await;
    assert_eq!((spans.len() as u64, batches), (TRACES, 1));
    assert!(spans.values().all(|count| *count == 2));
    let all_by_trace = Export { is_by_trace: true, ..export(&[]) };
    assert_eq!(taken(&query().await, all_by_trace).await, (spans, 1));
}

#[tokio::test]
async fn chosen_traces_come_alone() {
    let chosen = Export { ids: vec![trace_id(3), trace_id(70), trace_id(99_999)], ..export(&[]) };
    let (spans, _) = taken(&query().await, chosen).await;
    assert_eq!(spans, BTreeMap::from([(trace_id(3), 2), (trace_id(70), 2)]));
}
