//! What a steady rate takes for minutes: time to the acknowledgement, cores, and memory.

use std::time::{Duration, Instant};

use r#gen::Rate;

use super::memory::{Memory, highest};
use super::{Folder, describe};
use crate::Setting;
use crate::corpus::{Corpus, REQUESTS_MAX};
use crate::figure::{Times, figure};
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// What came of a steady rate.
pub(super) struct Paced {
    pub(super) spans: u64,
    /// In seconds.
    pub(super) wall: f64,
    /// Of the server, in seconds.
    cpu: f64,
    pub(super) answers: Times,
    refused: u64,
    /// (seconds, MiB).
    memory: Vec<(f64, f64)>,
}

pub(crate) async fn run(setting: &Setting, rate: u64, time: Duration) -> anyhow::Result<Record> {
    let mut record = Record::new("steady");
    let mut paced = steady(setting, rate, time).await?;
    describe(&mut record, setting, paced.spans);
    record.parameter("spans per second", rate);
    record.parameter("minutes", time.as_secs() / 60);
    record.figures.extend([
        figure("spans per second of wall time", paced.spans as f64 / paced.wall, "/s"),
        figure("server cores busy", paced.cpu / paced.wall, ""),
        figure("acknowledged p50", paced.answers.quantile_ms(0.5), "ms"),
        figure("acknowledged p99", paced.answers.quantile_ms(0.99), "ms"),
        figure("requests acknowledged", paced.answers.count() as f64, ""),
        figure("requests refused and repeated", paced.refused as f64, ""),
        figure("server memory, highest", highest(&paced.memory), "MiB"),
    ]);
    record.series.push(("memory, MiB".to_owned(), paced.memory));
    record.remark("client and server share the machine's cores, so latency is worse than on two machines");
    Ok(record)
}

/// A steady rate for minutes, in parts that are made while the part before is being sent.
pub(super) async fn steady(setting: &Setting, rate: u64, time: Duration) -> anyhow::Result<Paced> {
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
    server.stop().await?;
    Ok(Paced { spans, wall, cpu, answers, refused, memory })
}
