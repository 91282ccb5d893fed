//! The index of one block: sections that are read when they are asked for, and kept while there is room.

use std::any::Any;
use std::ops::Range;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use model::Tenant;

use super::block::{BlockFacts, FirstGroup};
use super::file::{Directory, Entry, IndexWriter, MAGIC, TRAILER_BYTES, VERSION, word};
use super::lookup::{Head, Piece, Spot};
use super::section::{About, Section, kind};
use crate::block::{LocalFile, RangeFile, checked};
use crate::error::{Error, Next, Result};
use crate::memory::{Key, Memory};

/// The largest section; a larger one is damage.
const SECTION_BYTES_MAX: u32 = 1 << 30;

/// What is read of the end of the file at once: nearly always the whole directory.
const END_BYTES: u64 = 16 * 1024;

/// The sections of one block.
#[derive(Debug)]
pub(crate) struct Index {
    file: Arc<dyn RangeFile>,
    memory: Arc<Memory>,
    block: u64,
    directory: Place,
}

/// Where the directory is.
#[derive(Debug)]
enum Place {
    /// In memory, while the block grows.
    Growing(Arc<RwLock<Directory>>),
    /// At these bytes of the file, with this checksum.
    Written { at: u64, length: u32, crc: u32 },
}

impl Index {
    /// The index that is being written.
    ///
    /// # Errors
    /// Where the system has no more handles.
    pub(crate) fn growing(writer: &IndexWriter, memory: Arc<Memory>) -> Result<Self> {
        let (file, path, directory) = writer.parts()?;
        let file = Arc::new(LocalFile::new(file, path.into()));
        Ok(Self { file, block: memory.block(), memory, directory: Place::Growing(directory) })
    }

    /// The index of a block that someone else writes; what it has is said by [`Index::grown`].
    pub(crate) fn borrowed(file: Arc<dyn RangeFile>, memory: Arc<Memory>) -> Self {
        Self { file, block: memory.block(), memory, directory: Place::Growing(Arc::default()) }
    }

    /// Someone else's index has these sections now, as its directory says.
    ///
    /// # Errors
    /// Where that is no directory.
    pub(crate) fn grown(&self, directory: &[u8]) -> Result<()> {
        let directory = self.parse_directory(directory, 0)?;
        if let Place::Growing(known) = &self.directory {
            *known.write().unwrap_or_else(PoisonError::into_inner) = directory;
        }
        Ok(())
    }

    /// Where its sections lie, as its file says or will say.
    ///
    /// # Errors
    /// Where the file can't be read, or is damaged.
    pub(crate) fn directory(&self) -> Result<Vec<u8>> {
        match &self.directory {
            Place::Growing(known) => Ok(known.read().unwrap_or_else(PoisonError::into_inner).write()),
            Place::Written { at, length, crc } => {
                let raw = checked(&*self.file, *at..*at + u64::from(*length), *crc)?;
                Ok(raw.ok_or_else(|| self.damaged(*at, "the directory is damaged"))?.to_vec())
            }
        }
    }

    /// Its file.
    pub(crate) fn file(&self) -> &Arc<dyn RangeFile> {
        &self.file
    }

    /// The index in a file of so many bytes.
    ///
    /// # Errors
    /// Where it can't be read, is damaged, or has another version.
    pub(crate) fn open(file: Arc<dyn RangeFile>, length: u64, memory: Arc<Memory>) -> Result<Self> {
        Self::of_versions(file, length, memory, VERSION..=VERSION)
    }

    fn of_versions(
        file: Arc<dyn RangeFile>,
        length: u64,
        memory: Arc<Memory>,
        versions: RangeInclusive<u32>,
    ) -> Result<Self> {
        let damaged = |at, what| damaged(&*file, at, what);
        let short = || damaged(length, "this is no index of a block");
        let start = length.saturating_sub(END_BYTES);
        let end = end(&*file, start..length)?;
        let trailer = end.len().checked_sub(TRAILER_BYTES).ok_or_else(short)?;
        let (before, trailer) = end.split_at(trailer);
        if !trailer.ends_with(MAGIC) {
            return Err(short());
        }
        let version = word(trailer, 8);
        if !versions.contains(&version) {
            let reason = format!(
                "{}: the index has version {version}, and this program reads version {VERSION}",
                file.name()
            );
            return Err(Error::new(Next::Repair, reason));
        }
        let (bytes, crc) = (word(trailer, 0), word(trailer, 4));
        let at = (length - TRAILER_BYTES as u64).checked_sub(u64::from(bytes));
        let at = at.ok_or_else(|| damaged(length, "the directory has no such length"))?;
        let place = Place::Written { at, length: bytes, crc };
        let index = Self { file: file.clone(), block: memory.block(), memory, directory: place };
        if let Some(from) = before.len().checked_sub(bytes as usize) {
            let raw = &before[from..];
            if crate::sum::holds(raw, crc) {
                index.keep_directory(index.parse_directory(raw, at)?);
            }
        }
        Ok(index)
    }

    /// What an index of any known version says of its columns, and whose row groups there are; nothing of what is
    /// damaged.
    pub(crate) fn remembered(file: &Arc<dyn RangeFile>, length: u64) -> (Option<BlockFacts>, Vec<Tenant>) {
        let memory = Arc::new(Memory::new(0, 0));
        let Ok(index) = Self::of_versions(file.clone(), length, memory, 1..=VERSION) else {
            return (None, Vec::new());
        };
        let about = About { rows: 0, leaves: 0 };
        let facts = index.section::<BlockFacts>(0, about).ok().map(|facts| BlockFacts::clone(&facts));
        let of_version_1 = (0..).map_while(|number| index.section::<FirstGroup>(number, about).ok());
        let tenants = match &facts {
            Some(facts) if !facts.groups.is_empty() => {
                facts.groups.iter().map(|group| group.tenant.clone()).collect()
            }
            _ => of_version_1.map(|group| group.0.clone()).collect(),
        };
        (facts, tenants)
    }

    /// A section, from memory or from the file; `number` is that of its row group, where it is about one.
    ///
    /// # Errors
    /// Where it is missing, can't be read or is damaged; the error names file and place.
    pub(crate) fn section<T: Section>(&self, number: u32, about: About) -> Result<Arc<T>> {
        let key = self.key(T::KIND, number);
        if let Some(known) = self.memory.index.get::<T>(key) {
            return Ok(known);
        }
        let found = self.find(T::KIND, number)?;
        self.load(found.ok_or_else(|| self.damaged(0, "a section is missing"))?, number, about)
    }

    /// The same where the section need not be there.
    ///
    /// # Errors
    /// As [`Index::section`].
    pub(crate) fn section_if_there<T: Section>(&self, number: u32, about: About) -> Result<Option<Arc<T>>> {
        if let Some(known) = self.memory.index.get::<T>(self.key(T::KIND, number)) {
            return Ok(Some(known));
        }
        let found = self.find(T::KIND, number)?;
        found.map(|entry| self.load(entry, number, about)).transpose()
    }

    /// A section for whoever reads everything once: it stays in memory only if it is there already.
    ///
    /// # Errors
    /// As [`Index::section`].
    pub(crate) fn passing<T: Section>(&self, number: u32, about: About) -> Result<Arc<T>> {
        if let Some(known) = self.memory.index.get::<T>(self.key(T::KIND, number)) {
            return Ok(known);
        }
        let found = self.find(T::KIND, number)?;
        self.read(found.ok_or_else(|| self.damaged(0, "a section is missing"))?, about).map(Arc::new)
    }

    fn load<T: Section>(&self, entry: Entry, number: u32, about: About) -> Result<Arc<T>> {
        Ok(self.keep(number, self.read(entry, about)?))
    }

    fn read<T: Section>(&self, entry: Entry, about: About) -> Result<T> {
        let section = T::read(&self.content(entry)?, about);
        section.ok_or_else(|| self.damaged(entry.at, "a section is not what its kind says"))
    }

    /// A piece of a lookup, from memory or from the file.
    ///
    /// # Errors
    /// As `section`.
    pub(crate) fn piece<const KIND: u32>(
        &self,
        head: &Head<KIND>,
        set: u32,
        spot: &Spot,
    ) -> Result<Arc<Piece>> {
        let number = u64::from(set) << 32 | u64::from(spot.number);
        let key = Key { block: self.block, kind: KIND + kind::PIECES, number };
        if let Some(known) = self.memory.index.get::<Piece>(key) {
            return Ok(known);
        }
        let raw = checked(&*self.file, spot.range.clone(), spot.crc)?;
        let damaged = || self.damaged(spot.range.start, "a piece of a lookup is not what it should be");
        let piece = raw.and_then(|raw| head.piece(&raw)).ok_or_else(damaged)?;
        let piece = Arc::new(piece);
        self.memory.index.put(key, piece.clone(), piece.bytes());
        Ok(piece)
    }

    /// Keeps a section that was just made, as if it had been read.
    pub(crate) fn keep<T: Section>(&self, number: u32, section: T) -> Arc<T> {
        let bytes = section.bytes() + size_of::<T>();
        let section = Arc::new(section);
        let shared: Arc<dyn Any + Send + Sync> = section.clone();
        self.memory.index.put(self.key(T::KIND, number), shared, bytes);
        section
    }

    /// Under which number decoded pages of this block are kept.
    pub(crate) fn block(&self) -> u64 {
        self.block
    }

    /// What the block shares with others.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    fn key(&self, kind: u32, number: u32) -> Key {
        Key { block: self.block, kind, number: u64::from(number) }
    }

    fn find(&self, kind: u32, number: u32) -> Result<Option<Entry>> {
        match &self.directory {
            Place::Growing(known) => {
                Ok(known.read().unwrap_or_else(PoisonError::into_inner).find(kind, number))
            }
            Place::Written { at, length, crc } => {
                let known = self.memory.index.get::<Directory>(self.key(kind::DIRECTORY, 0));
                if let Some(known) = known {
                    return Ok(known.find(kind, number));
                }
                let raw = checked(&*self.file, *at..*at + u64::from(*length), *crc)?;
                let raw = raw.ok_or_else(|| self.damaged(*at, "the directory is damaged"))?;
                let directory = self.parse_directory(&raw, *at)?;
                let found = directory.find(kind, number);
                self.keep_directory(directory);
                Ok(found)
            }
        }
    }

    fn parse_directory(&self, raw: &[u8], at: u64) -> Result<Directory> {
        Directory::read(raw).ok_or_else(|| self.damaged(at, "the directory has no such length"))
    }

    fn keep_directory(&self, directory: Directory) {
        let bytes = directory.bytes();
        self.memory.index.put(self.key(kind::DIRECTORY, 0), Arc::new(directory), bytes);
    }

    fn content(&self, entry: Entry) -> Result<Bytes> {
        let sections_end = if let Place::Written { at, .. } = self.directory { at } else { u64::MAX };
        let end = entry.at.checked_add(u64::from(entry.length)).filter(|end| *end <= sections_end);
        let end = end.ok_or_else(|| self.damaged(entry.at, "a section runs over the end"))?;
        let stored = checked(&*self.file, entry.at..end, entry.crc)?;
        let stored =
            stored.ok_or_else(|| self.damaged(entry.at, "the checksum of a section does not hold"))?;
        if entry.unpacked == 0 {
            return Ok(stored);
        }
        if entry.unpacked > SECTION_BYTES_MAX {
            return Err(self.damaged(entry.at, "a section is larger than a section may be"));
        }
        let unpacked = zstd::bulk::decompress(&stored, entry.unpacked as usize);
        unpacked.map(Into::into).map_err(|_| self.damaged(entry.at, "a section can't be decompressed"))
    }

    pub(super) fn damaged(&self, at: u64, what: &str) -> Error {
        self.memory.note_damage();
        damaged(&*self.file, at, what)
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.memory.forget(self.block);
    }
}

/// The end of the file; where that is not how an index ends, and it was a copy, it is read again.
fn end(file: &dyn RangeFile, range: Range<u64>) -> Result<Bytes> {
    let end = file.read(range.clone())?;
    if !end.ends_with(MAGIC) && file.distrust(range.clone()) {
        return file.read(range);
    }
    Ok(end)
}

fn damaged(file: &dyn RangeFile, at: u64, what: &str) -> Error {
    Error::new(Next::Repair, format!("{} is damaged at byte {at}: {what}", file.name()))
}
