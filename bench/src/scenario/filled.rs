//! Stores that are filled once and asked often: each in a folder, with a file beside it that says what is in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use super::fill::{Filled, fill};
use crate::Setting;
use crate::corpus::{Corpus, Sample};
use crate::load::Sender;
use crate::server::{Keeps, Server};

/// A store at rest, and what to look for in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) folder: PathBuf,
    pub(crate) spans: u64,
    /// Bytes of all its files.
    pub(crate) bytes: u64,
    pub(crate) samples: Vec<Sample>,
    /// What filling it took of the server's CPU, in seconds.
    pub(crate) fill_cpu_s: f64,
}

/// The store of so many spans below `data`: the one that stands there, else a new one.
pub(crate) async fn stored(setting: &Setting, data: &Path, spans: u64) -> anyhow::Result<Stored> {
    let folder = data.join(format!("store-{spans}"));
    let note = data.join(format!("store-{spans}.json"));
    if let Ok(text) = std::fs::read(&note) {
        let stored = serde_json::from_slice(&text);
        return stored.with_context(|| format!("{} was written by another version", note.display()));
    }
    ensure!(
        !folder.exists(),
        "{} was not filled to its end: delete it, and run this again",
        folder.display()
    );
    let server = Server::start(setting, Keeps::Everything, &folder).await?;
    let sender = Sender::new(setting, &server.otlp)?;
    let Filled { spans, samples, .. } = fill(&sender, &mut Corpus::start(), spans).await?;
    server.settled().await?;
    let fill_cpu_s = server.usage()?.cpu.as_secs_f64();
    server.stop().await?;
    let bytes = super::size::bytes_by_kind(&folder)?.values().sum();
    let stored = Stored { folder, spans, bytes, samples, fill_cpu_s };
    std::fs::write(&note, serde_json::to_vec(&stored)?)?;
    Ok(stored)
}

/// A second folder with the same blocks, to which more can be added without changing the first: files that never change
/// are linked, others copied.
pub(crate) fn branch(stored: &Stored, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let mut folders = vec![(stored.folder.clone(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to)?;
        for entry in std::fs::read_dir(&from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            let is_block = entry.path().components().any(|part| part.as_os_str() == "blocks");
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), to));
            } else if is_block {
                std::fs::hard_link(entry.path(), to)?;
            } else {
                std::fs::copy(entry.path(), to)?;
            }
        }
    }
    Ok(())
}

/// Takes all files of a folder out of the kernel's cache.
pub(crate) fn evict(folder: &Path) -> anyhow::Result<()> {
    for path in super::files(folder)? {
        rustix::fs::fadvise(&std::fs::File::open(path)?, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}
