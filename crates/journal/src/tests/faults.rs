//! A disk in memory that fails on demand, and what a journal does about it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use super::{frame, open, settings, texts};
use crate::{Disk, File, Limits, Next, Settings};

/// What the disk does wrong from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// fsync fails once.
    SyncOnce,
    /// Every write writes its first half and fails.
    Full,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, Content>,
    pub(super) fault: Fault,
    pub(super) writes: u64,
}

#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) synced: usize,
    pub(super) entry_synced: bool,
}

/// A directory in memory.
#[derive(Clone, Default)]
pub(super) struct Memory(pub(super) Arc<Mutex<State>>);

impl Memory {
    pub(super) fn fault(&self, fault: Fault) {
        self.0.lock().unwrap().fault = fault;
    }
}

struct MemoryFile {
    disk: Memory,
    name: String,
}

impl Disk for Memory {
    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut state = self.0.lock().unwrap();
        if state.files.insert(name.to_owned(), Content::default()).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        Ok(Box::new(MemoryFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let state = self.0.lock().unwrap();
        let content = state.files.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.bytes[..content.bytes.len().min(usize::try_from(bytes_max).unwrap_or(usize::MAX))]
            .to_vec())
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let state = self.0.lock().unwrap();
        Ok(state.files.iter().map(|(name, content)| (name.clone(), content.bytes.len() as u64)).collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().files.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.files.values_mut().for_each(|content| content.entry_synced = true);
        Ok(())
    }
}

impl File for MemoryFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        state.writes += 1;
        let full = state.fault == Fault::Full;
        let written = if full { bytes.len() / 2 } else { bytes.len() };
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.bytes.extend_from_slice(&bytes[..written]);
        if full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.0.lock().unwrap();
        if state.fault == Fault::SyncOnce {
            state.fault = Fault::None;
            return Err(io::Error::other("the device lost a write"));
        }
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.synced = content.bytes.len();
        Ok(())
    }
}

#[tokio::test]
async fn after_a_failed_sync_the_segment_is_never_trusted_again() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = open(&disk);
    let first = journal.append(frame("first")).await.unwrap();
    disk.fault(Fault::SyncOnce);
    let error = journal.append(frame("refused")).await.unwrap_err();
    assert_eq!(error.next, Next::Retry);
    let second = journal.append(frame("second")).await.unwrap();
    assert!(second.segment > first.segment);
    journal.close();
    let (_journal, mut replay) = open(&disk);
    assert_eq!(texts(&mut replay), ["first", "second"], "what was refused does not come back");
    assert_eq!(replay.tally().damaged, 0);
    assert_eq!(replay.tally().torn, 1);
}

#[tokio::test]
async fn a_full_disk_refuses_and_accepts_again_when_there_is_room() {
    let disk = Arc::new(Memory::default());
    let (journal, _) = open(&disk);
    journal.append(frame("kept")).await.unwrap();
    disk.fault(Fault::Full);
    for _ in 0..5 {
        assert_eq!(journal.append(frame("refused")).await.unwrap_err().next, Next::Retry);
    }
    assert!(journal.stat().refusing);
    assert_eq!(disk.list().unwrap().len(), 1, "no half segment is left behind");
    disk.fault(Fault::None);
    journal.append(frame("kept too")).await.unwrap();
    assert!(!journal.stat().refusing);
    journal.close();
    assert_eq!(texts(&mut open(&disk).1), ["kept", "kept too"]);
}

#[tokio::test]
async fn a_broken_disk_is_left_in_peace_between_probes() {
    let disk = Arc::new(Memory::default());
    let limits = Limits { probe_every: std::time::Duration::from_secs(3600), ..settings().limits };
    let (journal, _) = crate::open(disk.clone(), Settings { limits, ..settings() }).unwrap();
    disk.fault(Fault::Full);
    for _ in 0..2 {
        journal.append(frame("tried")).await.unwrap_err();
    }
    let writes = disk.0.lock().unwrap().writes;
    let error = journal.append(frame("not tried")).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    assert_eq!(disk.0.lock().unwrap().writes, writes);
}
