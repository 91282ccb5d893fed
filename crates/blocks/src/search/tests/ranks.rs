//! Which traces come first while spans come in, blocks are merged and some of them go: ranked as the memory store ranks them.

use model::{Batch, Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch, trace_id};
use store::memory::MemoryStore;
use store::{Ask, Order, Plan, Reader, Rows, TraceFilter, Work, Writer};

use super::edges::{Dice, batches, filters};
use super::ingest::Shop;
use super::yard::Yard;
use crate::memory::{INDEX_BYTES, Memory};

const MINUTE: u64 = 60_000_000_000;

/// Pages of so few traces that there are several.
const LIMIT: usize = 5;

fn questions() -> Vec<Plan> {
    let long = TraceFilter { duration_min: Some(2 * MINUTE), ..TraceFilter::default() };
    let rooted = TraceFilter { root_service: Some("web".into()), ..TraceFilter::default() };
    let times = [TimeRange::ALL, TimeRange { start: NOW - 7 * MINUTE, end: NOW - 2 * MINUTE }];
    let mut plans = Vec::new();
    for order in [Order::Newest, Order::Oldest, Order::Longest] {
        for trace in [TraceFilter::default(), long.clone(), rooted.clone()] {
            for time in times {
                for spans in filters() {
                    let trace = trace.clone();
                    let plan = Plan::new(Tenant::default(), Ask::Summaries);
                    plans.push(Plan { order, trace, time, spans, limit: LIMIT, ..plan });
                }
            }
        }
    }
    plans
}

/// Checks that the shop answers page by page as a store does that has all of these spans in memory.
async fn check(shop: &Shop, all: &[Batch], step: &str) -> usize {
    let memory = MemoryStore::default();
    for batch in all {
        memory.write(batch.clone()).await.unwrap();
    }
    let mut found = 0;
    for mut plan in questions() {
        loop {
            let expected = memory.run(&plan).await.unwrap();
            let got = shop.answer(&plan);
            let (Rows::Summaries(expected_rows), Rows::Summaries(rows)) = (&expected.rows, &got.rows) else {
                panic!("summaries were asked for");
            };
            assert_eq!(rows, expected_rows, "{step}: {plan:?}");
            assert_eq!(got.next, expected.next, "{step}: {plan:?}");
            found += got.rows.len();
            if got.next.is_none() {
                break;
            }
            plan.after = got.next;
        }
    }
    found
}

#[tokio::test]
async fn ranks_are_right_after_each_step_of_a_store() {
    let mut found = 0;
    for seed in 0..2 {
        let (mut dice, mut shop) = (Dice(seed), Shop::new());
        // What is in each block, and then in what follows it.
        let mut sent: Vec<Vec<Batch>> = vec![Vec::new()];
        for (number, new) in batches(&mut dice, &Tenant::default()).into_iter().enumerate() {
            shop.head.push(new.clone());
            sent.last_mut().unwrap().push(new);
            found += check(&shop, &sent.concat(), "more in the head").await;
            if number % 2 == 1 {
                shop.freeze();
                found += check(&shop, &sent.concat(), "a row group more").await;
            }
            if number % 4 == 3 {
                shop.close();
                sent.push(Vec::new());
                found += check(&shop, &sent.concat(), "a block closed").await;
            }
            if number == 6 {
                shop.closed.remove(0);
                sent.remove(0);
                found += check(&shop, &sent.concat(), "the oldest block went").await;
            }
        }
        shop.freeze();
        shop.close();
        shop.merge();
        found += check(&shop, &sent.concat(), "blocks merged").await;
    }
    assert!(found > 10_000, "{found} traces are too few to tell");
}

/// Traces of a span each in two blocks, of several pages of rows.
fn halves() -> Shop {
    const TRACES: u64 = 40_000;
    let mut shop = Shop::of(Yard::with(Memory::new(INDEX_BYTES, 0)));
    for part in 1..=2 {
        let span =
            |number: u64| Draft::new(number, part).at(NOW + number * 1_000 + part, (TRACES - number) * 10);
        shop.head.push(batch(&Tenant::default(), &(1..=TRACES).map(span).collect::<Vec<_>>()));
        shop.freeze();
        shop.close();
    }
    shop
}

#[test]
fn once_it_is_known_where_traces_lie_only_the_first_are_read() {
    let shop = halves();
    let ask = |order, trace: TraceFilter| -> Work {
        let plan = Plan::new(Tenant::default(), Ask::Summaries);
        let answer = shop.answer(&Plan { order, trace, limit: 3, ..plan });
        let Rows::Summaries(found) = answer.rows else { panic!("summaries were asked for") };
        let first = match order {
            Order::Newest => [40_000, 39_999, 39_998],
            _ => [1, 2, 3],
        };
        assert_eq!(found.iter().map(|of| of.id).collect::<Vec<_>>(), first.map(trace_id));
        assert!(found.iter().all(|of| of.spans == 2), "{order:?}");
        answer.work
    };
    let all = TraceFilter::default;
    let first = ask(Order::Oldest, all());
    let again = ask(Order::Oldest, all());
    // The ids of all traces stand in five pages of each block.
    assert!(again.pages_read + 2 * 5 <= first.pages_read, "{again:?} after {first:?}");
    for (order, trace) in [
        (Order::Longest, all()),
        (Order::Newest, TraceFilter { duration_min: Some(1), ..all() }),
        (Order::Newest, all()),
    ] {
        let other = ask(order, trace);
        assert!(other.pages_read + 5 <= first.pages_read, "{order:?}: {other:?} after {first:?}");
    }
}
