//! How long questions take over stores of several sizes.

use std::path::Path;

use super::{Recorded, number};

/// What is asked, as the scenario `query` names it.
const QUESTIONS: [&str; 21] = [
    "trace by id",
    "rare attribute value, no service",
    "newest 20 with errors",
    "newest 20 over 1 s",
    "newest 20 of service and operation",
    "newest 20 of service with errors over 100 ms",
    "longest 20",
    "TraceQL by a common attribute, newest 20",
    "TraceQL by structure, newest 20",
    "TraceQL by structure over an hour, newest 20",
    "rate by service in 60 steps",
    "count by service",
    "p99 by service",
    "who calls whom",
    "heatmap",
    "facets",
    "services with rates, errors, durations",
    "keys",
    "values of a key",
    "services",
    "operations of a service",
];

pub(super) fn table(results: &Path) -> anyhow::Result<String> {
    let record = Recorded::read(results, "query")?;
    let sizes: Vec<&str> = record.parameter("stores of spans")?.split(", ").collect();
    let rate = record.parameter("spans per second while asking").ok();
    let (mut heads, mut line) = (String::from("|"), String::from("|---|"));
    let mut columns = Vec::new();
    for size in &sizes {
        let at = if sizes.len() > 1 { format!(" at {size}") } else { String::new() };
        heads.push_str(&format!(" | {size} spans, ms | CPU"));
        line.push_str("--:|--:|");
        columns.extend(["p50", "server CPU"].map(|part| format!("{at}, {part}")));
        if let Some(rate) = rate {
            heads.push_str(&format!(" | under {rate} spans/s"));
            line.push_str("--:|");
            columns.push(format!("{at}, while spans come in, p50"));
        }
    }
    let mut out = format!("{heads} |\n{line}\n");
    for question in QUESTIONS {
        let values = columns.iter().map(|part| Ok(number(record.figure(&format!("{question}{part}"))?)));
        let values = values.collect::<anyhow::Result<Vec<String>>>()?;
        out.push_str(&format!("| {question} | {} |\n", values.join(" | ")));
    }
    Ok(out)
}
