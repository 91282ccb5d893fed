use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::Tenant;
use store::conformance::{Draft, batch, trace_id};
use store::memory::MemoryStore;
use store::{Answer, Ask, Capabilities, Level, Plan, ReadError, Reader, Writer};

use super::{Error, Limits, Query};

/// Never answers.
struct Stuck;

#[async_trait]
impl Reader for Stuck {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durable: false, without_service: true, ordered: true }
    }

    async fn run(&self, _plan: &Plan) -> Result<Answer, ReadError> {
        std::future::pending().await
    }
}

async fn filled() -> Query {
    let store = MemoryStore::default();
    let spans = [Draft::new(1, 1).with("k", 1), Draft::new(2, 1).service("api").name("get")];
    store.write(batch(&Tenant::default(), &spans)).await.unwrap();
    Query::new(Arc::new(store), Limits::default())
}

#[tokio::test]
async fn traces_names_and_values_are_found() {
    let query = filled().await;
    let tenant = Tenant::default;
    let names = |names: Vec<store::Name>| names.into_iter().map(|name| name.name).collect::<Vec<_>>();
    assert_eq!(query.trace(tenant(), trace_id(1)).await.unwrap().unwrap().id(), trace_id(1));
    assert!(query.trace(tenant(), trace_id(9)).await.unwrap().is_none());
    assert_eq!(names(query.services(tenant()).await.unwrap()), ["api", "shop"]);
    assert_eq!(names(query.operations(tenant(), Some("api")).await.unwrap()), ["get"]);
    assert_eq!(names(query.operations(tenant(), None).await.unwrap()), ["get", "work"]);
    assert_eq!(names(query.values(tenant(), Level::Span, "k").await.unwrap()), ["1"]);
    let (summaries, rest) =
        query.summaries(&Plan { limit: 1, ..Plan::new(tenant(), Ask::Summaries) }).await.unwrap();
    assert_eq!((summaries.len(), rest.next.is_some()), (1, true));
}

#[tokio::test]
async fn a_wrong_plan_is_refused_before_it_takes_a_turn() {
    let query = Query::new(Arc::new(Stuck), Limits { plans_max: 0, ..Limits::default() });
    let plan = Plan { limit: 0, ..Plan::new(Tenant::default(), Ask::Traces) };
    assert!(matches!(query.run(&plan).await, Err(Error::Invalid(_))));
}

#[tokio::test(start_paused = true)]
async fn a_further_plan_is_refused_when_all_turns_are_taken() {
    let limits = Limits { plans_max: 1, ..Limits::default() };
    let query = Query::new(Arc::new(Stuck), limits);
    let plan = Plan::new(Tenant::default(), Ask::Traces);
    let (first, second) = tokio::join!(query.run(&plan), query.run(&plan));
    assert_eq!(first.unwrap_err(), Error::TimedOut(Duration::from_secs(30)));
    assert_eq!(second.unwrap_err(), Error::Busy);
}
