//! What it costs to take spans in and pass them on: the walk alone, in this process, and OTLP/gRPC over loopback into
//! a server that throws them away.

use anyhow::ensure;
use model::{Batch, Tenant};

use super::{Folder, describe, finish, profile};
use crate::Setting;
use crate::corpus::{Corpus, Requests};
use crate::figure::figure;
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// The server's own count of what it took over.
const ACCEPTED: &str = "otelcol_receiver_accepted_spans";

pub(crate) async fn run(setting: &Setting, spans: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("receive");
    let requests = Corpus::start().take(spans);
    describe(&mut record, setting, requests.spans);
    record.figures.push(figure(
        "bytes per span on the wire",
        requests.bytes as f64 / requests.spans as f64,
        "B",
    ));
    walk(&mut record, &requests)?;
    served(&mut record, setting, &requests).await?;
    record.remark(
        "the walk is one thread of this process; the server's figures are CPU time of its process alone",
    );
    Ok(record)
}

/// The median of several passes, by the thread's own CPU time, so that a busy machine distorts it little.
fn walk(record: &mut Record, requests: &Requests) -> anyhow::Result<()> {
    let mut passes = Vec::new();
    for _ in 0..WALKS {
        let start = thread_seconds();
        let mut spans = 0;
        for request in &requests.all {
            spans += Batch::admit(request.clone(), Tenant::default())?.batch.len();
        }
        passes.push((thread_seconds() - start) * 1e9 / spans as f64);
    }
    passes.sort_by(f64::total_cmp);
    let ns = passes[WALKS / 2];
    record.figures.push(figure("walk", ns, "ns per span"));
    record.figures.push(figure("walk, spans per second and core", 1e9 / ns, "/s"));
    Ok(())
}

/// How often all requests are walked.
const WALKS: usize = 5;

/// CPU time of this thread.
fn thread_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

async fn served(record: &mut Record, setting: &Setting, requests: &Requests) -> anyhow::Result<()> {
    let folder = Folder::new(setting, "receive")?;
    let server = Server::start(setting, Keeps::Nothing, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let warm = Requests { all: requests.all.iter().take(20).cloned().collect(), ..Requests::default() };
    sender.send(&warm, None).await?;
    let accepted_before = server.counted(ACCEPTED).await?;
    let profile = profile(setting, &server, &folder)?;
    let before = server.usage()?;
    let mut sent = sender.send(requests, None).await?;
    let cpu = (server.usage()?.cpu - before.cpu).as_secs_f64();
    finish(profile, record, setting)?;
    let spans = requests.spans as f64;
    let accepted = server.counted(ACCEPTED).await? - accepted_before;
    ensure!(accepted == spans, "the server counted {accepted} of {spans} spans");
    record.figures.extend([
        figure("routed, spans per second of server CPU", spans / cpu, "/s"),
        figure("routed, server CPU", cpu * 1e9 / spans, "ns per span"),
        figure("routed, spans per second of wall time", spans / sent.wall.as_secs_f64(), "/s"),
        figure("answer p50", sent.answers.quantile_ms(0.5), "ms"),
        figure("answer p99", sent.answers.quantile_ms(0.99), "ms"),
        figure("requests refused and repeated", sent.refused as f64, ""),
        figure("server memory at the end", server.memory_mib(), "MiB"),
    ]);
    server.stop().await
}
