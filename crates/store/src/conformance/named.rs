//! Some spans of a trace, asked for by their ids, or marked where they pass.

use model::{Kind, TimeRange};

use super::finds::key;
use super::story::plan;
use super::{Draft, Expected, NOW, Story, span_id, trace_id};
use crate::plan::{Ask, Filter, Level, Operand, Plan, SPANS_MAX, TraceFilter};

pub(super) fn stories() -> Vec<Story> {
    vec![few_of_many(), shared_ids(), found_as_traces(), marked(), refused()]
}

/// A plan for spans of one trace.
fn of(trace: u64, spans: &[u64]) -> Plan {
    let spans = spans.iter().map(|span| span_id(*span)).collect();
    Plan { ids: Some(vec![trace_id(trace)]), ..plan(Ask::Spans(spans)) }
}

fn few_of_many() -> Story {
    let span = |number: u64| {
        let span = Draft::new(1, number).under(number / 3).with("number", number as i64);
        if number.is_multiple_of(2) { span.service("cart") } else { span }
    };
    let all: Vec<Draft> = (1..=9_000).map(span).collect();
    let named = |numbers: &[u64]| Expected::Spans(numbers.iter().map(|number| span(*number)).collect());
    Story::new("some spans of a trace, by their ids")
        .write(all[..4_000].to_vec())
        .write([Draft::new(2, 1), Draft::new(2, 17)])
        .write(all[4_000..].to_vec())
        .asks("one", of(1, &[8_999]), named(&[8_999]))
        .asks("parent, child, and one far off", of(1, &[17, 5, 4_001]), named(&[5, 17, 4_001]))
        .asks("one of another trace besides", of(2, &[17, 4_000]), Expected::Spans(vec![Draft::new(2, 17)]))
        .asks("twice", of(1, &[9, 9]), named(&[9]))
        .asks("none that is there", of(1, &[9_001]), Expected::Spans(Vec::new()))
        .asks("of no trace that is there", of(3, &[1]), Expected::Spans(Vec::new()))
}

fn shared_ids() -> Story {
    let client = Draft::new(1, 2).under(1).service("web").kind(Kind::Client).lasting(9_000);
    let server = Draft::new(1, 2).under(1).service("cart").kind(Kind::Server).lasting(5_000);
    let other = Draft::new(1, 2).at(NOW - 5_000_000, 10).with("by", "chance");
    Story::new("all spans that share an id, sent twice or not")
        .write([Draft::new(1, 1), client.clone(), other.clone()])
        .write([server.clone(), client.clone(), Draft::new(1, 3).under(2)])
        .asks("the shared id", of(1, &[2]), Expected::Spans(vec![client, server, other]))
        .asks("its child", of(1, &[3]), Expected::Spans(vec![Draft::new(1, 3).under(2)]))
}

fn found_as_traces() -> Story {
    let spans = [Draft::new(1, 1).with("k", 1), Draft::new(1, 2).under(1)];
    let long = TraceFilter { duration_min: Some(60_000_000_000), ..TraceFilter::default() };
    let filter = |value| Filter::equal(key(Level::Span, "k"), Operand::Int(value));
    Story::new("named spans of a trace that must pass as a whole")
        .write(spans.clone())
        .asks(
            "another span passes",
            Plan { spans: filter(1), ..of(1, &[2]) },
            Expected::Spans(vec![spans[1].clone()]),
        )
        .asks("no span passes", Plan { spans: filter(2), ..of(1, &[2]) }, Expected::Spans(Vec::new()))
        .asks("too short", Plan { trace: long, ..of(1, &[2]) }, Expected::Spans(Vec::new()))
        .asks(
            "time is a hint",
            Plan { time: TimeRange { start: 0, end: 1 }, ..of(1, &[1]) },
            Expected::Spans(vec![spans[0].clone()]),
        )
}

fn marked() -> Story {
    let span = |number: u64| {
        let span = Draft::new(1, number).under(number / 3).with("even", i64::from(number.is_multiple_of(2)));
        if number.is_multiple_of(7) { span.service("cart").with_resource("host", "a") } else { span }
    };
    let all: Vec<Draft> = (1..=9_000).map(span).collect();
    let some = |passes: fn(u64) -> bool| {
        Expected::Marks((1..=9_000).filter(|number| passes(*number)).map(span).collect())
    };
    let of = |trace, spans| Plan { ids: Some(vec![trace_id(trace)]), spans, ..plan(Ask::Marks) };
    let even = || Filter::equal(key(Level::Span, "even"), Operand::Int(1));
    let here = || Filter::equal(key(Level::Resource, "host"), Operand::Text("a".into()));
    let long = TraceFilter { duration_min: Some(60_000_000_000), ..TraceFilter::default() };
    let elsewhere = TimeRange { start: 0, end: 1 };
    Story::new("spans of a trace that pass are marked")
        .write(all[..4_000].to_vec())
        .write([Draft::new(2, 2).with("even", 1), Draft::new(2, 17).with("even", 0)])
        .write(all[3_000..].to_vec())
        .asks("all", of(1, Filter::All), some(|_| true))
        .asks("by an attribute", of(1, even()), some(|number| number.is_multiple_of(2)))
        .asks("by two", of(1, Filter::And(vec![even(), here()])), some(|number| number.is_multiple_of(14)))
        .asks("not so", of(1, Filter::Not(here().into())), some(|number| !number.is_multiple_of(7)))
        .asks("by service", of(1, Filter::service("cart")), some(|number| number.is_multiple_of(7)))
        .asks("in another trace", of(2, even()), Expected::Marks(vec![Draft::new(2, 2).with("even", 1)]))
        .asks("none that passes", of(2, here()), Expected::Marks(Vec::new()))
        .asks("of no trace that is there", of(3, Filter::All), Expected::Marks(Vec::new()))
        .asks(
            "limit, time and trace filter say nothing",
            Plan { limit: 1, time: elsewhere, trace: long, ..of(1, Filter::service("cart")) },
            some(|number| number.is_multiple_of(7)),
        )
}

fn refused() -> Story {
    let many: Vec<u64> = (1..=SPANS_MAX as u64 + 1).collect();
    Story::new("spans that are named wrongly")
        .write([Draft::new(1, 1)])
        .asks("too many", of(1, &many), Expected::Refused)
        .asks("as many as may be", of(1, &many[..SPANS_MAX]), Expected::Spans(vec![Draft::new(1, 1)]))
        .asks("none", of(1, &[]), Expected::Refused)
        .asks("of no named trace", Plan { ids: None, ..of(1, &[1]) }, Expected::Refused)
        .asks("marks of no named trace", plan(Ask::Marks), Expected::Refused)
        .asks(
            "marks of several traces",
            Plan { ids: Some(vec![trace_id(1), trace_id(2)]), ..plan(Ask::Marks) },
            Expected::Refused,
        )
}
