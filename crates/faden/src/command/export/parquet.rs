//! Parquet files as the store writes them: a folder of many, or one.
//!
//! Spans are gathered into row groups of [`GROUP_SPANS_MAX`] before they are sorted and written. A folder gets a new file
//! every [`FILE_SPANS_MAX`] spans; memory grows with neither.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blocks::Engine;
use blocks::block::{DATA_FILE, OpenBlock};
use blocks::manifest::BlockMeta;
use model::Batch;

use super::form::{Files, Sink};
use super::target::{failed, is_folder, place, unfinished};
use crate::exit::Failure;

/// A row group is written when it has so many spans …
const GROUP_SPANS_MAX: usize = 64 << 10;

/// … or so many bytes before they are encoded.
const GROUP_BYTES_MAX: usize = 48 << 20;

/// Spans of one file in a folder.
const FILE_SPANS_MAX: u64 = 1 << 20;

pub(super) struct Parquet {
    out: String,
    /// Where files stand until all are whole.
    work: PathBuf,
    open: Option<OpenBlock>,
    waiting: Vec<Batch>,
    spans: usize,
    bytes: usize,
    files: Files,
}

impl Parquet {
    pub(super) fn create(out: &str, is_forced: bool) -> Result<Self, Failure> {
        if out == "-" {
            return Err(Failure::usage(
                "Parquet can't go to standard output: name a folder or a file with --out",
            ));
        }
        let work = unfinished(Path::new(out));
        if work.exists() && !is_forced {
            return Err(Failure::usage(format!(
                "{} is what an export that did not end has left\n       delete it, or replace it with --force",
                work.display()
            )));
        }
        let made = match work.exists() {
            true => fs::remove_dir_all(&work).and_then(|()| fs::create_dir_all(&work)),
            false => fs::create_dir_all(&work),
        };
        made.map_err(|cause| failed(out, &cause))?;
        let (open, waiting) = (None, Vec::new());
        Ok(Self { out: out.to_owned(), work, open, waiting, spans: 0, bytes: 0, files: Files::default() })
    }

    fn name(&self) -> PathBuf {
        self.work.join(format!("spans-{:05}.parquet", self.files.count + 1))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let folder = self.work.join("open");
        let mut block = match self.open.take() {
            Some(block) => block,
            None => {
                fs::create_dir(&folder).map_err(|cause| failed(&self.out, &cause))?;
                OpenBlock::create(&folder, "export", &Arc::default()).map_err(Failure::problem)?
            }
        };
        block.append(&self.waiting).map_err(Failure::problem)?;
        self.waiting.clear();
        (self.spans, self.bytes) = (0, 0);
        let is_full = is_folder(&self.out) && block.spans() >= FILE_SPANS_MAX;
        self.open = Some(block);
        if is_full { self.close() } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Failure> {
        let Some(block) = self.open.take() else { return Ok(()) };
        let meta = block.close().map_err(Failure::problem)?;
        let folder = self.work.join("open");
        let moved =
            fs::rename(folder.join(DATA_FILE), self.name()).and_then(|()| fs::remove_dir_all(&folder));
        moved.map_err(|cause| failed(&self.out, &cause))?;
        self.files.count += 1;
        self.files.bytes += meta.data_bytes;
        Ok(())
    }

    fn placed(&self) -> io::Result<()> {
        let out = Path::new(&self.out);
        fs::File::open(&self.work)?.sync_all()?;
        if is_folder(&self.out) {
            return place(&self.work, out);
        }
        place(&self.work.join("spans-00001.parquet"), out)?;
        fs::remove_dir_all(&self.work)
    }
}

impl Sink for Parquet {
    fn put(&mut self, batch: Batch) -> Result<(), Failure> {
        self.spans += batch.len();
        self.bytes += batch.bytes().len();
        self.waiting.push(batch);
        if self.spans >= GROUP_SPANS_MAX || self.bytes >= GROUP_BYTES_MAX { self.flush() } else { Ok(()) }
    }

    fn copy(&mut self, engine: &Engine, meta: &BlockMeta) -> Result<(), Failure> {
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(engine.copy(meta, &self.name())).map_err(Failure::problem)?;
        self.files.count += 1;
        self.files.bytes += meta.data_bytes;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Files, Failure> {
        self.flush()?;
        if self.files.count == 0 && self.open.is_none() {
            // A file without spans is one all the same, so that readers find its columns.
            let folder = self.work.join("open");
            fs::create_dir(&folder).map_err(|cause| failed(&self.out, &cause))?;
            self.open =
                Some(OpenBlock::create(&folder, "export", &Arc::default()).map_err(Failure::problem)?);
        }
        self.close()?;
        self.placed().map_err(|cause| failed(&self.out, &cause))?;
        Ok(self.files)
    }
}
