//! `faden gen`: realistic traffic, sent over OTLP or written to a file.
//!
//! Requests are made one after the other at the asked rate and wait for a sender in a queue of
//! [`QUEUE_MAX`]; when senders cannot keep up, making waits. At the end the ledger says what became of every span.

mod file;
mod ledger;
mod make;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;

use crate::deliver::{self, Pace, Protocol, Route, Tally};
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, When};
use ledger::{Ledger, Progress};
use make::Maker;

/// Requests that wait for a sender.
const QUEUE_MAX: usize = 16;

/// Send realistic traffic: services that call each other, errors, slow paths
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden gen                                              500 spans/s until Ctrl-C\n  faden gen --rate 20000 --duration 1m --protocol http\n  faden gen --rate '500 spike 5000 for 10s every 60s' --services 20\n  faden gen --fault 'payment:latency+300ms' --fault 'cart:error 20%'\n  faden gen --spans 100000 --rate max --file corpus.pb   the same bytes for the same seed\n\nExit codes: 0 all of it was acknowledged, 1 not all of it, 3 no server answers"
)]
pub struct Arguments {
    /// Spans per second, `max`, or `500 spike 5000 for 10s every 60s`
    #[arg(long, default_value = "500")]
    rate: String,
    /// How long; otherwise until Ctrl-C
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    duration: Option<Duration>,
    /// How many spans (a few more, so that the last traces are whole)
    #[arg(long)]
    spans: Option<u64>,
    /// How many services call each other
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    services: u64,
    /// The most spans from a root down to a leaf
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    depth: u64,
    /// Spans of an average trace
    #[arg(long, default_value_t = 11.0, value_name = "SPANS")]
    trace_spans: f64,
    /// The share of spans that fail
    #[arg(long, default_value = "5%", value_parser = share, value_name = "SHARE")]
    errors: f64,
    /// What goes wrong besides, such as `payment:latency+300ms` or `cart:error 20%`; may be given again
    #[arg(long, value_name = "SERVICE:FAULT")]
    fault: Vec<String>,
    /// The same seed gives the same traffic
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The frozen traffic of the benchmarks (corpus-1), instead of the flags above
    #[arg(long, conflicts_with_all = ["services", "depth", "trace_spans", "errors", "fault", "seed"])]
    corpus: bool,
    /// Spans in one request, at most
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000), value_name = "SPANS")]
    request_spans: u64,
    /// How it is sent
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Protocol,
    /// Where to; by default port 4317 or 4318 of this machine
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// How requests are compressed: none, gzip, zstd, snappy
    #[arg(long, default_value = "none", value_name = "NAME")]
    compression: String,
    /// Requests under way at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    senders: u64,
    /// Connections that they share
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    connections: u64,
    /// How long a request that is put off is sent again
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    retry_for: Duration,
    /// Write to a file instead: OTLP JSON lines (.json, .jsonl), or protobuf with four bytes of length before each
    #[arg(long, value_name = "PATH")]
    file: Option<std::path::PathBuf>,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let maker = Maker::new(arguments)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::problem)?;
    let ledger = Arc::new(Ledger::default());
    let ended = match &arguments.file {
        Some(path) => file::write(maker, path, &ledger),
        None => runtime.block_on(deliver(arguments, maker, &ledger)),
    };
    runtime.shutdown_background();
    let result = ended?;
    term::say(&if arguments.json { result.json() } else { result.text(term::stdout_paint(color)) });
    Ok(if result.is_all_taken() { Exit::Good } else { Exit::Problem })
}

async fn deliver(
    arguments: &Arguments,
    maker: Maker,
    ledger: &Arc<Ledger>,
) -> Result<ledger::Report, Failure> {
    let route = Route {
        protocol: arguments.protocol,
        endpoint: arguments.endpoint.clone(),
        compression: arguments.compression.clone(),
    };
    let clients = deliver::clients(&route, arguments.connections).await?;
    let (tx, rx) = mpsc::channel::<make::Made>(QUEUE_MAX);
    let started = tokio::time::Instant::now();
    let pace = Pace { senders: arguments.senders as usize, retry_for: arguments.retry_for };
    let tally: Arc<dyn Tally> = ledger.clone();
    let senders = deliver::start(&clients, pace, rx, &tally);
    let progress = Progress::new(arguments.duration, arguments.spans);
    let made = tokio::select! {
        made = maker.run(tx, ledger, &progress) => made,
        _ = tokio::signal::ctrl_c() => ledger.made(),
    };
    let finished = tokio::select! {
        () = senders.finished() => true,
        _ = tokio::signal::ctrl_c() => false,
    };
    progress.finish();
    if !finished {
        term::complain("stopped; what was under way is not counted as acknowledged\n");
    }
    Ok(ledger.report(made, started.elapsed()))
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text)
        .ok_or_else(|| "write a number with its unit, such as 200ms, 10s or 5m".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let (number, divisor) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|number| number / divisor);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "write a share such as 5% or 0.05".to_owned())
}
