//! A block as searches see it: an index in memory and an open file.

use std::path::Path;
use std::sync::Arc;

use super::file::BlockFiles;
use super::source::{self, Source};
use crate::columns::schema::Layout;
use crate::error::{Error, Next, Result};
use crate::index::{self, Group};
use crate::manifest::BlockMeta;

/// The row groups of a block that were written so far.
#[derive(Clone, Debug)]
pub struct BlockView {
    pub(crate) layout: Arc<Layout>,
    pub(crate) groups: Vec<Arc<Group>>,
    pub(crate) source: Arc<Source>,
}

impl BlockView {
    /// A finished block in a folder, as closing left it.
    ///
    /// # Errors
    /// Where a file is missing, is not the one that the manifest lists, or is damaged; the error names file and place.
    pub fn open(folder: &Path, meta: &BlockMeta) -> Result<Self> {
        Self::of(&BlockFiles::local(folder)?, meta)
    }

    /// A finished block, wherever its files are.
    ///
    /// # Errors
    /// As [`BlockView::open`].
    pub fn of(files: &BlockFiles, meta: &BlockMeta) -> Result<Self> {
        let name = files.index.name();
        let Some(bytes) = source::checked(&*files.index, 0..meta.index_bytes, meta.index_crc)? else {
            let place = first_damage(&files.index.read(0..meta.index_bytes)?, &name);
            return Err(place.unwrap_or_else(|| {
                Error::new(Next::Repair, format!("{name} is not the file that the manifest lists"))
            }));
        };
        let (layout, groups) = index::read(&bytes, &name)?;
        let source = Source::new(files.data.clone());
        let groups = groups.into_iter().map(Arc::new).collect();
        Ok(Self { layout: Arc::new(layout), groups, source: Arc::new(source) })
    }

    /// How many spans it has.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.rows)).sum()
    }
}

fn first_damage(bytes: &[u8], name: &str) -> Option<Error> {
    index::read(bytes, name).err()
}
