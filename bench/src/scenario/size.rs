//! How many bytes a span takes on disk, and whether each of them is still there.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::ensure;

use super::fill::fill;
use super::searchable::searchable;
use super::{Folder, describe};
use crate::Setting;
use crate::corpus::Corpus;
use crate::figure::figure;
use crate::load::Sender;
use crate::record::Record;
use crate::server::{Keeps, Server};

pub(crate) async fn run(setting: &Setting, spans: u64) -> anyhow::Result<Record> {
    let mut record = Record::new("size");
    let folder = Folder::new(setting, "size")?;
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let filled = fill(&sender, &mut Corpus::start(), spans).await?;
    describe(&mut record, setting, filled.spans);
    server.stop().await?;

    let kinds = bytes_by_kind(&folder.path)?;
    let all: u64 = kinds.values().sum();
    let per_span = |bytes: u64| bytes as f64 / filled.spans as f64;
    record.figures.push(figure("on the wire", per_span(filled.bytes), "B per span"));
    record.figures.push(figure("on disk, all files", per_span(all), "B per span"));
    for (kind, bytes) in &kinds {
        record.figures.push(figure(format!("of which *.{kind}"), per_span(*bytes), "B per span"));
    }
    let start = Instant::now();
    let server = Server::start(setting, Keeps::Everything, &folder.path).await?;
    record.figures.push(figure("ready again after", start.elapsed().as_secs_f64(), "s"));
    let found = searchable(&server.web).await?;
    record.figures.push(figure("everything counted after", start.elapsed().as_secs_f64(), "s"));
    record.figures.push(figure("spans that were acknowledged", filled.spans as f64, ""));
    record.figures.push(figure("spans that are found after a restart", found as f64, ""));
    server.stop().await?;
    ensure!(found == filled.spans, "{found} of {} acknowledged spans were found", filled.spans);
    record.remark("measured after an orderly stop, which cuts the open block; folders and file system blocks are not counted");
    Ok(record)
}

/// Bytes of all files below a folder, by the end of their names.
pub(crate) fn bytes_by_kind(folder: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut kinds = BTreeMap::new();
    for path in super::files(folder)? {
        let kind = path.extension().map_or("other".into(), |kind| kind.to_string_lossy().into_owned());
        *kinds.entry(kind).or_default() += path.metadata()?.len();
    }
    Ok(kinds)
}
