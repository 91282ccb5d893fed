//! A block that still grows: row group after row group, each searchable as soon as it is written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::Batch;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::describe::described;
use super::file::LocalFile;
use super::pack::{Packed, PackedGroup, Packer, Shape};
use super::source::Source;
use super::{BlockView, DATA_FILE, INDEX_FILE};
use crate::columns::schema::Layout;
use crate::columns::shred::Shredded;
use crate::columns::values::Column;
use crate::digest::{Detail, Digests};
use crate::error::{Doing, Next, Result};
use crate::index::{BlockFacts, Built, Group, GroupFacts, InSet, Index, IndexWriter, LookedUp, Parts, Sets};
use crate::manifest::BlockMeta;
use crate::memory::Memory;

/// A block that takes row groups.
pub struct OpenBlock {
    id: String,
    number: Arc<u64>,
    folder: PathBuf,
    source: Arc<Source>,
    /// The file, until its columns are known.
    empty: Option<File>,
    /// Both are there from the first row group on.
    written: Option<(SerializedFileWriter<Summed>, Arc<Layout>)>,
    writer: IndexWriter,
    index: Arc<Index>,
    facts: BlockFacts,
    groups: Vec<Arc<Group>>,
    sets: Sets,
    digests: Digests,
    packer: Packer,
}

impl std::fmt::Debug for OpenBlock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("OpenBlock").field("id", &self.id).field("groups", &self.groups.len()).finish()
    }
}

impl OpenBlock {
    /// Begins the files of a block in a folder that exists and is empty.
    ///
    /// # Errors
    /// Where the file can't be made.
    pub fn create(folder: &Path, id: &str, memory: &Arc<Memory>) -> Result<Self> {
        let path = folder.join(DATA_FILE);
        let making = || format!("create {}", path.display());
        let file = File::options().read(true).write(true).create_new(true).open(&path);
        let file = file.doing(Next::Retry, making())?;
        let reading = file.try_clone().doing(Next::Retry, making())?;
        let writer = IndexWriter::create(&folder.join(INDEX_FILE))?;
        let index = Arc::new(Index::growing(&writer, memory.clone())?);
        Ok(Self {
            id: id.into(),
            number: memory.number(id),
            folder: folder.into(),
            source: Arc::new(Source::new(Arc::new(LocalFile::new(reading, path)))),
            empty: Some(file),
            written: None,
            writer,
            index,
            facts: BlockFacts::default(),
            groups: Vec::new(),
            sets: Sets::default(),
            digests: Digests::default(),
            packer: Packer::new(LEVEL),
        })
    }

    /// Packs what is written from now on more strongly, at this level of zstd.
    #[must_use]
    pub fn packed(mut self, level: i32) -> Self {
        self.packer = Packer::new(level);
        self
    }

    /// Writes the spans of batches of one tenant as one sorted row group, or several where they are many.
    ///
    /// # Errors
    /// Where the batches are too large together, or the file can't be written; the block is of no more use then.
    pub fn append(&mut self, chunk: &[Batch]) -> Result<()> {
        let shape = self.written.as_ref().map_or_else(Shape::default, |(_, layout)| layout.clone().into());
        match self.packer.pack(chunk, &shape)? {
            Some(packed) => self.append_packed(packed),
            None => Ok(()),
        }
    }

    /// Writes what was packed elsewhere, with the columns of this block if it has any yet.
    ///
    /// # Errors
    /// Where the file can't be written; the block is of no more use then.
    pub(crate) fn append_packed(&mut self, packed: Packed) -> Result<()> {
        self.begin_with(packed.layout)?;
        packed.groups.into_iter().try_for_each(|group| self.write(group))
    }

    /// A view on what was appended so far; it stays valid while the block grows and after it is closed.
    #[must_use]
    pub fn view(&self) -> Arc<BlockView> {
        Arc::new(BlockView {
            layout: self.layout(),
            groups: self.groups.clone(),
            source: self.source.clone(),
            digests: self.digests.clone(),
            number: self.number.clone(),
            is_joined: false,
        })
    }

    /// Its columns; without promoted keys as long as it is empty.
    pub(crate) fn layout(&self) -> Arc<Layout> {
        match &self.written {
            Some((_, layout)) => layout.clone(),
            None => Arc::new(Layout::new(Vec::new())),
        }
    }

    /// The memory of the last row group's columns, for those of the next.
    pub(crate) fn spare(&mut self) -> Vec<Column> {
        self.written.as_ref().map_or_else(Vec::new, |(_, layout)| self.packer.spare(layout))
    }

    /// Begins the file with these columns.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub(crate) fn begin_with(&mut self, layout: Arc<Layout>) -> Result<()> {
        let Some(file) = self.empty.take() else { return Ok(()) };
        let properties = WriterProperties::builder().set_created_by(CREATED_BY.into()).build();
        let writer =
            SerializedFileWriter::new(Summed::new(file), layout.schema.clone(), Arc::new(properties));
        self.written = Some((writer.doing(Next::Retry, "begin a block")?, layout));
        Ok(())
    }

    /// Writes a row group of a block that was begun.
    ///
    /// # Errors
    /// Where the file can't be written; the block is of no more use then.
    pub(crate) fn append_columns(&mut self, tenant: model::Tenant, columns: Shredded) -> Result<()> {
        let (_, layout) = self.written.as_ref().expect("the block was begun");
        let group = self.packer.group(layout, tenant, (columns, Detail::Values))?;
        self.write(group)
    }

    /// How many spans it has.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.groups.iter().map(|group| u64::from(group.rows)).sum()
    }

    /// How many bytes of spans it has, encoded.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.written.as_ref().map_or(0, |(writer, _)| writer.bytes_written() as u64)
    }

    /// Writes the footer and the index, and makes both files durable.
    ///
    /// # Errors
    /// Where a file can't be written; the block is of no more use then.
    pub fn close(mut self) -> Result<BlockMeta> {
        self.begin_with(Arc::new(Layout::new(Vec::new())))?;
        let path = self.folder.join(DATA_FILE);
        let closing = || format!("finish {}", path.display());
        let (writer, layout) = self.written.take().expect("the block was begun");
        let summed = writer.into_inner().doing(Next::Retry, closing())?;
        let (file, data_bytes, data_crc) = summed.finish().doing(Next::Retry, closing())?;
        file.sync_all().doing(Next::Retry, closing())?;
        let described = described(&self.id, &self.facts.groups);
        self.settle()?;
        self.facts.sets.clone_from(&self.sets.written);
        self.facts.data = (data_bytes, data_crc);
        self.facts.leaves = layout.leaves.len();
        self.facts.promoted.clone_from(&layout.promoted);
        self.digests.write(&mut self.writer)?;
        self.writer.section(0, &self.facts)?;
        let (index_bytes, index_crc) = self.writer.finish()?;
        Ok(BlockMeta { data_bytes, data_crc, index_bytes, index_crc, ..described })
    }

    fn write(&mut self, group: PackedGroup) -> Result<()> {
        let PackedGroup { tenant, rows, columns, built, digest } = group;
        let (writer, _) = self.written.as_mut().expect("the block was begun");
        let writing = || format!("write {}", self.folder.join(DATA_FILE).display());
        self.digests.add(&tenant, digest);
        let leaves = columns.len();
        let mut at = writer.bytes_written() as u64;
        let mut parts = Parts::default();
        let mut row_group = writer.next_row_group().doing(Next::Retry, writing())?;
        for encoded in columns {
            let length = encoded.bytes.len() as u64;
            row_group.append_column(&encoded.bytes, encoded.close).doing(Next::Retry, writing())?;
            parts.0.push(encoded.chunk.moved(at));
            at += length;
        }
        row_group.close().doing(Next::Retry, writing())?;
        writer.flush().doing(Next::Retry, writing())?;
        let runs = built.runs.len() as u32;
        let (extent, longest) = (built.zones.extent(), built.runs.longest());
        let facts = GroupFacts { tenant, rows, runs, extent, has_links: true, longest };
        self.indexed(facts, leaves, (built, parts))
    }

    /// Appends what is known of a row group to the index.
    fn indexed(&mut self, facts: GroupFacts, leaves: usize, (built, parts): (Built, Parts)) -> Result<()> {
        let number = self.groups.len() as u32;
        built.write(&mut self.writer, number)?;
        self.writer.section(number, &parts)?;
        let live = Arc::new(built.keep(&self.index, number));
        self.index.keep(number, parts);
        self.sets.add(live.clone(), &facts);
        let index = (leaves, self.index.clone());
        self.groups.push(Arc::new(Group::new(&facts, number, index, LookedUp::Live(live))));
        self.facts.groups.push(facts);
        if self.sets.is_full() { self.settle() } else { Ok(()) }
    }

    /// Writes what is looked up of the last row groups, which leaves memory then.
    fn settle(&mut self) -> Result<()> {
        let first = self.groups.len() - self.sets.open();
        self.sets.write(&mut self.writer)?;
        let places = InSet::all(&self.facts.groups, &self.sets.written).unwrap_or_default();
        for (group, place) in self.groups.iter_mut().zip(places).skip(first) {
            *group = Arc::new(group.written(place));
        }
        Ok(())
    }
}

/// How strongly blocks that are just cut are compressed, as zstd counts.
pub(crate) const LEVEL: i32 = 1;

/// Who wrote the file, as Parquet notes it.
const CREATED_BY: &str = concat!("faden version ", env!("CARGO_PKG_VERSION"));

/// A file that knows the checksum of what was written to it.
struct Summed {
    file: BufWriter<File>,
    bytes: u64,
    crc: u32,
}

impl Summed {
    fn new(file: File) -> Self {
        Self { file: BufWriter::with_capacity(WRITE_BYTES, file), bytes: 0, crc: 0 }
    }

    fn finish(self) -> std::io::Result<(File, u64, u32)> {
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok((file, self.bytes, self.crc))
    }
}

/// How much is handed to the system at once.
const WRITE_BYTES: usize = 256 * 1024;

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
