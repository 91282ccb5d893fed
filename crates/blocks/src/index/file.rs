//! The file `spans.idx`: sections with checksums, and a directory of them at the end.
//!
//! It is written section by section while the block grows, so that no index is ever whole in memory; the directory
//! comes when the block is closed.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::section::Section;
use crate::error::{Doing, Next, Result};

/// The first and the last bytes of the file.
pub(super) const MAGIC: &[u8; 8] = b"FADENIDX";

/// The version of the format that this program writes.
pub(super) const VERSION: u32 = 3;

/// Bytes of an entry of the directory.
const ENTRY_BYTES: usize = 32;

/// Bytes after the directory: its length, its checksum, the version, the magic.
pub(super) const TRAILER_BYTES: usize = 20;

/// Content of fewer bytes is never compressed.
const COMPRESSED_BYTES_MIN: usize = 64;

/// Where a section lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: u32,
    pub(super) number: u32,
    pub(super) at: u64,
    pub(super) length: u32,
    /// Bytes before compression; 0 where the section is stored as it is.
    pub(super) unpacked: u32,
    pub(super) crc: u32,
}

/// Where the sections lie, in the order of kind and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directory(Vec<Entry>);

impl Directory {
    pub(super) fn find(&self, kind: u32, number: u32) -> Option<Entry> {
        let at = self.0.binary_search_by_key(&(kind, number), |entry| (entry.kind, entry.number)).ok()?;
        Some(self.0[at])
    }

    fn add(&mut self, entry: Entry) {
        let after = |other: &Entry| (other.kind, other.number) <= (entry.kind, entry.number);
        let at = self.0.partition_point(after);
        self.0.insert(at, entry);
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * ENTRY_BYTES);
        for entry in &self.0 {
            out.extend_from_slice(&entry.kind.to_le_bytes());
            out.extend_from_slice(&entry.number.to_le_bytes());
            out.extend_from_slice(&entry.at.to_le_bytes());
            for word in [entry.length, entry.unpacked, entry.crc, 0] {
                out.extend_from_slice(&word.to_le_bytes());
            }
        }
        out
    }

    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let (entries, rest) = raw.as_chunks::<ENTRY_BYTES>();
        let mut directory: Vec<Entry> = entries.iter().map(|raw| Entry::read(raw)).collect();
        directory.sort_by_key(|entry| (entry.kind, entry.number));
        rest.is_empty().then_some(Self(directory))
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Entry>()
    }
}

impl Entry {
    fn read(raw: &[u8]) -> Self {
        Self {
            kind: word(raw, 0),
            number: word(raw, 4),
            at: u64::from(word(raw, 8)) | u64::from(word(raw, 12)) << 32,
            length: word(raw, 16),
            unpacked: word(raw, 20),
            crc: word(raw, 24),
        }
    }
}

/// Writes the index of a block that grows.
#[derive(Debug)]
pub(crate) struct IndexWriter {
    file: File,
    path: PathBuf,
    at: u64,
    crc: u32,
    directory: Arc<RwLock<Directory>>,
}

impl IndexWriter {
    /// Begins the file.
    ///
    /// # Errors
    /// Where it is there already, or can't be written.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).create_new(true).open(path);
        let file = file.doing(Next::Retry, format!("create {}", path.display()))?;
        let mut writer = Self { file, path: path.into(), at: 0, crc: 0, directory: Arc::default() };
        writer.put(MAGIC)?;
        Ok(writer)
    }

    /// Appends a section; `number` is that of the row group, where it is about one.
    ///
    /// # Errors
    /// Where the file can't be written; it is of no more use then.
    pub(crate) fn section<T: Section>(&mut self, number: u32, section: &T) -> Result<()> {
        let content = section.write();
        let packed = (content.len() >= COMPRESSED_BYTES_MIN)
            .then(|| zstd::bulk::compress(&content, 1).ok())
            .flatten()
            .filter(|packed| packed.len() < content.len());
        let unpacked = if packed.is_some() { content.len() as u32 } else { 0 };
        let stored = packed.as_deref().unwrap_or(&content);
        let (length, crc) = (stored.len() as u32, crc32c::crc32c(stored));
        self.entry(Entry { kind: T::KIND, number, at: self.at, length, unpacked, crc }, stored)
    }

    /// Appends bytes that are read piece by piece, and not as a section.
    ///
    /// # Errors
    /// As `section`.
    pub(crate) fn raw(&mut self, kind: u32, number: u32, bytes: &[u8]) -> Result<()> {
        let (length, crc) = (bytes.len() as u32, crc32c::crc32c(bytes));
        self.entry(Entry { kind, number, at: self.at, length, unpacked: 0, crc }, bytes)
    }

    /// Where the next section will begin.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    fn entry(&mut self, entry: Entry, stored: &[u8]) -> Result<()> {
        self.put(stored)?;
        self.directory.write().unwrap_or_else(PoisonError::into_inner).add(entry);
        Ok(())
    }

    /// Writes the directory and makes the file durable; answers its length and checksum.
    ///
    /// # Errors
    /// Where it can't be written.
    pub(crate) fn finish(mut self) -> Result<(u64, u32)> {
        let mut end = self.directory.read().unwrap_or_else(PoisonError::into_inner).write();
        let (length, crc) = (end.len() as u32, crc32c::crc32c(&end));
        for word in [length, crc, VERSION] {
            end.extend_from_slice(&word.to_le_bytes());
        }
        end.extend_from_slice(MAGIC);
        self.put(&end)?;
        self.file.sync_all().doing(Next::Retry, format!("finish {}", self.path.display()))?;
        Ok((self.at, self.crc))
    }

    /// The file, to be read while it grows, and the sections that it has so far.
    ///
    /// # Errors
    /// Where the system has no more handles.
    pub(super) fn parts(&self) -> Result<(File, &Path, Arc<RwLock<Directory>>)> {
        let file = self.file.try_clone().doing(Next::Retry, format!("read {}", self.path.display()))?;
        Ok((file, &self.path, self.directory.clone()))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).doing(Next::Retry, format!("write {}", self.path.display()))?;
        self.at += bytes.len() as u64;
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        Ok(())
    }
}

pub(super) fn word(raw: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(raw[at..at + 4].try_into().expect("four bytes"))
}
