mod answers;
mod hostile;
mod reads;
mod statements;

use std::sync::Arc;
use std::time::Duration;

use model::{Kind, StatusCode, Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Answer as Found, Capabilities, Plan, ReadError, Reader, Writer as _};

use super::{Answer, Request, parse, run};
use crate::{Limits, Query};

/// Four traces of a shop. Trace 1 is fine; 2 failed with a status and a slow database; 3 says `error` in a string and 4
/// in a boolean.
fn shop() -> Vec<Draft> {
    let root = |trace| Draft::new(trace, 1).service("my-app").name("UserService.GetUser").kind(Kind::Server);
    let db = |trace| Draft::new(trace, 2).service("db").name("query").under(1).kind(Kind::Client);
    vec![
        root(1).with("user.id", "12345").with("http.status_code", 200).lasting(20_000_000),
        db(1).with("db.operation", "insert"),
        root(2)
            .with("user.id", 12345)
            .with("http.status_code", 500)
            .lasting(1_500_000_000)
            .status(StatusCode::Error),
        db(2)
            .with("db.operation", "select")
            .lasting(1_200_000_000)
            .with_event("exception", &[("error.message", "database connection failed".into())])
            .with_event("retry", &[("attempt", 2.into())]),
        root(3).service("order-service").with("error", "true").with("http.status_code", "500"),
        root(4).service("order-service").name("other").with("error", true).with_resource("zone", "b"),
    ]
}

fn query(drafts: &[Draft]) -> Query {
    over(store_of(drafts))
}

fn store_of(drafts: &[Draft]) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::default());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let filled = Arc::clone(&store);
    let batch = batch(&Tenant::default(), drafts);
    std::thread::spawn(move || runtime.block_on(async { filled.write(batch).await.unwrap() }))
        .join()
        .unwrap();
    store
}

fn over(store: Arc<dyn Reader>) -> Query {
    Query::new(store, Limits::default())
}

fn request() -> Request {
    Request {
        tenant: Tenant::default(),
        time: TimeRange::ALL,
        limit: 100,
        time_limit: Duration::from_secs(20),
    }
}

async fn ask(query: &Query, text: &str) -> Answer {
    let statement = parse(text, NOW).unwrap_or_else(|mistake| panic!("{mistake}"));
    run(query, statement, &request()).await.unwrap()
}

/// The rows as texts, cells with a bar between them.
async fn rows(query: &Query, text: &str) -> Vec<String> {
    let answer = ask(query, text).await;
    assert_eq!(answer.partial, None, "{text}");
    let line = |row: &Vec<_>| {
        let cells: Vec<String> = row.iter().map(crate::traceql::eval::Value::to_text).collect();
        cells.join(" | ")
    };
    answer.rows.iter().map(line).collect()
}

/// The numbers of the traces in the first column.
async fn traces(query: &Query, text: &str) -> Vec<u64> {
    let rows = rows(query, text).await;
    let number = |row: &String| {
        let id = row.split(" | ").next().unwrap().to_owned();
        (1..=9).find(|number| store::conformance::trace_id(*number).to_string() == id).unwrap()
    };
    let mut numbers: Vec<u64> = rows.iter().map(number).collect();
    numbers.dedup();
    numbers
}

/// A store whose filter lets everything through, so that nothing but the statement decides.
struct Blind(Arc<MemoryStore>);

#[async_trait::async_trait]
impl Reader for Blind {
    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Found, ReadError> {
        let wide = Plan {
            spans: store::Filter::All,
            trace: store::TraceFilter::default(),
            ids: None,
            ..plan.clone()
        };
        self.0.run(&wide).await
    }
}
