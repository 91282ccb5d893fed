//! Orders, limits, and pages that add up.

use model::TimeRange;

use super::story::plan;
use super::{Draft, Expected, NOW, Story, trace_id};
use crate::plan::{Ask, Cursor, LIMIT_MAX, Order, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![orders(), ties(), limits(), cursors(), later_spans(), many()]
}

fn by(order: Order) -> Plan {
    Plan { order, ..plan(Ask::Summaries) }
}

fn orders() -> Story {
    Story::new("newest, oldest, longest")
        .write([Draft::new(1, 1).lasting(20), Draft::new(2, 1).lasting(10)])
        .write([Draft::new(3, 1).lasting(30), Draft::new(4, 1).lasting(5)])
        .asks("newest", by(Order::Newest), Expected::Traces(vec![1, 2, 3, 4]))
        .asks("oldest", by(Order::Oldest), Expected::Traces(vec![4, 3, 2, 1]))
        .asks("longest", by(Order::Longest), Expected::Traces(vec![3, 1, 2, 4]))
}

fn ties() -> Story {
    let mut numbers: Vec<u64> = (1..=20).collect();
    let spans: Vec<_> = numbers.iter().map(|number| Draft::new(*number, 1).at(NOW - 5, 5)).collect();
    numbers.sort_by_key(|number| trace_id(*number));
    Story::new("equal traces come by id, in every order")
        .write(spans)
        .asks("newest", by(Order::Newest), Expected::Traces(numbers.clone()))
        .asks("oldest", by(Order::Oldest), Expected::Traces(numbers.clone()))
        .asks("longest", by(Order::Longest), Expected::Traces(numbers))
}

fn limits() -> Story {
    let limit = |limit| Plan { limit, ..plan(Ask::Summaries) };
    let names = |limit| Plan { limit, ..plan(Ask::Services) };
    Story::new("a limit is kept, and one that makes no sense is refused")
        .write((1..=3).map(|number| Draft::new(number, 1).service(["a", "b", "c"][number as usize - 1])))
        .asks("none", limit(0), Expected::Refused)
        .asks("more than pages hold", limit(LIMIT_MAX + 1), Expected::Refused)
        .asks("the most", limit(LIMIT_MAX), Expected::Traces(vec![1, 2, 3]))
        .asks("as many as there are", limit(3), Expected::Traces(vec![1, 2, 3]))
        .asks("fewer names than there are", names(2), Expected::Partial(2))
}

fn cursors() -> Story {
    let start = |number| Draft::new(number, 1).start;
    let after = |order: Order, key, id| Plan { after: Some(Cursor { key, id }), ..by(order) };
    Story::new("a cursor goes on after its row, also where that row is gone")
        .write((1..=5).map(|number| Draft::new(number, 1).lasting(number * 10)))
        .asks("after 3, newest", after(Order::Newest, start(3), trace_id(3)), Expected::Traces(vec![4, 5]))
        .asks("after 3, oldest", after(Order::Oldest, start(3), trace_id(3)), Expected::Traces(vec![2, 1]))
        .asks("after 3, longest", after(Order::Longest, 30, trace_id(3)), Expected::Traces(vec![2, 1]))
        .asks("between rows", after(Order::Longest, 35, trace_id(9)), Expected::Traces(vec![3, 2, 1]))
        .asks("after the last", after(Order::Newest, start(5), trace_id(5)), Expected::Traces(vec![]))
}

fn later_spans() -> Story {
    let early = NOW - 3_000_000_000_000;
    Story::new("the order is that of whole traces")
        .write([Draft::new(1, 1), Draft::new(2, 1)])
        .write([Draft::new(1, 2).at(early, 1)])
        .asks("newest", by(Order::Newest), Expected::Traces(vec![2, 1]))
        .asks("longest", by(Order::Longest), Expected::Traces(vec![1, 2]))
        .asks(
            "newest, by a range that holds only the late span",
            Plan { time: TimeRange { start: Draft::new(2, 1).start, end: u64::MAX }, ..by(Order::Newest) },
            Expected::Traces(vec![2, 1]),
        )
}

fn many() -> Story {
    let mut story = Story::new("many traces page exactly");
    for part in 0..7 {
        story =
            story.write((1..=210).filter(|number| number % 7 == part).map(|number| Draft::new(number, 1)));
    }
    story.asks("newest", by(Order::Newest), Expected::Traces((1..=210).collect()))
}
