//! What taking, keeping and finding again costs, a line for each measure.

use std::path::Path;

use super::{Recorded, number};

/// What the README calls a figure, its scenario, its name there, and the unit that the number is shown in.
const LINES: [(&str, &str, &str, Unit); 11] = [
    ("receive and route, OTLP/gRPC", "receive", "routed, spans per second of server CPU", Unit::SpansPerCore),
    (
        "OTLP/gRPC → fsynced → searchable blocks",
        "ingest",
        "kept, spans per second of server CPU",
        Unit::SpansPerCore,
    ),
    ("… and merged", "compact", "kept and merged, spans per second of server CPU", Unit::SpansPerCore),
    (
        "acknowledged after fsync, p99, at 100 MiB/s",
        "ingest",
        "at 100 MiB/s, acknowledged p99",
        Unit::Milliseconds,
    ),
    ("memory at 100,000 spans/s, highest", "steady", "server memory, highest", Unit::Mebibytes),
    ("cores busy then", "steady", "server cores busy", Unit::None),
    (
        "on disk, merged, everything kept, indexes included",
        "compact",
        "blocks after, with indexes",
        Unit::BytesPerSpan,
    ),
    (
        "accepting after a crash with 1 GiB of journal",
        "recover",
        "first span acknowledged after",
        Unit::Seconds,
    ),
    ("everything found after it", "recover", "everything found after", Unit::Seconds),
    (
        "skeleton of a trace of 100,000 spans",
        "trace",
        "skeleton of 100000 spans, from blocks, server CPU",
        Unit::Milliseconds,
    ),
    (
        "… of 1,000,000 spans",
        "trace",
        "skeleton of 1000000 spans, from blocks, server CPU",
        Unit::Milliseconds,
    ),
];

#[derive(Clone, Copy)]
enum Unit {
    SpansPerCore,
    Milliseconds,
    Mebibytes,
    BytesPerSpan,
    Seconds,
    None,
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Self::SpansPerCore if value >= 1e6 => format!("{} M spans/s per core", number(value / 1e6)),
            Self::SpansPerCore => format!("{} k spans/s per core", number(value / 1e3)),
            Self::Milliseconds => format!("{} ms", number(value)),
            Self::Mebibytes => format!("{} MiB", number(value)),
            Self::BytesPerSpan => format!("{} bytes per span", number(value)),
            Self::Seconds => format!("{} s", number(value)),
            Self::None => number(value),
        }
    }
}

pub(super) fn table(results: &Path) -> anyhow::Result<String> {
    let mut out = "| | | record |\n|---|---|---|\n".to_owned();
    for (says, scenario, name, unit) in LINES {
        let value = Recorded::read(results, scenario)?.figure(name)?;
        out.push_str(&format!(
            "| {says} | {} | [{scenario}](bench/results/{scenario}.md) |\n",
            unit.shown(value)
        ));
    }
    Ok(out)
}
