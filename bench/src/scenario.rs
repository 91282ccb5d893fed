//! One file per scenario: what is done, and which figures come of it.

pub(crate) mod compact;
pub(crate) mod fill;
pub(crate) mod filled;
pub(crate) mod ingest;
pub(crate) mod left;
mod memory;
pub(crate) mod query;
pub(crate) mod receive;
pub(crate) mod recover;
mod searchable;
pub(crate) mod size;
pub(crate) mod steady;
pub(crate) mod trace;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::Setting;
use crate::profile::Profile;
use crate::record::Record;
use crate::server::Server;

/// A folder for data that goes away with the run, unless the user named one.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn new(setting: &Setting, name: &str) -> anyhow::Result<Self> {
        if let Some(path) = &setting.data {
            let path = path.join(name);
            ensure!(!path.exists(), "{} exists already; every run needs a fresh folder", path.display());
            return Ok(Self { path, _temporary: None });
        }
        let temporary = tempfile::tempdir().context("make a folder for data")?;
        Ok(Self { path: temporary.path().join(name), _temporary: Some(temporary) })
    }
}

/// All files below a folder.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let to = if entry.file_type()?.is_dir() { &mut folders } else { &mut files };
            to.push(entry.path());
        }
    }
    Ok(files)
}

fn describe(record: &mut Record, setting: &Setting, spans: u64) {
    record.parameter("corpus-1, spans", spans);
    record.parameter("spans per request", r#gen::corpus::REQUEST_SPANS);
    record.parameter("connections", setting.connections);
    record.parameter("requests in flight on each", setting.in_flight);
    if let Ok(binary) = crate::server::binary(setting) {
        record.parameter("server built", crate::machine::changed(&binary));
    }
}

/// Begins a profile of the server, where the user asked for one.
fn profile(setting: &Setting, server: &Server, folder: &Folder) -> anyhow::Result<Option<Profile>> {
    setting.profile.then(|| Profile::start(server.id(), &folder.path)).transpose()
}

/// Writes the profile beside the record.
fn finish(profile: Option<Profile>, record: &mut Record, setting: &Setting) -> anyhow::Result<()> {
    let Some(profile) = profile else { return Ok(()) };
    std::fs::create_dir_all(&setting.results)?;
    let name = format!("{}-profile.txt", record.scenario);
    profile.finish(&setting.results.join(&name))?;
    record.remark(format!("{name} says where the server's time went; sampling took some of it"));
    Ok(())
}
