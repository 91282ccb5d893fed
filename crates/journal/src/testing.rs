//! A disk in memory that fails on demand and forgets at a power cut, for tests of whoever keeps a journal.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::disk::{Disk, File};

/// What the disk does wrong from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// fsync fails once.
    SyncOnce,
    /// Every write writes its first half and fails.
    Full,
}

/// A directory in memory; a clone is the same directory.
#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Content>,
    fault: Fault,
    writes: u64,
}

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
    entry_synced: bool,
}

impl FaultyDisk {
    /// Begins to do this wrong.
    pub fn fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// How often something was written.
    pub fn writes(&self) -> u64 {
        self.state().writes
    }

    /// What a power cut at this instant leaves: what was synced, and of the rest a random beginning, perhaps garbled.
    /// `below` draws a number below another.
    #[must_use]
    pub fn after_power_cut(&self, below: &mut dyn FnMut(usize) -> usize) -> Self {
        let mut files = self.state().files.clone();
        files.retain(|_, content| content.entry_synced || below(2) == 0);
        for content in files.values_mut() {
            let kept = content.synced + below(content.bytes.len() - content.synced + 1);
            content.bytes.truncate(kept);
            if kept > content.synced && below(2) == 0 {
                let at = content.synced + below(kept - content.synced);
                content.bytes[at..].fill(0);
            }
            content.synced = kept;
            content.entry_synced = true;
        }
        Self(Arc::new(Mutex::new(State { files, ..State::default() })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    name: String,
}

impl Disk for FaultyDisk {
    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        if self.state().files.insert(name.to_owned(), Content::default()).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Box::new(FaultyFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        let bytes = &state.files.get(name).ok_or(io::ErrorKind::NotFound)?.bytes;
        Ok(bytes[..bytes.len().min(usize::try_from(bytes_max).unwrap_or(usize::MAX))].to_vec())
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let state = self.state();
        Ok(state.files.iter().map(|(name, content)| (name.clone(), content.bytes.len() as u64)).collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.state().files.values_mut().for_each(|content| content.entry_synced = true);
        Ok(())
    }
}

impl File for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.writes += 1;
        let full = state.fault == Fault::Full;
        let written = if full { bytes.len() / 2 } else { bytes.len() };
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.bytes.extend_from_slice(&bytes[..written]);
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.fault == Fault::SyncOnce {
            state.fault = Fault::None;
            return Err(io::Error::other("the device lost a write"));
        }
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.synced = content.bytes.len();
        Ok(())
    }
}
