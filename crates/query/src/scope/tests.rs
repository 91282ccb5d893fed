use model::{Kind, TimeRange};
use store::conformance::{Draft, NOW, batch};
use store::memory::MemoryStore;
use store::{Field, Writer};

use super::*;
use crate::Limits;
use crate::traceql::ast::{Root, Scope as Place};
use crate::traceql::parse;

async fn query() -> Query {
    let store = MemoryStore::default();
    let drafts = [
        Draft::new(1, 1).service("web").kind(Kind::Server).with("size", 1),
        Draft::new(1, 2).under(1).service("db").status(StatusCode::Error).with("size", 2),
        Draft::new(2, 1).service("web").kind(Kind::Server).with("size", 2),
        Draft::new(3, 1).service("db"),
    ];
    store.write(batch(&Tenant::default(), &drafts)).await.unwrap();
    Query::new(Arc::new(store), Limits::default())
}

#[track_caller]
fn scope(text: &str) -> Scope {
    let Root::Spansets(pipeline) = parse(text).unwrap().root else { panic!("{text} finds no spans") };
    let pipeline = Some(Arc::new(pipeline));
    Scope { tenant: Tenant::default(), search: Search::default(), pipeline }
}

fn size() -> crate::traceql::ast::Field {
    crate::traceql::ast::Field::Attribute { scope: Place::Span, key: "size".into(), of_parent: false }
}

/// Each size with its spans and errors, and whether traces had to be looked at.
async fn counted(scope: &Scope) -> (Vec<(String, u64, u64)>, bool) {
    let found = scope.count(&query().await, &[size()], None, Bounds::default()).await.unwrap();
    assert_eq!(found.partial, None);
    let row = |row: Metric| (row.by[0].clone().unwrap_or_default(), row.sum.spans(), row.sum.errors);
    (found.rows.into_iter().map(row).collect(), found.looked_at.is_some())
}

fn rows(rows: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    rows.iter().map(|(size, spans, errors)| ((*size).into(), *spans, *errors)).collect()
}

#[tokio::test]
async fn a_store_counts_what_it_can_tell() {
    assert_eq!(counted(&scope("{ }")).await, (rows(&[("", 1, 0), ("1", 1, 0), ("2", 2, 1)]), false));
    assert_eq!(counted(&scope("{ status = error }")).await, (rows(&[("2", 1, 1)]), false));
}

#[tokio::test]
async fn relations_are_counted_by_looking_at_traces() {
    assert_eq!(counted(&scope("{ kind = server } > { }")).await, (rows(&[("2", 1, 1)]), true));
    assert_eq!(
        counted(&scope("{ rootServiceName = \"web\" }")).await,
        (rows(&[("1", 1, 0), ("2", 2, 1)]), true)
    );
}

#[tokio::test]
async fn parameters_and_query_hold_together() {
    let mut asked = scope("{ rootServiceName = \"web\" }");
    asked.search.spans = Filter::service("web");
    assert_eq!(counted(&asked).await, (rows(&[("1", 1, 0), ("2", 1, 0)]), true));
    let narrow =
        scope("{ span.size = 2 }").and(Filter::equal(Field::Service, store::Operand::Text("web".into())));
    assert_eq!(counted(&narrow).await, (rows(&[("2", 1, 0)]), false));
    asked.search.time = TimeRange { start: NOW - 1_500_000_000, end: NOW };
    assert_eq!(counted(&asked).await, (rows(&[("1", 1, 0)]), true));
}

#[tokio::test]
async fn too_many_traces_make_the_answer_partial() {
    let bounds = Bounds { traces_max: 2, ..Bounds::default() };
    let found = scope("{ span:childCount >= 0 }").count(&query().await, &[], None, bounds).await.unwrap();
    assert_eq!((found.rows[0].sum.spans(), found.looked_at), (3, Some(2)));
    assert_eq!(found.partial.unwrap(), "2 traces were looked at; narrow the time range or the query");
}
