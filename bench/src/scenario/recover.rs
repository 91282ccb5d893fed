//! A start after a crash with a long journal: how soon spans are taken again, and how soon everything is found.
//!
//! The journal is written here as the engine writes it, none of it committed: the worst that a crash after an outage of
//! the object store leaves behind.

use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use bytes::{BufMut, BytesMut};
use journal::{Directory, Frame, Journal};
use model::Clock;

use super::searchable::searchable;
use super::{Folder, describe, finish, profile};
use crate::Setting;
use crate::corpus::Corpus;
use crate::figure::figure;
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

/// Spans that are made at once.
const PART: u64 = 200_000;

/// Frames that share one fsync.
const FRAMES_AT_ONCE: usize = 64;

/// Frames of this kind and this version hold spans (`docs/format/journal.md`).
const SPANS: u8 = 1;
const VERSION: u8 = 1;

pub(crate) async fn run(setting: &Setting, mebibytes: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("recover");
    let folder = Folder::new(setting, "recover")?;
    let disk = Arc::new(Directory::open(folder.path.join("journal"))?);
    let (journal, _) = journal::open(disk, journal::Settings::default())?;
    let (mut corpus, mut spans) = (Corpus::start(), 0);
    while journal.stat().bytes < mebibytes << 20 {
        let part = corpus.take(PART);
        append(&journal, &part.all).await?;
        spans += part.spans;
        eprint!("\r{} MiB of journal ", journal.stat().bytes >> 20);
    }
    eprintln!();
    let bytes = journal.stat().bytes;
    journal.close();
    drop(journal);
    describe(&mut record, setting, spans);
    record.parameter("MiB of journal", bytes >> 20);

    let start = Instant::now();
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let profile = profile(setting, &server, &folder)?;
    let last = corpus.take(1);
    Sender::new(setting, &server.otlp)?.send(&last, None).await?;
    let accepting = start.elapsed();
    let found = searchable(&server.web).await?;
    let searchable = start.elapsed();
    let (cpu, memory) = (server.usage()?.cpu, server.memory_mib());
    finish(profile, &mut record, setting)?;
    ensure!(found == spans + last.spans, "{found} of {} spans were found", spans + last.spans);
    record.figures.push(figure("first span acknowledged after", accepting.as_secs_f64(), "s"));
    record.figures.push(figure("everything found after", searchable.as_secs_f64(), "s"));
    record.figures.push(figure("spans in the journal", spans as f64, ""));
    record.figures.push(figure("journal on disk", bytes as f64 / spans as f64, "B per span"));
    record.figures.push(figure("read again, per second", spans as f64 / searchable.as_secs_f64(), "spans"));
    record.figures.push(figure("server CPU until then", cpu.as_secs_f64(), "s"));
    record.figures.push(figure("memory then", memory, "MiB"));
    record.remark("nothing of the journal was in a block; the journal's files were written moments before, so the kernel has them in its cache");
    server.stop().await?;
    Ok(record)
}

/// Appends requests as the engine does.
async fn append(journal: &Journal, requests: &[bytes::Bytes]) -> anyhow::Result<()> {
    let received_ns = model::SystemClock.now();
    let frame = |request: &bytes::Bytes| {
        let mut meta = BytesMut::new();
        meta.put_u8(VERSION);
        meta.put_u64_le(received_ns);
        meta.put_slice(model::Tenant::default().as_str().as_bytes());
        journal.append(Frame::new(SPANS, meta.freeze(), request.clone()))
    };
    for some in requests.chunks(FRAMES_AT_ONCE) {
        futures_util::future::try_join_all(some.iter().map(frame)).await?;
    }
    Ok(())
}
