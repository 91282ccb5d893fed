//! What it costs to keep spans and to merge their blocks: OTLP/gRPC → fsynced → L0 → L1, until nothing is due any more.

use super::memory::{Memory, highest};
use super::{Folder, describe, finish, profile};
use crate::Setting;
use crate::corpus::Corpus;
use crate::figure::figure;
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

pub(crate) async fn run(setting: &Setting, spans: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("compact");
    let folder = Folder::new(setting, "compact")?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let memory = Memory::watch(&server);
    let profile = profile(setting, &server, &folder)?;
    let before = server.usage()?;
    let filled = super::fill::fill(&sender, &mut Corpus::start(), spans).await?;
    let answered = server.usage()?;
    describe(&mut record, setting, filled.spans);
    server.settled().await?;
    let after = server.usage()?;
    finish(profile, &mut record, setting)?;
    let spans = filled.spans as f64;
    let each = |seconds: f64| seconds * 1e6 / spans;
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let merged = server.counted("faden_compaction_spans_total").await?;
    let seconds = server.counted("faden_compaction_seconds_sum").await?;
    let (blocks, bytes) =
        (server.counted("faden_blocks").await?, server.counted("faden_blocks_bytes").await?);
    anyhow::ensure!(merged > 0.0, "nothing was merged: send more spans");
    record.figures.extend([
        figure("kept and merged, spans per second of server CPU", spans / cpu, "/s"),
        figure("kept and merged, server CPU", each(cpu), "µs per span"),
        figure(
            "of which until the last answer",
            each((answered.cpu - before.cpu).as_secs_f64()),
            "µs per span",
        ),
        figure("spans that were merged, each time counted", merged, ""),
        figure("merging, spans per second of wall time, pauses included", merged / seconds, "/s"),
        figure("blocks after", blocks, ""),
        figure("blocks after, with indexes", bytes / spans, "B per span"),
        figure("bytes written to disk", (after.written - before.written) as f64 / spans, "B per span"),
    ]);
    let memory = memory.series();
    record.figures.push(figure("server memory, highest", highest(&memory), "MiB"));
    record.series.push(("memory, MiB".to_owned(), memory));
    server.stop().await?;
    record.remark(
        "until no block is due to be merged; the client makes its requests meanwhile, on the same cores",
    );
    record
        .remark("spans that were in no block yet at the end are in the CPU, but not in the bytes of blocks");
    Ok(record)
}
