use std::sync::Mutex;
use std::time::Duration;

use model::Tenant;
use pipeline::{Shared, testing};

use super::*;

/// Answers one write as it was told.
struct Answers(Mutex<Option<Result<(), WriteError>>>);

#[async_trait]
impl Writer for Answers {
    async fn write(&self, _: Batch) -> Result<(), WriteError> {
        self.0.lock().expect("no test panics here").take().expect("one write comes")
    }
}

async fn check(answer: Result<(), WriteError>, outcome: Outcome) {
    let problems = config::Problems::new();
    let node = config::parse("", "test").expect("nothing is a mapping");
    let build = parse(&mut Block::of(&node, &problems));
    let writer: Arc<dyn Writer> = Arc::new(Answers(Mutex::new(Some(answer))));
    let context = Context { shared: Shared::new().with(writer), ..testing::context("store") };
    let exporter = build(context).expect("the store is lent");
    assert_eq!(exporter.consume(testing::batch(3, Tenant::default())).await, outcome);
}

#[tokio::test]
async fn what_the_store_says_is_the_outcome() {
    check(Ok(()), Outcome::Stored).await;
    let after = Some(Duration::from_secs(7));
    check(
        Err(WriteError::Retry { after, reason: "the disk is full".into() }),
        Outcome::retry(after, "store", "the disk is full"),
    )
    .await;
    check(Err(WriteError::Refused { reason: "too wide".into() }), Outcome::rejected(3, "store", "too wide"))
        .await;
}

#[test]
fn without_a_store_the_start_says_what_to_do() {
    let problems = config::Problems::new();
    let node = config::parse("", "test").expect("nothing is a mapping");
    let build = parse(&mut Block::of(&node, &problems));
    let error = build(testing::context("store")).err().expect("no store is lent");
    assert!(error.to_string().contains("`store:`"), "{error}");
}
