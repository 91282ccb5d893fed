//! What Faden costs: one command per scenario, each leaving a record in `bench/results/`.
//!
//! Requests come from `corpus-1` and are made before the clock starts. The server is a child process whose CPU time is
//! read from `/proc`, so what the client costs does not count. README.md says what is and what is not measured.

#![expect(clippy::print_stdout, reason = "figures are for people at a terminal")]

mod corpus;
mod figure;
mod load;
mod machine;
mod profile;
mod record;
mod scenario;
mod server;
mod table;
mod web;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::scenario::{compact, ingest, query, receive, recover, size, steady, trace};

#[derive(Parser)]
#[command(about = "Measures Faden and records the figures in bench/results/")]
struct Command {
    #[command(subcommand)]
    scenario: Scenario,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Subcommand)]
enum Scenario {
    /// OTLP in, routed to an exporter that throws it away; and the walk alone
    Receive {
        #[arg(long, default_value_t = 2_000_000, help = "how many spans to send")]
        spans: u64,
    },
    /// OTLP in, fsynced, in blocks, as fast as it goes; and the acknowledgement at 100 MiB/s
    Ingest {
        #[arg(long, default_value_t = 2_000_000, help = "how many spans to send as fast as they are taken")]
        spans: u64,
    },
    /// OTLP in, fsynced, in blocks that are merged, at a steady rate for minutes
    Steady {
        #[arg(long, default_value_t = 100_000, help = "spans per second")]
        rate: u64,
        #[arg(long, default_value_t = 10, help = "for how long")]
        minutes: u64,
    },
    /// OTLP in, fsynced, in blocks that are merged until nothing is due
    Compact {
        #[arg(long, default_value_t = 9_000_000, help = "how many spans to send")]
        spans: u64,
    },
    /// Bytes on disk for each span, and whether every span is still there
    Size {
        #[arg(long, default_value_t = 2_000_000, help = "how many spans to keep")]
        spans: u64,
    },
    /// A start with a long journal of which nothing is in a block
    Recover {
        #[arg(long, default_value_t = 1024, help = "how long the journal is")]
        mebibytes: u64,
    },
    /// One large trace, as a page opens it
    Trace {
        #[arg(long, value_delimiter = ',', default_value = "100000,1000000", help = "how many spans it has")]
        spans: Vec<u64>,
    },
    /// Fills a store for `query`, which does it itself where it is missing
    Fill {
        #[arg(long, default_value_t = 4_000_000, help = "how many spans to fill the store with")]
        spans: u64,
    },
    /// Puts the tables into the README
    Table,
    /// Traces and searches over filled stores, at rest, cold, and while spans come in
    Query {
        #[arg(
            long,
            value_delimiter = ',',
            default_value = "4000000",
            help = "how many spans to fill the store with; several sizes show the growth"
        )]
        spans: Vec<u64>,
        #[arg(
            long,
            default_value_t = 20_000,
            help = "spans per second that come in during the second half; 0: none"
        )]
        rate: u64,
    },
}

/// What every scenario takes.
#[derive(Args)]
struct Setting {
    #[arg(long, global = true, help = "the faden binary; default: the one beside this program")]
    faden: Option<PathBuf>,
    #[arg(long, global = true, default_value_t = 4, help = "connections of the client")]
    connections: usize,
    #[arg(long, global = true, default_value_t = 4, help = "requests in flight on each connection")]
    in_flight: usize,
    #[arg(long, global = true, help = "where data goes; default: a folder under the system's temporary one")]
    data: Option<PathBuf>,
    #[arg(long, global = true, help = "also say where the server's time goes; takes some of it itself")]
    profile: bool,
    #[arg(long, global = true, default_value = "bench/results", help = "where records go")]
    results: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let command = Command::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let setting = &command.setting;
    if let Scenario::Table = command.scenario {
        let changed = table::write(std::path::Path::new("README.md"), &setting.results)?;
        println!("{}", if changed { "the README was changed" } else { "the README is current" });
        return Ok(());
    }
    if let Scenario::Fill { spans } = command.scenario {
        let data = setting.data.as_deref().context("say where with --data")?;
        std::fs::create_dir_all(data)?;
        let stored = runtime.block_on(scenario::filled::stored(setting, data, spans))?;
        println!("{} spans, {} bytes in {}", stored.spans, stored.bytes, stored.folder.display());
        return Ok(());
    }
    let record = runtime.block_on(async {
        match command.scenario {
            Scenario::Table | Scenario::Fill { .. } => unreachable!("both have ended"),
            Scenario::Receive { spans } => receive::run(setting, spans).await,
            Scenario::Ingest { spans } => ingest::run(setting, spans).await,
            Scenario::Steady { rate, minutes } => {
                steady::run(setting, rate, Duration::from_secs(60 * minutes)).await
            }
            Scenario::Compact { spans } => compact::run(setting, spans).await,
            Scenario::Size { spans } => size::run(setting, spans).await,
            Scenario::Recover { mebibytes } => recover::run(setting, mebibytes).await,
            Scenario::Trace { spans } => trace::run(setting, &spans).await,
            Scenario::Query { spans, rate } => query::run(setting, &spans, rate).await,
        }
    })?;
    println!("{}", record.markdown());
    let paths = record.write(&setting.results)?;
    println!("recorded in {paths}");
    Ok(())
}
