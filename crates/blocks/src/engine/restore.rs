//! Makes a manifest anew of which files are damaged or missing: from those that are sound, and from the blocks.
//!
//! What can be read counts. Only where entries are lost (a [`Gap`]) the blocks are asked: one on disk that no entry
//! knows is listed, unless newer blocks have its spans ([`Kin`]); one that is listed and has such a successor, or no files,
//! is not listed any more. So neither what was merged nor what was written again without erased spans comes back. What
//! cannot be known is said. The new files are written before the damaged ones are taken away.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{Clock, time::UnixNanos};

use super::{
    kin::{Kin, Relative},
    node::Identity,
    repair::{QUARANTINE, WHY},
    shelf::Shelf,
};
use crate::{
    block,
    error::{Doing, Next, Result},
    lock::DirectoryLock,
    manifest::{self, Block, BlockMeta, Entry, Gap, Note, Removal, Rescued},
    retain,
    settings::Settings,
};

/// What was made of a damaged manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Its files that cannot be trusted; they lie in `quarantine` now.
    pub files: Vec<String>,
    /// Where damaged files are now.
    pub quarantine: PathBuf,
    /// Entries that are lost; none where the sound files say everything.
    pub gaps: Vec<Gap>,
    /// Blocks on disk that no sound file knows, with their spans: listed again.
    pub found: Vec<(String, u64)>,
    /// Blocks that are not listed any more, since newer ones have their spans, or what is left of them after an erasure.
    pub replaced: Vec<String>,
    /// Blocks that are not listed any more, with their spans, since they have no files: removed by a lost entry, or lost.
    pub gone: Vec<(String, u64)>,
    /// Blocks on disk that do not say what is in them: in `quarantine`.
    pub unusable: Vec<String>,
}

/// Makes the manifest anew if a file of it is damaged or missing.
///
/// # Errors
/// If a process holds the directory, the object store fails, a file is of a newer version, or something can't be written:
/// then nothing has changed, or doing it again ends it.
pub async fn restore(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Option<Restored>> {
    let _lock = DirectoryLock::take(&settings.path, &settings.address)?;
    let shelf = Arc::new(Shelf::new(settings)?);
    let (objects, root) = shelf.objects();
    let rescued = Rescued::of(objects.clone(), root, Note::read(settings).number()).await?;
    if rescued.damaged.is_empty() && rescued.gaps.is_empty() {
        return Ok(None);
    }
    let quarantine = settings.path.join(QUARANTINE);
    let mut restored = Restored { gaps: rescued.gaps.clone(), quarantine, ..Restored::default() };
    keep(&rescued, &mut restored)?;
    let mut identity = Identity::next(&settings.path)?;
    let known = rescued.state.nodes.get(&identity.node).map_or(0, |node| node.epoch);
    identity.raise(&settings.path, known.max(epoch_of_blocks(&shelf, &identity).await?) + 1)?;
    let mut entry = Entry::new(&identity.node, identity.epoch, clock.now());
    if !restored.gaps.is_empty() {
        let kin = relatives(settings, &shelf, &rescued, &mut restored).await?;
        // It reads files.
        let reading = (kin, shelf.clone());
        let compared = tokio::task::spawn_blocking(move || (reading.0.replaced(&reading.1), reading.0)).await;
        let (replaced, kin) = compared.doing(Next::Repair, "compare blocks")?;
        settle(&rescued, (kin, replaced), (&mut entry, &mut restored));
    }
    manifest::replace(objects, root, rescued, entry).await?;
    Ok(Some(restored))
}

/// Copies the damaged files.
fn keep(rescued: &Rescued, restored: &mut Restored) -> Result<()> {
    let folder = restored.quarantine.join("manifest");
    let doing = || format!("copy the manifest's files to {}", folder.display());
    fs::create_dir_all(&folder).doing(Next::Retry, doing())?;
    for (path, bytes) in &rescued.damaged {
        let name = path.filename().unwrap_or("unnamed");
        fs::write(folder.join(name), bytes).doing(Next::Retry, doing())?;
        restored.files.push(path.to_string());
    }
    fs::File::open(&folder).and_then(|folder| folder.sync_all()).doing(Next::Retry, doing())
}

/// The greatest epoch in which this node began a block that is there.
async fn epoch_of_blocks(shelf: &Shelf, identity: &Identity) -> Result<u64> {
    let files = shelf.list().await?;
    let epochs =
        files.keys().filter_map(|id| id.strip_prefix(&identity.node)?.split('-').nth(1)?.parse().ok());
    Ok(epochs.max().unwrap_or(0))
}

/// Every block that is listed or found, where its files are; notes what has none or is of no use.
async fn relatives(
    settings: &Settings,
    shelf: &Shelf,
    rescued: &Rescued,
    restored: &mut Restored,
) -> Result<Kin> {
    let files = shelf.list().await?;
    let mut kin = Kin::default();
    for block in rescued.state.blocks.values() {
        match files.get(&block.meta.id) {
            Some(modified) => {
                kin.add(Relative { block: block.clone(), modified: *modified, is_listed: true });
            }
            None => restored.gone.push((block.meta.id.clone(), block.meta.spans)),
        }
    }
    let is_unknown =
        |id: &&String| !rescued.state.blocks.contains_key(*id) && !rescued.state.removed.contains_key(*id);
    for id in files.keys().filter(is_unknown) {
        let copy = restored.quarantine.join(id);
        shelf.set_aside(id, &copy).await?;
        match described(settings, &copy, id, files[id]) {
            Ok(block) => {
                kin.add(Relative { block, modified: files[id], is_listed: false });
                fs::remove_dir_all(&copy).doing(Next::Retry, "remove the copy of a block")?;
            }
            Err(error) => {
                tracing::warn!(%error, block = id, "a block does not say what is in it");
                restored.unusable.push(id.clone());
            }
        }
    }
    Ok(kin)
}

/// What the manifest may have said of a block: what it does not say itself follows from its name and its times.
fn described(settings: &Settings, folder: &Path, id: &str, modified: UnixNanos) -> Result<Block> {
    let meta = block::found(folder, id)?;
    let is_merged = super::kin::is_merged(id);
    let level = match is_merged {
        true if meta.spans > settings.compaction.level_1.spans_max => 2,
        true => 1,
        false => 0,
    };
    let longest = meta.tenants.iter().map(|tenant| settings.retention.of(tenant).time).max();
    let skewed =
        |start| retain::is_skewed(start, modified, longest.unwrap_or_default(), settings.limits.skew_max);
    let skew = skewed(meta.start_ns) && skewed(meta.end_ns);
    Ok(Block { meta: BlockMeta { level, skew, ..meta }, received_ns: modified })
}

/// Decides what is listed.
fn settle(
    rescued: &Rescued,
    (kin, replaced): (Kin, BTreeSet<String>),
    (entry, restored): (&mut Entry, &mut Restored),
) {
    let gone = restored.gone.iter().map(|(id, _)| id);
    let listed = replaced.iter().filter(|id| rescued.state.blocks.contains_key(*id));
    entry.remove = listed.chain(gone).map(|id| Removal::replaced(id, WHY)).collect();
    let found: Vec<Block> = kin.found().filter(|block| !replaced.contains(&block.meta.id)).cloned().collect();
    restored.found = found.iter().map(|block| (block.meta.id.clone(), block.meta.spans)).collect();
    entry.add = found;
    restored.replaced = replaced.into_iter().collect();
}
