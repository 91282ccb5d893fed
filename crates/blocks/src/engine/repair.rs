//! Brings a store at rest back to a state in which everything that it lists is sound.
//!
//! A damaged block is replaced: what can still be read goes into a new block with a new index, one manifest entry adds that
//! one and removes the other, and the files as they were found lie in `quarantine/<id>/` for whoever knows more. Blocks in an
//! object store are copied there to be read; one that cannot be had ends the repair, which tells damage from an outage. Nothing is
//! believed whose checksum does not hold, so what a repair keeps is right. New files are written before anything refers
//! to them, so a repair that is broken off has changed nothing, and doing it again does no harm.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::{Batch, Clock};

use super::{
    check::{is_sound, open},
    node::Identity,
    shelf::Shelf,
};
use crate::{
    block::{self, BlockView, GroupReader, OpenBlock},
    columns::{rebuild::Rebuilder, sink::PAGE_ROWS},
    error::{Doing, Next, Result},
    index::Group,
    lock::DirectoryLock,
    manifest::{Block, BlockMeta, Entry, Removal},
    memory::Memory,
    settings::Settings,
};

/// Where damaged files are kept.
pub(super) const QUARANTINE: &str = "quarantine";

/// Why an entry removes a block.
pub(super) const WHY: &str = "repair";

/// A row group of a new block is written when it has so many spans.
const GROUP_SPANS_MAX: usize = 64 << 10;

/// What became of a damaged block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The block as it was.
    pub block: String,
    /// The block that has what could be saved; none where nothing could.
    pub by: Option<String>,
    /// Spans that were saved.
    pub saved: u64,
    /// Spans that were lost.
    pub lost: u64,
    /// Where its files are now, too.
    pub quarantine: PathBuf,
}

/// Replaces every block of the store that is not what the manifest lists.
///
/// # Errors
/// If a process holds the directory, or the manifest can't be read; and if the object store fails or something can't be
/// written: then what was mended before stays so.
pub async fn repair(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Vec<Mended>> {
    let _lock = DirectoryLock::take(&settings.path, &settings.address)?;
    let (shelf, mut manifest) = open(settings).await?;
    let mut damaged: Vec<Block> = Vec::new();
    for block in manifest.state().blocks.values() {
        if !is_sound(&shelf, &block.meta).await {
            damaged.push(block.clone());
        }
    }
    let mut mended = Vec::new();
    if damaged.is_empty() {
        return Ok(mended);
    }
    let mut identity = Identity::next(&settings.path)?;
    let known = manifest.state().nodes.get(&identity.node).map_or(0, |node| node.epoch);
    identity.raise(&settings.path, known + 1)?;
    shelf.clear_open()?;
    for (number, block) in damaged.into_iter().enumerate() {
        let id = format!("{}-{:06}-r{number:06}", identity.node, identity.epoch);
        let quarantine = settings.path.join(QUARANTINE).join(&block.meta.id);
        shelf.set_aside(&block.meta.id, &quarantine).await?;
        if is_copied(&quarantine, &block.meta) {
            // It could not be read before.
            fs::remove_dir_all(&quarantine).doing(Next::Retry, "remove what is not damaged")?;
            continue;
        }
        let saved = save((&shelf, &quarantine), &block.meta, &id)?;
        let lost = block.meta.spans.saturating_sub(saved.as_ref().map_or(0, |meta| meta.spans));
        let mut entry = Entry::new(&identity.node, identity.epoch, clock.now());
        entry.remove = vec![Removal { spans: lost, ..Removal::replaced(&block.meta.id, WHY) }];
        let new = saved.map(|new| BlockMeta {
            level: block.meta.level,
            skew: block.meta.skew,
            tier: block.meta.tier,
            ..new
        });
        if let Some(meta) = new.clone() {
            shelf.place(&meta.id).await?;
            entry.add = vec![Block { meta, received_ns: block.received_ns }];
        }
        manifest.commit(entry).await?;
        new.iter().for_each(|meta| shelf.placed(meta));
        let saved = new.as_ref().map_or(0, |meta| meta.spans);
        let by = new.map(|meta| meta.id);
        tracing::info!(block = block.meta.id, saved, lost, "replaced a damaged block");
        mended.push(Mended { block: block.meta.id, by, saved, lost, quarantine });
    }
    Ok(mended)
}

/// Is this copy of a block what the manifest lists?
fn is_copied(folder: &Path, meta: &BlockMeta) -> bool {
    let found = block::found(folder, &meta.id);
    let sums = |of: &BlockMeta| (of.data_bytes, of.data_crc, of.index_bytes, of.index_crc);
    found.is_ok_and(|found| sums(&found) == sums(meta))
}

/// Writes what can be trusted of a block into a new one, which is finished but not placed. An index that is of no use is
/// made anew, if all of the spans are what the manifest lists: nothing else tells then what is right.
fn save((shelf, from): (&Shelf, &Path), meta: &BlockMeta, id: &str) -> Result<Option<BlockMeta>> {
    let folder = shelf.begin(id)?;
    let scratch = folder.with_extension("rebuilt");
    let memory = Arc::new(Memory::default().rebuilding_in(&scratch));
    let block = OpenBlock::create(&folder, id, &memory)?;
    let mut saving = Saving { block, waiting: Vec::new(), spans: 0 };
    match BlockView::open(from, meta, &memory) {
        Ok(view) => pages(&view, &mut saving)?,
        Err(error) => tracing::warn!(%error, block = meta.id, "nothing of a block can be trusted"),
    }
    saving.flush()?;
    let _made_again_if_needed = fs::remove_dir_all(&scratch);
    if saving.block.spans() == 0 {
        drop(saving);
        shelf.abandon(id)?;
        return Ok(None);
    }
    saving.block.close().map(Some)
}

/// Every page whose checksums hold.
fn pages(view: &BlockView, saving: &mut Saving) -> Result<()> {
    for group in &view.groups {
        let mut reader = match GroupReader::new(view, group) {
            Ok(reader) => reader,
            Err(error) => {
                tracing::warn!(%error, rows = group.rows, "rows are lost");
                continue;
            }
        };
        for number in 0..(group.rows as usize).div_ceil(PAGE_ROWS) {
            match page(&mut reader, group, number) {
                Ok(batch) => saving.take(batch)?,
                Err(error) => tracing::warn!(%error, rows = reader.rows(number), "rows are lost"),
            }
            reader.forget(number);
        }
        saving.flush()?;
    }
    Ok(())
}

fn page(reader: &mut GroupReader<'_>, group: &Group, number: usize) -> Result<Batch> {
    let first = (number * PAGE_ROWS) as u32;
    let rows: Vec<u32> = (first..first + reader.rows(number) as u32).collect();
    let mut rebuilder = Rebuilder::default();
    reader.rebuild(&rows, None, &mut rebuilder)?;
    Batch::read(rebuilder.finish().into(), group.tenant.clone()).doing(Next::Repair, "put a page together")
}

/// A new block and what is not in it yet.
struct Saving {
    block: OpenBlock,
    waiting: Vec<Batch>,
    spans: usize,
}

impl Saving {
    fn take(&mut self, batch: Batch) -> Result<()> {
        self.spans += batch.len();
        self.waiting.push(batch);
        if self.spans >= GROUP_SPANS_MAX { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.block.append(&self.waiting)?;
        self.waiting.clear();
        self.spans = 0;
        Ok(())
    }
}
