//! Names with counts, and calls between services.

use model::{Kind, StatusCode, TimeRange};

use super::story::plan;
use super::{Any, Draft, Expected, NOW, Story};
use crate::plan::{Ask, Field, Filter, Level, Operand, Plan};
use crate::uses::{Means, Target};

pub(super) fn stories() -> Vec<Story> {
    vec![services(), operations(), keys(), values(), edges(), edges_in_time(), uses()]
}

fn names(rows: &[(&str, &str, u64)]) -> Expected {
    Expected::Names(rows.iter().map(|(name, kind, spans)| ((*name).into(), (*kind).into(), *spans)).collect())
}

fn services() -> Story {
    let nameless = Draft { resource: Vec::new(), ..Draft::new(3, 1) };
    let first = TimeRange { start: 0, end: Draft::new(1, 1).start };
    Story::new("services with their spans")
        .write([Draft::new(1, 1).service("b"), Draft::new(1, 2).service("a")])
        .write([Draft::new(2, 1).service("b"), nameless])
        .asks(
            "all",
            plan(Ask::Services),
            names(&[("a", "service", 1), ("b", "service", 2), ("unknown_service", "service", 1)]),
        )
        .asks(
            "of a time",
            Plan { time: first, ..plan(Ask::Services) },
            names(&[("b", "service", 1), ("unknown_service", "service", 1)]),
        )
        .asks(
            "of a filter",
            Plan { spans: Filter::service("a"), ..plan(Ask::Services) },
            names(&[("a", "service", 1)]),
        )
}

fn operations() -> Story {
    Story::new("operations with their kinds")
        .write([
            Draft::new(1, 1).name("get").kind(Kind::Server),
            Draft::new(1, 2).name("get").kind(Kind::Client),
            Draft::new(2, 1).name("get").kind(Kind::Server),
            Draft::new(2, 2).name("put").service("db"),
            Draft::new(2, 3).name(""),
        ])
        .asks(
            "all",
            plan(Ask::Operations),
            names(&[("", "internal", 1), ("get", "client", 1), ("get", "server", 2), ("put", "internal", 1)]),
        )
        .asks(
            "of one service",
            Plan { spans: Filter::service("db"), ..plan(Ask::Operations) },
            names(&[("put", "internal", 1)]),
        )
}

fn keys() -> Story {
    let span = Draft::new(1, 1).with("k", 1).with("k", "twice").with("only", true);
    let eventful = Draft::new(1, 2)
        .with("k", 1)
        .with_event("e", &[("k", Any::Int(1)), ("x", Any::Empty)])
        .with_event("e", &[("k", Any::Int(2))]);
    Story::new("attribute keys of each level").write([span, eventful]).asks(
        "all",
        plan(Ask::Keys),
        names(&[
            ("k", "event", 1),
            ("k", "span", 2),
            ("only", "span", 1),
            ("service.name", "resource", 2),
            ("x", "event", 1),
        ]),
    )
}

fn values() -> Story {
    let values = |level| plan(Ask::Values { key: "k".into(), level });
    Story::new("values of one key with their types")
        .write([
            Draft::new(1, 1).with("k", 1),
            Draft::new(1, 2).with("k", "1").with("k", "1"),
            Draft::new(1, 3).with("k", 1).with_event("e", &[("k", Any::Bool(true))]),
            Draft::new(1, 4).with("k", Any::Array(vec![Any::Int(1), Any::Int(2)])),
            Draft::new(1, 5).with("k", 1.5).with("other", "x"),
        ])
        .asks(
            "on spans",
            values(Level::Span),
            names(&[("1", "int", 2), ("1", "string", 1), ("1.5", "double", 1), ("[1,2]", "array", 1)]),
        )
        .asks("on events", values(Level::Event), names(&[("true", "bool", 1)]))
        .asks(
            "anywhere",
            values(Level::Any),
            names(&[
                ("1", "int", 2),
                ("1", "string", 1),
                ("1.5", "double", 1),
                ("[1,2]", "array", 1),
                ("true", "bool", 1),
            ]),
        )
        .asks(
            "of a key that is nowhere",
            plan(Ask::Values { key: "none".into(), level: Level::Any }),
            names(&[]),
        )
}

fn calls(rows: &[(&str, &str, u64, u64)]) -> Expected {
    Expected::Edges(
        rows.iter()
            .map(|(parent, child, calls, errors)| ((*parent).into(), (*child).into(), *calls, *errors))
            .collect(),
    )
}

fn edges() -> Story {
    let child = |number, parent| Draft::new(1, number).under(parent);
    Story::new("calls between services")
        .write([
            child(2, 1).service("api"),
            child(3, 2).service("api"),
            child(4, 3).service("db"),
            child(5, 3).service("db").status(StatusCode::Error),
        ])
        .write([Draft::new(1, 1).service("web"), child(6, 99).service("db")])
        .write([Draft::new(2, 1).service("web"), Draft::new(2, 2).under(1).service("api")])
        .asks("all", plan(Ask::Edges), calls(&[("api", "db", 2, 1), ("web", "api", 2, 0)]))
        .asks(
            "the filter holds on the child",
            Plan { spans: Filter::service("db"), ..plan(Ask::Edges) },
            calls(&[("api", "db", 2, 1)]),
        )
}

fn edges_in_time() -> Story {
    let second = 1_000_000_000;
    let early = Draft::new(1, 1).service("web").at(NOW - 100 * second, 90 * second);
    let late = Draft::new(1, 2).under(1).service("api").at(NOW - 50 * second, second);
    let time = |start: u64, end: u64| Plan {
        time: TimeRange { start: NOW - start * second, end: NOW - end * second },
        ..plan(Ask::Edges)
    };
    Story::new("a call is counted when its child starts")
        .write([early])
        .write([late])
        .asks("the child's time", time(60, 40), calls(&[("web", "api", 1, 0)]))
        .asks("the parent's time", time(110, 90), calls(&[]))
}

fn uses() -> Story {
    let child = |number| Draft::new(1, number).under(1).kind(Kind::Client);
    let row = |service: &str, (means, system, name): (Means, &str, &str), answered, (spans, errors)| {
        let target = Target { means, system, name }.to_owned();
        (service.into(), target, answered, spans, errors)
    };
    let database = |service, sums| row(service, (Means::Database, "redis", "carts"), 0, sums);
    let mail = row("web", (Means::Peer, "", "mail:25"), 1, (2, 0));
    let all = [
        database("api", (1, 1)),
        row("api", (Means::Source, "kafka", "orders"), 0, (1, 0)),
        database("web", (2, 0)),
        row("web", (Means::Queue, "kafka", "orders"), 0, (1, 0)),
        mail.clone(),
    ];
    let query = |number| child(number).with("db.system", "redis").with("db.namespace", "carts");
    let message = |number| child(number).with("messaging.system", "kafka");
    Story::new("what services use that sends no spans")
        .write([
            Draft::new(1, 1).service("web").kind(Kind::Server),
            query(2).service("web"),
            query(3).service("web").kind(Kind::Internal),
            query(4).service("api").status(StatusCode::Error),
            message(5).service("web").kind(Kind::Producer).with("messaging.destination", "orders"),
            message(6).service("api").kind(Kind::Consumer).with("messaging.destination.name", "orders"),
            child(7).service("web").with("server.address", "mail:25"),
        ])
        .write([child(8).service("web").with("server.address", "mail:25")])
        .write([Draft::new(1, 9).under(8).service("mail"), child(10).service("web").with("peer.service", 7)])
        .asks("all", plan(Ask::Uses), Expected::Uses(all.to_vec()))
        .asks(
            "of those who take messages",
            Plan { spans: Filter::equal(Field::Kind, Operand::Kind(Kind::Consumer)), ..plan(Ask::Uses) },
            Expected::Uses(vec![all[1].clone()]),
        )
        .asks(
            "of an attribute",
            Plan {
                spans: Filter::equal(
                    Field::Attribute { level: Level::Span, key: "server.address".into() },
                    Operand::Text("mail:25".into()),
                ),
                ..plan(Ask::Uses)
            },
            Expected::Uses(vec![mail]),
        )
}
