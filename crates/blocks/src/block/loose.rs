//! A `spans.parquet` without its index: one that was exported or copied.
//!
//! Its index is made anew in a scratch folder, which checks the file on the way; then it is read like any block. Only files
//! that Faden wrote are read: others have no such columns.

use std::path::Path;
use std::sync::Arc;

use model::{Batch, Tenant, TimeRange};

use super::file::{BlockFiles, LocalFile, RangeFile};
use super::{BlockView, file::crc_of};
use crate::error::{Doing, Error, Next, Result};
use crate::manifest::BlockMeta;
use crate::memory::Memory;
use crate::search::{Scan, Sources};

/// A file of spans that is read from its first row to its last.
#[derive(Debug)]
pub struct LooseFile {
    view: BlockView,
}

impl LooseFile {
    /// Reads the file once and makes its index in `scratch`, a folder that the caller deletes.
    ///
    /// # Errors
    /// Where the file can't be read, is no Parquet file, is damaged, or has other columns than Faden's.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let data_bytes = std::fs::metadata(path).doing(Next::Refuse, format!("open {name}"))?.len();
        let data: Arc<dyn RangeFile> = Arc::new(LocalFile::open(path)?);
        let data_crc = crc_of(&*data, data_bytes)?;
        let meta = BlockMeta {
            id: format!("{data_crc:08x}-{data_bytes}"),
            tenants: vec![Tenant::default().to_string()],
            data_bytes,
            data_crc,
            ..BlockMeta::default()
        };
        let files = BlockFiles { index: data.clone(), data };
        let memory = Arc::new(Memory::default().rebuilding_in(scratch));
        let view = BlockView::of(&files, &meta, &memory).map_err(|error| {
            let what = format!("{name} is no sound Parquet file of Faden's spans: {error}");
            Error::new(Next::Refuse, what)
        })?;
        Ok(Self { view })
    }

    /// How many spans it has.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.view.spans()
    }

    /// Hands over its spans in order, until `take` answers false.
    ///
    /// # Errors
    /// Where a page is damaged; what was handed over before is right.
    pub fn read(self, take: &mut dyn FnMut(Batch) -> bool) -> Result<()> {
        let sources = Sources { blocks: vec![Arc::new(self.view)], ..Sources::default() };
        let scan: Box<dyn store::Scan> = Box::new(Scan::new(sources, &Tenant::default(), TimeRange::ALL));
        scan.run(take).map_err(|error| Error::new(Next::Repair, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{Batch, Tenant, TimeRange};

    use super::LooseFile;
    use crate::block::{BlockView, DATA_FILE, OpenBlock};
    use crate::memory::Memory;
    use crate::search::{Scan, Sources};

    /// Groups of these sizes.
    fn block(folder: &std::path::Path, groups: &[usize]) -> Arc<BlockView> {
        let mut traffic = r#gen::corpus_1();
        let mut block = OpenBlock::create(folder, "a", &Arc::new(Memory::default())).unwrap();
        for spans in groups {
            let request = traffic.next_request(*spans);
            block.append(&[Batch::read(request.into(), Tenant::default()).unwrap()]).unwrap();
        }
        let view = block.view();
        block.close().unwrap();
        view
    }

    #[test]
    fn a_file_without_its_index_holds_the_same_spans_in_the_same_order() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let view = block(folder.path(), &[1_000, 9_500]);
        assert!(!view.layout.promoted.is_empty());
        let mut expected = Vec::new();
        let sources = Sources { blocks: vec![view], ..Sources::default() };
        let scan: Box<dyn store::Scan> = Box::new(Scan::new(sources, &Tenant::default(), TimeRange::ALL));
        let mut take = |batch: Batch| {
            expected.push(batch.bytes().clone());
            true
        };
        scan.run(&mut take).unwrap();
        std::fs::remove_file(folder.path().join("spans.idx")).unwrap();
        let loose = LooseFile::open(&folder.path().join(DATA_FILE), scratch.path()).unwrap();
        assert_eq!(loose.spans(), 10_500);
        let mut found = Vec::new();
        let mut take = |batch: Batch| {
            found.push(batch.bytes().clone());
            true
        };
        loose.read(&mut take).unwrap();
        assert!(expected == found);
    }

    #[test]
    fn a_damaged_or_foreign_file_is_refused_and_named() {
        let (folder, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop(block(folder.path(), &[50]));
        let path = folder.path().join(DATA_FILE);
        let whole = std::fs::read(&path).unwrap();
        for at in (4..whole.len()).step_by(whole.len() / 100) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            std::fs::write(&path, &damaged).unwrap();
            let opened = LooseFile::open(&path, scratch.path());
            if let Err(error) = opened.and_then(|file| file.read(&mut |_| true)) {
                assert!(error.to_string().contains(DATA_FILE), "{error}");
            }
        }
        std::fs::write(&path, b"PAR1 nothing PAR1").unwrap();
        assert!(LooseFile::open(&path, scratch.path()).is_err());
    }
}
