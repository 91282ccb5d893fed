//! The files of the manifest on an object store, and committing to them.
//!
//! Old entries are deleted once a checkpoint holds them, always from the lowest on. So as long as entry n is there, no
//! later one was ever deleted: what is found behind it, or created behind it, is the real end of the log. Whoever
//! finds its own last entry gone has slept through a checkpoint and reads everything anew, instead of writing into
//! the gap.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};

use super::{
    entry::{self, Entry},
    note::Note,
    state::State,
};
use crate::error::{Doing, Error, Next, Result};

mod rescue;

pub use rescue::Gap;
pub(crate) use rescue::{Rescued, replace};

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
    known: Known,
    /// The last checkpoint; files below the one before it are deleted.
    checkpoint: u64,
    /// Where it is noted how far it is.
    note: Option<Note>,
}

/// The last state, for whoever must not wait for the object store.
#[derive(Clone, Debug, Default)]
pub struct Known(Arc<Mutex<Arc<State>>>);

impl Known {
    /// The state after the last entry that this process has seen.
    pub fn now(&self) -> Arc<State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: &State) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(state.clone());
    }
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

/// What came of reading the files of a listing.
enum Read {
    /// The state, and the number of the checkpoint that it began with.
    Whole(State, u64),
    /// A file was deleted meanwhile.
    Vanished,
    /// This file is not there though later ones are.
    Missing(Path),
}

impl Manifest {
    /// Reads the manifest below `root`; none there is an empty one.
    ///
    /// # Errors
    /// If a file that is needed is damaged or missing: which one, and what to do.
    pub async fn open(store: Arc<dyn ObjectStore>, root: &Path, checkpoint_entries: u64) -> Result<Self> {
        let mut manifest = Self::unread(store, root, checkpoint_entries);
        manifest.reload().await?;
        manifest.follow().await?;
        Ok(manifest)
    }

    /// The same, where it is known how far it was once, and is noted how far it gets.
    ///
    /// # Errors
    /// If there are fewer entries than there were, too.
    pub(crate) async fn open_noted(
        store: Arc<dyn ObjectStore>,
        root: &Path,
        checkpoint_entries: u64,
        note: Note,
    ) -> Result<Self> {
        let mut manifest = Self::open(store, root, checkpoint_entries).await?;
        let (seen, mut listings) = (note.number(), 1);
        while manifest.state.number < seen && listings < LISTINGS_MAX {
            manifest.reload().await?;
            manifest.follow().await?;
            listings += 1;
        }
        if manifest.state.number < seen {
            let what = format!(
                "the manifest ends with entry {}, but there were {seen}: files are missing at its end; put them back \
                 from a copy, or stop the server and run `faden store check --repair`, which lists the blocks again \
                 that they listed. If the store was put back on purpose, delete seen.json in its directory",
                manifest.state.number,
            );
            return Err(Error::new(Next::Repair, what));
        }
        manifest.note = Some(note);
        manifest.noted().await;
        Ok(manifest)
    }

    /// Notes how far it is.
    async fn noted(&mut self) {
        if let Some(note) = &mut self.note {
            note.reached(self.state.number).await;
        }
    }

    fn unread(store: Arc<dyn ObjectStore>, root: &Path, checkpoint_entries: u64) -> Self {
        let folder = root.clone().join(FOLDER);
        let (state, known) = Default::default();
        Self { store, folder, checkpoint_entries, state, known, checkpoint: 0, note: None }
    }

    /// The state after the last entry that this process has seen.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The same for whoever must not wait.
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// Commits an entry that adds or removes something; its number is settled here.
    ///
    /// # Errors
    /// [`Next::Retry`] if the object store failed: the entry may or may not be there, and committing the same
    /// entry again is right. [`Next::Refuse`] if what it removes was removed by someone else.
    pub async fn commit(&mut self, entry: Entry) -> Result<()> {
        let committed = self.create(entry).await;
        self.noted().await;
        committed
    }

    async fn create(&mut self, mut entry: Entry) -> Result<()> {
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
                Ok(_) if self.is_at_end().await? => {
                    self.state.apply(entry)?;
                    self.known.set(&self.state);
                    self.checkpoint_if_due().await;
                    return Ok(());
                }
                Ok(_) if self.is_committed(&entry).await? => return Ok(()),
                Ok(_) => {}
                Err(object_store::Error::AlreadyExists { .. }) => self.follow().await?,
                Err(cause) => return Err(cause).doing(Next::Retry, "commit a manifest entry"),
            }
            self.checkpoint_if_due().await;
        }
    }

    /// Reads the entries that others wrote since: one or two small requests where there are none.
    ///
    /// # Errors
    /// [`Next::Retry`] if the object store failed; the state is what it was.
    pub async fn follow(&mut self) -> Result<()> {
        let mut newer = Vec::new();
        loop {
            let path = self.path(self.state.number + 1 + newer.len() as u64, ENTRY);
            let Some(bytes) = self.get(&path).await? else { break };
            newer.push(entry::decode::<Entry>(&bytes).map_err(|error| unusable(&path, &error))?);
        }
        if !self.is_at_end().await? {
            return self.reload().await;
        }
        if newer.is_empty() {
            return Ok(());
        }
        let mut state = self.state.clone();
        for entry in newer {
            state.apply(entry)?;
        }
        self.state = state;
        self.known.set(&self.state);
        self.noted().await;
        Ok(())
    }

    /// True if nothing behind the last known entry was ever deleted.
    async fn is_at_end(&self) -> Result<bool> {
        if self.state.number == 0 {
            return Ok(self.list().await?.checkpoints.is_empty());
        }
        let path = self.path(self.state.number, ENTRY);
        match self.store.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(cause) => Err(cause).doing(Next::Retry, format!("look for {path}")),
        }
    }

    /// After an entry was created and the one before it is gone: either the log begins here, or this is a gap that
    /// others have left behind, where the entry means nothing and is taken away.
    async fn is_committed(&mut self, entry: &Entry) -> Result<bool> {
        self.reload().await?;
        if self.state.number < entry.number {
            return Err(Error::new(Next::Retry, "the object store does not list what was just written"));
        }
        if self.checkpoint < entry.number || self.state.holds(entry) {
            return Ok(true);
        }
        let path = self.path(entry.number, ENTRY);
        self.store.delete(&path).await.doing(Next::Retry, format!("delete {path}"))?;
        Ok(false)
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

    /// Reads everything anew.
    async fn reload(&mut self) -> Result<()> {
        let mut missing = None;
        for _ in 0..LISTINGS_MAX {
            let files = self.list().await?;
            match self.read(&files).await? {
                Read::Whole(state, _) if state.number < self.state.number => {
                    return Err(Error::new(Next::Retry, "the object store lists less than it did before"));
                }
                Read::Whole(state, checkpoint) => {
                    (self.state, self.checkpoint) = (state, checkpoint);
                    self.known.set(&self.state);
                    return Ok(());
                }
                Read::Vanished => missing = None,
                // A listing that took several requests may have missed what was written between them.
                Read::Missing(path) if missing.as_ref() == Some(&path) => {
                    return Err(unusable(&path, &Error::new(Next::Repair, "the file is missing")));
                }
                Read::Missing(path) => missing = Some(path),
            }
        }
        Err(Error::new(Next::Retry, "the manifest changes faster than it can be read"))
    }

    async fn read(&self, files: &Files) -> Result<Read> {
        let (mut state, mut checkpoint) = (State::default(), 0);
        if let Some((number, path)) = files.checkpoints.last_key_value() {
            let Some(bytes) = self.get(path).await? else { return Ok(Read::Vanished) };
            state = entry::decode(&bytes).map_err(|error| unusable(path, &error))?;
            checkpoint = *number;
        }
        for (number, path) in files.entries.range(state.number + 1..) {
            if *number != state.number + 1 {
                return Ok(Read::Missing(self.path(state.number + 1, ENTRY)));
            }
            let Some(bytes) = self.get(path).await? else { return Ok(Read::Vanished) };
            state.apply(entry::decode(&bytes).map_err(|error| unusable(path, &error))?)?;
        }
        Ok(Read::Whole(state, checkpoint))
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
         or stop the server and run `faden store check --repair`, which rebuilds what can be"
    );
    Error::new(error.next, what)
}
