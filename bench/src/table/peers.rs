//! Faden beside other engines that were asked the same.

use std::path::Path;

use serde::Deserialize;

use super::{number, read};
use crate::scenario::query::short;

/// What `bench/peers` records.
#[derive(Deserialize)]
struct Peers {
    spans: u64,
    versions: Versions,
    bytes_per_span: Columns<f64>,
    load_cpu_us_per_span: Columns<f64>,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Versions {
    clickhouse: String,
    duckdb: String,
}

/// A value for each engine; DuckDB reads Faden's files and has none of its own where it is absent.
#[derive(Deserialize)]
struct Columns<T> {
    faden: T,
    clickhouse_jaeger: T,
    clickhouse_otel: T,
    duckdb: Option<T>,
}

#[derive(Deserialize)]
struct Question {
    question: String,
    #[serde(flatten)]
    columns: Columns<Times>,
}

#[derive(Deserialize)]
struct Times {
    cpu_ms: f64,
}

pub(super) fn table(results: &Path) -> anyhow::Result<String> {
    let peers: Peers = read(results, "peers")?;
    let mut out = format!(
        "{} spans of `corpus-1`, CPU time of one thread in ms; ClickHouse {} in Jaeger's schema and in that of the\nCollector's exporter, DuckDB {} over Faden's own files, in the same run ([peers](bench/results/peers.json)).\n\n| | Faden | ClickHouse, Jaeger | ClickHouse, OTel | DuckDB |\n|---|--:|--:|--:|--:|\n",
        short(peers.spans),
        peers.versions.clickhouse,
        peers.versions.duckdb,
    );
    for Question { question, columns } in &peers.questions {
        out.push_str(&row(question, columns, |times| number(times.cpu_ms)));
    }
    out.push_str(&row("bytes per span on disk", &peers.bytes_per_span, |bytes| number(*bytes)));
    out.push_str(&row("µs of CPU to load a span, merging included", &peers.load_cpu_us_per_span, |us| {
        number(*us)
    }));
    Ok(out)
}

fn row<T>(name: &str, columns: &Columns<T>, shown: impl Fn(&T) -> String) -> String {
    let duckdb = columns.duckdb.as_ref().map_or_else(|| "–".to_owned(), &shown);
    let [faden, jaeger, otel] =
        [&columns.faden, &columns.clickhouse_jaeger, &columns.clickhouse_otel].map(&shown);
    format!("| {name} | {faden} | {jaeger} | {otel} | {duckdb} |\n")
}
