//! `faden import`: files of spans into a running server, or into a store that no server holds.
//!
//! A thread reads the files one after the other and cuts them into batches; [`BATCHES_WAITING_MAX`] wait for a sender,
//! then the reading waits. A file that turns out wrong ends the import there; what was read before is kept, and
//! importing again does no harm, since equal spans are joined when they are read.

mod read;
mod report;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::Args;
use export::Attempt;
use model::{Batch, Tenant};
use pipeline::Outcome;
use store::{WriteError, Writer};
use tokio::sync::mpsc;

use super::export::tenant;
use crate::closed::{self, Missing};
use crate::deliver::{self, Pace, Protocol, Route, Tally};
use crate::exit::{Ended, Exit, Failure};
use crate::term::{self, When};
use read::Files;
use report::Count;

/// Batches that wait for a sender; then the reading waits.
const BATCHES_WAITING_MAX: usize = 16;

/// Read files of spans into the store: OTLP, Jaeger's JSON, Faden's Parquet
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden import traces.json                       OTLP JSON, or what Jaeger's UI downloads\n  faden import export/*.parquet                  what `faden export --format parquet` wrote\n  zcat spans.pb.gz | faden import -              from a pipe\n  faden import --data ./faden-data old.jsonl.zst into a store that no server holds\n  faden import --dry-run traces.json             only read, and count\n\nThe form of a file is found in its first bytes, .gz and .zst as well: OTLP as protobuf or JSON (also many, on lines\nor not), the frames of the Collector's file exporter, Jaeger's JSON, Faden's Parquet.\n\nExit codes: 0 all of it was kept, 1 not all of it or a file is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// Files; `-` reads standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// This data directory, which no server may hold, instead of a running server
    #[arg(long, value_name = "DIR", conflicts_with_all = ["endpoint", "protocol"])]
    data: Option<String>,
    /// Whose spans they become, with --data; a server settles that itself
    #[arg(long, value_name = "NAME", requires = "data", value_parser = tenant)]
    tenant: Option<Tenant>,
    /// How spans are sent to the server
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Protocol,
    /// Where to; by default port 4317 or 4318 of this machine
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Batches under way at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    senders: u64,
    /// How long a batch that is put off is sent again
    #[arg(long, default_value = "30s", value_parser = duration, value_name = "DURATION")]
    retry_for: Duration,
    /// Read and count, and keep nothing
    #[arg(long)]
    dry_run: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let files = Files::find(&arguments.paths)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::problem)?;
    let count = Arc::new(Count::default());
    let read = runtime.block_on(import(arguments, files, &count));
    runtime.shutdown_background();
    let report = count.report(arguments.dry_run);
    term::say(&if arguments.json { report.json() } else { report.text(term::stdout_paint(color)) });
    read?;
    Ok(if report.is_all_kept() { Exit::Good } else { Exit::Problem })
}

async fn import(arguments: &Arguments, files: Files, count: &Arc<Count>) -> Result<(), Failure> {
    let (tx, rx) = mpsc::channel::<Batch>(BATCHES_WAITING_MAX);
    let (clients, engine) = keepers(arguments).await?;
    let tally: Arc<dyn Tally> = count.clone();
    let pace = Pace { senders: arguments.senders as usize, retry_for: arguments.retry_for };
    let senders = deliver::start(&clients, pace, rx, &tally);
    let counted = count.clone();
    let reading = tokio::task::spawn_blocking(move || files.read(&tx, &counted));
    let read = tokio::select! {
        read = reading => read.map_err(Failure::problem)?,
        _ = tokio::signal::ctrl_c() => Err(Failure::problem("stopped; import again to bring in the rest")),
    };
    if read.is_ok() {
        senders.finished().await;
    } else {
        // What was read before the fault is kept all the same, as far as that goes without waiting for long.
        let _late = tokio::time::timeout(arguments.retry_for, senders.finished()).await;
    }
    if let Some(engine) = engine {
        engine.close().await.map_err(Failure::problem)?;
    }
    read
}

type Keepers = (Vec<Arc<dyn Attempt>>, Option<Arc<blocks::Engine>>);

async fn keepers(arguments: &Arguments) -> Result<Keepers, Failure> {
    if arguments.dry_run {
        return Ok((vec![Arc::new(Nowhere)], None));
    }
    if let Some(data) = &arguments.data {
        let engine = closed::open(data, Missing::IsMade).await?;
        let tenant = arguments.tenant.clone().unwrap_or_default();
        return Ok((vec![Arc::new(Local { engine: engine.clone(), tenant })], Some(engine)));
    }
    let route = Route {
        protocol: arguments.protocol,
        endpoint: arguments.endpoint.clone(),
        compression: "none".to_owned(),
    };
    Ok((deliver::clients(&route, 1).await?, None))
}

/// Keeps nothing.
struct Nowhere;

#[async_trait]
impl Attempt for Nowhere {
    async fn attempt(&self, _: &Batch) -> Outcome {
        Outcome::Stored
    }
}

/// Keeps in a store of this process.
struct Local {
    engine: Arc<blocks::Engine>,
    tenant: Tenant,
}

#[async_trait]
impl Attempt for Local {
    async fn attempt(&self, batch: &Batch) -> Outcome {
        let batch = match Batch::read(batch.bytes().clone(), self.tenant.clone()) {
            Ok(batch) => batch,
            Err(error) => return Outcome::rejected(batch.len() as u64, "store", error.to_string()),
        };
        let spans = batch.len() as u64;
        match self.engine.write(batch).await {
            Ok(()) => Outcome::Stored,
            Err(WriteError::Retry { after, reason }) => Outcome::retry(after, "store", reason),
            Err(WriteError::Refused { reason }) => Outcome::rejected(spans, "store", reason),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text)
        .ok_or_else(|| "write a number with its unit, such as 200ms, 10s or 5m".to_owned())
}
