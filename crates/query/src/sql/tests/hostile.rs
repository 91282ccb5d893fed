//! Statements that want too much are refused or cut, and say so.

use std::sync::Arc;
use std::time::Duration;

use model::{Tenant, TimeRange};
use store::conformance::{Draft, NOW};
use store::{Answer as Found, Capabilities, Plan, ReadError, Reader};

use super::{over, query, store_of};
use crate::sql::{Request, parse, run};

#[tokio::test(flavor = "multi_thread")]
async fn nesting_is_bounded() {
    for text in [
        format!("SELECT * FROM spans WHERE {}1=1{}", "(".repeat(500), ")".repeat(500)),
        format!("SELECT * FROM spans WHERE {}error", "NOT ".repeat(900)),
        format!("SELECT * FROM spans WHERE duration > {}1s", "-".repeat(900)),
        format!("SELECT {}1{} FROM spans", "abs(".repeat(300), ")".repeat(300)),
        format!("SELECT 1{} FROM spans", "+1".repeat(900)),
        format!("SELECT {} FROM spans", "CASE WHEN error THEN ".repeat(200)),
        format!("service=a {}", "(".repeat(900)),
        format!("SELECT * FROM spans WHERE name LIKE '{}'", "%_".repeat(20_000)),
        format!("SELECT * FROM spans WHERE name ~ '{}'", "(a{1,100}){1,100}".repeat(50)),
        "x".repeat(70_000),
    ] {
        let read = tokio::spawn(async move { parse(&text, NOW).map(drop) }).await.unwrap();
        assert!(read.is_err());
    }
}

#[test]
fn lists_are_bounded_and_long_chains_are_fine() {
    let list = |count: usize| {
        let values: Vec<String> = (0..count).map(|number| format!("'v{number}'")).collect();
        format!("SELECT * FROM spans WHERE tags.a IN ({})", values.join(", "))
    };
    assert!(parse(&list(2_000), NOW).is_ok());
    assert!(parse(&list(2_001), NOW).unwrap_err().to_string().contains("at most 2000"));
    let chain: Vec<String> = (0..300).map(|number| format!("tags.a = {number}")).collect();
    assert!(parse(&format!("SELECT * FROM spans WHERE {}", chain.join(" OR ")), NOW).is_ok());
    let chain: Vec<String> = (0..900).map(|number| format!("tags.a = {number}")).collect();
    let mistake = parse(&format!("SELECT * FROM spans WHERE {}", chain.join(" OR ")), NOW).unwrap_err();
    assert!(mistake.to_string().contains("more than 1000 operators"), "{mistake}");
}

#[tokio::test]
async fn rows_are_bounded_by_the_request() {
    let drafts: Vec<Draft> = (1..=50).map(|n| Draft::new(n, 1)).collect();
    let query = query(&drafts);
    let request =
        |limit, time_limit| Request { tenant: Tenant::default(), time: TimeRange::ALL, limit, time_limit };
    let limit = Duration::from_secs(20);
    let answer = run(&query, parse("SELECT * FROM spans", NOW).unwrap(), &request(7, limit)).await.unwrap();
    assert_eq!((answer.rows.len(), answer.partial), (7, None));
    let answer =
        run(&query, parse("SELECT * FROM spans LIMIT 9", NOW).unwrap(), &request(7, limit)).await.unwrap();
    assert_eq!(answer.rows.len(), 9);
    let time = TimeRange { start: NOW - 10_500_000_000, end: NOW };
    let narrow = Request { time, ..request(100, limit) };
    for text in
        ["SELECT count(*) FROM spans", "SELECT count(*) FROM traces", "SELECT count(service) FROM spans"]
    {
        let answer = run(&query, parse(text, NOW).unwrap(), &narrow).await.unwrap();
        assert_eq!(answer.rows[0][0].number(), Some(10.0), "{text}");
    }
}

/// Each page takes a while.
struct Slow(Arc<store::memory::MemoryStore>);

#[async_trait::async_trait]
impl Reader for Slow {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Found, ReadError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.0.run(&Plan { limit: plan.limit.min(2), ..plan.clone() }).await
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cut() {
    let drafts: Vec<Draft> = (1..=200).map(|n| Draft::new(n, 1)).collect();
    let query = over(Arc::new(Slow(store_of(&drafts))));
    let statement = parse("SELECT max(length(name)) FROM spans", NOW).unwrap();
    let request = Request {
        tenant: Tenant::default(),
        time: TimeRange::ALL,
        limit: 10,
        time_limit: Duration::from_millis(100),
    };
    let answer = run(&query, statement, &request).await.unwrap();
    assert!(answer.partial.unwrap().contains("the time limit"));
}
