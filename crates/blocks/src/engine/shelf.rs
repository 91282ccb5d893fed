//! Where blocks are kept: folders on the local disk, or objects in a bucket with copies of parts of them.
//!
//! A block is a folder of two files. It begins in `open/`, which is emptied at start: what was there is
//! in the journal. Placing it is a rename (local) or an upload (`url`); the manifest comes after.

mod cache;
mod home;
mod hot;
mod remote;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering::Relaxed},
};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream::BoxStream};
use model::time::UnixNanos;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Handle,
};

use self::{cache::Cache, remote::RemoteFile};
use crate::{
    block::{BlockFiles, DATA_FILE, INDEX_FILE, RangeFile},
    error::{Doing, Error, Next, Result},
    manifest::{BlockMeta, Tier},
    settings::Settings,
};

/// The files of a block; the data first, so that an index never stands alone.
pub(crate) const FILES: [&str; 2] = [DATA_FILE, INDEX_FILE];

const OPEN: &str = "open";
const BLOCKS: &str = "blocks";
const CACHE: &str = "cache";

/// Marks the folder of a block that is being copied to another disk.
const NEW: &str = ".new";

/// A file up to this size is uploaded by one request, a larger one in parts of it, one after the other.
const PART_BYTES: usize = 6 << 20;

/// Where blocks are kept.
pub(crate) struct Shelf {
    store: Arc<dyn ObjectStore>,
    root: object_store::path::Path,
    open: PathBuf,
    home: Home,
}

enum Home {
    /// Every block is a folder in here.
    Disk(PathBuf),
    /// In a bucket, with copies here.
    Bucket(Arc<Cache>),
}

/// Figures of the cache; all zero where there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CacheFigures {
    pub(crate) bytes: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

impl Shelf {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let url = settings.url.as_deref().map(parse).transpose()?;
        match url {
            Some(url) if url.scheme() != "file" => Self::remote(&url, settings),
            Some(url) => {
                let wrong = || Error::new(Next::Refuse, format!("store.url {url} is no absolute path"));
                Self::local(&url.to_file_path().map_err(|()| wrong())?, &settings.path)
            }
            None => Self::local(&settings.path, &settings.path),
        }
    }

    fn local(root: &Path, data: &Path) -> Result<Self> {
        create(root)?;
        let doing = || format!("keep blocks in {}", root.display());
        let store = LocalFileSystem::new_with_prefix(root).doing(Next::Refuse, doing())?.with_fsync(true);
        let blocks = root.join(BLOCKS);
        create(&blocks)?;
        Self {
            store: Arc::new(store),
            root: object_store::path::Path::default(),
            open: data.join(OPEN),
            home: Home::Disk(blocks),
        }
        .prepare()
    }

    fn remote(url: &url::Url, settings: &Settings) -> Result<Self> {
        let (store, root) = home::open(url, &settings.url_options)?;
        Self::over(store, root, settings)
    }

    /// Keeps blocks in this place of an object store.
    pub(crate) fn over(
        store: Arc<dyn ObjectStore>,
        root: object_store::path::Path,
        settings: &Settings,
    ) -> Result<Self> {
        let folder = settings.path.join(CACHE);
        create(&folder)?;
        let cache = Arc::new(Cache::open(folder, settings.limits.cache_bytes_max)?);
        Self { store, root, open: settings.path.join(OPEN), home: Home::Bucket(cache) }.prepare()
    }

    fn prepare(self) -> Result<Self> {
        create(&self.open)?;
        Ok(self)
    }

    /// Are blocks somewhere else than on a disk of this machine?
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.home, Home::Bucket(_))
    }

    /// The object store and the place in it, for the manifest.
    pub(crate) fn objects(&self) -> (Arc<dyn ObjectStore>, &object_store::path::Path) {
        (self.store.clone(), &self.root)
    }

    /// Throws away blocks that were open when the process ended.
    pub(crate) fn clear_open(&self) -> Result<()> {
        let cleared = fs::remove_dir_all(&self.open).and_then(|()| fs::create_dir(&self.open));
        cleared.doing(Next::Retry, format!("empty {}", self.open.display()))
    }

    /// The empty folder of a new block.
    pub(crate) fn begin(&self, id: &str) -> Result<PathBuf> {
        let folder = self.open.join(id);
        fs::create_dir(&folder).doing(Next::Retry, format!("create {}", folder.display()))?;
        Ok(folder)
    }

    /// Throws an open block away.
    pub(crate) fn abandon(&self, id: &str) -> Result<()> {
        let folder = self.open.join(id);
        fs::remove_dir_all(&folder).doing(Next::Retry, format!("remove {}", folder.display()))
    }

    /// Brings a closed block to where it stays; doing it again does no harm. A copy of it stays in `open/` until
    /// [`Shelf::placed`] where the place is a bucket.
    pub(crate) async fn place(&self, id: &str) -> Result<()> {
        let from = self.open.join(id);
        match &self.home {
            Home::Bucket(_) => {
                for file in FILES {
                    self.upload(&from.join(file), id, file).await?;
                }
                Ok(())
            }
            Home::Disk(_) if !from.exists() => Ok(()),
            Home::Disk(blocks) => {
                let to = blocks.join(id);
                let doing = || format!("move a block to {}", to.display());
                let synced = |()| sync(blocks).and_then(|()| sync(&self.open));
                match fs::rename(&from, &to) {
                    Err(cause) if cause.kind() == io::ErrorKind::CrossesDevices => {
                        copy(&from, &to).and_then(synced).doing(Next::Retry, doing())
                    }
                    moved => moved.and_then(synced).doing(Next::Retry, doing()),
                }
            }
        }
    }

    /// A block that was placed is committed: what is left of it in `open/` becomes a copy like any other. Of a cold one
    /// the index alone, since its spans are seldom asked for, and would take the place of others.
    pub(crate) fn placed(&self, meta: &BlockMeta) {
        let Home::Bucket(cache) = &self.home else { return };
        let id = &meta.id;
        if meta.tier == Tier::Cold {
            let _left_for_the_next_start = fs::remove_file(self.open.join(id).join(DATA_FILE));
        }
        match fs::rename(self.open.join(id), cache.folder(id)) {
            Ok(()) => cache.adopt(id),
            Err(cause) => {
                tracing::warn!(%cause, block = id, "cannot keep a block in the cache");
                let _left_for_the_next_start = fs::remove_dir_all(self.open.join(id));
            }
        }
    }

    /// The files of a block, to be read.
    pub(crate) fn files(&self, meta: &BlockMeta) -> Result<BlockFiles> {
        let cache = match &self.home {
            Home::Disk(blocks) => return BlockFiles::local(&blocks.join(&meta.id)),
            Home::Bucket(cache) => cache,
        };
        let file = |file, bytes| -> Arc<dyn RangeFile> {
            Arc::new(RemoteFile {
                store: self.store.clone(),
                cache: cache.clone(),
                runtime: Handle::current(),
                block: meta.id.clone(),
                file,
                path: self.object(&meta.id, file),
                bytes,
            })
        };
        Ok(BlockFiles { data: file(DATA_FILE, meta.data_bytes), index: file(INDEX_FILE, meta.index_bytes) })
    }

    /// Deletes the files of a block.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        let folder = match &self.home {
            Home::Disk(blocks) => blocks.join(id),
            Home::Bucket(cache) => {
                for file in FILES.iter().rev() {
                    match self.store.delete(&self.object(id, file)).await {
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                        Err(cause) => return Err(cause).doing(Next::Retry, format!("delete block {id}")),
                    }
                }
                cache.forget_block(id);
                return Ok(());
            }
        };
        match fs::remove_dir_all(folder) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(cause).doing(Next::Retry, format!("delete block {id}"))
            }
            _ => Ok(()),
        }
    }

    /// Throws away the copies of blocks that are no longer listed.
    pub(crate) fn forget_copies(&self, is_listed: impl Fn(&str) -> bool) {
        if let Home::Bucket(cache) = &self.home {
            cache.blocks().iter().filter(|id| !is_listed(id)).for_each(|id| cache.forget_block(id));
        }
    }

    /// Figures of the cache.
    pub(crate) fn cache_figures(&self) -> CacheFigures {
        match &self.home {
            Home::Disk(_) => CacheFigures::default(),
            Home::Bucket(cache) => CacheFigures {
                bytes: cache.bytes(),
                hits: cache.hits.load(Relaxed),
                misses: cache.misses.load(Relaxed),
            },
        }
    }

    /// Every block that has files, and when they were last written.
    pub(crate) async fn list(&self) -> Result<BTreeMap<String, UnixNanos>> {
        let mut found = BTreeMap::new();
        let folder = self.root.clone().join(BLOCKS);
        let mut listing = self.store.list(Some(&folder));
        while let Some(object) = listing.try_next().await.doing(Next::Retry, "list the blocks")? {
            let parts: Vec<_> = object.location.prefix_match(&folder).into_iter().flatten().collect();
            let [id, file] = &parts[..] else { continue };
            if FILES.contains(&file.as_ref()) {
                let modified =
                    object.last_modified.timestamp_nanos_opt().unwrap_or(0).try_into().unwrap_or(0);
                let newest: &mut UnixNanos = found.entry(id.as_ref().to_owned()).or_default();
                *newest = modified.max(*newest);
            }
        }
        Ok(found)
    }

    /// The content of a block's file.
    pub(crate) async fn read(
        &self,
        id: &str,
        file: &str,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>> {
        let found = self.store.get(&self.object(id, file)).await;
        Ok(found.doing(Next::Retry, format!("read {file} of block {id}"))?.into_stream())
    }

    /// Copies the files of a block to a folder, as far as there are any.
    pub(crate) async fn set_aside(&self, id: &str, to: &Path) -> Result<()> {
        let doing = || format!("copy block {id} to {}", to.display());
        create(to)?;
        for name in FILES {
            let mut content = match self.store.get(&self.object(id, name)).await {
                Err(object_store::Error::NotFound { .. }) => continue,
                found => found.doing(Next::Retry, doing())?.into_stream(),
            };
            let mut file = tokio::fs::File::create(to.join(name)).await.doing(Next::Retry, doing())?;
            while let Some(bytes) = content.try_next().await.doing(Next::Retry, doing())? {
                file.write_all(&bytes).await.doing(Next::Retry, doing())?;
            }
            file.sync_all().await.doing(Next::Retry, doing())?;
        }
        sync(to).doing(Next::Retry, doing())
    }

    async fn upload(&self, path: &Path, id: &str, file: &str) -> Result<()> {
        let doing = || format!("upload block {id}");
        let mut source = tokio::fs::File::open(path).await.doing(Next::Retry, doing())?;
        let at = self.object(id, file);
        let mut part = next_part(&mut source).await.doing(Next::Retry, doing())?;
        if part.len() < PART_BYTES {
            return self.store.put(&at, part.into()).await.map(drop).doing(Next::Retry, doing());
        }
        let mut upload = self.store.put_multipart(&at).await.doing(Next::Retry, doing())?;
        while !part.is_empty() {
            let sent = upload.put_part(PutPayload::from(part)).await;
            if let Err(cause) = sent {
                let _left_to_the_rules_of_the_bucket = upload.abort().await;
                return Err(cause).doing(Next::Retry, doing());
            }
            part = next_part(&mut source).await.doing(Next::Retry, doing())?;
        }
        upload.complete().await.map(drop).doing(Next::Retry, doing())
    }

    fn object(&self, id: &str, file: &str) -> object_store::path::Path {
        self.root.clone().join(BLOCKS).join(id).join(file)
    }
}

async fn next_part(source: &mut tokio::fs::File) -> io::Result<Vec<u8>> {
    let mut part = Vec::new();
    source.take(PART_BYTES as u64).read_to_end(&mut part).await?;
    Ok(part)
}

fn parse(url: &str) -> Result<url::Url> {
    url::Url::parse(url)
        .doing(Next::Refuse, format!("use store.url {url:?}; it looks like s3://bucket/prefix"))
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).doing(Next::Refuse, format!("create the folder {}", folder.display()))
}

/// Moves a block to another disk: it appears there by a rename, whole and durable.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let new = to.with_extension(&NEW[1..]);
    fs::create_dir_all(&new)?;
    for file in FILES {
        fs::copy(from.join(file), new.join(file))?;
        fs::File::open(new.join(file))?.sync_all()?;
    }
    sync(&new)?;
    fs::rename(&new, to)?;
    fs::remove_dir_all(from)
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
