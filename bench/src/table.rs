//! The table of the README, made from the records in `bench/results/`.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::scenario::query::short;

const BEGIN: &str = "<!-- made by `cargo run -p bench -- table` from bench/results/ -->";
const END: &str = "<!-- end -->";

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

/// Puts the table into the README; answers whether anything changed.
pub(crate) fn write(readme: &Path, results: &Path) -> anyhow::Result<bool> {
    let text = std::fs::read_to_string(readme).with_context(|| format!("read {}", readme.display()))?;
    let with = replaced(&text, &made(results)?)?;
    if with == text {
        return Ok(false);
    }
    std::fs::write(readme, with)?;
    Ok(true)
}

fn replaced(readme: &str, table: &str) -> anyhow::Result<String> {
    let (before, rest) = readme.split_once(BEGIN).context("the README lacks the line before the table")?;
    let (_, after) = rest.split_once(END).context("the README lacks the line after the table")?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

fn made(results: &Path) -> anyhow::Result<String> {
    let path = results.join("peers.json");
    let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let peers: Peers = serde_json::from_slice(&text)?;
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

/// Two digits that matter, as many as a comparison needs.
fn number(value: f64) -> String {
    let digits = if value < 1.0 { 2 } else { usize::from(value < 20.0) };
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_says_what_was_recorded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let readme = std::fs::read_to_string(root.join("README.md")).expect("the README is there");
        let with = replaced(&readme, &made(&root.join("bench/results")).expect("there is a record"));
        let current = with.expect("the README has a place for it") == readme;
        assert!(current, "run `cargo run -p bench -- table`");
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        assert_eq!([0.123, 4.56, 123.4].map(number), ["0.12", "4.6", "123"]);
    }
}
