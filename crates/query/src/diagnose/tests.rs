use std::sync::Arc;

use model::{StatusCode, Tenant};
use store::Writer;
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;

use super::*;
use crate::traceql::ast::Root;
use crate::traceql::parse;
use crate::{Limits, Search};

async fn query() -> Query {
    let store = MemoryStore::default();
    let drafts = [
        Draft::new(1, 1).service("web").with("http.response.status_code", 500),
        Draft::new(2, 1).service("web").with("user.tier", "Gold"),
        Draft::new(3, 1).service("cart").status(StatusCode::Error).with("user.tier", "silver"),
    ];
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    Query::new(Arc::new(store), Limits::default())
}

async fn diagnosed(text: &str, time: TimeRange) -> Diagnosis {
    let Root::Spansets(pipeline) = parse(text).unwrap().root else { panic!("{text} finds no spans") };
    let search = Search { time, ..Search::default() };
    let scope = Scope { tenant: Tenant::default(), search, pipeline: Some(Arc::new(pipeline)) };
    let conditions = conditions(&scope, Vec::new());
    diagnose(&query().await, &scope, (text, conditions)).await.unwrap()
}

#[track_caller]
fn hint(diagnosis: &Diagnosis, at: usize) -> (&str, Option<&str>) {
    let hint = diagnosis.conditions[at].hint.as_ref().expect("a hint");
    (&hint.text, hint.replace.as_deref())
}

#[tokio::test]
async fn a_key_with_a_new_name_is_found() {
    let found = diagnosed("{ .http.status_code = 500 && status != error }", TimeRange::ALL).await;
    assert_eq!(found.verdict, "no span meets `.http.status_code = 500`");
    assert_eq!(
        hint(&found, 0),
        (
            "no span has .http.status_code in this time; 1 have it as span.http.response.status_code",
            Some("{ span.http.response.status_code = 500 && status != error }")
        )
    );
    assert_eq!(found.conditions[1].spans, Some(2));
}

#[tokio::test]
async fn a_key_on_another_level_is_found() {
    let found = diagnosed("{ resource.user.tier = \"Gold\" }", TimeRange::ALL).await;
    assert_eq!(hint(&found, 0).1, Some("{ span.user.tier = \"Gold\" }"));
}

#[tokio::test]
async fn a_value_in_other_letters_is_found() {
    let found = diagnosed("{ span.user.tier = \"gold\" }", TimeRange::ALL).await;
    assert_eq!(hint(&found, 0), ("did you mean Gold (1)?", Some("{ span.user.tier = \"Gold\" }")));
}

#[tokio::test]
async fn conditions_that_never_meet_are_named_as_a_pair() {
    let found = diagnosed("{ resource.service.name = \"web\" && status = error }", TimeRange::ALL).await;
    assert_eq!(found.verdict, "no span meets both `resource.service.name = \"web\"` and `status = error`");
    assert_eq!(found.pairs, [Pair { left: 0, right: 1, spans: 0 }]);
    let apart = diagnosed("{ .user.tier = \"Gold\" } >> { status = error }", TimeRange::ALL).await;
    assert_eq!(apart.pairs, [Pair { left: 0, right: 1, spans: 0 }]);
}

#[tokio::test]
async fn what_lies_outside_the_time_is_counted() {
    let time = TimeRange { start: NOW - 1_500_000_000, end: NOW };
    let found = diagnosed("{ status = error }", time).await;
    assert_eq!(found.verdict, "nothing in this time; 1 spans before it, 0 after it");
    let outside = found.outside.unwrap();
    assert_eq!((outside.before, outside.after), (1, 0));
    assert_eq!(outside.nearest, Some(Count64(NOW - 3_000_000_000 + 1_000_000)));
    assert_eq!(found.newest, Some(Count64(NOW - 1_000_000_000 + 1_000_000)));
}

#[tokio::test]
async fn what_finds_something_says_so() {
    let found = diagnosed("{ }", TimeRange::ALL).await;
    assert_eq!((found.verdict.as_str(), found.spans, found.conditions.len()), ("3 spans are found", 3, 0));
}
