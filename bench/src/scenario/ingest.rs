//! What it costs to keep spans: OTLP/gRPC over loopback, fsynced before the answer, in searchable blocks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use r#gen::Rate;

use super::size::bytes_by_kind;
use super::{Folder, describe, finish, profile};
use crate::Setting;
use crate::corpus::{Corpus, REQUESTS_MAX, Requests};
use crate::figure::{Times, figure};
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// After the last answer, work in the background is waited for until the server has been idle for this long.
const IDLE: Duration = Duration::from_secs(2);

/// … at most so long, since a block may also be cut by time.
const IDLE_MAX: Duration = Duration::from_secs(90);

pub(crate) async fn run(
    setting: &Setting,
    spans: u64,
    paced: Option<(u64, Duration)>,
) -> anyhow::Result<Record> {
    let mut record = Record::new("ingest");
    let mut corpus = Corpus::start();
    let requests = corpus.take(spans);
    describe(&mut record, setting, requests.spans);
    fast(&mut record, setting, &requests).await?;
    if let Some((rate, time)) = paced {
        steady(&mut record, setting, rate, time).await?;
    }
    record.remark(
        "CPU is user and system time of the server's process, the work after the last answer included",
    );
    record.remark("client and server share the machine's cores, so wall time and latency are worse than on two machines");
    Ok(record)
}

async fn fast(record: &mut Record, setting: &Setting, requests: &Requests) -> anyhow::Result<()> {
    let folder = Folder::new(setting, "ingest")?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let memory = Memory::watch(&server);
    let profile = profile(setting, &server, &folder)?;
    let before = server.usage()?;
    let mut sent = sender.send(requests, None).await?;
    let answered = server.usage()?;
    settle(&server).await?;
    let after = server.usage()?;
    finish(profile, record, setting)?;
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let spans = requests.spans as f64;
    record.figures.extend([
        figure("kept, spans per second of server CPU", spans / cpu, "/s"),
        figure("kept, server CPU", cpu * 1e6 / spans, "µs per span"),
        figure(
            "… of which until the last answer",
            (answered.cpu - before.cpu).as_secs_f64() * 1e6 / spans,
            "µs per span",
        ),
        figure("kept, spans per second of wall time", spans / sent.wall.as_secs_f64(), "/s"),
        figure(
            "kept, MiB per second of wall time",
            requests.bytes as f64 / 1048576.0 / sent.wall.as_secs_f64(),
            "MiB/s",
        ),
        figure("acknowledged p50", sent.answers.quantile_ms(0.5), "ms"),
        figure("acknowledged p99", sent.answers.quantile_ms(0.99), "ms"),
        figure("acknowledged, slowest", sent.answers.quantile_ms(1.0), "ms"),
        figure("requests refused and repeated", sent.refused as f64, ""),
        figure("bytes written to disk", (after.written - before.written) as f64 / spans, "B per span"),
    ]);
    for (name, time) in server.threads() {
        if time > Duration::from_millis(50) {
            record.figures.push(figure(
                format!("CPU of threads `{name}`"),
                time.as_secs_f64() * 1e6 / spans,
                "µs per span",
            ));
        }
    }
    let memory = memory.series();
    record.figures.push(figure("server memory, highest", highest(&memory), "MiB"));
    record.series.push(("memory at full speed, MiB".to_owned(), memory));
    server.stop().await?;
    let on_disk: u64 = bytes_by_kind(&folder.path)?.values().sum();
    record.figures.push(figure("on disk after the end", on_disk as f64 / spans, "B per span"));
    Ok(())
}

/// A steady rate for minutes, in parts that are made while the part before is being sent.
async fn steady(record: &mut Record, setting: &Setting, rate: u64, time: Duration) -> anyhow::Result<()> {
    let folder = Folder::new(setting, "paced")?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let memory = Memory::watch(&server);
    let before = server.usage()?;
    let start = Instant::now();
    let (mut spans, mut answers, mut refused) = (0, Times::default(), 0);
    let mut corpus = Corpus::start();
    let part_spans = (rate * 10).min(REQUESTS_MAX as u64 * 1_000);
    let mut part = corpus.take(part_spans);
    while start.elapsed() < time {
        let making = tokio::task::spawn_blocking(move || {
            let part = corpus.take(part_spans);
            (corpus, part)
        });
        let sent = sender.send(&part, Some(Rate::Constant(rate as f64))).await?;
        spans += part.spans;
        refused += sent.refused;
        answers.extend(sent.answers);
        (corpus, part) = making.await?;
    }
    let wall = start.elapsed().as_secs_f64();
    let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64();
    let memory = memory.series();
    record.parameter("paced run, spans per second", rate);
    record.parameter("paced run, seconds", time.as_secs());
    record.figures.extend([
        figure("paced, spans per second of wall time", spans as f64 / wall, "/s"),
        figure("paced, server cores busy", cpu / wall, ""),
        figure("paced, acknowledged p50", answers.quantile_ms(0.5), "ms"),
        figure("paced, acknowledged p99", answers.quantile_ms(0.99), "ms"),
        figure("paced, requests acknowledged", answers.count() as f64, ""),
        figure("paced, requests refused and repeated", refused as f64, ""),
        figure("paced, server memory, highest", highest(&memory), "MiB"),
    ]);
    record.series.push(("memory in the paced run, MiB".to_owned(), memory));
    server.stop().await
}

/// Waits until the server has nothing left to do.
async fn settle(server: &Server) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut last = server.usage()?.cpu;
    while start.elapsed() < IDLE_MAX {
        tokio::time::sleep(IDLE).await;
        let now = server.usage()?.cpu;
        if now - last < IDLE / 50 {
            break;
        }
        last = now;
    }
    Ok(())
}

/// Looks at a process's memory again and again.
pub(super) struct Memory {
    task: tokio::task::JoinHandle<()>,
    series: std::sync::Arc<std::sync::Mutex<Vec<(f64, f64)>>>,
}

impl Memory {
    pub(super) fn watch(server: &Server) -> Self {
        let status = PathBuf::from(format!("/proc/{}/status", server.id()));
        let series = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let seen = std::sync::Arc::clone(&series);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            loop {
                let mib = crate::server::memory_mib(&status);
                seen.lock()
                    .expect("nothing panics while it is held")
                    .push((start.elapsed().as_secs_f64(), mib));
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { task, series }
    }

    pub(super) fn series(self) -> Vec<(f64, f64)> {
        self.task.abort();
        std::mem::take(&mut self.series.lock().expect("nothing panics while it is held"))
    }
}

pub(super) fn highest(series: &[(f64, f64)]) -> f64 {
    series.iter().map(|(_, mib)| *mib).fold(0.0, f64::max)
}
