//! The files of the manifest on an object store, and committing to them.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};

use super::{
    entry::{self, Entry},
    state::State,
};
use crate::error::{Doing, Error, Next, Result};

const FOLDER: &str = "manifest";
const ENTRY: &str = ".json";
const CHECKPOINT: &str = ".checkpoint.json";

/// How often the files are listed anew because one vanished between listing and reading.
const LISTINGS_MAX: u32 = 5;

/// The manifest as this process knows it.
pub struct Manifest {
    store: Arc<dyn ObjectStore>,
    folder: Path,
    checkpoint_entries: u64,
    state: State,
    /// The last checkpoint; files below the one before it are deleted.
    checkpoint: u64,
}

/// A file of the manifest that cannot be trusted.
#[derive(Debug)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

#[derive(Default)]
struct Files {
    entries: BTreeMap<u64, Path>,
    checkpoints: BTreeMap<u64, Path>,
}

impl Manifest {
    /// Reads the manifest below `root`; none there is an empty one.
    ///
    /// # Errors
    /// If a file that is needed is damaged or missing: which one, and what to do.
    pub async fn open(store: Arc<dyn ObjectStore>, root: &Path, checkpoint_entries: u64) -> Result<Self> {
        let folder = root.clone().join(FOLDER);
        let mut manifest = Self { store, folder, checkpoint_entries, state: State::default(), checkpoint: 0 };
        for _ in 1..LISTINGS_MAX {
            if manifest.load().await? {
                return Ok(manifest);
            }
        }
        Err(Error::new(Next::Retry, "the manifest changes faster than it can be read"))
    }

    /// The state after the last entry that this process has seen.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Commits an entry that adds or removes something; its number is settled here.
    ///
    /// # Errors
    /// [`Next::Retry`] if the object store failed: the entry may or may not be there, and committing the same
    /// entry again is right. [`Next::Refuse`] if what it removes was removed by someone else.
    pub async fn commit(&mut self, mut entry: Entry) -> Result<()> {
        loop {
            self.fence(&entry)?;
            if self.state.holds(&entry) {
                return Ok(());
            }
            entry.number = self.state.number + 1;
            self.state.accepts(&entry)?;
            let bytes = entry::encode(&entry)?;
            let path = self.path(entry.number, ENTRY);
            match self.store.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
                Ok(_) => {
                    self.state.apply(entry)?;
                    self.checkpoint_if_due().await;
                    return Ok(());
                }
                Err(object_store::Error::AlreadyExists { .. }) => self.follow().await?,
                Err(cause) => return Err(cause).doing(Next::Retry, "commit a manifest entry"),
            }
            self.checkpoint_if_due().await;
        }
    }

    /// Checks every file; returns how many there are.
    pub async fn check(&self, damages: &mut Vec<Damage>) -> Result<u64> {
        let files = self.list().await?;
        for path in files.entries.values().chain(files.checkpoints.values()) {
            let is_checkpoint = path.filename().is_some_and(|name| name.ends_with(CHECKPOINT));
            let outcome = match self.get(path).await? {
                Some(bytes) if is_checkpoint => entry::decode::<State>(&bytes).map(drop),
                Some(bytes) => entry::decode::<Entry>(&bytes).map(drop),
                None => Ok(()),
            };
            if let Err(error) = outcome {
                damages.push(Damage { file: path.to_string(), what: error.to_string() });
            }
        }
        Ok((files.entries.len() + files.checkpoints.len()) as u64)
    }

    /// A node that opened the same data later has taken over.
    fn fence(&self, entry: &Entry) -> Result<()> {
        let newer = self.state.nodes.get(&entry.node).is_some_and(|node| node.epoch > entry.epoch);
        if newer {
            let what =
                "another process opened a copy of this data directory and goes on with it: stop this one";
            return Err(Error::new(Next::Repair, what));
        }
        Ok(())
    }

    /// Reads the entries that others wrote since.
    async fn follow(&mut self) -> Result<()> {
        while let Some(bytes) = self.get(&self.path(self.state.number + 1, ENTRY)).await? {
            let path = self.path(self.state.number + 1, ENTRY);
            self.state.apply(entry::decode(&bytes).map_err(|error| unusable(&path, &error))?)?;
        }
        Ok(())
    }

    /// Reads everything; false if a file vanished meanwhile.
    async fn load(&mut self) -> Result<bool> {
        let files = self.list().await?;
        self.state = State::default();
        if let Some((number, path)) = files.checkpoints.last_key_value() {
            let Some(bytes) = self.get(path).await? else { return Ok(false) };
            self.state = entry::decode(&bytes).map_err(|error| unusable(path, &error))?;
            self.checkpoint = *number;
        }
        for (number, path) in files.entries.range(self.state.number + 1..) {
            if *number != self.state.number + 1 {
                let missing = self.path(self.state.number + 1, ENTRY);
                return Err(unusable(&missing, &Error::new(Next::Repair, "the file is missing")));
            }
            let Some(bytes) = self.get(path).await? else { return Ok(false) };
            self.state.apply(entry::decode(&bytes).map_err(|error| unusable(path, &error))?)?;
        }
        Ok(true)
    }

    async fn list(&self) -> Result<Files> {
        let mut files = Files::default();
        let mut listing = self.store.list(Some(&self.folder));
        while let Some(object) = listing.try_next().await.doing(Next::Retry, "list the manifest")? {
            let name = object.location.filename().unwrap_or_default();
            let number = |suffix| name.strip_suffix(suffix).filter(|number| number.len() == 20)?.parse().ok();
            if let Some(number) = number(CHECKPOINT) {
                files.checkpoints.insert(number, object.location);
            } else if let Some(number) = number(ENTRY) {
                files.entries.insert(number, object.location);
            } else {
                tracing::warn!(file = %object.location, "foreign file among the manifest's");
            }
        }
        Ok(files)
    }

    async fn get(&self, path: &Path) -> Result<Option<bytes::Bytes>> {
        let doing = || format!("read {path}");
        match self.store.get(path).await {
            Ok(found) => found.bytes().await.map(Some).doing(Next::Retry, doing()),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(cause).doing(Next::Retry, doing()),
        }
    }

    /// Sums up the entries so far; if that fails it is tried again after the next commit.
    async fn checkpoint_if_due(&mut self) {
        if self.state.number < self.checkpoint + self.checkpoint_entries {
            return;
        }
        if let Err(error) = self.write_checkpoint().await {
            tracing::warn!(%error, "cannot write a checkpoint of the manifest");
        }
    }

    async fn write_checkpoint(&mut self) -> Result<()> {
        let path = self.path(self.state.number, CHECKPOINT);
        let bytes = entry::encode(&self.state)?;
        match self.store.put_opts(&path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(cause) => return Err(cause).doing(Next::Retry, format!("write {path}")),
        }
        let before = std::mem::replace(&mut self.checkpoint, self.state.number);
        let files = self.list().await?;
        let entries = files.entries.range(..=before).map(|(_, path)| path);
        for path in entries.chain(files.checkpoints.range(..before).map(|(_, path)| path)) {
            self.store.delete(path).await.doing(Next::Retry, format!("delete {path}"))?;
        }
        Ok(())
    }

    /// Forgets removed blocks whose files are gone.
    pub(crate) fn forget(&mut self, id: &str) {
        self.state.removed.remove(id);
        self.state.removed_bytes.remove(id);
    }

    fn path(&self, number: u64, suffix: &str) -> Path {
        self.folder.clone().join(format!("{number:020}{suffix}"))
    }
}

fn unusable(path: &Path, error: &Error) -> Error {
    let what = format!(
        "the manifest cannot be read: {path}: {error}; put the file back from a copy, \
         or see docs/format/manifest.md for rebuilding it"
    );
    Error::new(error.next, what)
}
