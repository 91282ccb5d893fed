//! Where blocks are kept: folders on the local disk, or objects with a local copy.
//!
//! A block is a folder of two files. It begins in `open/`, which is emptied at start: what was there is
//! in the journal. Placing it is a rename (local) or an upload (`url`); the manifest comes after.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream::BoxStream};
use model::time::UnixNanos;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart, local::LocalFileSystem};
use tokio::io::AsyncReadExt;

use crate::{
    error::{Doing, Error, Next, Result},
    manifest::BlockMeta,
    settings::Settings,
};

/// The files of a block; the data first, so that an index never stands alone.
pub(crate) const FILES: [&str; 2] = ["spans.parquet", "spans.idx"];

const OPEN: &str = "open";
const BLOCKS: &str = "blocks";
const CACHE: &str = "cache";

/// Bytes sent at once when a block is uploaded.
const UPLOAD_BYTES: usize = 8 << 20;

/// Parts on their way at once when a block is uploaded.
const UPLOADS_MAX: usize = 2;

/// Where blocks are kept.
pub(crate) struct Shelf {
    store: Arc<dyn ObjectStore>,
    root: object_store::path::Path,
    open: PathBuf,
    /// Finished blocks, or copies of them.
    local: PathBuf,
    remote: bool,
}

impl Shelf {
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let url = settings.url.as_deref().map(parse).transpose()?;
        match url {
            Some(url) if url.scheme() != "file" => Self::remote(&url, settings),
            Some(url) => {
                let wrong = || Error::new(Next::Refuse, format!("store.url {url} is no absolute path"));
                Self::local(&url.to_file_path().map_err(|()| wrong())?)
            }
            None => Self::local(&settings.path),
        }
    }

    fn local(root: &Path) -> Result<Self> {
        create(root)?;
        let doing = || format!("keep blocks in {}", root.display());
        let store = LocalFileSystem::new_with_prefix(root).doing(Next::Refuse, doing())?.with_fsync(true);
        let shelf = Self {
            store: Arc::new(store),
            root: object_store::path::Path::default(),
            open: root.join(OPEN),
            local: root.join(BLOCKS),
            remote: false,
        };
        shelf.prepare()
    }

    fn remote(url: &url::Url, settings: &Settings) -> Result<Self> {
        // Its client takes the process's provider; if one is installed already, that is fine.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let options = settings.url_options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let (store, root) =
            object_store::parse_url_opts(url, options).doing(Next::Refuse, format!("use store.url {url}"))?;
        let (open, local) = (settings.path.join(OPEN), settings.path.join(CACHE));
        Self { store: store.into(), root, open, local, remote: true }.prepare()
    }

    fn prepare(self) -> Result<Self> {
        create(&self.open)?;
        create(&self.local)?;
        Ok(self)
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

    /// Brings a closed block to where it stays; doing it again does no harm.
    pub(crate) async fn place(&self, id: &str) -> Result<()> {
        let (from, to) = (self.open.join(id), self.local.join(id));
        if self.remote {
            let source = if from.exists() { &from } else { &to };
            for file in FILES {
                self.upload(&source.join(file), id, file).await?;
            }
        }
        if from.exists() {
            let moved =
                fs::rename(&from, &to).and_then(|()| sync(&self.local)).and_then(|()| sync(&self.open));
            moved.doing(Next::Retry, format!("move a block to {}", to.display()))?;
        }
        Ok(())
    }

    /// The local folder of a block, which is fetched if it is not there.
    pub(crate) async fn fetch(&self, meta: &BlockMeta) -> Result<PathBuf> {
        let folder = self.local.join(&meta.id);
        if self.remote && !is_whole(&folder, meta) {
            create(&folder)?;
            for file in FILES {
                self.download(&folder.join(file), &meta.id, file).await?;
            }
        }
        Ok(folder)
    }

    /// Deletes the files of a block.
    pub(crate) async fn remove(&self, id: &str) -> Result<()> {
        if self.remote {
            for file in FILES.iter().rev() {
                match self.store.delete(&self.object(id, file)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(cause) => return Err(cause).doing(Next::Retry, format!("delete block {id}")),
                }
            }
        }
        match fs::remove_dir_all(self.local.join(id)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(cause).doing(Next::Retry, format!("delete block {id}"))
            }
            _ => Ok(()),
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

    async fn upload(&self, path: &Path, id: &str, file: &str) -> Result<()> {
        let doing = || format!("upload block {id}");
        let mut source = tokio::fs::File::open(path).await.doing(Next::Retry, doing())?;
        let upload = self.store.put_multipart(&self.object(id, file)).await.doing(Next::Retry, doing())?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, UPLOAD_BYTES);
        let mut buffer = vec![0; UPLOAD_BYTES / 8];
        loop {
            let read = source.read(&mut buffer).await.doing(Next::Retry, doing())?;
            if read == 0 {
                break;
            }
            upload.wait_for_capacity(UPLOADS_MAX).await.doing(Next::Retry, doing())?;
            upload.write(&buffer[..read]);
        }
        upload.finish().await.doing(Next::Retry, doing())?;
        Ok(())
    }

    async fn download(&self, path: &Path, id: &str, file: &str) -> Result<()> {
        let doing = || format!("fetch block {id}");
        let mut content = self.read(id, file).await?;
        let mut target = tokio::fs::File::create(path).await.doing(Next::Retry, doing())?;
        while let Some(bytes) = content.try_next().await.doing(Next::Retry, doing())? {
            tokio::io::AsyncWriteExt::write_all(&mut target, &bytes).await.doing(Next::Retry, doing())?;
        }
        tokio::io::AsyncWriteExt::flush(&mut target).await.doing(Next::Retry, doing())
    }

    fn object(&self, id: &str, file: &str) -> object_store::path::Path {
        self.root.clone().join(BLOCKS).join(id).join(file)
    }
}

fn parse(url: &str) -> Result<url::Url> {
    url::Url::parse(url)
        .doing(Next::Refuse, format!("use store.url {url:?}; it looks like s3://bucket/prefix"))
}

fn is_whole(folder: &Path, meta: &BlockMeta) -> bool {
    let size = |file| fs::metadata(folder.join(file)).map(|metadata| metadata.len()).ok();
    FILES.map(size) == [Some(meta.data_bytes), Some(meta.index_bytes)]
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).doing(Next::Refuse, format!("create the folder {}", folder.display()))
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
