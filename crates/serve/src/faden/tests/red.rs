//! Rate, errors and duration.

use super::*;
use crate::faden::{Histogram, Operations, OverTime, Services};

#[tokio::test]
async fn services_come_with_their_numbers() {
    let server = running().await;
    let all: Services = serde_json::from_value(server.json("services/red?last=10s").await).unwrap();
    let told: Vec<_> =
        all.services.iter().map(|row| (row.service.as_str(), row.red.spans, row.red.error_share)).collect();
    assert_eq!(told, [("cart", 1, 0.0), ("db", 1, 1.0), ("web", 2, 0.0)]);
    let web = &all.services[2].red;
    assert_eq!(
        (all.seconds, web.rate, web.max_ns, web.sum_ns),
        (Some(10.0), Some(0.2), 5_000_000, 6_000_000)
    );
    assert!((984_000..1_016_000).contains(&web.p50_ns), "{}", web.p50_ns);
    let entries: Services = serde_json::from_value(server.json("services/red?entry=true").await).unwrap();
    assert_eq!((entries.services.len(), entries.services[0].red.rate), (1, None));
}

#[tokio::test]
async fn a_service_tells_its_operations_and_its_course() {
    let server = running().await;
    let web: Operations = serde_json::from_value(server.json("services/web/operations").await).unwrap();
    let told: Vec<_> =
        web.operations.iter().map(|row| (row.name.as_str(), row.kind.as_str(), row.red.spans)).collect();
    assert_eq!(told, [("GET /", "internal", 1), ("GET /", "server", 1)]);
    let course: OverTime =
        serde_json::from_value(server.json("services/web/red?last=10s&step=1s&by=operation").await).unwrap();
    let told: Vec<_> = course.series.iter().map(|step| (step.name.as_deref(), step.red.spans)).collect();
    assert_eq!(told, [(Some("GET /"), 1), (Some("GET /"), 1)]);
    assert_eq!(course.series[1].time.0 - course.series[0].time.0, course.step_ns);
    let whole: OverTime = serde_json::from_value(server.json("services/web/red").await).unwrap();
    assert_eq!((whole.step_ns, whole.end.0 - whole.start.0), (60_000_000_000, 3_600_000_000_000));
}

#[tokio::test]
async fn a_histogram_says_how_slow_a_span_is_among_others() {
    let server = running().await;
    let path = "operations/histogram?service=web&operation=GET%20%2F";
    let all: Histogram = serde_json::from_value(server.json(&format!("{path}&duration=1ms")).await).unwrap();
    assert_eq!((all.red.spans, all.percentile), (2, Some(0.5)));
    for ([low, high, spans], duration) in all.buckets.iter().zip([1_000_000, 5_000_000]) {
        assert!(*low <= duration && duration < *high && *spans == 1, "{low} {high}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_question_for_numbers_is_named() {
    let server = running().await;
    for (path, message, remedy) in [
        ("services/red?entry=yes", "entry: `yes` is neither true nor false", "write true or false"),
        ("services/web/red?by=kind", "by: it is `operation`", "or leave it out"),
        ("services/web/red?step=1ms", "step: the time has 3600000 such steps, 5000 are allowed", "ask for"),
        ("operations/histogram?duration=long", "duration: `long` is not a duration", "write 30s or 5m"),
        ("services/web/operations?cursor=1-1", "cursor: it has no meaning", "leave it out"),
    ] {
        let (status, found, advice) = server.failure(&format!("/api/faden/v1/{path}")).await;
        assert_eq!(status, 400, "{path}");
        assert!(found.starts_with(message), "{path}: {found}");
        assert!(advice.starts_with(remedy), "{path}: {advice}");
    }
}
