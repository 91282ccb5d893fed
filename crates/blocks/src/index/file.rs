//! The file `spans.idx`: sections with checksums, and a table of them at the end.
//!
//! Nothing of a section is parsed before its checksum holds.

use super::codec;
use super::group::{Group, Texts};
use crate::columns::schema::Layout;
use crate::error::{Error, Next, Result};

/// The first and the last bytes of the file.
const MAGIC: &[u8; 8] = b"FADENIDX";

/// The version of the format that this program writes.
const VERSION: u32 = 1;

/// Bytes of a table entry.
const ENTRY_BYTES: usize = 32;

/// Bytes after the table: its length, its checksum, the version, the magic.
const TRAILER_BYTES: usize = 20;

/// The largest section; a larger one is damage.
const SECTION_BYTES_MAX: u64 = 1 << 30;

/// What a section holds.
const LAYOUT: u32 = 1;
const GROUP: u32 = 2;
const ZONES: u32 = 3;
const TRACES: u32 = 4;
const CATALOGUE: u32 = 5;
const FILTERS: u32 = 6;

/// The bytes of the index of a block.
pub(crate) fn write(layout: &Layout, groups: &[std::sync::Arc<Group>]) -> Vec<u8> {
    let mut out = Writer { bytes: MAGIC.to_vec(), table: Vec::new() };
    out.section(LAYOUT, 0, &codec::write_layout(layout));
    for (number, group) in groups.iter().enumerate() {
        let number = number as u32;
        out.section(GROUP, number, &codec::write_group(group));
        out.section(ZONES, number, &codec::write_zones(group));
        out.section(TRACES, number, &codec::write_traces(group));
        out.section(CATALOGUE, number, &codec::write_catalogue(group));
        out.section(FILTERS, number, &codec::write_filters(group));
    }
    out.finish()
}

/// Reads what [`write`] wrote; `name` is the file's, for errors.
///
/// # Errors
/// With the place in the file where it is damaged, or made by a newer version.
pub(crate) fn read(bytes: &[u8], name: &str) -> Result<(Layout, Vec<Group>)> {
    let file = File { bytes, name };
    let (mut layout, mut texts) = (None, Texts::default());
    let mut groups: Vec<Group> = Vec::new();
    for entry in file.table()? {
        let content = file.section(&entry)?;
        let parsed = match (entry.kind, layout.as_ref(), groups.last_mut()) {
            (LAYOUT, _, _) => codec::read_layout(&content).map(|read| layout = Some(read)),
            (GROUP, Some(layout), _) => codec::read_group(&content, layout).map(|group| groups.push(group)),
            (ZONES, _, Some(group)) => codec::read_zones(&content, group),
            (TRACES, _, Some(group)) => codec::read_traces(&content, group),
            (CATALOGUE, _, Some(group)) => codec::read_catalogue(&content, group, &mut texts),
            (FILTERS, _, Some(group)) => codec::read_filters(&content, group),
            (LAYOUT..=FILTERS, _, _) => None,
            _ => Some(()),
        };
        parsed.ok_or_else(|| file.damaged(entry.at, "a section is not what its kind says"))?;
    }
    let whole = |group: &Group| {
        !group.zones.is_empty() && !group.filters.is_empty() && !group.traces.all().is_empty()
    };
    match layout {
        Some(layout) if groups.iter().all(whole) => Ok((layout, groups)),
        _ => Err(file.damaged(0, "a section is missing")),
    }
}

struct Writer {
    bytes: Vec<u8>,
    table: Vec<u8>,
}

impl Writer {
    fn section(&mut self, kind: u32, group: u32, content: &[u8]) {
        let packed = zstd::bulk::compress(content, 1).ok().filter(|packed| packed.len() < content.len());
        let is_packed = packed.is_some();
        let stored = packed.as_deref().unwrap_or(content);
        let at = self.bytes.len() as u64;
        self.table.extend_from_slice(&kind.to_le_bytes());
        self.table.extend_from_slice(&group.to_le_bytes());
        self.table.extend_from_slice(&at.to_le_bytes());
        self.table.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        let raw = if is_packed { content.len() as u32 } else { 0 };
        self.table.extend_from_slice(&raw.to_le_bytes());
        self.table.extend_from_slice(&crc32c::crc32c(stored).to_le_bytes());
        self.table.extend_from_slice(&0_u32.to_le_bytes());
        self.bytes.extend_from_slice(stored);
    }

    fn finish(mut self) -> Vec<u8> {
        let crc = crc32c::crc32c(&self.table);
        self.bytes.extend_from_slice(&self.table);
        self.bytes.extend_from_slice(&(self.table.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&crc.to_le_bytes());
        self.bytes.extend_from_slice(&VERSION.to_le_bytes());
        self.bytes.extend_from_slice(MAGIC);
        self.bytes
    }
}

struct File<'a> {
    bytes: &'a [u8],
    name: &'a str,
}

struct Entry {
    kind: u32,
    at: usize,
    length: usize,
    raw_length: usize,
    crc: u32,
}

impl<'a> File<'a> {
    fn table(&self) -> Result<Vec<Entry>> {
        let end = self.bytes.len();
        let trailer = end.checked_sub(TRAILER_BYTES).map(|at| &self.bytes[at..]);
        let trailer = trailer.filter(|trailer| trailer.ends_with(MAGIC) && self.bytes.starts_with(MAGIC));
        let trailer = trailer.ok_or_else(|| self.damaged(end, "this is no index of a block"))?;
        let version = word(trailer, 8);
        if version != VERSION {
            let reason = format!(
                "{}: the index has version {version}, and this program reads version {VERSION}",
                self.name
            );
            return Err(Error::new(Next::Repair, reason));
        }
        let length = word(trailer, 0) as usize;
        let start = (end - TRAILER_BYTES).checked_sub(length).filter(|_| length.is_multiple_of(ENTRY_BYTES));
        let start = start.ok_or_else(|| self.damaged(end, "the table of sections has no such length"))?;
        let table = &self.bytes[start..start + length];
        if crc32c::crc32c(table) != word(trailer, 4) {
            return Err(self.damaged(start, "the table of sections is damaged"));
        }
        Ok(table.chunks_exact(ENTRY_BYTES).map(Entry::read).collect())
    }

    fn section(&self, entry: &Entry) -> Result<std::borrow::Cow<'a, [u8]>> {
        let end = entry.at.checked_add(entry.length);
        let stored = end.and_then(|end| self.bytes.get(entry.at..end));
        let stored = stored.ok_or_else(|| self.damaged(entry.at, "a section runs over the end"))?;
        if crc32c::crc32c(stored) != entry.crc {
            return Err(self.damaged(entry.at, "the checksum of a section does not hold"));
        }
        if entry.raw_length == 0 {
            return Ok(stored.into());
        }
        if entry.raw_length as u64 > SECTION_BYTES_MAX {
            return Err(self.damaged(entry.at, "a section is larger than a section may be"));
        }
        let unpacked = zstd::bulk::decompress(stored, entry.raw_length);
        unpacked.map(Into::into).map_err(|_| self.damaged(entry.at, "a section can't be decompressed"))
    }

    fn damaged(&self, at: usize, what: &str) -> Error {
        Error::new(Next::Repair, format!("{} is damaged at byte {at}: {what}", self.name))
    }
}

impl Entry {
    fn read(raw: &[u8]) -> Self {
        let at = u64::from(word(raw, 8)) | u64::from(word(raw, 12)) << 32;
        Self {
            kind: word(raw, 0),
            at: usize::try_from(at).unwrap_or(usize::MAX),
            length: word(raw, 16) as usize,
            raw_length: word(raw, 20) as usize,
            crc: word(raw, 24),
        }
    }
}

fn word(raw: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(raw[at..at + 4].try_into().expect("four bytes"))
}
