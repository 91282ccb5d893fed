//! The suite itself must notice a store that is wrong.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Batch, Tenant, TimeRange};

use crate::memory::MemoryStore;
use crate::memory::tests::wait;
use crate::{Answer, Capabilities, Plan, ReadError, Reader, Rows, Scan, WriteError, Writer};

/// A memory store with one thing wrong.
struct Flawed {
    store: MemoryStore,
    flaw: Flaw,
}

#[derive(Clone, Copy)]
enum Flaw {
    ForgetsTheTenant,
    LosesEveryTenthBatch(u64),
    NeverPages,
    ReversesRows,
    IgnoresTime,
}

#[async_trait]
impl Writer for Flawed {
    async fn write(&self, batch: Batch) -> Result<(), WriteError> {
        match self.flaw {
            Flaw::LosesEveryTenthBatch(count) if batch.len() as u64 % 10 == count => Ok(()),
            Flaw::ForgetsTheTenant => {
                let same = Batch::read(batch.bytes().clone(), Tenant::default());
                self.store.write(same.expect("it was read before")).await
            }
            _ => self.store.write(batch).await,
        }
    }
}

#[async_trait]
impl Reader for Flawed {
    fn capabilities(&self) -> Capabilities {
        self.store.capabilities()
    }

    async fn run(&self, plan: &Plan) -> Result<Answer, ReadError> {
        let mut plan = plan.clone();
        match self.flaw {
            Flaw::ForgetsTheTenant => plan.tenant = Tenant::default(),
            Flaw::IgnoresTime => plan.time = TimeRange::ALL,
            _ => {}
        }
        let mut answer = self.store.run(&plan).await?;
        match (self.flaw, &mut answer.rows) {
            (Flaw::NeverPages, _) => answer.next = None,
            (Flaw::ReversesRows, Rows::Summaries(rows)) => rows.reverse(),
            _ => {}
        }
        Ok(answer)
    }

    async fn scan(&self, tenant: &Tenant, time: TimeRange) -> Result<Box<dyn Scan>, ReadError> {
        self.store.scan(tenant, time).await
    }
}

fn failures(flaw: Flaw) -> Vec<String> {
    let store = Flawed { store: MemoryStore::default(), flaw };
    let play = async {
        let mut failures = Vec::new();
        for story in super::stories() {
            failures.extend(story.play(&store, &store).await);
        }
        failures
    };
    wait(play)
}

#[test]
fn every_flaw_is_noticed_and_told_with_its_story() {
    let flaws = [
        Flaw::ForgetsTheTenant,
        Flaw::LosesEveryTenthBatch(1),
        Flaw::NeverPages,
        Flaw::ReversesRows,
        Flaw::IgnoresTime,
    ];
    for flaw in flaws {
        let failures = failures(flaw);
        assert!(!failures.is_empty());
        assert!(failures[0].starts_with("story: "), "{}", failures[0]);
        assert!(failures.iter().all(|failure| failure.contains("this store")), "{}", failures[0]);
    }
}

#[test]
fn random_questions_find_a_store_that_ignores_time() {
    let store = Arc::new(Flawed { store: MemoryStore::default(), flaw: Flaw::IgnoresTime });
    let failures = wait(super::random::play(1, store.as_ref(), store.as_ref()));
    assert!(!failures.is_empty());
}
