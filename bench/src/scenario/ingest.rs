//! What it costs to keep spans: OTLP/gRPC over loopback, fsynced before the answer, in searchable blocks.

use std::time::{Duration, Instant};

use super::memory::{Memory, highest};
use super::size::bytes_by_kind;
use super::steady::steady;
use super::{Folder, describe, finish, profile};
use crate::Setting;
use crate::corpus::{Corpus, Requests};
use crate::figure::figure;
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// After the last answer, work in the background is waited for until the server has been idle for this long.
const IDLE: Duration = Duration::from_secs(2);

/// … at most so long, since a block may also be cut by time.
const IDLE_MAX: Duration = Duration::from_secs(90);

/// What the acknowledgement is timed at besides, in MiB of requests per second, and for how long.
const PACE: (f64, Duration) = (100.0, Duration::from_secs(20));

pub(crate) async fn run(setting: &Setting, spans: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("ingest");
    let mut corpus = Corpus::start();
    let requests = corpus.take(spans);
    describe(&mut record, setting, requests.spans);
    fast(&mut record, setting, &requests).await?;
    let rate = PACE.0 * 1024.0 * 1024.0 * requests.spans as f64 / requests.bytes as f64;
    let mut paced = steady(setting, rate as u64, PACE.1).await?;
    let at = format!("at {} MiB/s", PACE.0);
    record.figures.extend([
        figure(format!("{at}, spans per second of wall time"), paced.spans as f64 / paced.wall, "/s"),
        figure(format!("{at}, acknowledged p50"), paced.answers.quantile_ms(0.5), "ms"),
        figure(format!("{at}, acknowledged p99"), paced.answers.quantile_ms(0.99), "ms"),
    ]);
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
