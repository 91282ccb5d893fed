//! `faden export`: spans of a running server, or of a store that no server holds, as files.
//!
//! Spans are taken batch by batch and written as they come; the file appears under its name when it is whole and on disk.

mod form;
mod parquet;
mod source;
mod target;

use clap::{Args, ValueEnum};
use model::{Tenant, TraceId};
use query::Search;

use crate::cli::Server;
use crate::closed::{self, Missing};
use crate::exit::{Ended, Exit, Failure};
use crate::progress;
use crate::term::{self, Ink, Paint, When};
use crate::text;
use form::Written;
use source::Source;

/// Write spans to files: OTLP, Jaeger's JSON, Parquet
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden export --out backup --format parquet               everything, in a folder of Parquet files\n  faden export --last 1h --out hour.jsonl.zst              the spans of the last hour, as OTLP JSON\n  faden export --query 'status = error' --out errors.pb    whole traces in which something failed, as OTLP\n  faden export --trace 4bf92f3577b34da6a3ce929d0e0e4736 --format jaeger --out -\n  faden export --data ./faden-data --out all.pb.gz         of a store that no server holds\n\nA range of time alone exports the spans that start in it; conditions export the whole traces in which one span passes\nall of them. Jaeger's JSON has microseconds and no room for some fields; the other forms lose nothing.\n`faden import` reads all of them.\n\nExit codes: 0 written, 1 a problem was found, or a trace was not, 2 the question is wrong, 3 no server answers"
)]
pub struct Arguments {
    /// The file, or for Parquet the folder or the .parquet file; .gz and .zst compress; `-` is standard output
    #[arg(long, short, value_name = "PATH")]
    out: String,
    /// What is written; by default what the name says: .parquet, .json and .jsonl, else OTLP
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Conditions on one span: key op value, joined by && and ||
    #[arg(long, short, value_name = "QUERY")]
    query: Option<String>,
    /// Traces with spans of this service
    #[arg(long, short, value_name = "NAME")]
    service: Option<String>,
    /// These traces; may be given again
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    trace: Vec<TraceId>,
    /// Spans that start at this time or later
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    from: Option<String>,
    /// Spans that start before this time
    #[arg(long, value_name = "TIME", conflicts_with = "last")]
    to: Option<String>,
    /// Spans of the last while, such as 15m or 2d
    #[arg(long, value_name = "DURATION")]
    last: Option<String>,
    /// This data directory, which no server may hold, instead of the running server
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Whose spans, with --data; a server answers for one tenant alone
    #[arg(long, value_name = "NAME", requires = "data", value_parser = tenant)]
    tenant: Option<Tenant>,
    /// Replace what stands there already
    #[arg(long)]
    force: bool,
    /// The result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Parquet files, as the store keeps them
    Parquet,
    /// OTLP protobuf: one `TracesData`
    Otlp,
    /// OTLP JSON, one `TracesData` per line
    OtlpJson,
    /// Jaeger's JSON, as its UI downloads and uploads it
    Jaeger,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let format = arguments.format.unwrap_or_else(|| named(&arguments.out));
    let search = arguments.search()?;
    target::refuse_existing(&arguments.out, arguments.force)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::problem)?;
    let _inside = runtime.enter();
    let export = query::export::Export {
        tenant: arguments.tenant.clone().unwrap_or_default(),
        search,
        ids: arguments.trace.clone(),
        is_by_trace: format == Format::Jaeger,
    };
    let source = match &arguments.data {
        Some(data) => Source::Store(runtime.block_on(closed::open(data, Missing::Fails))?),
        None => Source::Server(Box::new(crate::api::Api::new(&arguments.server.url)?)),
    };
    let written = write(arguments, (format, &source), export);
    drop(source);
    runtime.shutdown_background();
    let written = written?;
    let missing = arguments.trace.iter().filter(|id| !written.chosen.contains(*id)).collect::<Vec<_>>();
    report(arguments, &written, term::stderr_paint(color));
    if missing.is_empty() {
        return Ok(Exit::Good);
    }
    let ids: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Err(Failure::problem(format!(
        "not found: {}\n       everything else was written; a trace that is not here was never sent, or is older than the store keeps",
        ids.join(", ")
    )))
}

fn write(
    arguments: &Arguments,
    (format, source): (Format, &Source),
    export: query::export::Export,
) -> Result<Written, Failure> {
    let plain = (!export.finds_traces()).then_some(export.search.time);
    let bar = progress::spans(if plain.is_some() { source.expected(arguments)? } else { None });
    let mut sink = form::open(format, &arguments.out, arguments.force)?;
    let mut written = Written::new(&arguments.trace);
    let is_folder = format == Format::Parquet && target::is_folder(&arguments.out);
    let mut batches = match (source, plain) {
        (Source::Store(engine), Some(time)) if is_folder => {
            source::copied(engine, (&export.tenant, time), &mut |meta| {
                sink.copy(engine, meta)?;
                written.note_copied(meta);
                bar.inc(meta.spans);
                Ok(())
            })?
        }
        _ => source.open(arguments, export)?,
    };
    while let Some(batch) = batches.blocking_recv() {
        let batch = batch?;
        bar.inc(batch.len() as u64);
        written.note(&batch);
        sink.put(batch)?;
    }
    written.files = sink.finish()?;
    bar.finish_and_clear();
    Ok(written)
}

impl Arguments {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let given = [
            ("q", &self.query),
            ("service", &self.service),
            ("start", &self.from),
            ("end", &self.to),
            ("last", &self.last),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect()
    }

    /// Read here as well, so that a mistake shows before anything is opened.
    fn search(&self) -> Result<Search, Failure> {
        let pairs = self.pairs();
        let now = model::Clock::now(&model::SystemClock);
        Search::read(pairs.iter().map(|(key, value)| (*key, value.as_str())), now).map_err(|unclear| {
            let flag = |name: &str| match name {
                "q" => "--query",
                "start" => "--from",
                "end" => "--to",
                "last" => "--last",
                _ => "--service",
            };
            let line = |one: &query::Unclear| {
                let remedy = one.remedy.as_ref().map_or(String::new(), |remedy| format!("\n       {remedy}"));
                format!("{}: {}{remedy}", flag(&one.parameter), one.message)
            };
            Failure::usage(unclear.iter().map(line).collect::<Vec<_>>().join("\n"))
        })
    }
}

/// On standard error, since standard output may be the file.
fn report(arguments: &Arguments, written: &Written, paint: Paint) {
    if arguments.json {
        let report = serde_json::json!({
            "spans": written.spans, "files": written.files.count, "bytes": written.files.bytes,
            "blocks_copied": written.copied,
        });
        term::complain(&format!("{report}\n"));
        return;
    }
    let copied = match written.copied {
        0 => String::new(),
        blocks => format!(", {} as they are", text::counted(blocks, "block")),
    };
    let line = format!(
        "{} in {}, {}{copied}\n",
        text::counted(written.spans, "span"),
        text::counted(written.files.count, "file"),
        text::bytes(written.files.bytes),
    );
    term::complain(&paint.ink(if written.spans > 0 { Ink::Plain } else { Ink::Yellow }, &line));
}

fn named(out: &str) -> Format {
    let plain = out.strip_suffix(".gz").or_else(|| out.strip_suffix(".zst")).unwrap_or(out);
    if plain.ends_with(".parquet") {
        Format::Parquet
    } else if plain.ends_with(".json") || plain.ends_with(".jsonl") {
        Format::OtlpJson
    } else {
        Format::Otlp
    }
}

/// Reads the name of a tenant.
pub fn tenant(text: &str) -> Result<Tenant, String> {
    Tenant::parse(text)
        .ok_or_else(|| "it has letters, digits, `-`, `_` and `.`, and is not too long".to_owned())
}

fn trace_id(text: &str) -> Result<TraceId, String> {
    TraceId::parse(text.trim()).ok_or_else(|| "it has 1 to 32 hexadecimal digits, and is not zero".to_owned())
}
