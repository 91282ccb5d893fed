//! What tracing users write, as they write it.

use store::conformance::NOW;

use super::{query, shop, traces};
use crate::sql::is_sql;
use crate::traceql;

#[tokio::test]
async fn every_statement_answers_as_written() {
    let query = query(&shop());
    for (text, expected) in [
        ("SELECT * FROM traces WHERE duration > 1000ms", vec![2]),
        ("SELECT * FROM traces WHERE tags.error = true", vec![2, 3, 4]),
        ("SELECT * FROM traces WHERE service.name = \"my-app\"", vec![1, 2]),
        ("SELECT * FROM traces WHERE operation.name = \"UserService.GetUser\"", vec![1, 2, 3]),
        ("SELECT * FROM traces WHERE tags.user.id = \"12345\"", vec![1, 2]),
        ("SELECT * FROM traces WHERE tags.http.status_code = 500", vec![2, 3]),
        ("SELECT * FROM traces WHERE tags.db.operation = \"select\"", vec![2]),
        ("SELECT * FROM traces WHERE tags.error.message = \"database connection failed\"", vec![2]),
        ("service=order-service error=true", vec![3, 4]),
        ("SELECT * FROM traces WHERE tags.http.status_code >= 500", vec![2, 3]),
        ("http.status_code>=500", vec![2, 3]),
        ("http.status_code<500 OR http.status_code>500.5", vec![1]),
    ] {
        assert!(is_sql(text), "{text}");
        assert_eq!(traces(&query, text).await, expected, "{text}");
    }
}

#[tokio::test]
async fn short_forms_are_statements() {
    let query = query(&shop());
    for (text, expected) in [
        ("tags.http.status_code = 500", vec![2, 3]),
        ("operation.name = \"UserService.GetUser\"", vec![1, 2, 3]),
        ("service=my-app status=error", vec![2]),
        ("service=my-app duration>1s", vec![2]),
        ("service:my-app AND NOT status=error", vec![1]),
        ("(service=db or service=order-service) error=true", vec![3, 4]),
        ("service=db duration>=1.2s http.status_code=500", vec![]),
        ("service=my-app user.id=12345 kind=server", vec![1, 2]),
        ("zone=b", vec![4]),
        ("not service=my-app name=other", vec![4]),
    ] {
        assert!(is_sql(text), "{text}");
        assert_eq!(traces(&query, text).await, expected, "{text}");
    }
}

#[test]
fn traceql_is_told_apart() {
    for text in [
        "{status=error} | duration > 1s",
        "{resource.service.name=\"order-service\" && status=error}",
        "{ } >> { .a = 1 }",
        "({ } | rate()) / 2",
        "1 + ({ } | rate())",
        "",
    ] {
        assert!(!is_sql(text), "{text}");
    }
    assert!(is_sql("  explain select 1"));
    assert!(is_sql("select=1"));
    assert!(is_sql("DROP TABLE traces"));
}

#[tokio::test]
async fn traceql_takes_a_bare_condition_as_a_stage() {
    let query = query(&shop());
    for (text, expected) in [
        ("{status=error} | duration > 1s", 1),
        ("{status=error} | duration > 2s", 0),
        ("{resource.service.name=\"order-service\" && status=error}", 0),
        ("{resource.service.name=\"my-app\" && status=error}", 1),
        ("{ } | .http.status_code = 200 | count() = 1", 1),
        ("{ } | span.db.operation = \"select\" && duration > 1s", 1),
    ] {
        let traceql::ast::Root::Spansets(pipeline) = traceql::parse(text).unwrap().root else {
            panic!("{text}")
        };
        let request = traceql::search::Request {
            tenant: model::Tenant::default(),
            time: model::TimeRange { start: 0, end: NOW },
            limit: 10,
            after: None,
            time_limit: std::time::Duration::from_secs(20),
        };
        let answer = traceql::search::search(&query, pipeline.into(), &request).await.unwrap();
        assert_eq!(answer.traces.len(), expected, "{text}");
    }
}
