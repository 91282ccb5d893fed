mod edges;
mod ingest;
mod ranks;
mod remembered;
mod repeats;
mod valued;
mod yard;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use model::{Batch, Tenant, TimeRange};
use store::{Answer, Capabilities, Plan, ReadError, Reader, WriteError, Writer, conformance};

use super::{Scan, Sources, run};
use crate::block::{BlockView, OpenBlock};

/// Puts each batch somewhere else: into the head, an open block, a closed block.
struct Spread {
    folder: tempfile::TempDir,
    /// How many kinds of places there are; with 1, all goes into the head.
    places: usize,
    state: Mutex<State>,
}

struct State {
    written: usize,
    head: Vec<Batch>,
    open: OpenBlock,
    closed: Vec<Arc<BlockView>>,
}

impl Spread {
    fn new(places: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = open(&folder, "open");
        let state = State { written: 0, head: Vec::new(), open, closed: Vec::new() };
        Self { folder, places, state: Mutex::new(state) }
    }
}

fn open(folder: &tempfile::TempDir, id: &str) -> OpenBlock {
    let path = folder.path().join(id);
    std::fs::create_dir(&path).unwrap();
    OpenBlock::create(&path, id, &Arc::default()).unwrap()
}

#[async_trait]
impl Writer for Spread {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        let state = &mut *self.state.lock().unwrap();
        state.written += 1;
        match state.written % self.places {
            0 => state.head.push(batch),
            1 | 2 => state.open.append(&[batch]).unwrap(),
            _ => {
                let id = format!("block-{}", state.written);
                let mut block = open(&self.folder, &id);
                block.append(&[batch]).unwrap();
                let meta = block.close().unwrap();
                state.closed.push(Arc::new(
                    BlockView::open(&self.folder.path().join(id), &meta, &Arc::default()).unwrap(),
                ));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Reader for Spread {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, without_service: true, ordered: true }
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        let state = self.state.lock().unwrap();
        let mut blocks = state.closed.clone();
        blocks.push(state.open.view());
        run(plan, &Sources { head: state.head.clone(), blocks, ..Sources::default() })
    }

    async fn scan(&self, tenant: &Tenant, time: TimeRange) -> Result<Box<dyn store::Scan>, ReadError> {
        let state = self.state.lock().unwrap();
        let mut blocks = state.closed.clone();
        blocks.push(state.open.view());
        Ok(Box::new(Scan::new(
            Sources { head: state.head.clone(), blocks, ..Sources::default() },
            tenant,
            time,
        )))
    }
}

#[tokio::test]
async fn head_open_and_closed_blocks_answer_as_one_store() {
    conformance::run(async || {
        let store = Arc::new(Spread::new(4));
        (store.clone() as Arc<dyn Writer>, store as Arc<dyn Reader>)
    })
    .await;
}

#[tokio::test]
async fn the_head_alone_answers_as_a_store() {
    conformance::run(async || {
        let store = Arc::new(Spread::new(1));
        (store.clone() as Arc<dyn Writer>, store as Arc<dyn Reader>)
    })
    .await;
}

#[test]
fn a_search_that_nobody_waits_for_ends_at_the_next_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut block = open(&folder, "block");
    let tenant = Tenant::default();
    let spans: Vec<_> = (1..=20_000).map(|number| conformance::Draft::new(number, 1)).collect();
    block.append(&[conformance::batch(&tenant, &spans)]).unwrap();
    let sources = Sources { blocks: vec![block.view()], ..Sources::default() };
    // What was asked before may be known: each question is another one.
    let not = |text: String| {
        let nothing = store::Filter::equal(store::Field::StatusMessage, store::Operand::Text(text));
        store::Filter::Not(Box::new(nothing))
    };
    for (ask, order) in everything_asked() {
        let names_traces = matches!(ask, store::Ask::Spans(_));
        let ids = names_traces.then(|| (1..=200).map(|number| conformance::trace_id(number * 100)).collect());
        let spans = not("none".into());
        let plan = Plan { spans, order, ids, limit: 10_000, ..Plan::new(tenant.clone(), ask) };
        let whole = run(&plan, &sources).unwrap().work;
        for after in [0, 1, 2, 5] {
            let plan = Plan { spans: not(format!("none after {after}")), ..plan.clone() };
            let looks = std::cell::Cell::new(0);
            let is_over = || looks.replace(looks.get() + 1) >= after;
            let answer = super::run_until(&plan, &sources, &is_over).unwrap();
            assert!(looks.get() > after || after == 5, "{:?} looks too seldom", plan.ask);
            assert_eq!(answer.partial.is_some(), looks.get() > after, "{:?}", plan.ask);
            let read = answer.work;
            let is_early = read.pages_read * 3 <= whole.pages_read * after;
            assert!(is_early, "{:?} {after}: {read:?} of {whole:?}", plan.ask);
            assert!(read.spans_seen <= 8_192 * after, "{:?} {after}: {read:?}", plan.ask);
        }
    }
}

#[test]
fn a_search_that_may_read_no_more_says_so() {
    let tenant = Tenant::default();
    let counted = store::Condition {
        field: store::Field::Attribute { level: store::Level::Span, key: "count".into() },
        compare: store::Compare::AtLeast,
        operand: store::Operand::Int(0),
    };
    let metrics = store::Ask::Metrics { by: vec![], step: None };
    for ask in [store::Ask::Traces, store::Ask::Summaries, store::Ask::Keys, metrics] {
        let spans = store::Filter::Is(counted.clone());
        let plan = Plan { spans, limit: 10_000, ..Plan::new(tenant.clone(), ask) };
        // Pages that are in memory already are not read.
        let answer = |bytes_max| {
            let folder = tempfile::tempdir().unwrap();
            let mut block = open(&folder, "block");
            for group in 0..4 {
                let draft =
                    |span: u64| conformance::Draft::new(group * 500 + span, 1).with("count", span as i64);
                let spans = (1..=500).map(draft);
                block.append(&[conformance::batch(&tenant, &spans.collect::<Vec<_>>())]).unwrap();
            }
            let sources = Sources { blocks: vec![block.view()], ..Sources::default() };
            run(&Plan { bytes_max, ..plan.clone() }, &sources).unwrap()
        };
        let (whole, little) = (answer(u64::MAX), answer(1));
        assert_eq!(whole.partial, None, "{:?}", plan.ask);
        assert_eq!(little.partial.as_deref(), Some(store::plan::OUT_OF_BYTES), "{:?}", plan.ask);
        let read = (little.work.bytes_read, whole.work.bytes_read);
        assert!(0 < read.0 && read.0 < read.1, "{:?}: {read:?}", plan.ask);
    }
}

fn everything_asked() -> Vec<(store::Ask, store::Order)> {
    use store::{Ask, Order};
    let code = || "code".to_owned();
    let by_code = store::Field::Attribute { level: store::Level::Any, key: code() };
    let values = Ask::Values { key: code(), level: store::Level::Any };
    let mut asked: Vec<_> = [Order::Newest, Order::Oldest, Order::Longest]
        .into_iter()
        .flat_map(|order| [Ask::Traces, Ask::Outlines(Vec::new()), Ask::Summaries].map(|ask| (ask, order)))
        .collect();
    let others = [Ask::Services, Ask::Operations, Ask::Keys, values, Ask::Edges, Ask::Uses];
    asked.extend(others.map(|ask| (ask, Order::Newest)));
    asked.push((Ask::Metrics { by: vec![by_code], step: None }, Order::Newest));
    asked.push((Ask::Spans(vec![conformance::span_id(1)]), Order::Newest));
    asked
}

#[test]
fn a_search_for_what_is_rare_reads_the_pages_of_its_minutes_alone() {
    const MINUTE: u64 = 60_000_000_000;
    let folder = tempfile::tempdir().unwrap();
    let mut block = open(&folder, "block");
    let tenant = Tenant::default();
    let draft = |number: u64, duration: u64, status| {
        let start = conformance::NOW - (number % 20) * MINUTE;
        conformance::Draft::new(number, 1).at(start, duration).status(status)
    };
    for minute in 0..20 {
        let (slow, failed) = (draft(20 + minute, 2_000, model::StatusCode::Ok), model::StatusCode::Error);
        let rare = draft(60 + minute, if minute == 7 { 2_000 } else { 10 }, failed);
        block.append(&[conformance::batch(&tenant, &[slow, rare])]).unwrap();
    }
    let sources = Sources { blocks: vec![block.view()], ..Sources::default() };
    let long = store::Condition {
        field: store::Field::Duration,
        compare: store::Compare::Greater,
        operand: store::Operand::Int(1_000),
    };
    let failed = store::Operand::Status(model::StatusCode::Error);
    let spans = store::Filter::And(vec![
        store::Filter::service("shop"),
        store::Filter::equal(store::Field::Status, failed),
        store::Filter::Is(long),
    ]);
    for order in [store::Order::Newest, store::Order::Longest] {
        let plan = Plan { spans: spans.clone(), order, ..Plan::new(tenant.clone(), store::Ask::Summaries) };
        let answer = run(&plan, &sources).unwrap();
        let store::Rows::Summaries(found) = answer.rows else { panic!("summaries were asked for") };
        assert_eq!(found.iter().map(|of| of.id).collect::<Vec<_>>(), [conformance::trace_id(67)]);
        assert_eq!(answer.work.spans_seen, 2, "{:?}", answer.work);
    }
}

#[test]
fn lists_of_traces_read_nothing_but_their_ids() {
    use store::{Ask, Filter, Order, TraceFilter};
    let folder = tempfile::tempdir().unwrap();
    let mut block = open(&folder, "block");
    let tenant = Tenant::default();
    let trace = |number: u64| {
        let root =
            conformance::Draft::new(number, 1).service("web").name("GET /").lasting(number * 10_000_000);
        let child = conformance::Draft::new(number, 2).under(1).service("pay");
        [root, child.status([model::StatusCode::Ok, model::StatusCode::Error][number as usize % 2])]
    };
    let spans: Vec<_> = (1..=300).flat_map(trace).collect();
    block.append(&[conformance::batch(&tenant, &spans)]).unwrap();
    let sources = Sources { blocks: vec![block.view()], ..Sources::default() };
    let failed = Filter::equal(store::Field::Status, store::Operand::Status(model::StatusCode::Error));
    let failed_in = |service| Filter::And(vec![Filter::service(service), failed.clone()]);
    let rooted = |service: &str| TraceFilter { root_service: Some(service.into()), ..TraceFilter::default() };
    for (spans, trace, order, expected) in [
        (Filter::All, TraceFilter::default(), Order::Newest, vec![1, 2, 3]),
        (Filter::All, TraceFilter::default(), Order::Longest, vec![300, 299, 298]),
        (Filter::service("pay"), TraceFilter::default(), Order::Oldest, vec![300, 299, 298]),
        (failed_in("pay"), rooted("web"), Order::Longest, vec![299, 297, 295]),
        (failed_in("web"), TraceFilter::default(), Order::Longest, vec![]),
        (failed.clone(), rooted("pay"), Order::Newest, vec![]),
    ] {
        let plan = Plan { spans, trace, order, limit: 3, ..Plan::new(tenant.clone(), Ask::Summaries) };
        let answer = run(&plan, &sources).unwrap();
        let store::Rows::Summaries(found) = answer.rows else { panic!("summaries were asked for") };
        let ids = expected.into_iter().map(conformance::trace_id).collect::<Vec<_>>();
        assert_eq!(found.iter().map(|of| of.id).collect::<Vec<_>>(), ids, "{plan:?}");
        assert!(answer.work.pages_read <= 1 && answer.work.spans_seen == 0, "{plan:?}: {:?}", answer.work);
    }
}

#[test]
fn named_spans_of_a_large_trace_are_read_from_their_pages_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut block = open(&folder, "block");
    let tenant = Tenant::default();
    let spans: Vec<_> = (1..=40_000).map(|number| conformance::Draft::new(1, number).with("k", 1)).collect();
    block.append(&[conformance::batch(&tenant, &spans)]).unwrap();
    let sources = Sources { blocks: vec![block.view()], ..Sources::default() };
    let id = conformance::trace_id(1);
    let named = Plan::spans(tenant.clone(), id, [39_999, 40_000].map(conformance::span_id).into());
    let few = run(&named, &sources).unwrap();
    let all = run(&Plan::trace(tenant, id), &sources).unwrap();
    let store::Rows::Traces(traces) = few.rows else { panic!("spans were asked for") };
    assert_eq!(traces[0].nodes().len(), 2);
    // Five pages of ids, then those of one page number; what was read stays at hand for the whole trace.
    let (few, rest) = (few.work.pages_read, all.work.pages_read);
    assert!(few > 5 && few * 2 < rest, "{few} pages, then {rest}");
}
