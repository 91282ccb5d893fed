//! Queries that want too much are refused, or cut with a reason; none takes the server with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use model::{Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Plan, Reader, Writer};

use super::super::ast::Root;
use super::super::metrics;
use super::super::parse;
use super::super::search::{Answer, Request, search};
use crate::{Limits, Query};

#[tokio::test(flavor = "multi_thread")]
async fn nesting_and_length_are_bounded() {
    for text in [
        format!("{{ {}true{} }}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("{{ {}true }}", "!".repeat(30_000)),
        format!("{{ {}1 > 0 }}", "-".repeat(30_000)),
        format!("{{ .a = 1{} }}", " = 1".repeat(10_000)),
        format!("{{ name =~ \"a\"{} }}", " =~ \"a\"".repeat(5_000)),
        format!("{{ .a = 1{} }}", " || .a = 1".repeat(5_000)),
        format!("{{ 1{} > 0 }}", " + 1".repeat(10_000)),
        format!("{{ 2{} > 0 }}", " ^ 2".repeat(10_000)),
        format!("{{}}{}", " >> {}".repeat(10_000)),
        format!("{}{{}}{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("{{}} | rate(){}", " + ({} | rate())".repeat(3_000)),
        format!("{{}}{}", " | {}".repeat(10_000)),
        format!("{{ name =~ \"{}\" }}", "(a{1,100}){1,100}".repeat(50)),
        format!("{{ name = \"{}\" }}", "x".repeat(70_000)),
    ] {
        let begin: String = text.chars().take(40).collect();
        // On a thread of a server, whose stack is small.
        let read = tokio::spawn(async move { parse(&text).is_err() });
        assert!(read.await.expect("nothing overflows"), "{begin}… is not refused");
    }
}

/// One trace of so many spans, each below the one before.
fn chain(spans: u64) -> Vec<Draft> {
    (1..=spans)
        .map(|number| {
            let draft = Draft::new(1, number).with("n", number as i64);
            if number > 1 { draft.under(number - 1) } else { draft }
        })
        .collect()
}

async fn stored(drafts: &[Draft]) -> Query {
    let store = MemoryStore::default();
    store.write(batch(&Tenant::default(), drafts)).await.unwrap();
    Query::new(Arc::new(store) as Arc<dyn Reader>, Limits::default())
}

async fn found(query: &Query, text: &str, limit: usize) -> Answer {
    let Root::Spansets(pipeline) = parse(text).unwrap().root else { panic!("{text} asks for numbers") };
    let request = Request {
        tenant: Tenant::default(),
        time: TimeRange::ALL,
        limit,
        after: None,
        time_limit: Duration::from_secs(60),
    };
    search(query, pipeline.into(), &request).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_all_spans_of_a_deep_trace_is_linear() {
    let query = stored(&chain(20_000)).await;
    for (text, matched) in [
        ("{} >> {}", 19_999),
        ("{} << {} ", 19_999),
        ("{} !>> {}", 1),
        ("({} >> {}) && ({} << {}) && ({} ~ {} || {})", 20_000),
        ("{} | by(span:id) | count() = 1 | coalesce()", 20_000),
        ("{} | by(span.n) | by(name) | coalesce()", 20_000),
    ] {
        let answer = found(&query, text, 10).await;
        let spans: usize =
            answer.traces.iter().flat_map(|found| &found.sets).map(|set| set.spans.len()).sum();
        assert_eq!((spans, answer.partial), (matched, None), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_keeps_no_more_traces_than_it_answers() {
    let drafts: Vec<Draft> =
        (1..=500).map(|number| Draft::new(number, 1).with("n", (number * 7 % 500) as i64)).collect();
    let query = stored(&drafts).await;
    let answer = found(&query, "{} | order by span.n desc", 3).await;
    let numbers: Vec<i64> = answer
        .traces
        .iter()
        .map(|found| {
            let model::Value::Int(number) = found.trace.root().attributes().get("n").unwrap() else {
                panic!()
            };
            number
        })
        .collect();
    assert_eq!(numbers, [499, 498, 497]);
}

#[tokio::test(flavor = "multi_thread")]
async fn series_without_end_are_cut_with_the_reason() {
    let query = stored(&chain(3_000)).await;
    let Root::Metrics(asked) = parse("{} | rate() by(span:id)").unwrap().root else {
        panic!("it asks for numbers")
    };
    let request = metrics::Request {
        tenant: Tenant::default(),
        time: TimeRange { start: NOW - 10_000_000_000, end: NOW + 1_000_000_000 },
        step: Some(Duration::from_millis(1)),
        time_limit: Duration::from_secs(60),
    };
    let answer = metrics::range(&query, &asked, &request).await.unwrap();
    assert!(answer.series.len() <= 1_000);
    assert!(answer.partial.expect("it is cut").contains("sets of labels"));
    let endless = metrics::Request { time: TimeRange::ALL, ..request };
    let refused = metrics::range(&query, &asked, &endless).await.unwrap_err().to_string();
    assert!(refused.contains("ask for a longer step"), "{refused}");
}

/// A store whose third page never comes.
struct Stuck(MemoryStore, AtomicUsize, Arc<AtomicBool>);

/// Notes that a page was let go.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait::async_trait]
impl Reader for Stuck {
    fn capabilities(&self) -> store::Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<store::Answer, store::ReadError> {
        let waiting = Waiting(Arc::clone(&self.2));
        if self.1.fetch_add(1, Ordering::SeqCst) == 2 {
            std::future::pending::<()>().await;
        }
        let answer = self.0.run(plan).await;
        std::mem::forget(waiting);
        answer
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_read_for_an_asker_who_left() {
    let store = MemoryStore::default();
    let drafts: Vec<Draft> = (1..=2_000).map(|number| Draft::new(number, 1)).collect();
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    let is_left = Arc::new(AtomicBool::new(false));
    let stuck = Arc::new(Stuck(store, AtomicUsize::new(0), Arc::clone(&is_left)));
    let query = Query::new(Arc::clone(&stuck) as Arc<dyn Reader>, Limits::default());
    let asked = tokio::spawn(async move { found(&query, "{ span.nothing = nil } | count() > 5", 10).await });
    while stuck.1.load(Ordering::SeqCst) < 3 {
        tokio::task::yield_now().await;
    }
    assert!(!is_left.load(Ordering::SeqCst));
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    assert!(is_left.load(Ordering::SeqCst), "the page is let go");
    assert_eq!(stuck.1.load(Ordering::SeqCst), 3, "no further page is asked for");
}

/// Each page takes a while, and has few traces.
struct Slow(MemoryStore);

#[async_trait::async_trait]
impl Reader for Slow {
    fn capabilities(&self) -> store::Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<store::Answer, store::ReadError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.run(&Plan { limit: plan.limit.min(2), ..plan.clone() }).await
    }
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_cut_with_the_reason() {
    let store = MemoryStore::default();
    let drafts: Vec<Draft> = (1..=1_000).map(|number| Draft::new(number, 1)).collect();
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    let query = Query::new(Arc::new(Slow(store)) as Arc<dyn Reader>, Limits::default());
    for text in ["{} | count() > 5", "{} >> {}", "{} | order by duration desc"] {
        let Root::Spansets(pipeline) = parse(text).unwrap().root else { panic!("{text} asks for numbers") };
        let request = Request {
            tenant: Tenant::default(),
            time: TimeRange::ALL,
            limit: 10,
            after: None,
            time_limit: Duration::from_millis(200),
        };
        let answer = search(&query, pipeline.into(), &request).await.unwrap();
        assert!(answer.partial.is_some_and(|why| why.contains("the time limit")), "{text}");
        assert!(answer.candidates < 1_000, "{text}");
    }
}
