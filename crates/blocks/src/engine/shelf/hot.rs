//! Blocks of a bucket that are kept whole on the local disk: their copies go last, and what is missing is fetched.

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use tokio::io::AsyncWriteExt;

use super::{
    Home, Shelf,
    cache::{Cache, Key, Part},
};
use crate::{
    block::{DATA_FILE, INDEX_FILE},
    error::{Doing, Error, Next, Result},
    manifest::BlockMeta,
};

impl Shelf {
    /// Copies of these blocks, and of no others, go last.
    pub(crate) fn pin(&self, blocks: BTreeSet<String>) {
        if let Home::Bucket(cache) = &self.home {
            cache.pin(blocks);
        }
    }

    /// Are all files of the block on a disk of this machine?
    pub(crate) fn is_whole(&self, id: &str) -> bool {
        match &self.home {
            Home::Disk(_) => true,
            Home::Bucket(cache) => cache.has_all(id),
        }
    }

    /// Copies the files of a block that are not whole here.
    ///
    /// # Errors
    /// [`Next::Retry`] if the bucket or the disk failed, [`Next::Repair`] if a file is not what the manifest lists.
    pub(crate) async fn fetch_whole(&self, meta: &BlockMeta) -> Result<()> {
        let Home::Bucket(cache) = &self.home else { return Ok(()) };
        let files =
            [(DATA_FILE, (meta.data_bytes, meta.data_crc)), (INDEX_FILE, (meta.index_bytes, meta.index_crc))];
        for (file, expected) in files {
            let key = Key { block: meta.id.clone(), file, part: Part::Whole };
            if !cache.has(&key) {
                self.fetch(cache, key, expected).await?;
            }
        }
        Ok(())
    }

    async fn fetch(&self, cache: &Cache, key: Key, expected: (u64, u32)) -> Result<()> {
        let doing = || format!("copy {} of block {}", key.file, key.block);
        let mut content = self.read(&key.block, key.file).await?;
        let copy = Copy(cache.new_copy());
        let mut file = tokio::fs::File::create(&copy.0).await.doing(Next::Retry, doing())?;
        let (mut length, mut crc) = (0, 0);
        while let Some(bytes) = content.try_next().await.doing(Next::Retry, doing())? {
            crc = crc32c::crc32c_append(crc, &bytes);
            length += bytes.len() as u64;
            file.write_all(&bytes).await.doing(Next::Retry, doing())?;
        }
        file.flush().await.doing(Next::Retry, doing())?;
        if (length, crc) != expected {
            return Err(Error::new(Next::Repair, format!("{}: it is not what the manifest lists", doing())));
        }
        cache.keep(key.clone(), &copy.0, length).doing(Next::Retry, doing())
    }
}

/// A copy on its way; what is not kept goes.
struct Copy(std::path::PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        let _kept_elsewhere = std::fs::remove_file(&self.0);
    }
}
