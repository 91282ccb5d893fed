//! Numbers over time, by a store and by whole traces.

use std::sync::Arc;
use std::time::Duration;

use model::{StatusCode, Tenant, TimeRange};
use store::Writer;
use store::conformance::{Draft, batch};
use store::memory::MemoryStore;

use super::super::ast::Root;
use super::super::metrics::{Answer, Request, Series, range};
use super::super::parse;
use crate::{Error, Limits, Query};

const SECOND: u64 = 1_000_000_000;

/// The first minute.
const START: u64 = 1_700_000_040 * SECOND;

/// Two minutes: in the first, `web` calls `cart` three times; in the second once, and that fails. A call of `web` takes
/// 100 ms, one of `cart` 10, 20, 30 and 40 ms.
async fn filled() -> Query {
    let store = MemoryStore::default();
    let requests = [(1, 0), (2, 10), (3, 20), (4, 70)];
    for (number, second) in requests {
        let at = START + second * SECOND;
        let web = Draft::new(number, 1).service("web").name("GET").at(at, SECOND / 10).with("size", 2.5);
        let cart = Draft::new(number, 2).service("cart").name("add").under(1).at(at, number * SECOND / 100);
        let cart = if number == 4 { cart.status(StatusCode::Error) } else { cart };
        store.write(batch(&Tenant::default(), &[web, cart])).await.unwrap();
    }
    Query::new(Arc::new(store), Limits::default())
}

async fn ask(query: &Query, text: &str, step: Option<u64>) -> Result<Answer, Error> {
    let Root::Metrics(metrics) = parse(text).unwrap_or_else(|mistake| panic!("{mistake}")).root else {
        panic!("{text} asks for spans")
    };
    let request = Request {
        tenant: Tenant::default(),
        time: TimeRange { start: START, end: START + 120 * SECOND },
        step: step.map(Duration::from_secs),
        time_limit: Duration::from_secs(10),
    };
    range(query, &metrics, &request).await
}

/// Each series as `label=value …: value value`, by minute.
fn written(series: &[Series]) -> Vec<String> {
    let line = |one: &Series| {
        let labels: Vec<String> = one.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let minute = |step: u64| (step - START) / (60 * SECOND);
        let samples: Vec<String> =
            one.samples.iter().map(|(step, value)| format!("{}:{value:.3}", minute(*step))).collect();
        format!("{} {}", labels.join(","), samples.join(" ")).trim().to_owned()
    };
    series.iter().map(line).collect()
}

#[track_caller]
fn same(answer: &Answer, expected: &[&str], text: &str) {
    assert_eq!(written(&answer.series), expected, "{text}");
    assert_eq!(answer.partial, None, "{text}");
}

#[tokio::test]
async fn a_store_and_whole_traces_answer_alike() {
    let query = filled().await;
    // The second form of each condition is one that only whole traces answer.
    for (simple, whole) in [("{ }", "{ span:childCount >= 0 }"), ("{ true }", "{ duration = duration }")] {
        for spans in [simple, whole] {
            for (rest, expected) in [
                ("count_over_time()", vec!["0:6.000 1:2.000"]),
                ("rate()", vec!["0:0.100 1:0.033"]),
                (
                    "count_over_time() by(resource.service.name)",
                    vec![
                        "resource.service.name=cart 0:3.000 1:1.000",
                        "resource.service.name=web 0:3.000 1:1.000",
                    ],
                ),
                (
                    "max_over_time(duration) by(name)",
                    vec!["name=GET 0:0.100 1:0.100", "name=add 0:0.030 1:0.040"],
                ),
                ("min_over_time(duration)", vec!["0:0.010 1:0.040"]),
                ("sum_over_time(duration)", vec!["0:0.360 1:0.140"]),
                ("avg_over_time(duration)", vec!["0:0.060 1:0.070"]),
                (
                    "count_over_time() by(status)",
                    vec!["status=error 0:0.000 1:1.000", "status=unset 0:6.000 1:1.000"],
                ),
            ] {
                let text = format!("{spans} | {rest}");
                same(&ask(&query, &text, Some(60)).await.unwrap(), &expected, &text);
            }
        }
    }
}

#[tokio::test]
async fn quantiles_are_near_and_told_by_label() {
    let query = filled().await;
    let text = "{ resource.service.name = \"cart\" } | quantile_over_time(duration, 0, 0.5, 1)";
    let answer = ask(&query, text, None).await.unwrap();
    let labels: Vec<&str> = answer.series.iter().map(|one| one.labels[0].1.as_str()).collect();
    assert_eq!(labels, ["0", "0.5", "1"]);
    let values: Vec<f64> = answer.series.iter().map(|one| one.samples[0].1).collect();
    for (value, expected) in values.iter().zip([0.010, 0.020, 0.040]) {
        assert!((value - expected).abs() <= expected * store::sketch::RELATIVE_ERROR, "{values:?}");
    }
}

#[tokio::test]
async fn histograms_count_by_powers_of_two() {
    let query = filled().await;
    let text = "{ resource.service.name = \"cart\" } | histogram_over_time(duration)";
    let answer = ask(&query, text, None).await.unwrap();
    assert_eq!(
        written(&answer.series),
        ["__bucket=0.016777216 0:1.000", "__bucket=0.033554432 0:2.000", "__bucket=0.067108864 0:1.000"]
    );
}

#[tokio::test]
async fn numbers_of_attributes_are_measured() {
    let query = filled().await;
    same(&ask(&query, "{ } | sum_over_time(.size)", None).await.unwrap(), &["0:10.000"], "sum");
    same(&ask(&query, "{ } | avg_over_time(span.size)", None).await.unwrap(), &["0:2.500"], "avg");
    same(&ask(&query, "{ } | max_over_time(.nowhere)", None).await.unwrap(), &[], "nothing");
}

#[tokio::test]
async fn relations_count_whole_traces() {
    let query = filled().await;
    let text = "{ name = \"GET\" } > { status = error } | count_over_time()";
    same(&ask(&query, text, Some(60)).await.unwrap(), &["0:0.000 1:1.000"], text);
}

#[tokio::test]
async fn series_are_ranked_compared_and_computed_with() {
    let query = filled().await;
    for (text, expected) in [
        ("{ } | max_over_time(duration) by(name) | topk(1)", vec!["name=GET 0:0.100 1:0.100"]),
        ("{ } | max_over_time(duration) by(name) | bottomk(1)", vec!["name=add 0:0.030 1:0.040"]),
        ("{ } | count_over_time() by(status) > 1", vec!["status=unset 0:6.000"]),
        (
            "({ status = error } | count_over_time()) / ({ } | count_over_time()) * 100",
            vec!["0:0.000 1:50.000"],
        ),
        (
            "({ } | count_over_time() by(name)) / ({ } | count_over_time())",
            vec!["name=GET 0:0.500 1:0.500", "name=add 0:0.500 1:0.500"],
        ),
        ("({ } | count_over_time()) / ({ status = ok } | count_over_time())", vec![""]),
        ("1 - ({ status = error } | rate()) * 60", vec!["0:1.000 1:0.000"]),
    ] {
        same(&ask(&query, text, Some(60)).await.unwrap(), &expected, text);
    }
}

#[tokio::test]
async fn a_comparison_tells_what_a_selection_has_more_often() {
    let query = filled().await;
    let answer = ask(&query, "{ } | compare({ status = error }, 1)", None).await.unwrap();
    let lines = written(&answer.series);
    for line in [
        "__meta_type=baseline,name=GET 0:4.000",
        "__meta_type=selection,name=add 0:1.000",
        "__meta_type=selection,resource.service.name=cart 0:1.000",
        "__meta_type=selection_total,status=nil 0:1.000",
        "__meta_type=baseline_total,status=nil 0:7.000",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} is not in {lines:#?}");
    }
}

#[tokio::test]
async fn too_many_steps_are_refused() {
    let query = filled().await;
    let text = "{ } | rate()";
    let Root::Metrics(metrics) = parse(text).unwrap().root else { panic!() };
    let request = Request {
        tenant: Tenant::default(),
        time: TimeRange { start: START, end: START + 100_000 * SECOND },
        step: Some(Duration::from_secs(1)),
        time_limit: Duration::from_secs(10),
    };
    let Err(Error::Invalid(reason)) = range(&query, &metrics, &request).await else { panic!() };
    assert!(reason.contains("ask for a longer step"), "{reason}");
}
