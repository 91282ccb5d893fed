//! Who calls whom while spans come in: counted right after each step, and nothing that is known is counted anew.

use std::sync::Arc;

use model::{Batch, Kind, Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Answer, Ask, Filter, Plan, Reader, Rows, Work, Writer};

use super::edges::{Dice, batches, filters};
use super::yard::Yard;
use crate::block::{BlockView, OpenBlock};
use crate::search::{Sources, run};

/// A store whose steps are taken one by one.
pub(super) struct Shop {
    yard: Yard,
    pub(super) head: Vec<Batch>,
    open: OpenBlock,
    pub(super) closed: Vec<Arc<BlockView>>,
}

impl Shop {
    pub(super) fn new() -> Self {
        Self::of(Yard::new())
    }

    pub(super) fn of(mut yard: Yard) -> Self {
        let open = yard.open(&[]);
        Self { yard, head: Vec::new(), open, closed: Vec::new() }
    }

    /// The head becomes a row group.
    pub(super) fn freeze(&mut self) {
        self.open.append(&std::mem::take(&mut self.head)).unwrap();
    }

    pub(super) fn close(&mut self) {
        // As in a store, someone looks at the block all the time.
        let _view = self.open.view();
        let open = self.yard.open(&[]);
        let meta = std::mem::replace(&mut self.open, open).close().unwrap();
        self.closed.push(self.yard.view(&meta));
    }

    pub(super) fn merge(&mut self) {
        self.closed = vec![self.yard.merged(&self.closed)];
    }

    fn ask(&self, plan: &Plan) -> (Rows, Work) {
        let answer = self.answer(plan);
        (answer.rows, answer.work)
    }

    pub(super) fn answer(&self, plan: &Plan) -> Answer {
        let mut blocks = self.closed.clone();
        blocks.push(self.open.view());
        let memory = Some(self.yard.memory.clone());
        let answer = run(plan, &Sources { head: self.head.clone(), blocks, memory }).unwrap();
        assert_eq!(answer.partial, None);
        answer
    }
}

fn questions(tenant: &Tenant) -> Vec<Plan> {
    let minute = 60_000_000_000;
    let times = [TimeRange::ALL, TimeRange { start: NOW - 8 * minute - 7, end: NOW - 2 * minute + 5 }];
    let mut plans = Vec::new();
    for ask in [Ask::Edges, Ask::Uses] {
        for time in times {
            for spans in filters() {
                plans.push(Plan { time, spans, limit: 1_000, ..Plan::new(tenant.clone(), ask.clone()) });
            }
        }
    }
    plans
}

/// Checks that the shop answers as a store does that has everything in memory.
async fn check(shop: &Shop, memory: &MemoryStore, step: &str) -> u64 {
    let mut counted = 0;
    for plan in questions(&Tenant::default()) {
        let expected = memory.run(&plan).await.unwrap().rows;
        let (got, _) = shop.ask(&plan);
        let is_same = match (&expected, &got) {
            (Rows::Edges(expected), Rows::Edges(got)) => {
                counted += got.iter().map(|edge| edge.calls).sum::<u64>();
                expected == got
            }
            (Rows::Uses(expected), Rows::Uses(got)) => {
                counted += got.iter().map(|row| row.answered).sum::<u64>();
                expected == got
            }
            _ => false,
        };
        assert!(is_same, "{step}: {plan:?}\nexpected {expected:?}\ngot {got:?}");
    }
    counted
}

#[tokio::test]
async fn answers_are_right_after_each_step_of_the_ingest() {
    let mut counted = 0;
    for seed in 0..4 {
        let mut dice = Dice(seed);
        let (mut shop, memory) = (Shop::new(), MemoryStore::default());
        let mut sent: Vec<Batch> = Vec::new();
        for (number, new) in batches(&mut dice, &Tenant::default()).into_iter().enumerate() {
            sent.push(new);
            // What comes once more is decoded anew, as a store would do it.
            let again = sent[number / 2].bytes().clone();
            let again = (number % 2 == 1).then(|| Batch::read(again, Tenant::default()).unwrap());
            for batch in sent.last().cloned().into_iter().chain(again) {
                memory.write(batch.clone()).await.unwrap();
                shop.head.push(batch);
            }
            counted += check(&shop, &memory, "more in the head").await;
            if number % 2 == 0 {
                shop.freeze();
                counted += check(&shop, &memory, "a row group more").await;
            }
            if number % 4 == 2 {
                shop.close();
                counted += check(&shop, &memory, "a block closed").await;
            }
        }
        shop.merge();
        counted += check(&shop, &memory, "blocks merged").await;
    }
    assert!(counted > 3_000, "{counted} calls are too few to tell");
}

/// Traces of three spans: a peer that is called and answers, and a database.
fn traces(numbers: std::ops::Range<u64>, places: std::ops::RangeInclusive<u64>) -> Batch {
    let span = |number: u64, place: u64| match place {
        1 => Draft::new(number, 1).service("web").kind(Kind::Client).with("peer.service", "cart"),
        2 => Draft::new(number, 2).under(1).service("cart").kind(Kind::Server),
        _ => Draft::new(number, 3).under(2).service("cart").kind(Kind::Client).with("db.system", "redis"),
    };
    let spans = numbers.flat_map(|number| places.clone().map(move |place| span(number, place)));
    batch(&Tenant::default(), &spans.collect::<Vec<_>>())
}

#[test]
fn only_traces_with_new_spans_are_looked_at() {
    let mut shop = Shop::new();
    let seen = |shop: &Shop, calls: u64| {
        let plan = |ask| Plan { spans: Filter::All, ..Plan::new(Tenant::default(), ask) };
        let (edges, of_edges) = shop.ask(&plan(Ask::Edges));
        let Rows::Edges(edges) = edges else { panic!("edges were asked for") };
        assert_eq!(edges.iter().map(|edge| edge.calls).sum::<u64>(), calls);
        let (uses, of_uses) = shop.ask(&plan(Ask::Uses));
        let Rows::Uses(uses) = uses else { panic!("uses were asked for") };
        assert_eq!(uses.iter().map(|row| row.answered).sum::<u64>(), calls);
        assert_eq!(of_edges.spans_seen, of_uses.spans_seen, "uses are joined as calls are");
        of_edges.spans_seen
    };
    shop.head.push(traces(1..1001, 1..=3));
    shop.freeze();
    shop.close();
    assert_eq!(seen(&shop, 1000), 0, "the digest knows them");
    // The first spans of a hundred traces, and then the others.
    shop.head.push(traces(1001..1101, 1..=1));
    assert_eq!(seen(&shop, 1000), 100);
    shop.head.push(traces(1101..1111, 1..=3));
    assert_eq!(seen(&shop, 1010), 30, "ten traces are new");
    shop.freeze();
    assert_eq!(seen(&shop, 1010), 0, "they are in a row group now, each in one");
    shop.head.push(traces(1001..1101, 2..=3));
    assert_eq!(seen(&shop, 1110), 300, "a hundred traces have more spans");
    assert_eq!(seen(&shop, 1110), 0);
    shop.freeze();
    assert_eq!(seen(&shop, 1110), 300, "they lie in two row groups");
    shop.head.push(traces(1111..1121, 1..=3));
    assert_eq!(seen(&shop, 1120), 30);
    shop.close();
    assert_eq!(seen(&shop, 1120), 0, "closing a block moves nothing");
    shop.merge();
    assert_eq!(seen(&shop, 1120), 0, "each is in one place");
    // All of them once more.
    shop.head.push(traces(1001..1101, 2..=3));
    assert!(seen(&shop, 1120) > 0);
    assert_eq!(seen(&shop, 1120), 0);
}
