//! Spans that were sent again, as senders do after a lost acknowledgement: each counts once.

use std::time::Duration;

use model::{Kind, StatusCode, TimeRange};

use super::finds::key;
use super::story::plan;
use super::{Draft, Expected, Measured, NOW, Story, trace_id};
use crate::plan::{Ask, Compare, Condition, Field, Filter, Level, Operand, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![at_once(), later(), many_times(), twins(), beside_others(), listed()]
}

/// Client and server of one call, and a span of another trace.
fn call() -> Vec<Draft> {
    vec![
        Draft::new(1, 1).service("web").kind(Kind::Client).name("call").lasting(900).with("k", "x"),
        Draft::new(1, 2)
            .under(1)
            .service("cart")
            .kind(Kind::Server)
            .name("serve")
            .lasting(500)
            .status(StatusCode::Error)
            .with("k", "y"),
        Draft::new(2, 1).service("web").kind(Kind::Server).lasting(70).with("k", "x"),
    ]
}

fn names(rows: &[(&str, &str, u64)]) -> Expected {
    Expected::Names(rows.iter().map(|(name, kind, spans)| ((*name).into(), (*kind).into(), *spans)).collect())
}

fn measured(by: &[&str], errors: u64, durations: &[u64]) -> Measured {
    let by = by.iter().map(|text| Some((*text).to_owned())).collect();
    Measured { by, time: None, errors, durations: durations.into() }
}

fn metrics(by: &[Field]) -> Plan {
    plan(Ask::Metrics { by: by.into(), step: None })
}

/// Everything that is counted, asked of the spans of [`call`].
fn counted_once(story: Story) -> Story {
    let filtered = |level, value: &str| Plan {
        spans: Filter::equal(key(level, "k"), Operand::Text(value.into())),
        ..metrics(&[Field::Service])
    };
    let k = Ask::Values { key: "k".into(), level: Level::Span };
    let named = Plan { ids: Some(vec![trace_id(1)]), ..plan(Ask::Services) };
    let first = TimeRange { start: 0, end: Draft::new(1, 1).start };
    let hours = Ask::Metrics { by: vec![], step: Some(Duration::from_secs(3_600)) };
    let hour = Measured { time: Some(NOW - 3_600_000_000_000), ..measured(&[], 1, &[70, 500, 900]) };
    let is_failed = Condition {
        field: Field::Status,
        compare: Compare::Equal,
        operand: Operand::Status(StatusCode::Error),
    };
    story
        .asks("services", plan(Ask::Services), names(&[("cart", "service", 1), ("web", "service", 2)]))
        .asks(
            "operations",
            plan(Ask::Operations),
            names(&[("call", "client", 1), ("serve", "server", 1), ("work", "server", 1)]),
        )
        .asks("keys", plan(Ask::Keys), names(&[("k", "span", 3), ("service.name", "resource", 3)]))
        .asks("values", plan(k), names(&[("x", "string", 2), ("y", "string", 1)]))
        .asks("services of a trace", named, names(&[("cart", "service", 1), ("web", "service", 1)]))
        .asks(
            "services of a time",
            Plan { time: first, ..plan(Ask::Services) },
            names(&[("web", "service", 1)]),
        )
        .asks("metrics of all", metrics(&[]), Expected::Metrics(vec![measured(&[], 1, &[70, 500, 900])]))
        .asks(
            "metrics by service and kind",
            metrics(&[Field::Service, Field::Kind]),
            Expected::Metrics(vec![
                measured(&["cart", "server"], 1, &[500]),
                measured(&["web", "client"], 0, &[900]),
                measured(&["web", "server"], 0, &[70]),
            ]),
        )
        .asks(
            "metrics by operation",
            metrics(&[Field::Name]),
            Expected::Metrics(vec![
                measured(&["call"], 0, &[900]),
                measured(&["serve"], 1, &[500]),
                measured(&["work"], 0, &[70]),
            ]),
        )
        .asks("metrics by time", plan(hours), Expected::Metrics(vec![hour]))
        .asks(
            "metrics by an attribute",
            metrics(&[key(Level::Span, "k")]),
            Expected::Metrics(vec![measured(&["x"], 0, &[70, 900]), measured(&["y"], 1, &[500])]),
        )
        .asks(
            "metrics of a filter",
            filtered(Level::Any, "x"),
            Expected::Metrics(vec![measured(&["web"], 0, &[70, 900])]),
        )
        .asks(
            "failed operations",
            Plan { spans: Filter::Is(is_failed), ..plan(Ask::Operations) },
            names(&[("serve", "server", 1)]),
        )
        .asks("calls", plan(Ask::Edges), Expected::Edges(vec![("web".into(), "cart".into(), 1, 1)]))
        .finds("the traces", Filter::All, &[1, 2])
}

fn at_once() -> Story {
    counted_once(Story::new("spans that stand twice in one request").write([call(), call()].concat()))
}

fn later() -> Story {
    counted_once(Story::new("a request that was sent again").write(call()).write(call()))
}

fn many_times() -> Story {
    let again = (0..9).fold(Story::new("a request that was sent again and again"), |story, number| {
        let mut some = call();
        some.rotate_left(number % 3);
        some.truncate(1 + number % 3);
        story.write(some)
    });
    counted_once(again.write(call()))
}

fn twins() -> Story {
    let one = Draft::new(1, 2).service("cart").with("k", "x");
    let others = [
        Draft::new(1, 2).service("cart").with("k", "y"),
        Draft::new(1, 2).service("cart").with("k", "x").with_resource("host", "h"),
        Draft { scope: ("tests".into(), "2.0".into()), ..one.clone() },
        Draft { flags: 1, ..one.clone() },
    ];
    let of_all = Expected::Metrics(vec![measured(&["cart"], 0, &[1_000_000; 5])]);
    let mut sent = vec![one.clone()];
    sent.extend(others.clone());
    Story::new("spans that share an id and differ")
        .write([one.clone()])
        .write(others.clone())
        .write([one])
        .write(others)
        .asks("all", plan(Ask::Services), names(&[("cart", "service", 5)]))
        .asks("metrics", metrics(&[Field::Service]), of_all)
        .asks("the trace", Plan { ids: Some(vec![trace_id(1)]), ..plan(Ask::Traces) }, Expected::Whole(sent))
}

/// Some are sent again, among others that are not.
fn beside_others() -> Story {
    let span = |trace: u64, number| Draft::new(trace, number).service(["a", "b"][(trace % 2) as usize]);
    let all = |from: u64, to: u64| (from..to).flat_map(move |trace| (1..=3).map(move |at| span(trace, at)));
    Story::new("some of many spans that are sent again")
        .write(all(1, 400))
        .write(all(390, 800))
        .write(all(100, 110).chain(all(700, 900)))
        .write(all(1, 2).chain(all(899, 900)))
        .asks("services", plan(Ask::Services), names(&[("a", "service", 3 * 449), ("b", "service", 3 * 450)]))
        .asks(
            "metrics",
            metrics(&[Field::Service]),
            Expected::Metrics(vec![
                measured(&["a"], 0, &[1_000_000; 3 * 449]),
                measured(&["b"], 0, &[1_000_000; 3 * 450]),
            ]),
        )
        .asks(
            "services of a time",
            Plan {
                time: TimeRange { start: NOW - 110_000_000_000, end: NOW - 100_000_000_000 },
                ..plan(Ask::Services)
            },
            names(&[("a", "service", 15), ("b", "service", 15)]),
        )
}

/// Names of which the limit cuts some, and attributes of other levels.
fn listed() -> Story {
    let span = Draft::new(1, 1)
        .with("k", 1)
        .with("k", "twice")
        .with_resource("r", "x")
        .with_event("e", &[("k", true.into())]);
    let values = |level| plan(Ask::Values { key: "k".into(), level });
    Story::new("keys and values of spans that were sent again")
        .write([span.clone(), Draft::new(1, 2)])
        .write([span.clone()])
        .write([span])
        .asks(
            "keys",
            plan(Ask::Keys),
            names(&[
                ("k", "event", 1),
                ("k", "span", 1),
                ("r", "resource", 1),
                ("service.name", "resource", 2),
            ]),
        )
        .asks("the first key", Plan { limit: 1, ..plan(Ask::Keys) }, Expected::Partial(1))
        .asks(
            "values of any level",
            values(Level::Any),
            names(&[("1", "int", 1), ("true", "bool", 1), ("twice", "string", 1)]),
        )
}
