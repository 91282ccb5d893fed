//! Counts, errors and durations by what spans have in common.

use std::time::Duration;

use model::{Kind, StatusCode, TimeRange};

use super::finds::key;
use super::story::plan;
use super::{Draft, Expected, Measured, NOW, Story};
use crate::plan::{Ask, Field, Filter, Level, Operand, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![by_fields(), by_attributes(), by_time(), cut_time(), many(), wrong()]
}

fn metrics(by: &[Field], step_s: Option<u64>) -> Plan {
    plan(Ask::Metrics { by: by.into(), step: step_s.map(Duration::from_secs) })
}

fn row(by: &[&str], errors: u64, durations: &[u64]) -> Measured {
    let by = by.iter().map(|text| Some((*text).to_owned())).collect();
    Measured { by, time: None, errors, durations: durations.into() }
}

fn at(time: u64, row: Measured) -> Measured {
    Measured { time: Some(time), ..row }
}

fn by_fields() -> Story {
    let failed = |span: Draft| span.status(StatusCode::Error);
    let nameless = Draft { resource: Vec::new(), ..Draft::new(4, 1).lasting(8) };
    Story::new("metrics by service, operation, kind and status")
        .write([
            Draft::new(1, 1).service("a").name("get").kind(Kind::Server).lasting(100),
            failed(Draft::new(1, 2).service("a").name("get").kind(Kind::Client).lasting(1_000_000)),
            Draft::new(2, 1).service("a").name("put").lasting(0),
        ])
        .write([failed(Draft::new(3, 1).service("b").lasting(7_777)), nameless])
        .asks("all in one", metrics(&[], None), rows(vec![row(&[], 2, &[100, 1_000_000, 0, 7_777, 8])]))
        .asks(
            "by service",
            metrics(&[Field::Service], None),
            rows(vec![
                row(&["a"], 1, &[100, 1_000_000, 0]),
                row(&["b"], 1, &[7_777]),
                row(&["unknown_service"], 0, &[8]),
            ]),
        )
        .asks(
            "by operation and kind, of one service",
            Plan { spans: Filter::service("a"), ..metrics(&[Field::Name, Field::Kind], None) },
            rows(vec![
                row(&["get", "client"], 1, &[1_000_000]),
                row(&["get", "server"], 0, &[100]),
                row(&["put", "internal"], 0, &[0]),
            ]),
        )
        .asks(
            "by status",
            metrics(&[Field::Status], None),
            rows(vec![row(&["error"], 2, &[1_000_000, 7_777]), row(&["unset"], 0, &[100, 0, 8])]),
        )
        .asks(
            "of long ones",
            Plan {
                spans: Filter::equal(Field::Duration, Operand::Int(7_777)),
                ..metrics(&[Field::Service], None)
            },
            rows(vec![row(&["b"], 1, &[7_777])]),
        )
        .asks(
            "of none",
            Plan { spans: Filter::service("nobody"), ..metrics(&[], None) },
            Expected::Metrics(vec![]),
        )
}

fn by_attributes() -> Story {
    let none = Measured { by: vec![None], ..row(&[], 0, &[4]) };
    Story::new("metrics by an attribute of any level")
        .write([
            Draft::new(1, 1).with("k", "x").with_resource("k", "outer").lasting(1),
            Draft::new(1, 2).with_resource("k", "x").lasting(2),
            Draft::new(1, 3).with("k", 5).lasting(3),
            Draft::new(1, 4).with("other", 5).lasting(4),
        ])
        .asks(
            "of any level",
            metrics(&[key(Level::Any, "k")], None),
            rows(vec![none, row(&["5"], 0, &[3]), row(&["x"], 0, &[1, 2])]),
        )
}

const SECOND: u64 = 1_000_000_000;

fn by_time() -> Story {
    let start = NOW - 600 * SECOND;
    let span = |trace, at, duration| Draft::new(trace, 1).at(start + at, duration);
    Story::new("metrics by steps of time")
        .write([span(1, 0, 1), span(2, 60 * SECOND - 1, 2), span(3, 60 * SECOND, 3)])
        .write([span(4, 61 * SECOND, 4), span(5, 299 * SECOND, 5)])
        .asks(
            "by minute",
            metrics(&[], Some(60)),
            rows(vec![
                at(start, row(&[], 0, &[1, 2])),
                at(start + 60 * SECOND, row(&[], 0, &[3, 4])),
                at(start + 240 * SECOND, row(&[], 0, &[5])),
            ]),
        )
        .asks(
            "by five minutes",
            metrics(&[Field::Service], Some(300)),
            rows(vec![at(start, row(&["shop"], 0, &[1, 2, 3, 4, 5]))]),
        )
        .asks(
            "by seven seconds",
            Plan { time: TimeRange { start, end: start + 60 * SECOND + 1 }, ..metrics(&[], Some(7)) },
            rows(vec![
                at(start - start % (7 * SECOND), row(&[], 0, &[1])),
                at((start + 60 * SECOND) / (7 * SECOND) * (7 * SECOND), row(&[], 0, &[2, 3])),
            ]),
        )
}

fn cut_time() -> Story {
    let start = NOW - 600 * SECOND;
    let spans = |part| {
        (0..240_u64).filter(move |at| at % 3 == part).map(move |at| {
            Draft::new(at + 1, 1).service(["a", "b"][(at % 2) as usize]).at(start + at * SECOND, at * 1_000)
        })
    };
    let between = |from: u64, to: u64| Plan {
        time: TimeRange { start: start + from * SECOND, end: start + to * SECOND },
        ..metrics(&[Field::Service], None)
    };
    let of = |from: u64, to: u64, part: u64| {
        let durations: Vec<u64> = (from..to).filter(|at| at % 2 == part).map(|at| at * 1_000).collect();
        row(&[["a", "b"][part as usize]], 0, &durations)
    };
    Story::new("a time range that cuts minutes counts exactly")
        .write(spans(0))
        .write(spans(1))
        .write(spans(2))
        .asks("within a minute", between(5, 20), rows(vec![of(5, 20, 0), of(5, 20, 1)]))
        .asks("over minutes", between(30, 200), rows(vec![of(30, 200, 0), of(30, 200, 1)]))
        .asks("a whole minute", between(60, 120), rows(vec![of(60, 120, 0), of(60, 120, 1)]))
        .asks("all", metrics(&[Field::Service], None), rows(vec![of(0, 240, 0), of(0, 240, 1)]))
}

fn many() -> Story {
    let names: Vec<String> = (0..50).map(|at| format!("operation-{at:02}")).collect();
    let spans = |part: usize| {
        let some = names.iter().enumerate().filter(move |(at, _)| at % 2 == part);
        some.map(|(at, name)| Draft::new(at as u64 + 1, 1).name(name)).collect::<Vec<_>>()
    };
    let limit = |limit| Plan { limit, ..metrics(&[Field::Name], None) };
    Story::new("more groups than asked for are cut, and that is said")
        .write(spans(0))
        .write(spans(1))
        .asks("fewer", limit(7), Expected::Partial(7))
        .asks(
            "all",
            limit(50),
            rows(names.iter().map(|name| row(&[name.as_str()], 0, &[1_000_000])).collect()),
        )
}

fn wrong() -> Story {
    let fields = vec![Field::Service; crate::metrics::FIELDS_MAX + 1];
    Story::new("metrics that make no sense are refused")
        .write([Draft::new(1, 1)])
        .asks("a step of nothing", metrics(&[], Some(0)), Expected::Refused)
        .asks("too many fields", metrics(&fields, None), Expected::Refused)
}

fn rows(rows: Vec<Measured>) -> Expected {
    Expected::Metrics(rows)
}
