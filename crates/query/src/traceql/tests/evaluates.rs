//! What queries answer over one trace, and that no matching trace is left out of a search.

use std::sync::Arc;
use std::time::Duration;

use model::{Kind, StatusCode, Tenant, TimeRange, Trace};
use store::conformance::{Any, Draft, batch, trace_id};
use store::memory::MemoryStore;
use store::{Writer, eval as stored};

use super::super::ast::{Pipeline, Root};
use super::super::eval::{self, Found, Subject};
use super::super::search::{Request, search};
use super::super::{parse, prefilter};
use crate::{Limits, Query};

const MS: u64 = 1_000_000;

/// A request that failed in its cart:
///
/// ```text
/// 1 web  "GET /cart"   server  100 ms
/// ├ 2 web  "POST cart"  client   80 ms  error, http.status_code 500
/// │ └ 3 cart "AddItem"  server   70 ms  user "12345", sizes [1, 2, 3]
/// │   ├ 4 cart "SELECT" client    5 ms  db mysql
/// │   └ 5 cart "SELECT" client   50 ms  db mysql, exception Timeout
/// └ 6 web  "log"        internal  1 ms  ok true, load 0.5
/// ```
fn spans(trace: u64) -> Vec<Draft> {
    let span = |id: u64, service: &str, name: &str, kind, ms: u64| {
        Draft::new(trace, id).service(service).name(name).kind(kind).lasting(ms * MS)
    };
    vec![
        span(1, "web", "GET /cart", Kind::Server, 100),
        span(2, "web", "POST cart", Kind::Client, 80)
            .under(1)
            .status(StatusCode::Error)
            .with("http.status_code", 500),
        span(3, "cart", "AddItem", Kind::Server, 70)
            .under(2)
            .with("user", "12345")
            .with("sizes", Any::Array(vec![Any::Int(1), Any::Int(2), Any::Int(3)]))
            .with_resource("zone", "b"),
        span(4, "cart", "SELECT", Kind::Client, 5).under(3).with("db", "mysql"),
        span(5, "cart", "SELECT", Kind::Client, 50)
            .under(3)
            .with("db", "mysql")
            .with_event("exception", &[("exception.type", "Timeout".into())]),
        span(6, "web", "log", Kind::Internal, 1).under(1).with("ok", true).with("load", 0.5),
    ]
}

fn trace(number: u64) -> Trace {
    Trace::join(trace_id(number), vec![batch(&Tenant::default(), &spans(number))]).unwrap()
}

fn pipeline(text: &str) -> Pipeline {
    match parse(text).unwrap_or_else(|mistake| panic!("{mistake}")).root {
        Root::Spansets(pipeline) => pipeline,
        Root::Metrics(_) => panic!("{text} asks for metrics"),
    }
}

/// The numbers of the spans in each spanset.
fn ids(sets: &[Found<'_>], subject: &Subject<'_>) -> Vec<Vec<u8>> {
    let number = |at: &u32| subject.span(*at as usize).span_id().0[7];
    let mut sets: Vec<Vec<u8>> = sets.iter().map(|set| set.spans.iter().map(number).collect()).collect();
    sets.iter_mut().for_each(|set| set.sort_unstable());
    sets
}

#[track_caller]
fn check(text: &str, expected: &[&[u8]]) {
    let (pipeline, trace) = (pipeline(text), trace(1));
    let subject = Subject::new(&trace);
    assert_eq!(ids(&eval::run(&pipeline, &subject), &subject), expected, "{text}");
}

#[test]
fn conditions_hold_on_one_span() {
    check("{}", &[&[1, 2, 3, 4, 5, 6]]);
    check("{ status = error }", &[&[2]]);
    check("{ .http.status_code = 500 }", &[&[2]]);
    check("{ span.http.status_code >= 500 && kind = client }", &[&[2]]);
    check("{ 499.5 < .http.status_code }", &[&[2]]);
    check("{ .http.status_code = \"500\" }", &[&[2]]);
    check("{ .http.status_code =~ \"5..\" }", &[&[2]]);
    check("{ .http.status_code != \"404\" }", &[&[2]]);
    check("{ resource.service.name = \"cart\" && duration > 10ms }", &[&[3, 5]]);
    check("{ name =~ \"SEL.*\" && duration < 10ms }", &[&[4]]);
    check("{ name !~ \"SEL.*|GET\" }", &[&[1, 2, 3, 6]]);
    check("{ .ok }", &[&[6]]);
    check("{ !.ok }", &[]);
    check("{ .ok = false }", &[]);
    check("{ .load * 2 = 1 }", &[&[6]]);
    check("{ kind = server || .db = \"mysql\" && duration > 10ms }", &[&[1, 3, 5]]);
    check(
        "{ trace:duration >= 100ms && rootName = \"GET /cart\" && rootServiceName = \"web\" }",
        &[&[1, 2, 3, 4, 5, 6]],
    );
    check("{ span:childCount = 2 }", &[&[1, 3]]);
}

#[test]
fn what_is_missing_equals_nothing() {
    check("{ .user != \"1\" }", &[&[3]]);
    check("{ .user != nil }", &[&[3]]);
    check("{ .user = nil && kind = server }", &[&[1]]);
    check("{ .nowhere = 1 || .nowhere != 1 || .nowhere =~ \".*\" || .nowhere !~ \"x\" }", &[]);
    check("{ .user > 5 }", &[]);
}

#[test]
fn one_of_many_values_is_enough() {
    check("{ .sizes = 2 }", &[&[3]]);
    check("{ .sizes != 2 }", &[]);
    check("{ .sizes != 4 }", &[&[3]]);
    check("{ .sizes > 2 }", &[&[3]]);
    check("{ event:name = \"exception\" && event.exception.type =~ \"Time.*\" }", &[&[5]]);
    check("{ event:timeSinceStart = 0s }", &[&[5]]);
}

#[test]
fn scopes_are_told_apart() {
    check("{ .zone = \"b\" }", &[&[3]]);
    check("{ resource.zone = \"b\" }", &[&[3]]);
    check("{ span.zone = \"b\" }", &[]);
    check("{ parent.user = \"12345\" }", &[&[4, 5]]);
    check("{ parent.resource.service.name = \"web\" && resource.service.name = \"cart\" }", &[&[3]]);
    check(
        "{ instrumentation:name = \"tests\" && instrumentation:version = \"1.0\" }",
        &[&[1, 2, 3, 4, 5, 6]],
    );
}

#[test]
fn spans_stand_to_each_other() {
    check("{ name = \"AddItem\" } > { }", &[&[4, 5]]);
    check("{ name = \"POST cart\" } >> { }", &[&[3, 4, 5]]);
    check("{ name = \"SELECT\" } < { }", &[&[3]]);
    check("{ name = \"SELECT\" } << { }", &[&[1, 2, 3]]);
    check("{ duration = 5ms } ~ { }", &[&[5]]);
    check("{ kind = client } ~ { kind = internal }", &[&[6]]);
    check("{ } ~ { kind = server }", &[]);
    check("{ kind = server } !> { }", &[&[1, 3]]);
    check("{ resource.service.name = \"cart\" } !>> { }", &[&[1, 2, 3, 6]]);
    check("{ .db != nil } !< { kind = server }", &[&[1]]);
    check("{ .db != nil } !<< { }", &[&[4, 5, 6]]);
    check("{ kind = client } !~ { }", &[&[1, 2, 3]]);
    check("{ name = \"AddItem\" } &> { duration = 5ms }", &[&[3, 4]]);
    check("{ kind = server } &>> { status = error }", &[&[1, 2]]);
    check("{ .db != nil } &<< { kind = server }", &[&[1, 3, 4, 5]]);
    check("{ duration = 5ms } &~ { .db != nil }", &[&[4, 5]]);
    check("{ name = \"GET /cart\" } > { } > { } > { duration > 40ms }", &[&[5]]);
}

#[test]
fn spansets_are_joined() {
    check("{ status = error } && { .db = \"mysql\" }", &[&[2, 4, 5]]);
    check("{ status = error } && { .db = \"oracle\" }", &[]);
    check("{ status = error } || { .db = \"oracle\" }", &[&[2]]);
    check("({ .db != nil } | count() > 1) && { kind = internal }", &[&[4, 5, 6]]);
    check("({ .db != nil } | count() > 2) && { kind = internal }", &[]);
}

#[test]
fn stages_narrow_group_and_count() {
    check("{ kind = client } | { .db != nil }", &[&[4, 5]]);
    check("{ kind = client } | count() = 3", &[&[2, 4, 5]]);
    check("{ kind = client } | count() > 3", &[]);
    check("{ .db != nil } | avg(duration) = 27.5ms", &[&[4, 5]]);
    check("{ .db != nil } | max(duration) - min(duration) = 45ms", &[&[4, 5]]);
    check("{ .db != nil } | sum(duration) >= 55ms | { kind = server }", &[]);
    check("{ } | min(.nowhere) < 5", &[]);
    check("{ } | by(resource.service.name)", &[&[1, 2, 6], &[3, 4, 5]]);
    check("{ } | by(resource.service.name) | { .db != nil }", &[&[4, 5]]);
    check("{ } | by(name) | count() > 1", &[&[4, 5]]);
    check("{ } | by(name) | count() > 1 | coalesce() | count() = 2", &[&[4, 5]]);
    check("{ kind = server } | select(.user) | count() = 2", &[&[1, 3]]);
}

#[test]
fn nested_set_numbers_enclose_descendants() {
    check("{ nestedSetParent = -1 }", &[&[1]]);
    check("{ nestedSetLeft = 1 && nestedSetRight = 12 }", &[&[1]]);
    check("{ nestedSetRight - nestedSetLeft = 1 }", &[&[4, 5, 6]]);
}

#[test]
fn groups_and_numbers_are_told() {
    let (pipeline, trace) = (pipeline("{ } | by(.db) | avg(duration) > 20ms"), trace(1));
    let subject = Subject::new(&trace);
    let sets = eval::run(&pipeline, &subject);
    let told: Vec<(String, String)> = sets
        .iter()
        .flat_map(|set| set.groups.iter().chain(&set.numbers))
        .map(|(name, value)| (name.clone(), value.to_text()))
        .collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        told,
        [
            pair("by(.db)", "nil"),
            pair("avg(duration)", "62.8ms"),
            pair("by(.db)", "mysql"),
            pair("avg(duration)", "27.5ms"),
        ]
    );
}

/// Queries that match the trace or not; whichever match must pass the filter that a store is given.
const QUERIES: [&str; 43] = [
    "{ .http.status_code = 500 }",
    "{ .http.status_code != 200 }",
    "{ .http.status_code != \"x\" }",
    "{ 400 <= .http.status_code }",
    "{ .user = \"12345\" }",
    "{ .user != nil && .nowhere = nil }",
    "{ .zone = nil && resource.zone = nil && span.zone = nil }",
    "{ .zone = \"b\" }",
    "{ .ok }",
    "{ !(.ok = false) }",
    "{ !.ok }",
    "{ .ok != false }",
    "{ .load < 1 }",
    "{ .load > 0.25 || .nowhere }",
    "{ .sizes > 2 && .sizes != 9 }",
    "{ .sizes != 2 }",
    "{ duration >= 100ms }",
    "{ duration > 0.5 }",
    "{ name > \"a\" }",
    "{ status = error && kind = client }",
    "{ status != error }",
    "{ kind != internal }",
    "{ kind > client }",
    "{ name =~ \"S.*\" }",
    "{ name !~ \"S.*\" }",
    "{ statusMessage = \"\" }",
    "{ rootName = \"GET /cart\" }",
    "{ trace:duration = 100ms }",
    "{ trace:duration > 100ms }",
    "{ rootName = \"GET /cart\" && rootServiceName = \"web\" }",
    "{ rootName = \"nowhere\" }",
    "{ rootName = \"GET /cart\" && rootName = \"nowhere\" } || { duration > 0 }",
    "{ 5ms = duration }",
    "{ parent.user = \"12345\" }",
    "{ event.exception.type = \"Timeout\" && event:name != \"x\" }",
    "{ resource.service.name != \"web\" }",
    "{ resource.service.name = nil }",
    "{ status = error } >> { .db = \"mysql\" }",
    "{ status = ok } !>> { .db = \"mysql\" }",
    "{ .nowhere } || { .db = \"mysql\" }",
    "{ .db = \"mysql\" } && { }",
    "{ .db = \"mysql\" } | { duration > 10ms } | count() = 1",
    "({ .db = \"mysql\" } | count() = 2) > { } || { .user != nil }",
];

#[test]
fn no_matching_trace_fails_the_filter_of_the_store() {
    let trace = trace(1);
    let subject = Subject::new(&trace);
    for text in QUERIES {
        let pipeline = pipeline(text);
        let filter = prefilter(&pipeline);
        let passes = trace.spans().any(|span| stored::passes(&filter.spans, span))
            && filter.trace.passes(trace.summary().duration())
            && filter.trace.passes_root(trace.root().service(), trace.root().name());
        let sets = eval::run(&pipeline, &subject);
        assert!(passes || sets.is_empty(), "{text}: {filter:?}");
        if filter.is_exact {
            let all = (0..subject.len()).filter(|at| stored::passes(&filter.spans, subject.span(*at)));
            let matched: Vec<usize> = sets.iter().flat_map(|set| &set.spans).map(|at| *at as usize).collect();
            assert_eq!(all.collect::<Vec<_>>(), matched, "{text}: {filter:?}");
        }
    }
}

async fn filled() -> Query {
    let store = MemoryStore::default();
    for number in 1..=300 {
        let mut spans = spans(number);
        spans[2] = spans[2].clone().with("number", i64::try_from(number).unwrap());
        if number % 3 == 0 {
            spans.truncate(4);
        }
        store.write(batch(&Tenant::default(), &spans)).await.unwrap();
    }
    Query::new(Arc::new(store), Limits::default())
}

fn request(limit: usize) -> Request {
    let time_limit = Duration::from_secs(10);
    Request { tenant: Tenant::default(), time: TimeRange::ALL, limit, after: None, time_limit }
}

/// The numbers of the traces that a query finds.
async fn numbers(query: &Query, text: &str, limit: usize) -> Vec<u64> {
    let answer = search(query, Arc::new(pipeline(text)), &request(limit)).await.unwrap();
    assert_eq!(answer.partial, None);
    let number = |id: model::TraceId| u64::from_be_bytes(id.0[8..].try_into().unwrap());
    answer.traces.iter().map(|found| number(found.trace.id())).collect()
}

#[tokio::test]
async fn searches_answer_newest_first_by_pages() {
    let query = filled().await;
    assert_eq!(numbers(&query, "{ .number = 7 }", 20).await, [7]);
    assert_eq!(numbers(&query, "{ .db = \"mysql\" } | count() = 1", 4).await, [3, 6, 9, 12]);
    assert_eq!(numbers(&query, "{ kind = internal } && { .number >= 100 }", 3).await, [100, 101, 103]);
    let id = trace_id(42);
    assert_eq!(numbers(&query, &format!("{{ trace:id = \"{id}\" }}"), 20).await, [42]);
    let text = Arc::new(pipeline("{ .db = \"mysql\" } | count() = 2"));
    let mut request = request(64);
    let mut found = 0;
    loop {
        let answer = search(&query, Arc::clone(&text), &request).await.unwrap();
        found += answer.traces.len();
        request.after = answer.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(found, 200);
}

#[tokio::test]
async fn orders_and_distinct_values_see_every_candidate() {
    let query = filled().await;
    assert_eq!(numbers(&query, "{ .number > 0 } | order by .number desc", 3).await, [300, 299, 298]);
    assert_eq!(numbers(&query, "{ .number > 10 } | order by .number asc", 2).await, [11, 12]);
    assert_eq!(numbers(&query, "{ .number > 5 } | distinct(.number % 4)", 20).await, [6, 7, 8, 9]);
}
