use model::{Kind, StatusCode, Tenant, TimeRange};
use store::conformance::{Draft, NOW, batch};
use store::eval::passes;
use store::{Ask, Order};

use super::Search;

const HOUR: u64 = 3_600_000_000_000;

#[track_caller]
fn read(pairs: &[(&str, &str)]) -> Search {
    Search::read(pairs.iter().copied(), NOW).unwrap_or_else(|unclear| panic!("{unclear:?}"))
}

#[track_caller]
fn wrong(pairs: &[(&str, &str)]) -> Vec<String> {
    Search::read(pairs.iter().copied(), NOW).unwrap_err().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(pairs: &[(&str, &str)], passes_first: bool, passes_second: bool) {
    let spans = batch(
        &Tenant::default(),
        &[
            Draft::new(1, 1)
                .service("cart")
                .name("GET")
                .kind(Kind::Server)
                .status(StatusCode::Error)
                .lasting(2_000_000)
                .with("http.response.status_code", 500),
            Draft::new(2, 1).service("pay").lasting(1_000_000),
        ],
    );
    let search = read(pairs);
    let found = [0, 1].map(|at| passes(&search.spans, spans.span(at)));
    assert_eq!(found, [passes_first, passes_second], "{pairs:?}");
}

#[test]
fn nothing_asks_for_the_newest_twenty_of_all_time() {
    let plan = read(&[("service", ""), ("last", "")]).plan(Tenant::default(), Ask::Summaries);
    assert_eq!((plan.limit, plan.order, plan.time), (20, Order::Newest, TimeRange::ALL));
    check(&[], true, true);
}

#[test]
fn each_parameter_narrows() {
    check(&[("service", "cart")], true, false);
    check(&[("operation", "work")], false, true);
    check(&[("kind", "server")], true, false);
    check(&[("status", "error")], true, false);
    check(&[("tag", "http.response.status_code=500")], true, false);
    check(&[("min_duration", "1.5ms")], true, false);
    check(&[("max_duration", "1ms")], false, true);
    check(&[("q", "status = error"), ("service", "cart")], true, false);
    check(&[("q", "status = error"), ("q", "service = pay")], false, false);
}

#[test]
fn durations_of_traces_come_from_parameters_and_text() {
    let trace =
        read(&[("q", "trace:duration >= 1s"), ("min_trace_duration", "2s"), ("max_trace_duration", "1h")])
            .trace;
    assert_eq!((trace.duration_min, trace.duration_max), (Some(2_000_000_000), Some(HOUR)));
}

#[test]
fn times_are_absolute_or_before_now() {
    let time = |pairs: &[(&str, &str)]| read(pairs).time;
    assert_eq!(time(&[("last", "1h")]), TimeRange { start: NOW - HOUR, end: u64::MAX });
    assert_eq!(
        time(&[("start", "-2h"), ("end", "now-1h")]),
        TimeRange { start: NOW - 2 * HOUR, end: NOW - HOUR }
    );
    assert_eq!(time(&[("end", "2026-01-01T00:00:00Z")]), TimeRange { start: 0, end: NOW });
}

#[test]
fn pages_and_orders_are_read() {
    let id = Draft::new(1, 1).trace;
    let cursor = Order::Longest.cursor(5, 7, id);
    let search = read(&[("order", "longest"), ("limit", "100"), ("cursor", &cursor.to_string())]);
    assert_eq!((search.order, search.limit, search.after), (Order::Longest, 100, Some(cursor)));
}

#[test]
fn every_problem_is_told_at_once() {
    assert_eq!(
        wrong(&[
            ("servise", "x"),
            ("limit", "0"),
            ("kind", "srv"),
            ("tag", "x"),
            ("start", "soon"),
            ("order", "up")
        ]),
        [
            "servise: the parameter is not known; did you mean `service`?",
            "limit: `0` is not a limit; it is a number from 1 to 10000",
            "kind: `srv` is not a kind of span; it is server, client, producer, consumer, internal or unspecified",
            "tag: `x` is not a tag; write key=value, such as http.response.status_code=500",
            "start: `soon` is not a time; write RFC 3339 (2026-01-31T12:00:00Z), a Unix time, or a time before now \
             (-15m, now-1h)",
            "order: `up` is not an order; it is newest, oldest or longest",
        ]
    );
    assert_eq!(wrong(&[("start", "now"), ("end", "-1h")]), ["end: it lies before `start`; exchange the two"]);
    assert_eq!(
        wrong(&[("last", "1h"), ("start", "-2h")]),
        ["start: `last` says the whole range already; give `last`, or `start` and `end`"]
    );
    assert_eq!(
        wrong(&[("cursor", "7")])[0],
        "cursor: `7` is not a cursor; give back `next` of the page before, unchanged"
    );
    assert!(wrong(&[("q", "status = eror")])[0].starts_with("q: `eror` is no status\n"));
}
