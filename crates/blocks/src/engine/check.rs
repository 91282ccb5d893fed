//! Reads everything once and compares checksums; changes nothing, and needs no lock.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use super::{
    JOURNAL,
    clock::Watch,
    shelf::{FILES, Shelf},
    stat::Stat,
};
use crate::{
    error::{Doing, Next, Result},
    manifest::{BlockMeta, Damage, Manifest, Note},
    retain::{self, Inventory},
    settings::Settings,
};
use futures_util::TryStreamExt;
use journal::Directory;
use model::Clock;

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of blocks that were read.
    pub bytes: u64,
    /// Bytes of blocks to be read in all.
    pub bytes_total: u64,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Blocks that were read.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files of the manifest that were read.
    pub manifest_files: u64,
    /// Whole frames in the journal.
    pub journal_frames: u64,
    /// Every file that cannot be trusted.
    pub damages: Vec<Damage>,
    /// Blocks with files but without an entry: left behind by a crash, deleted after a while.
    pub orphans: Vec<String>,
}

/// The URL at which the blocks of this data directory live, if a server that held it last kept them elsewhere.
#[must_use]
pub fn home(path: &Path) -> Option<String> {
    Note::url(path)
}

/// Checks the store at these settings, whether or not a process holds it.
///
/// # Errors
/// If the manifest cannot be read at all; damage to anything else is in the report.
pub async fn check(settings: &Settings, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report> {
    let (shelf, manifest) = open(settings).await?;
    let mut report = Report::default();
    report.manifest_files = manifest.check(&mut report.damages).await?;
    let metas = || manifest.state().blocks.values().map(|block| &block.meta);
    let bytes_total = metas().map(|meta| meta.data_bytes + meta.index_bytes).sum();
    for meta in metas() {
        check_block(&shelf, meta, &mut report, &mut |bytes| progress(Progress { bytes, bytes_total })).await;
    }
    let listed: BTreeSet<&String> = manifest.state().blocks.keys().collect();
    let files = shelf.list().await?;
    let unlisted =
        files.keys().filter(|id| !listed.contains(id) && !manifest.state().removed.contains_key(*id));
    report.orphans = unlisted.cloned().collect();
    check_journal(settings, &mut report)?;
    Ok(report)
}

/// What the store at these settings holds, whether or not a process holds it.
///
/// # Errors
/// If the manifest cannot be read.
pub async fn stat(settings: &Settings, clock: &dyn Clock) -> Result<Stat> {
    let (_, manifest) = open(settings).await?;
    let journal = settings.path.join(JOURNAL);
    let files = std::fs::read_dir(journal).into_iter().flatten().flatten();
    let journal_bytes = files.filter_map(|file| file.metadata().ok()).map(|metadata| metadata.len()).sum();
    let doubt = Watch::open(&settings.path).doubt();
    Ok(Stat { journal_bytes, clock: doubt, ..Stat::of_state(manifest.state(), settings, clock.now()) })
}

/// What the store at these settings keeps, sorted, whether or not a process holds it.
///
/// # Errors
/// If the manifest cannot be read.
pub async fn inventory(settings: &Settings, clock: &dyn Clock) -> Result<Inventory> {
    let (_, manifest) = open(settings).await?;
    let disk_bytes =
        rustix::fs::statvfs(&settings.path).map_or(0, |space| space.f_blocks.saturating_mul(space.f_frsize));
    let bytes_max = settings.retention.bytes.map(|quota| quota.bytes(disk_bytes));
    Ok(retain::inventory(manifest.state(), settings, bytes_max, clock.now()))
}

pub(super) async fn open(settings: &Settings) -> Result<(Shelf, Manifest)> {
    let shelf = Shelf::new(settings)?;
    let (objects, root) = shelf.objects();
    // Read before the manifest, which a running server may go on with.
    let note = Note::read(settings);
    let manifest = Manifest::open_noted(objects, root, settings.limits.checkpoint_entries, note).await?;
    Ok((shelf, manifest))
}

/// Are the files of a block what the manifest lists?
pub(super) async fn is_sound(shelf: &Shelf, meta: &BlockMeta) -> bool {
    let mut report = Report::default();
    check_block(shelf, meta, &mut report, &mut |_| {}).await;
    report.damages.is_empty()
}

async fn check_block(
    shelf: &Shelf,
    meta: &BlockMeta,
    report: &mut Report,
    progress: &mut (dyn FnMut(u64) + Send),
) {
    report.blocks += 1;
    let expected = [(meta.data_bytes, meta.data_crc), (meta.index_bytes, meta.index_crc)];
    for (file, expected) in FILES.into_iter().zip(expected) {
        let what = match sum(shelf, &meta.id, file, report, progress).await {
            Ok(found) if found == expected => continue,
            Ok((bytes, _)) if bytes != expected.0 => {
                format!("it has {bytes} bytes instead of {}", expected.0)
            }
            Ok(_) => "its checksum does not hold".into(),
            Err(error) => error.to_string(),
        };
        report.damages.push(Damage { file: format!("{}/{file}", meta.id), what });
    }
}

/// Length and checksum of a file.
async fn sum(
    shelf: &Shelf,
    id: &str,
    file: &str,
    report: &mut Report,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(u64, u32)> {
    let mut content = shelf.read(id, file).await?;
    let (mut length, mut crc) = (0, 0);
    while let Some(bytes) = content.try_next().await.doing(Next::Retry, "read a block")? {
        crc = crc32c::crc32c_append(crc, &bytes);
        length += bytes.len() as u64;
        report.bytes += bytes.len() as u64;
        progress(report.bytes);
    }
    Ok((length, crc))
}

fn check_journal(settings: &Settings, report: &mut Report) -> Result<()> {
    let path = settings.path.join(JOURNAL);
    if !path.is_dir() {
        return Ok(());
    }
    let doing = || format!("read the journal in {}", path.display());
    let disk = Directory::open(&path).doing(Next::Retry, doing())?;
    let mut replay = journal::replay(Arc::new(disk)).doing(Next::Retry, doing())?;
    for frame in replay.by_ref() {
        if let Err(error) = frame {
            report.damages.push(Damage { file: path.display().to_string(), what: error.to_string() });
        }
    }
    let tally = replay.tally();
    report.journal_frames = tally.frames;
    if tally.damaged > 0 {
        let what = format!("{} frames are damaged", tally.damaged);
        report.damages.push(Damage { file: path.display().to_string(), what });
    }
    Ok(())
}
