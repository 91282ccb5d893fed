//! Copies of parts of remote files on the local disk, within a budget of bytes.
//!
//! A copy is a file of its own: a whole file of a block, or one piece of it. It appears by a rename, so it is there
//! whole or not at all; whoever reads it compares checksums, and throws a copy away that does not hold. What was used
//! least recently goes first, pieces of indexes only when no others are left, and then those of pinned blocks. A start
//! finds what is there.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs, io,
    ops::Range,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use foldhash::fast::FixedState;

use crate::{
    block::INDEX_FILE,
    error::{Doing, Next, Result},
};

/// Bytes of a piece.
pub(super) const PIECE_BYTES: u64 = 256 << 10;

const NEW: &str = ".new";

/// A part of a file of which there can be a copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) block: String,
    pub(super) file: &'static str,
    pub(super) part: Part,
}

/// Which part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Bytes from this multiple of [`PIECE_BYTES`] on.
    Piece(u64),
}

/// The copies.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
    made: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<Key, Entry, FixedState>,
    /// By last use: pieces of data, then of indexes, then of pinned blocks.
    order: [BTreeMap<u64, Key>; 3],
    pinned: BTreeSet<String>,
    bytes: u64,
    clock: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    bytes: u64,
    used: u64,
}

impl Cache {
    /// Finds what the last process left.
    pub(super) fn open(folder: PathBuf, bytes_max: u64) -> Result<Self> {
        let cache = Self {
            bytes_max,
            state: Mutex::default(),
            made: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            folder,
        };
        let doing = || format!("look through the cache {}", cache.folder.display());
        let mut found = Vec::new();
        for block in fs::read_dir(&cache.folder).doing(Next::Refuse, doing())?.flatten() {
            if block.file_name().to_string_lossy().ends_with(NEW) {
                remove(&block.path());
            }
            for file in fs::read_dir(block.path()).into_iter().flatten().flatten() {
                let (block, name) = (block.file_name(), file.file_name());
                match (key(&block.to_string_lossy(), &name.to_string_lossy()), file.metadata()) {
                    (Some(key), Ok(metadata)) => found.push((metadata.modified().ok(), key, metadata.len())),
                    _ => remove(&file.path()),
                }
            }
        }
        found.sort_by_key(|(modified, ..)| *modified);
        found.into_iter().for_each(|(_, key, bytes)| cache.add(key, bytes));
        Ok(cache)
    }

    /// Bytes of all copies.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Where the files of a block are, or would be.
    pub(super) fn folder(&self, block: &str) -> PathBuf {
        self.folder.join(block)
    }

    /// Is there a copy? Counts as a use.
    pub(super) fn has(&self, key: &Key) -> bool {
        self.lock().touch(key)
    }

    /// Bytes of a copy, counted from its beginning; none if there is no such copy, or a shorter one.
    pub(super) fn read(&self, key: &Key, range: Range<u64>) -> Option<Bytes> {
        if !self.has(key) {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(range.end - range.start).ok()?];
        let read =
            fs::File::open(self.path(key)).and_then(|file| file.read_exact_at(&mut bytes, range.start));
        if read.is_err() {
            self.forget(key);
            return None;
        }
        Some(bytes.into())
    }

    /// Keeps a copy. A disk that has no room for it is no reason to fail.
    pub(super) fn put(&self, key: Key, bytes: &[u8]) {
        let new = self.new_copy();
        let path = self.path(&key);
        let folder = path.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&new, bytes))
            .and_then(|()| fs::rename(&new, &path));
        match written {
            Ok(()) => self.add(key, bytes.len() as u64),
            Err(cause) => {
                remove(&new);
                tracing::debug!(%cause, path = %path.display(), "cannot keep a copy in the cache");
            }
        }
    }

    /// Notes whole files of a block that were put into its folder.
    pub(super) fn adopt(&self, block: &str) {
        for file in super::FILES {
            let key = Key { block: block.into(), file, part: Part::Whole };
            if let Ok(metadata) = fs::metadata(self.path(&key)) {
                self.add(key, metadata.len());
            }
        }
    }

    /// Copies of these blocks go last; all others go as ever.
    pub(super) fn pin(&self, blocks: BTreeSet<String>) {
        let mut state = self.lock();
        if state.pinned != blocks {
            let changed = blocks.symmetric_difference(&state.pinned).cloned().collect();
            state.pinned = blocks;
            state.sort_again(&changed);
        }
    }

    /// Is there a copy of all files of the block? Counts as no use.
    pub(super) fn has_all(&self, block: &str) -> bool {
        let state = self.lock();
        let whole = |file| Key { block: block.into(), file, part: Part::Whole };
        super::FILES.into_iter().all(|file| state.known.contains_key(&whole(file)))
    }

    /// Where a copy can be made that is kept by [`Cache::keep`].
    pub(super) fn new_copy(&self) -> PathBuf {
        self.folder.join(format!("{}{NEW}", self.made.fetch_add(1, Relaxed)))
    }

    /// Keeps a whole file that was copied; its pieces go.
    pub(super) fn keep(&self, key: Key, copy: &Path, bytes: u64) -> io::Result<()> {
        fs::create_dir_all(self.folder(&key.block))?;
        fs::rename(copy, self.path(&key))?;
        let is_piece =
            |other: &&Key| other.block == key.block && other.file == key.file && other.part != Part::Whole;
        let pieces: Vec<Key> = self.lock().known.keys().filter(is_piece).cloned().collect();
        self.add(key, bytes);
        pieces.iter().for_each(|piece| self.forget(piece));
        Ok(())
    }

    /// Throws a copy away.
    pub(super) fn forget(&self, key: &Key) {
        if self.lock().take(key) {
            remove(&self.path(key));
        }
    }

    /// Throws away every copy of a block.
    pub(super) fn forget_block(&self, block: &str) {
        let keys: Vec<Key> = self.lock().known.keys().filter(|key| key.block == block).cloned().collect();
        keys.iter().for_each(|key| self.forget(key));
        let _unless_empty = fs::remove_dir(self.folder(block));
    }

    /// The blocks of which there are copies.
    pub(super) fn blocks(&self) -> BTreeSet<String> {
        self.lock().known.keys().map(|key| key.block.clone()).collect()
    }

    fn add(&self, key: Key, bytes: u64) {
        let mut evicted = Vec::new();
        {
            let mut state = self.lock();
            state.take(&key);
            state.insert(key, bytes);
            while state.bytes > self.bytes_max && state.known.len() > 1 {
                let Some(key) = state.order.iter().flat_map(BTreeMap::values).next().cloned() else { break };
                state.take(&key);
                evicted.push(key);
            }
        }
        for key in evicted {
            remove(&self.path(&key));
            let _unless_empty = fs::remove_dir(self.folder(&key.block));
        }
    }

    fn path(&self, key: &Key) -> PathBuf {
        let folder = self.folder.join(&key.block);
        match key.part {
            Part::Whole => folder.join(key.file),
            Part::Piece(number) => folder.join(format!("{}.{number:08}", key.file)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, key: Key, bytes: u64) {
        self.clock += 1;
        self.bytes += bytes;
        let class = self.class(&key);
        self.order[class].insert(self.clock, key.clone());
        self.known.insert(key, Entry { bytes, used: self.clock });
    }

    fn take(&mut self, key: &Key) -> bool {
        let Some(entry) = self.known.remove(key) else { return false };
        self.bytes -= entry.bytes;
        let class = self.class(key);
        self.order[class].remove(&entry.used);
        true
    }

    fn class(&self, key: &Key) -> usize {
        if self.pinned.contains(&key.block) { 2 } else { usize::from(key.file == INDEX_FILE) }
    }

    /// After blocks were pinned, or are no longer.
    fn sort_again(&mut self, changed: &BTreeSet<String>) {
        let concerned = |(_, key): &(&u64, &Key)| changed.contains(&key.block);
        for at in 0..self.order.len() {
            let moving: Vec<u64> = self.order[at].iter().filter(concerned).map(|(used, _)| *used).collect();
            for used in moving {
                let key = self.order[at].remove(&used).expect("it was just seen");
                let class = self.class(&key);
                self.order[class].insert(used, key);
            }
        }
    }

    fn touch(&mut self, key: &Key) -> bool {
        let Some(entry) = self.known.get(key).copied() else { return false };
        self.take(key);
        self.insert(key.clone(), entry.bytes);
        true
    }
}

fn key(block: &str, name: &str) -> Option<Key> {
    let file = super::FILES.into_iter().find(|file| name.starts_with(file))?;
    let part = match &name[file.len()..] {
        "" => Part::Whole,
        rest => Part::Piece(rest.strip_prefix('.')?.parse().ok()?),
    };
    Some(Key { block: block.into(), file, part })
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%cause, path = %path.display(), "cannot remove a file from the cache");
        }
        _ => {}
    }
}
