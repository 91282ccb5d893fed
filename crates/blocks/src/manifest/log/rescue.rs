//! What is left of a manifest of which files are damaged or missing, and a manifest that begins anew from there.
//!
//! Nothing is believed whose checksum does not hold. The newest sound checkpoint is the base; every sound entry after it
//! counts, those behind a lost one too. What only lost entries said is for others to find out.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};
use serde::de::DeserializeOwned;

use super::{CHECKPOINT, ENTRY, Files, Manifest};
use crate::{
    error::{Doing, Error, Next, Result},
    manifest::{
        entry::{self, Entry},
        state::State,
    },
};

/// Entries of which nothing is known, all between two that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The first number.
    pub first: u64,
    /// The last number.
    pub last: u64,
}

/// What is left of a manifest.
#[derive(Debug, Default)]
pub(crate) struct Rescued {
    /// The sum of what can be read.
    pub(crate) state: State,
    /// What cannot.
    pub(crate) gaps: Vec<Gap>,
    /// Files that cannot be trusted, and what is in them.
    pub(crate) damaged: Vec<(Path, Bytes)>,
    /// The greatest number of any file that there is, or was.
    last: u64,
}

impl Rescued {
    /// Reads every file of the manifest below `root`, of which entries up to `seen` are known to have been there.
    ///
    /// # Errors
    /// If the object store fails, or a sound file has a version that this program does not know.
    pub(crate) async fn of(store: Arc<dyn ObjectStore>, root: &Path, seen: u64) -> Result<Self> {
        let manifest = Manifest::unread(store, root, 0);
        let files = manifest.list().await?;
        let mut rescued = Self { last: last(&files).max(seen), ..Self::default() };
        let mut base = None;
        for (number, path) in files.checkpoints.iter().rev() {
            let found: Option<State> = rescued.read(&manifest, path).await?;
            base = base.or(found.filter(|state| state.number == *number));
        }
        let mut entries: BTreeMap<u64, Entry> = BTreeMap::new();
        for (number, path) in &files.entries {
            let found: Option<Entry> = rescued.read(&manifest, path).await?;
            entries.extend(found.filter(|entry| entry.number == *number).map(|entry| (*number, entry)));
        }
        rescued.state = base.unwrap_or_default();
        rescued.sum(entries)?;
        Ok(rescued)
    }

    fn sum(&mut self, mut entries: BTreeMap<u64, Entry>) -> Result<()> {
        for (number, entry) in entries.split_off(&(self.state.number.saturating_add(1))) {
            if number > self.state.number + 1 {
                self.gaps.push(Gap { first: self.state.number + 1, last: number - 1 });
            }
            self.state.apply_over_gap(entry)?;
        }
        if self.last > self.state.number {
            self.gaps.push(Gap { first: self.state.number + 1, last: self.last });
        }
        Ok(())
    }

    async fn read<T: DeserializeOwned>(&mut self, manifest: &Manifest, path: &Path) -> Result<Option<T>> {
        let Some(bytes) = manifest.get(path).await? else { return Ok(None) };
        match entry::decode(&bytes) {
            Ok(content) => Ok(Some(content)),
            Err(error) if entry::is_sound(&bytes) => {
                let what = format!(
                    "{path}: {error}; it is sound, so nothing is repaired: use the program that wrote it"
                );
                Err(Error::new(Next::Refuse, what))
            }
            Err(_) => {
                self.damaged.push((path.clone(), bytes));
                Ok(None)
            }
        }
    }
}

/// Begins the manifest anew after everything that was rescued: this entry is the last, and a checkpoint knows all.
/// Damaged files are taken away afterwards, so a repair that is broken off can be done again.
///
/// # Errors
/// If the object store fails, or someone else writes.
pub(crate) async fn replace(
    store: Arc<dyn ObjectStore>,
    root: &Path,
    rescued: Rescued,
    mut entry: Entry,
) -> Result<()> {
    let Rescued { mut state, damaged, last, .. } = rescued;
    entry.number =
        last.checked_add(1).ok_or_else(|| Error::new(Next::Refuse, "entries have no numbers left"))?;
    state.number = last;
    state.apply(entry.clone())?;
    let manifest = Manifest::unread(store.clone(), root, 0);
    let (sum, alone) = (entry::encode(&state)?, entry::encode(&entry)?);
    for (suffix, bytes) in [(CHECKPOINT, sum), (ENTRY, alone)] {
        let path = manifest.path(entry.number, suffix);
        let written = store.put_opts(&path, bytes.into(), PutMode::Create.into()).await;
        written.doing(Next::Retry, format!("write {path}"))?;
    }
    for (path, _) in damaged {
        store.delete(&path).await.doing(Next::Retry, format!("delete {path}"))?;
    }
    Ok(())
}

fn last(files: &Files) -> u64 {
    let last = |numbers: &BTreeMap<u64, Path>| numbers.last_key_value().map_or(0, |(number, _)| *number);
    last(&files.entries).max(last(&files.checkpoints))
}
