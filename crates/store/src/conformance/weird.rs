//! Spans that nobody should send, and everybody gets.

use model::TimeRange;

use super::finds::{is, key, text};
use super::story::plan;
use super::{Any, Draft, Expected, NOW, Story, trace_id};
use crate::plan::{Ask, Compare, Field, Filter, Level, Operand, Order, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![
        ends_early(),
        nameless(),
        unicode(),
        duplicate_keys(),
        large(),
        ends_of_time(),
        rings(),
        odd_numbers(),
        empty(),
    ]
}

fn whole(number: u64) -> Plan {
    Plan { ids: Some(vec![trace_id(number)]), ..plan(Ask::Traces) }
}

fn ends_early() -> Story {
    let span = Draft { end: NOW - 5_000_000_000_000, ..Draft::new(1, 1) };
    Story::new("a span that ends before it starts lasts 0")
        .write([span.clone(), Draft::new(2, 1)])
        .finds("duration 0", Filter::equal(Field::Duration, Operand::Int(0)), &[1])
        .asks("it comes back as it was", whole(1), Expected::Whole(vec![span]))
        .asks(
            "it is the shortest",
            Plan { order: Order::Longest, ..plan(Ask::Traces) },
            Expected::Traces(vec![2, 1]),
        )
}

fn nameless() -> Story {
    let spans = [
        Draft { resource: Vec::new(), ..Draft::new(1, 1) },
        Draft::new(2, 1).service(""),
        Draft { resource: vec![("service.name".into(), Any::Int(5))], ..Draft::new(3, 1) },
        Draft::new(4, 1).name(""),
        Draft { scope: Default::default(), ..Draft::new(5, 1) },
    ];
    Story::new("no service name, no name, no scope")
        .write(spans.clone())
        .finds("the unknown service", Filter::service("unknown_service"), &[1, 2, 3])
        .finds("the empty service", Filter::service(""), &[])
        .finds("the empty name", Filter::equal(Field::Name, text("")), &[4])
        .finds("no scope", is(Field::ScopeName, Compare::Missing, Operand::None), &[5])
        .finds(
            "the attribute itself",
            is(key(Level::Resource, "service.name"), Compare::Missing, Operand::None),
            &[1],
        )
        .finds("as a number", Filter::equal(key(Level::Resource, "service.name"), Operand::Int(5)), &[3])
        .asks("a number as a service", whole(3), Expected::Whole(vec![spans[2].clone()]))
}

fn unicode() -> Story {
    let span = Draft::new(1, 1)
        .service("Käse\u{1f9c0}")
        .name("läuft \"so\" \\ \u{0}\n")
        .with("schlüssel.ß", "日本語")
        .with("", "an empty key");
    Story::new("unicode everywhere")
        .write([span.clone(), Draft::new(2, 1)])
        .finds("the service", Filter::service("Käse\u{1f9c0}"), &[1])
        .finds("the operation", Filter::equal(Field::Name, text("läuft \"so\" \\ \u{0}\n")), &[1])
        .finds("the value", Filter::equal(key(Level::Any, "schlüssel.ß"), text("日本語")), &[1])
        .finds("the empty key", Filter::equal(key(Level::Span, ""), text("an empty key")), &[1])
        .asks("the trace", whole(1), Expected::Whole(vec![span]))
}

fn duplicate_keys() -> Story {
    let span =
        Draft::new(1, 1).with("k", 1).with("k", "b").with("k", 1).with_resource("service.name", "second");
    let equal = |operand| Filter::equal(key(Level::Span, "k"), operand);
    Story::new("a key that stands twice")
        .write([span.clone()])
        .finds("by the first value", equal(Operand::Int(1)), &[1])
        .finds("by the second", equal(text("b")), &[1])
        .finds("the first service counts", Filter::service("shop"), &[1])
        .finds("the second does not", Filter::service("second"), &[])
        .finds("none is 1", is(key(Level::Span, "k"), Compare::Unequal, Operand::Int(1)), &[])
        .asks("all come back", whole(1), Expected::Whole(vec![span]))
}

fn large() -> Story {
    let mut span = Draft::new(1, 1).with("long", "0123456789abcdef".repeat(20_000).as_str());
    for number in 0..3_000 {
        span = span.with(&format!("key.{number}"), number);
    }
    let wide = (1..=2_000).map(|number| Draft::new(2, number).under(if number == 1 { 0 } else { 1 }));
    let deep = (1..=1_000).map(|number| Draft::new(3, number).under(number - 1));
    let wide: Vec<_> = wide.collect();
    Story::new("large values, many attributes, wide and deep traces")
        .write([span.clone()])
        .write(wide.clone())
        .write(deep)
        .finds("one of many keys", Filter::equal(key(Level::Any, "key.2999"), Operand::Int(2_999)), &[1])
        .finds(
            "the long value",
            Filter::equal(key(Level::Any, "long"), text(&"0123456789abcdef".repeat(20_000))),
            &[1],
        )
        .asks("the large span", whole(1), Expected::Whole(vec![span]))
        .asks("the wide trace", whole(2), Expected::Whole(wide))
        .asks("the deep trace", whole(3), Expected::Traces(vec![3]))
}

fn ends_of_time() -> Story {
    let spans = [
        Draft::new(1, 1).at(0, 0),
        Draft::new(2, 1).at(u64::MAX, 0),
        Draft { end: u64::MAX, ..Draft::new(3, 1) },
        Draft::new(4, 1).at(1, 1),
    ];
    let within = |start, end| Plan { time: TimeRange { start, end }, ..plan(Ask::Summaries) };
    Story::new("spans at the ends of time")
        .write(spans.clone())
        .finds("all, newest first", Filter::All, &[2, 3, 4, 1])
        .asks("the first nanosecond", within(0, 1), Expected::Traces(vec![1]))
        .asks("the last", within(u64::MAX, u64::MAX), Expected::Traces(vec![2]))
        .asks("all but the first", within(1, u64::MAX), Expected::Traces(vec![2, 3, 4]))
        .asks("the longest", Plan { order: Order::Longest, ..plan(Ask::Traces) }, {
            let mut short = [1, 2];
            short.sort_by_key(|number| trace_id(*number));
            Expected::Traces([&[3, 4], &short[..]].concat())
        })
        .asks("the first span", whole(1), Expected::Whole(vec![spans[0].clone()]))
        .asks("the last span", whole(2), Expected::Whole(vec![spans[1].clone()]))
}

fn rings() -> Story {
    let ring = vec![Draft::new(1, 1).under(3), Draft::new(1, 2).under(1), Draft::new(1, 3).under(2)];
    let own = vec![Draft::new(2, 1).under(1)];
    Story::new("parents that go round in a ring")
        .write(ring.clone())
        .write(own.clone())
        .asks("the ring", whole(1), Expected::Whole(ring))
        .asks("its own parent", whole(2), Expected::Whole(own))
        .finds("both", Filter::All, &[1, 2])
}

fn odd_numbers() -> Story {
    let values = [
        Any::Double(f64::NAN),
        Any::Double(-0.0),
        Any::Double(f64::NEG_INFINITY),
        Any::Int(i64::MIN),
        Any::Double(9_007_199_254_740_993.0),
        Any::Double(1e300),
    ];
    let spans: Vec<_> =
        values.into_iter().zip(1..).map(|(value, number)| Draft::new(number, 1).with("k", value)).collect();
    let mut story = Story::new("odd numbers keep their bits").write(spans.clone());
    for (span, number) in spans.into_iter().zip(1..) {
        story = story.asks(&format!("number {number}"), whole(number), Expected::Whole(vec![span]));
    }
    story.finds("the smallest integer", Filter::equal(key(Level::Any, "k"), Operand::Int(i64::MIN)), &[4])
}

fn empty() -> Story {
    Story::new("a store without a span")
        .write([])
        .finds("nothing", Filter::All, &[])
        .asks("no trace", whole(1), Expected::Traces(vec![]))
        .asks("no service", plan(Ask::Services), Expected::Names(vec![]))
        .asks("no edge", plan(Ask::Edges), Expected::Edges(vec![]))
}
