//! Every comparison, on every type of value, on every level.

use model::{Kind, StatusCode, TimeRange};
use regex::bytes::Regex;

use super::finds::{is, key, text};
use super::story::plan;
use super::{Any, Draft, Expected, Story, span_id, trace_id};
use crate::TraceFilter;
use crate::plan::{Ask, Compare, Field, Filter, Level, Numeral, Operand, Plan};

pub(super) fn stories() -> Vec<Story> {
    vec![
        texts(),
        integers(),
        doubles(),
        truths(),
        types_apart(),
        numerals(),
        levels(),
        durations(),
        trace_durations(),
        roots(),
        patterns(),
    ]
}

/// The name for people, the comparison, and the traces it finds.
type Row<'a> = (Compare, Operand, &'a [u64]);

fn table(mut story: Story, field: &Field, rows: &[Row<'_>]) -> Story {
    for (compare, operand, numbers) in rows {
        let what = format!("{field:?} {compare:?} {operand:?}");
        story = story.finds(&what, is(field.clone(), *compare, operand.clone()), numbers);
    }
    story
}

fn one_each(name: &'static str, values: impl IntoIterator<Item = Any>) -> Story {
    let spans = values.into_iter().zip(1..).map(|(value, number)| Draft::new(number, 1).with("k", value));
    Story::new(name).write(spans).write([Draft::new(9, 1).with("other", 1)])
}

fn k() -> Field {
    key(Level::Any, "k")
}

fn texts() -> Story {
    use Compare::{AtLeast, AtMost, Equal, Exists, Greater, Less, Missing, Unequal};
    table(
        one_each("texts compare by bytes", ["a", "b", "ba", "", "ü"].map(Any::from)),
        &k(),
        &[
            (Equal, text("b"), &[2]),
            (Equal, text("B"), &[]),
            (Equal, text(""), &[4]),
            (Equal, text("ü"), &[5]),
            (Unequal, text("b"), &[1, 3, 4, 5]),
            (Less, text("b"), &[1, 4]),
            (AtMost, text("b"), &[1, 2, 4]),
            (Greater, text("b"), &[3, 5]),
            (AtLeast, text("b"), &[2, 3, 5]),
            (Exists, Operand::None, &[1, 2, 3, 4, 5]),
            (Missing, Operand::None, &[9]),
        ],
    )
}

fn integers() -> Story {
    use Compare::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    let odd = 9_007_199_254_740_993;
    let story = one_each("integers compare exactly", [-1, 0, 500, odd, i64::MAX].map(Any::from));
    table(
        story,
        &k(),
        &[
            (Equal, Operand::Int(500), &[3]),
            (Equal, Operand::Int(odd), &[4]),
            (Equal, Operand::Int(odd - 1), &[]),
            (Equal, Operand::Number(500.0), &[3]),
            (Equal, Operand::Number(500.5), &[]),
            (Unequal, Operand::Int(500), &[1, 2, 4, 5]),
            (Less, Operand::Int(0), &[1]),
            (AtMost, Operand::Int(0), &[1, 2]),
            (Greater, Operand::Int(odd), &[5]),
            (Greater, Operand::Int(odd - 1), &[4, 5]),
            (AtLeast, Operand::Int(odd), &[4, 5]),
            (AtLeast, Operand::Number(499.5), &[3, 4, 5]),
            (Less, Operand::Number(-0.5), &[1]),
            (Equal, text("500"), &[3]),
            (Equal, text("0500"), &[]),
            (Equal, text("9007199254740993"), &[4]),
            (Equal, Operand::Bool(false), &[]),
        ],
    )
}

fn doubles() -> Story {
    use Compare::{AtLeast, Equal, Exists, Greater, Less, Unequal};
    let values = [0.5, -0.0, f64::NAN, f64::INFINITY, 2.0, f64::MIN_POSITIVE];
    table(
        one_each("doubles compare as numbers", values.map(Any::from)),
        &k(),
        &[
            (Equal, Operand::Number(0.5), &[1]),
            (Equal, Operand::Number(0.0), &[2]),
            (Equal, Operand::Int(0), &[2]),
            (Equal, Operand::Int(2), &[5]),
            (Equal, Operand::Number(f64::NAN), &[]),
            (Unequal, Operand::Number(f64::NAN), &[1, 2, 3, 4, 5, 6]),
            (Unequal, Operand::Int(2), &[1, 2, 3, 4, 6]),
            (Greater, Operand::Number(0.0), &[1, 4, 5, 6]),
            (Less, Operand::Number(f64::INFINITY), &[1, 2, 5, 6]),
            (AtLeast, Operand::Int(1), &[4, 5]),
            (Equal, text("0.5"), &[1]),
            (Exists, Operand::None, &[1, 2, 3, 4, 5, 6]),
        ],
    )
}

fn truths() -> Story {
    use Compare::{Equal, Greater, Unequal};
    let values = [Any::Bool(true), Any::Bool(false), Any::Text("true".into()), Any::Int(1)];
    table(
        one_each("truth values are their own type", values),
        &k(),
        &[
            (Equal, Operand::Bool(true), &[1]),
            (Equal, Operand::Bool(false), &[2]),
            (Unequal, Operand::Bool(true), &[2, 3, 4]),
            (Greater, Operand::Bool(false), &[1]),
            (Equal, text("true"), &[1, 3]),
            (Equal, Operand::Int(1), &[4]),
        ],
    )
}

fn types_apart() -> Story {
    use Compare::{Equal, Exists, Greater, Unequal};
    let values = [
        Any::Text("7".into()),
        Any::Int(7),
        Any::Double(7.0),
        Any::Bytes(vec![7]),
        Any::Array(vec![Any::Int(7), Any::Text("x".into())]),
        Any::Map(vec![("x".into(), Any::Int(7))]),
        Any::Empty,
    ];
    table(
        one_each("each type of value has its own comparisons", values),
        &k(),
        &[
            (Equal, Operand::Int(7), &[2, 3, 5]),
            (Equal, text("7"), &[1, 2, 3, 5]),
            (Equal, text("07"), &[4]),
            (Equal, text("x"), &[5]),
            (Equal, text(r#"{"x":7}"#), &[6]),
            (Equal, text(r#"[7,"x"]"#), &[5]),
            (Equal, text(""), &[7]),
            (Unequal, Operand::Int(7), &[1, 4, 6, 7]),
            (Greater, Operand::Int(6), &[2, 3, 5]),
            (Greater, text("6"), &[1, 5]),
            (Exists, Operand::None, &[1, 2, 3, 4, 5, 6, 7]),
        ],
    )
}

fn numerals() -> Story {
    use Compare::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    let int = |int| Operand::Numeral(Numeral::Int(int));
    let double = |double| Operand::Numeral(Numeral::Double(double));
    let values = [
        Any::Int(500),
        "500".into(),
        "499.5".into(),
        Any::Double(500.0),
        "5e2".into(),
        " 500".into(),
        "500ms".into(),
        Any::Bytes(vec![0x50, 0x01]),
        Any::Array(vec!["1".into(), "501".into()]),
    ];
    let story = one_each("a number is found however it is written", values);
    let story = story.write([Draft::new(10, 1).with("k", "inf"), Draft::new(11, 1).with("k", true)]);
    let story = story.write([Draft::new(12, 1).with_resource("k", "9007199254740993")]);
    let odd = 9_007_199_254_740_992;
    table(
        story,
        &k(),
        &[
            (AtLeast, int(500), &[1, 2, 4, 5, 9, 12]),
            (Greater, int(500), &[9, 12]),
            (Greater, int(odd), &[12]),
            (AtMost, int(500), &[1, 2, 3, 4, 5, 9]),
            (Less, int(500), &[3, 9]),
            (Less, double(499.75), &[3, 9]),
            (AtLeast, double(499.75), &[1, 2, 4, 5, 9, 12]),
            (Equal, int(500), &[1, 2, 4, 5]),
            (Unequal, int(500), &[3, 6, 7, 8, 9, 10, 11, 12]),
            (AtLeast, Operand::Int(500), &[1, 4]),
        ],
    )
}

fn levels() -> Story {
    let value = || vec![("k".to_owned(), Any::Int(1))];
    let mut spans: Vec<Draft> = (1..=6).map(|number| Draft::new(number, 1)).collect();
    spans[0].attributes = value();
    spans[1].resource.extend(value());
    spans[2].scope_attributes = value();
    spans[3] = spans[3].clone().with_event("e", &[("k", Any::Int(1))]).with_event("f", &[("k", Any::Int(2))]);
    spans[4].links = vec![(trace_id(8), span_id(8), value())];
    let mut story = Story::new("a key is looked for where it is asked for").write(spans);
    let places: [(Level, &[u64]); 6] = [
        (Level::Any, &[1, 2, 3, 4, 5]),
        (Level::Span, &[1]),
        (Level::Resource, &[2]),
        (Level::Scope, &[3]),
        (Level::Event, &[4]),
        (Level::Link, &[5]),
    ];
    for (level, numbers) in places {
        let absent: Vec<u64> = (1..=6).filter(|number| !numbers.contains(number)).collect();
        story = table(
            story,
            &key(level, "k"),
            &[
                (Compare::Exists, Operand::None, numbers),
                (Compare::Missing, Operand::None, &absent),
                (Compare::Equal, Operand::Int(1), numbers),
            ],
        );
    }
    story
        .finds("one of several events", is(key(Level::Event, "k"), Compare::Equal, Operand::Int(2)), &[4])
        .finds("no event has 3", is(key(Level::Event, "k"), Compare::Unequal, Operand::Int(3)), &[4])
        .finds("one event has 2", is(key(Level::Event, "k"), Compare::Unequal, Operand::Int(2)), &[])
        .finds(
            "the service as an attribute",
            is(key(Level::Resource, "service.name"), Compare::Equal, text("shop")),
            &[1, 2, 3, 4, 5, 6],
        )
}

fn durations() -> Story {
    use Compare::{AtLeast, AtMost, Equal, Greater, Less};
    let second = 1_000_000_000;
    let spans = [0, 1, second, second + 1, 3_600 * second].into_iter().zip(1..);
    let story = Story::new("spans by duration")
        .write(spans.map(|(duration, number)| Draft::new(number, 1).lasting(duration)));
    table(
        story,
        &Field::Duration,
        &[
            (Equal, Operand::Int(1), &[2]),
            (Equal, Operand::Int(0), &[1]),
            (Greater, Operand::Int(1_000_000_000), &[4, 5]),
            (AtLeast, Operand::Int(1_000_000_000), &[3, 4, 5]),
            (Less, Operand::Int(1_000_000_000), &[1, 2]),
            (AtMost, Operand::Number(1e9), &[1, 2, 3]),
        ],
    )
}

fn roots() -> Story {
    let rooted = |service: Option<&str>, name: Option<&str>| Plan {
        trace: TraceFilter {
            root_service: service.map(Into::into),
            root_name: name.map(Into::into),
            ..TraceFilter::default()
        },
        ..plan(Ask::Summaries)
    };
    let root = |number, service: &str, name: &str| Draft::new(number, 1).service(service).name(name);
    let child = |number| Draft::new(number, 2).under(1).service("pay").name("POST /pay");
    let failed = Filter::equal(Field::Status, Operand::Status(StatusCode::Error));
    Story::new("traces by their root")
        .write([root(1, "web", "GET /"), child(1), root(2, "web", "POST /pay"), child(2)])
        .write([child(3).status(StatusCode::Error), child(4), root(5, "pay", "POST /pay"), child(5)])
        .write([root(4, "web", "GET /")])
        .asks("by name", rooted(None, Some("POST /pay")), Expected::Traces(vec![2, 3, 5]))
        .asks("by service", rooted(Some("web"), None), Expected::Traces(vec![1, 2, 4]))
        .asks("by both", rooted(Some("pay"), Some("POST /pay")), Expected::Traces(vec![3, 5]))
        .asks("by none", rooted(Some("pay"), Some("GET /")), Expected::Traces(vec![]))
        .asks(
            "with a span that failed",
            Plan { spans: failed, ..rooted(Some("pay"), None) },
            Expected::Traces(vec![3]),
        )
        .asks(
            "of named traces",
            Plan { ids: Some(vec![trace_id(1), trace_id(2)]), ..rooted(None, Some("GET /")) },
            Expected::Traces(vec![1]),
        )
}

fn trace_durations() -> Story {
    let lasting = |min, max| Plan {
        trace: TraceFilter { duration_min: min, duration_max: max, ..TraceFilter::default() },
        ..plan(Ask::Summaries)
    };
    let gap = |number: u64, apart: u64| {
        let first = Draft::new(number, 1).lasting(10);
        let start = first.start;
        [Draft::new(number, 2).at(start + apart, 10), first]
    };
    Story::new("traces by duration")
        .write(gap(1, 90))
        .write(gap(2, 190).into_iter().chain(gap(3, 290)))
        .asks("at least 200", lasting(Some(200), None), Expected::Traces(vec![2, 3]))
        .asks("at most 200", lasting(None, Some(200)), Expected::Traces(vec![1, 2]))
        .asks("between 101 and 299", lasting(Some(101), Some(299)), Expected::Traces(vec![2]))
        .asks("a range that is empty", lasting(Some(300), Some(100)), Expected::Traces(vec![]))
        .asks(
            "the range of time does not shorten a trace",
            Plan {
                time: TimeRange { start: Draft::new(3, 1).start + 1, end: u64::MAX },
                ..lasting(Some(300), None)
            },
            Expected::Traces(vec![3]),
        )
}

fn patterns() -> Story {
    use Compare::{Matches, MatchesNot};
    let pattern = |text: &str| Operand::Pattern(Regex::new(&format!("^(?:{text})$")).expect("a pattern"));
    let values = [Any::from("u-1"), "u-22".into(), "x".into(), 500.into(), true.into(), "a\nb".into()];
    let story = one_each("patterns match the whole text", values);
    let story = table(
        story,
        &k(),
        &[
            (Matches, pattern("u-.*"), &[1, 2]),
            (Matches, pattern("u"), &[]),
            (Matches, pattern("5.."), &[4]),
            (Matches, pattern("true|x"), &[3, 5]),
            (Matches, pattern("(?s)a.b"), &[6]),
            (Matches, pattern(""), &[]),
            (MatchesNot, pattern("u-.*"), &[3, 4, 5, 6]),
            (MatchesNot, pattern("(?s).*"), &[]),
        ],
    );
    let story = story.write([Draft::new(11, 1).name("GET /x").kind(Kind::Server).service("ab")]);
    let story = table(story, &Field::Name, &[(Matches, pattern("GET .*"), &[11])]);
    let story = table(story, &Field::Kind, &[(Matches, pattern("server|client"), &[11])]);
    table(story, &Field::Service, &[(Matches, pattern("a."), &[11])])
}
