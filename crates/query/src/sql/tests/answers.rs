//! What statements mean: columns, groups, orders, functions, what is missing; and that a store's part of the work changes nothing.

use std::sync::Arc;

use store::conformance::{Draft, NOW};

use super::{Blind, ask, over, query, rows, shop, store_of, traces};

async fn check(text: &str, expected: &[&str]) {
    assert_eq!(rows(&query(&shop()), text).await, expected, "{text}");
}

#[tokio::test]
async fn spans_are_counted_and_measured_by_group() {
    check(
        "SELECT service, count(*) AS calls FROM spans GROUP BY service ORDER BY calls DESC, service",
        &["db | 2", "my-app | 2", "order-service | 2"],
    )
    .await;
    check(
        "SELECT service, avg(duration), max(duration), sum(duration) FROM spans WHERE service = 'my-app' GROUP BY 1",
        &["my-app | 760ms | 1.5s | 1.52s"],
    )
    .await;
    check(
        "SELECT service, count_if(status = 'error') FROM spans GROUP BY service HAVING count_if(status = error) > 0",
        &["my-app | 1"],
    )
    .await;
    check("SELECT count(*), count(distinct service), min(name) FROM spans", &["6 | 3 | UserService.GetUser"])
        .await;
    check("SELECT count(*), sum(duration) FROM spans WHERE service = 'nobody'", &["0 | nil"]).await;
    check("SELECT count(*) FROM traces", &["4"]).await;
    check("SELECT count(*), max(duration) FROM traces WHERE errors > 0", &["1 | 1.5s"]).await;
    check(
        "SELECT tags.http.status_code, count(*) FROM spans GROUP BY 1 ORDER BY 1",
        &["200 | 1", "500 | 2", "nil | 3"],
    )
    .await;
    check("SELECT DISTINCT service FROM spans ORDER BY service DESC LIMIT 2", &["order-service", "my-app"])
        .await;
    check("SELECT p50(spans), percentile(spans, 1) FROM traces", &["1 | 2"]).await;
}

#[tokio::test]
async fn quantiles_of_durations_are_near() {
    let drafts: Vec<Draft> = (1..=100).map(|n| Draft::new(n, 1).lasting(n * 1_000_000)).collect();
    let answer =
        ask(&query(&drafts), "SELECT p50(duration), p99(duration), median(duration) FROM spans").await;
    let near = |at: usize, expected: f64| {
        let value = answer.rows[0][at].number().unwrap();
        assert!((value - expected).abs() <= expected * 0.016, "{value} is not near {expected}");
    };
    near(0, 5e7);
    near(1, 9.9e7);
    near(2, 5e7);
}

#[tokio::test]
async fn rows_are_ordered_paged_and_named() {
    let query = query(&shop());
    let answer = ask(
        &query,
        "SELECT trace_id AS id, duration / 2 half FROM traces ORDER BY duration DESC LIMIT 1 OFFSET 1",
    )
    .await;
    let names: Vec<&str> = answer.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["id", "half"]);
    assert_eq!(answer.columns[1].1.as_str(), "duration");
    assert_eq!(answer.rows.len(), 1);
    assert_eq!(traces(&query, "SELECT trace_id FROM traces ORDER BY start").await, [4, 3, 2, 1]);
    assert_eq!(traces(&query, "SELECT trace_id FROM traces ORDER BY duration DESC LIMIT 2").await, [2, 1]);
    assert_eq!(
        traces(&query, "SELECT trace_id FROM traces ORDER BY spans DESC, start DESC LIMIT 3").await,
        [1, 2, 3]
    );
    assert_eq!(traces(&query, "SELECT trace_id FROM traces").await, [1, 2, 3, 4]);
    let answer = ask(&query, "SELECT tags.user.id, count(*), p99(duration) FROM spans GROUP BY 1").await;
    let names: Vec<&str> = answer.columns.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["tags.user.id", "count(*)", "p99(duration)"]);
    let stars = ask(&query, "SELECT * FROM spans LIMIT 1").await;
    assert_eq!(stars.columns.len(), 10);
}

#[tokio::test]
async fn conditions_on_a_trace_hold_on_one_span() {
    let query = query(&shop());
    for (text, expected) in [
        ("SELECT trace_id FROM traces WHERE service = 'db' AND status = error", vec![]),
        ("SELECT trace_id FROM traces WHERE service = 'db' AND errors > 0", vec![2]),
        ("SELECT trace_id FROM traces WHERE service = 'db' AND root_service = 'my-app'", vec![1, 2]),
        ("SELECT trace_id FROM traces WHERE span.duration > 1s AND service = 'db'", vec![2]),
        ("SELECT trace_id FROM traces WHERE duration > 1s OR service = 'order-service'", vec![2, 3, 4]),
        ("SELECT trace_id FROM traces WHERE trace_id = '00000000000000000000000000000001'", vec![]),
        ("SELECT trace_id FROM traces WHERE services = 'db' AND duration < 1s", vec![1]),
    ] {
        assert_eq!(traces(&query, text).await, expected, "{text}");
    }
    let id = store::conformance::trace_id(3);
    assert_eq!(traces(&query, &format!("SELECT trace_id FROM spans WHERE trace_id IN ('{id}')")).await, [3]);
    assert_eq!(
        traces(&query, &format!("SELECT * FROM traces WHERE trace_id = '{id}' AND errors = 0")).await,
        [3]
    );
}

#[tokio::test]
async fn what_is_missing_is_unknown() {
    for (condition, count) in [
        ("tags.zone = 'b'", 1),
        ("tags.zone != 'b'", 0),
        ("NOT tags.zone = 'b'", 0),
        ("tags.zone IS NULL", 5),
        ("tags.zone IS NOT NULL", 1),
        ("NOT (tags.zone = 'b' OR service = 'db')", 0),
        ("NOT (tags.zone = 'b' AND service = 'db')", 4),
        ("NOT tags.attempt < 3", 0),
        ("coalesce(tags.zone, 'a') = 'a'", 5),
        ("error = false", 3),
        ("error != true", 3),
        ("NOT error", 3),
        ("error", 3),
        ("error IS TRUE", 3),
        ("tags.http.status_code IN (200, 500)", 3),
        ("tags.http.status_code NOT IN (200)", 2),
        ("tags.http.status_code >= 500", 2),
        ("tags.http.status_code > 499.5 AND tags.http.status_code < 500.5", 2),
        ("500 <= tags.http.status_code", 2),
        ("tags.http.status_code BETWEEN 400 AND 599", 2),
        ("NOT tags.http.status_code < 500", 2),
        ("tags.http.status_code >= '200'", 2),
        ("service > 5", 0),
        ("tags.http.status_code BETWEEN 200 AND 299", 1),
        ("name LIKE 'User%' AND name NOT ILIKE '%x%'", 3),
        ("name LIKE 'user%'", 0),
        ("name ILIKE 'user%'", 3),
        ("name RLIKE '^User.*User$'", 3),
        ("name ~ 'Get'", 3),
        ("lower(service) = 'db' AND length(name) = 5", 2),
        ("kind = 'SPAN_KIND_SERVER' AND status = 0", 3),
        ("kind IN (client, 'server')", 6),
        ("CASE WHEN duration > 1s THEN 'slow' ELSE 'fast' END = 'slow'", 2),
        ("duration * 2 > 2s AND duration - 100ms > 1s", 2),
        ("tags.http.status_code + 1 = 501", 1),
        ("'my-app' = service", 2),
        ("1s < duration", 2),
        ("substring(service, 1, 2) = 'my'", 2),
        ("service || '/' || name = 'db/query'", 2),
        ("attributes['http.status_code'] = 500", 2),
        ("span.`http.status_code` = 500", 2),
        ("resource.zone = 'b'", 1),
        ("event.name = 'retry'", 1),
        ("cast(tags.http.status_code as bigint) = 500", 2),
    ] {
        check(&format!("SELECT count(*) FROM spans WHERE {condition}"), &[&count.to_string()]).await;
    }
}

#[tokio::test]
async fn events_and_links_are_rows() {
    check(
        "SELECT name, service, span_name, attributes FROM events ORDER BY name",
        &[
            "exception | db | query | {\"error.message\":\"database connection failed\"}",
            "retry | db | query | {\"attempt\":2}",
        ],
    )
    .await;
    check("SELECT name FROM events WHERE attributes.attempt = 2", &["retry"]).await;
    check("SELECT name FROM events WHERE name != 'retry'", &["exception"]).await;
    check("SELECT name FROM events WHERE event.attempt IS NULL", &["exception"]).await;
    check("SELECT name, count(*) FROM events GROUP BY name ORDER BY 1 DESC", &["retry | 1", "exception | 1"])
        .await;
    check("SELECT count(*) FROM links", &["0"]).await;
    check("SELECT events.name FROM events WHERE time > now() - 1h AND name = 'retry'", &["retry"]).await;
}

#[tokio::test]
async fn time_is_compared_cut_and_shown() {
    let query = query(&shop());
    // Trace n begins n seconds before now, and a millisecond later.
    for (text, expected) in [
        ("SELECT trace_id FROM spans WHERE start > now() - 1s", vec![1]),
        ("SELECT trace_id FROM spans WHERE start >= now() - 1999ms AND start < now() - 500ms", vec![1, 2]),
        ("SELECT trace_id FROM traces WHERE start < now() - 3s", vec![4]),
        ("SELECT trace_id FROM traces WHERE start < now() - 2s AND service = 'order-service'", vec![3, 4]),
        (
            "SELECT trace_id FROM traces WHERE start BETWEEN now() - 3s AND now() - INTERVAL '1' SECOND",
            vec![2, 3],
        ),
        ("SELECT trace_id FROM spans WHERE start > '2025-12-31T23:59:58.5Z'", vec![1]),
        ("SELECT trace_id FROM spans WHERE start > timestamp '2025-12-31T23:59:58.5Z'", vec![1]),
    ] {
        assert_eq!(traces(&query, text).await, expected, "{text}");
    }
    let answer = ask(&query, "SELECT date_trunc('hour', start) h, count(*) FROM spans GROUP BY h").await;
    let hour = i64::try_from(NOW).unwrap() - 3_600_000_000_000;
    assert_eq!(answer.columns[0].1.as_str(), "time");
    assert_eq!(answer.rows[0][0].number(), Some(hour as f64));
    let answer =
        ask(&query, "SELECT time_bucket(2s, start), service, count(*) FROM spans GROUP BY 1, 2").await;
    assert_eq!(answer.rows.len(), 3);
}

#[tokio::test]
async fn an_explanation_says_where_rows_come_from() {
    let query = query(&shop());
    for (text, from) in [
        ("EXPLAIN SELECT service, p99(duration) FROM spans GROUP BY service", "digests"),
        ("EXPLAIN SELECT * FROM traces WHERE duration > 1s AND service = 'db'", "summaries"),
        ("EXPLAIN SELECT * FROM spans WHERE service = 'db'", "whole traces"),
        ("EXPLAIN SELECT service, avg(tags.http.status_code) FROM spans GROUP BY 1", "whole traces"),
    ] {
        let lines = rows(&query, text).await;
        assert!(lines[0].contains(from), "{text}: {lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("pages: ")), "{lines:?}");
    }
}

/// What the store leaves out is exactly what the statement would have left out.
#[tokio::test]
async fn the_work_of_the_store_changes_no_answer() {
    let store = store_of(&shop());
    let (sharp, blind) = (over(Arc::clone(&store) as _), over(Arc::new(Blind(store))));
    let conditions = [
        "service = 'db'",
        "service != 'db'",
        "tags.http.status_code = 500",
        "tags.http.status_code != 500",
        "tags.http.status_code > 200",
        "tags.http.status_code <= 500.0",
        "tags.http.status_code >= '200'",
        "tags.user.id = 12345",
        "name >= 5",
        "name != 5",
        "tags.zone IS NULL",
        "NOT tags.zone = 'b'",
        "error = true",
        "error = false",
        "error != true",
        "tags.error = 'true'",
        "name LIKE '%User'",
        "duration > 1s",
        "trace_duration > 1s",
        "error_count = 0",
        "start > now() - 2s",
        "status = error",
        "NOT (duration > 1s)",
        "event.name = 'retry'",
        "event.name != 'retry'",
        "root_service = 'my-app'",
        "service IN ('db', 'my-app')",
        "service NOT IN ('db')",
        "kind = client",
    ];
    for left in conditions {
        for right in conditions {
            for joint in ["AND", "OR", "AND NOT"] {
                for (table, columns) in
                    [("traces", "trace_id"), ("spans", "trace_id, span_id"), ("events", "trace_id, name")]
                {
                    let text = format!(
                        "SELECT {columns} FROM {table} WHERE {left} {joint} {right} ORDER BY {columns}"
                    );
                    if table != "traces" && text.contains("error_count") {
                        continue;
                    }
                    let found = rows(&sharp, &text).await;
                    // A blind store hands over more traces than there are conditions for: whole ones are looked at.
                    let expected =
                        rows(&blind, &text.replace("SELECT ", "SELECT coalesce(service, service), ")).await;
                    let expected: Vec<String> =
                        expected.iter().map(|row| row.split_once(" | ").unwrap().1.to_owned()).collect();
                    assert_eq!(found, expected, "{text}");
                }
            }
        }
    }
}
