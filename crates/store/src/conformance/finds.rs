//! Traces by id, and searches whose conditions hold on one span.

use model::{Kind, StatusCode, TimeRange};

use super::story::plan;
use super::{Any, Draft, Expected, NOW, Story, span_id, trace_id};
use crate::plan::{Ask, Compare, Condition, Field, Filter, Level, Operand, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![
        by_id(),
        several_writes(),
        duplicates(),
        shared_spans(),
        short_ids(),
        everything_comes_back(),
        by_plain_fields(),
        by_texts(),
        by_links(),
        on_one_span(),
        logic(),
        time_range(),
        long_traces(),
    ]
}

pub(super) fn is(field: Field, compare: Compare, operand: Operand) -> Filter {
    Filter::Is(Condition { field, compare, operand })
}

pub(super) fn key(level: Level, key: &str) -> Field {
    Field::Attribute { level, key: key.into() }
}

pub(super) fn text(text: &str) -> Operand {
    Operand::Text(text.into())
}

fn by_ids(numbers: &[u64]) -> Plan {
    Plan { ids: Some(numbers.iter().map(|number| trace_id(*number)).collect()), ..plan(Ask::Traces) }
}

fn by_id() -> Story {
    let hint = TimeRange { start: 1, end: 2 };
    Story::new("a trace is found by its id")
        .write([Draft::new(1, 1), Draft::new(2, 1), Draft::new(2, 2).under(1), Draft::new(3, 1)])
        .asks("trace 2", by_ids(&[2]), Expected::Whole(vec![Draft::new(2, 1), Draft::new(2, 2).under(1)]))
        .asks("several ids", by_ids(&[3, 1]), Expected::Traces(vec![1, 3]))
        .asks("an id that nobody wrote", by_ids(&[9]), Expected::Traces(vec![]))
        .asks("no id", by_ids(&[]), Expected::Traces(vec![]))
        .asks("a time hint that is wrong", Plan { time: hint, ..by_ids(&[2]) }, Expected::Traces(vec![2]))
        .asks(
            "two ids and a filter that one passes",
            Plan {
                spans: Filter::equal(Field::Duration, Operand::Int(1_000_000)),
                limit: 2,
                ..by_ids(&[2, 9])
            },
            Expected::Traces(vec![2]),
        )
}

fn several_writes() -> Story {
    let spans = [
        Draft::new(1, 3).under(2).service("db"),
        Draft::new(1, 2).under(1).service("api"),
        Draft::new(1, 1).service("web"),
    ];
    let others = || (10..30).map(|number| Draft::new(number, 1));
    Story::new("spans of several writes are one trace")
        .write([spans[0].clone()].into_iter().chain(others()))
        .write([spans[1].clone()])
        .write(others().chain([spans[2].clone()]).map(|span| Draft { id: span_id(77), ..span }))
        .asks(
            "the whole trace",
            by_ids(&[1]),
            Expected::Whole(vec![
                spans[0].clone(),
                spans[1].clone(),
                Draft { id: span_id(77), ..spans[2].clone() },
            ]),
        )
        .finds("by a service of the last write", Filter::service("web"), &[1])
        .finds("by a service of the first", Filter::service("db"), &[1])
}

fn duplicates() -> Story {
    let span = Draft::new(1, 1).with("n", 1).with_event("e", &[("k", Any::Int(1))]);
    Story::new("a span that is sent again is joined")
        .write([span.clone(), Draft::new(1, 2).under(1)])
        .write([span.clone()])
        .write([span.clone(), span.clone()])
        .asks("the trace", by_ids(&[1]), Expected::Whole(vec![span, Draft::new(1, 2).under(1)]))
        .finds("once in a search", Filter::All, &[1])
}

fn shared_spans() -> Story {
    let client = Draft::new(1, 1).kind(Kind::Client).service("a");
    let server = Draft::new(1, 1).kind(Kind::Server).service("b");
    Story::new("two halves of a shared span are both kept")
        .write([client.clone()])
        .write([server.clone()])
        .asks("the trace", by_ids(&[1]), Expected::Whole(vec![client, server]))
}

fn short_ids() -> Story {
    let mut id = model::TraceId::default();
    id.0[8..].copy_from_slice(&77_u64.to_be_bytes());
    let span = Draft { trace: id, ..Draft::new(1, 1) };
    Story::new("a 64 bit trace id is found padded")
        .write([span.clone(), Draft::new(1, 1).service("other")])
        .asks(
            "by 4d",
            Plan { ids: model::TraceId::parse("4d").map(|id| vec![id]), ..plan(Ask::Traces) },
            Expected::Whole(vec![span]),
        )
        .finds("the other one's service", Filter::service("other"), &[1])
}

fn everything_comes_back() -> Story {
    let nested = Any::Map(vec![
        ("a".into(), Any::Array(vec![Any::Int(1), Any::Text("ü".into()), Any::Map(Vec::new())])),
        ("b".into(), Any::Empty),
    ]);
    let mut span = Draft::new(1, 1)
        .name("everything")
        .kind(Kind::Consumer)
        .status(StatusCode::Error)
        .under(99)
        .with("text", "x")
        .with("int", i64::MIN)
        .with("double", 0.1)
        .with("bool", true)
        .with("bytes", Any::Bytes(vec![0, 255, 10]))
        .with("nested", nested.clone())
        .with("empty", Any::Empty)
        .with_resource("host", "h1")
        .with_resource("cores", 8)
        .with_event("exception", &[("exception.type", "E".into()), ("exception.stacktrace", "a\nb".into())])
        .with_event("", &[("nested", nested.clone())]);
    span.message = "went wrong".into();
    span.scope_attributes = vec![("lib".into(), Any::Bool(false))];
    span.links = vec![
        (trace_id(5), span_id(6), vec![("why".into(), "follows".into())]),
        (trace_id(7), span_id(8), Vec::new()),
    ];
    span.state = "vendor=1,other=2".into();
    span.flags = 0x301;
    Story::new("everything that was written comes back").write([span.clone()]).asks(
        "the trace",
        by_ids(&[1]),
        Expected::Whole(vec![span]),
    )
}

fn by_plain_fields() -> Story {
    let kind = |kind| Filter::equal(Field::Kind, Operand::Kind(kind));
    let status = |status| Filter::equal(Field::Status, Operand::Status(status));
    let not = |field, operand| is(field, Compare::Unequal, operand);
    Story::new("search by service, operation, kind and status")
        .write([Draft::new(1, 1).service("cart").name("GET /").kind(Kind::Server).status(StatusCode::Error)])
        .write([
            Draft::new(2, 1).service("cart").name("PUT /").kind(Kind::Client).status(StatusCode::Ok),
            Draft::new(3, 1).service("pay").name("GET /").kind(Kind::Server),
        ])
        .write([Draft::new(4, 1).kind(Kind::Unspecified), Draft::new(4, 2).under(1).kind(Kind::Producer)])
        .finds("service cart", Filter::service("cart"), &[1, 2])
        .finds("a service with another case", Filter::service("Cart"), &[])
        .finds("a prefix of a service", Filter::service("car"), &[])
        .finds("service other than cart", not(Field::Service, text("cart")), &[3, 4])
        .finds("operation GET /", Filter::equal(Field::Name, text("GET /")), &[1, 3])
        .finds("kind server", kind(Kind::Server), &[1, 3])
        .finds("kind unspecified", kind(Kind::Unspecified), &[4])
        .finds("kind producer", kind(Kind::Producer), &[4])
        .finds("kind consumer", kind(Kind::Consumer), &[])
        .finds("kind other than server", not(Field::Kind, Operand::Kind(Kind::Server)), &[2, 4])
        .finds("status error", status(StatusCode::Error), &[1])
        .finds("status ok", status(StatusCode::Ok), &[2])
        .finds("status unset", status(StatusCode::Unset), &[3, 4])
        .finds("status other than unset", not(Field::Status, Operand::Status(StatusCode::Unset)), &[1, 2])
        .finds("the kind as a text", Filter::equal(Field::Kind, text("client")), &[2])
        .finds("everything", Filter::All, &[1, 2, 3, 4])
}

fn by_texts() -> Story {
    let failed = Draft { message: "boom".into(), ..Draft::new(1, 1).status(StatusCode::Error) };
    let other = Draft { scope: ("lib.b".into(), String::new()), ..Draft::new(2, 1) };
    Story::new("search by status message, scope and event name")
        .write([failed.with_event("start", &[]).with_event("exception", &[]), other])
        .finds("the message", Filter::equal(Field::StatusMessage, text("boom")), &[1])
        .finds("any message", is(Field::StatusMessage, Compare::Exists, Operand::None), &[1])
        .finds("no message", is(Field::StatusMessage, Compare::Missing, Operand::None), &[2])
        .finds("the scope", Filter::equal(Field::ScopeName, text("lib.b")), &[2])
        .finds("the scope's version", Filter::equal(Field::ScopeVersion, text("1.0")), &[1])
        .finds("no version", is(Field::ScopeVersion, Compare::Missing, Operand::None), &[2])
        .finds("an event", Filter::equal(Field::EventName, text("exception")), &[1])
        .finds("events, none of them x", is(Field::EventName, Compare::Unequal, text("x")), &[1])
        .finds("not: an event start", is(Field::EventName, Compare::Unequal, text("start")), &[])
}

fn by_links() -> Story {
    let to = |number: u64| (trace_id(number), span_id(number + 1), Vec::new());
    let linking = |number: u64, links: &[u64]| Draft {
        links: links.iter().map(|number| to(*number)).collect(),
        ..Draft::new(number, 1)
    };
    let trace = |number: u64| text(&trace_id(number).to_string());
    let span = |number: u64| text(&span_id(number + 1).to_string());
    let both = |left, right| Filter::And(vec![left, right]);
    let to_trace = |number| Filter::equal(Field::LinkTraceId, trace(number));
    Story::new("search by what links lead to")
        .write([linking(1, &[8]), linking(2, &[8, 9]), linking(3, &[]), Draft::new(3, 2).under(1)])
        .write([linking(4, &[7])])
        .finds("links to a trace", to_trace(8), &[1, 2])
        .finds("the last of two", to_trace(9), &[2])
        .finds("in another batch", to_trace(7), &[4])
        .finds("nobody links there", to_trace(1), &[])
        .finds("ids have one form", Filter::equal(Field::LinkTraceId, text("8")), &[])
        .finds("links, none of them there", is(Field::LinkTraceId, Compare::Unequal, trace(9)), &[1, 4])
        .finds("any link", is(Field::LinkTraceId, Compare::Exists, Operand::None), &[1, 2, 4])
        .finds("no link", is(Field::LinkSpanId, Compare::Missing, Operand::None), &[3])
        .finds("links to a span", Filter::equal(Field::LinkSpanId, span(8)), &[1, 2])
        .finds("both", both(to_trace(8), Filter::equal(Field::LinkSpanId, span(9))), &[2])
}

fn on_one_span() -> Story {
    let both = |left, right| Filter::And(vec![left, right]);
    let a = || Filter::equal(key(Level::Any, "a"), Operand::Int(1));
    let b = || Filter::equal(key(Level::Any, "b"), Operand::Int(2));
    Story::new("all conditions hold on one span")
        .write([
            Draft::new(1, 1).with("a", 1),
            Draft::new(1, 2).under(1).with("b", 2),
            Draft::new(2, 1).with("a", 1).with("b", 2),
        ])
        .finds("a and b", both(a(), b()), &[2])
        .finds("a", a(), &[1, 2])
        .finds("a without b", both(a(), Filter::Not(Box::new(b()))), &[1])
}

fn logic() -> Story {
    let a = |number: i64| Filter::equal(key(Level::Span, "a"), Operand::Int(number));
    let not = |filter| Filter::Not(Box::new(filter));
    Story::new("and, or, not")
        .write((1..=4).map(|number| Draft::new(number, 1).with("a", number as i64)))
        .write([Draft::new(5, 1)])
        .finds("1 or 3", Filter::Or(vec![a(1), a(3)]), &[1, 3])
        .finds("not 1, also where there is no a", not(a(1)), &[2, 3, 4, 5])
        .finds("neither 1 nor 3", not(Filter::Or(vec![a(1), a(3)])), &[2, 4, 5])
        .finds("1 and 3", Filter::And(vec![a(1), a(3)]), &[])
        .finds("an empty and", Filter::And(vec![]), &[1, 2, 3, 4, 5])
        .finds("an empty or", Filter::Or(vec![]), &[])
        .finds("not everything", not(Filter::All), &[])
        .finds(
            "(1 or 2) and not (2 or 3)",
            Filter::And(vec![Filter::Or(vec![a(1), a(2)]), not(Filter::Or(vec![a(2), a(3)]))]),
            &[1],
        )
}

fn time_range() -> Story {
    let within = |start, end| Plan { time: TimeRange { start, end }, ..plan(Ask::Summaries) };
    let at = |number: u64| Draft::new(number, 1).at(NOW - 1_000 + number, 5);
    let start = NOW - 1_000;
    Story::new("a time range holds its start and not its end")
        .write((1..=4).map(at))
        .asks("2 up to 4", within(start + 2, start + 4), Expected::Traces(vec![3, 2]))
        .asks("from 3", within(start + 3, u64::MAX), Expected::Traces(vec![4, 3]))
        .asks("until 2", within(0, start + 2), Expected::Traces(vec![1]))
        .asks("nothing", within(start + 2, start + 2), Expected::Traces(vec![]))
        .asks("after all", within(start + 5, start + 100), Expected::Traces(vec![]))
}

fn long_traces() -> Story {
    let minute = 60_000_000_000;
    let parts = [
        Draft::new(1, 1).at(NOW - 30 * minute, minute),
        Draft::new(1, 2).under(1).at(NOW - 20 * minute, minute).service("late"),
        Draft::new(1, 3).under(2).at(NOW - 10 * minute, minute).status(StatusCode::Error),
    ];
    let around = TimeRange { start: NOW - 21 * minute, end: NOW - 19 * minute };
    let found = Plan { time: around, ..plan(Ask::Traces) };
    let not_inside = Plan { spans: Filter::service("shop"), ..found.clone() };
    Story::new("a trace is found by any span in the range and comes whole")
        .write([parts[0].clone()])
        .write([Draft::new(2, 1)])
        .write([parts[1].clone()])
        .write([parts[2].clone()])
        .asks("around its middle", found.clone(), Expected::Whole(parts.to_vec()))
        .asks("the span inside must pass", not_inside, Expected::Traces(vec![]))
        .asks(
            "by its whole duration",
            Plan {
                trace: crate::TraceFilter {
                    duration_min: Some(21 * minute),
                    duration_max: Some(21 * minute),
                    ..crate::TraceFilter::default()
                },
                ..found
            },
            Expected::Traces(vec![1]),
        )
}
