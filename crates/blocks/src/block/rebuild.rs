//! Makes the index of a block anew from its spans: where it is missing, damaged, or of another version.
//!
//! The spans are believed if the whole file has the checksum that the manifest lists. Rows are put together as a
//! question would, taken apart again as if they had just come in, and indexed by the same builder; one row group at a
//! time is in memory.

use std::path::Path;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use model::{Batch, Tenant, TraceId};
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use parquet::file::reader::{ChunkReader, Length};

use super::file::{BlockFiles, RangeFile, crc_of};
use super::reader::GroupReader;
use super::source::Source;
use super::{BlockView, DATA_FILE};
use crate::columns::decode;
use crate::columns::order::{At, Ordered};
use crate::columns::rebuild::Rebuilder;
use crate::columns::schema::{Kind, Layout, Promoted, RESOURCE_PREFIX, leaf};
use crate::columns::shred;
use crate::columns::sink::{Chunk, PAGE_ROWS, Part};
use crate::columns::values::Column;
use crate::digest::{self, Detail, Digests};
use crate::error::{Doing, Error, Next, Result};
use crate::index::{self, BlockFacts, Group, GroupFacts, Index, IndexWriter, Live, LookedUp, Parts, Sets};
use crate::manifest::BlockMeta;
use crate::memory::Memory;

/// Rebuilds the index of a block into a new file; answers its length and checksum.
///
/// # Errors
/// [`Next::Repair`] where the spans are damaged too, or it can't be told whose they are.
pub(crate) fn rebuild(files: &BlockFiles, meta: &BlockMeta, path: &Path) -> Result<(u64, u32)> {
    sum(files, meta)?;
    let footer = footer(files, meta)?;
    let fits =
        |column| range(column).is_some_and(|(start, length)| start.saturating_add(length) <= meta.data_bytes);
    if !footer.row_groups().iter().flat_map(|group| group.columns()).all(fits) {
        return Err(damaged(files, "a column lies outside of it"));
    }
    let (known, tenants) = Index::remembered(&files.index, meta.index_bytes);
    let layout = Arc::new(Layout::new(promoted(&footer, known)?));
    if layout.leaves.len() != footer.file_metadata().schema_descr().num_columns() {
        return Err(damaged(files, "it has other columns than this program writes"));
    }
    let mut writer = IndexWriter::create(path)?;
    let mut work = Rebuilding {
        index: Arc::new(Index::growing(&writer, Arc::new(Memory::new(0, 0)))?),
        source: Arc::new(Source::new(files.data.clone())),
        layout,
        files,
        digests: Digests::default(),
        detail: if meta.level > 0 { Detail::Values } else { Detail::Brief },
    };
    let mut facts = BlockFacts {
        data: (meta.data_bytes, meta.data_crc),
        leaves: work.layout.leaves.len(),
        promoted: work.layout.promoted.clone(),
        ..BlockFacts::default()
    };
    let mut sets = Sets::default();
    for (number, row_group) in (0..).zip(footer.row_groups()) {
        let tenant = tenant(meta, tenants.get(number as usize))
            .ok_or_else(|| damaged(files, "it can't be told which tenant a row group is of"))?;
        let (group, live) = work.group(&mut writer, number, (row_group, tenant))?;
        sets.add(Arc::new(live), &group);
        facts.groups.push(group);
        if sets.is_full() {
            sets.write(&mut writer)?;
        }
    }
    sets.write(&mut writer)?;
    facts.sets = sets.written;
    work.digests.write(&mut writer)?;
    writer.section(0, &facts)?;
    writer.finish()
}

/// Deletes rebuilt indexes of blocks that are no more.
///
/// # Errors
/// Where the folder can't be read, or a file not deleted.
pub(crate) fn tidy_rebuilt(folder: &Path, is_listed: &dyn Fn(&str) -> bool) -> Result<()> {
    let doing = || format!("tidy {}", folder.display());
    let files = match std::fs::read_dir(folder) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        files => files.doing(Next::Retry, doing())?,
    };
    for file in files {
        let path = file.doing(Next::Retry, doing())?.path();
        let id = path.file_stem().and_then(|stem| stem.to_str());
        let is_index = path.extension().is_some_and(|extension| extension == "idx");
        if !is_index || !id.is_some_and(is_listed) {
            std::fs::remove_file(&path).doing(Next::Retry, doing())?;
        }
    }
    Ok(())
}

/// Compares the checksum of all spans.
fn sum(files: &BlockFiles, meta: &BlockMeta) -> Result<()> {
    let crc = crc_of(&*files.data, meta.data_bytes)?;
    if crc == meta.data_crc { Ok(()) } else { Err(damaged(files, "its checksum does not hold")) }
}

fn footer(files: &BlockFiles, meta: &BlockMeta) -> Result<ParquetMetaData> {
    let file = Footed { file: &*files.data, length: meta.data_bytes };
    let doing = || format!("read the footer of {}", files.data.name());
    ParquetMetaDataReader::new().parse_and_finish(&file).doing(Next::Repair, doing())
}

/// Where a column begins, and how long it is; the crate's own answer panics on nonsense.
fn range(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    Some((u64::try_from(start).ok()?, u64::try_from(column.compressed_size()).ok()?))
}

fn damaged(files: &BlockFiles, what: &str) -> Error {
    Error::new(Next::Repair, format!("the index of {} can't be rebuilt: {what}", files.data.name()))
}

/// The keys with columns of their own: as an old index says, else by the names of the columns.
fn promoted(footer: &ParquetMetaData, known: Option<BlockFacts>) -> Result<Vec<Promoted>> {
    if let Some(facts) = known {
        return Ok(facts.promoted);
    }
    let fixed = Layout::new(Vec::new()).leaves.len();
    let columns = footer.file_metadata().schema_descr().columns().iter().skip(fixed);
    let mut promoted = Vec::new();
    for column in columns {
        let (level, key) = match column.name().strip_prefix(RESOURCE_PREFIX) {
            Some(key) => (store::Level::Resource, key),
            None => (store::Level::Span, column.name()),
        };
        let kind = match column.physical_type() {
            parquet::basic::Type::INT64 => Kind::Int,
            parquet::basic::Type::DOUBLE => Kind::Double,
            parquet::basic::Type::BOOLEAN => Kind::Bool,
            parquet::basic::Type::BYTE_ARRAY => Kind::Text,
            _ => return Err(Error::new(Next::Repair, format!("{DATA_FILE} has a column of no known type"))),
        };
        promoted.push(Promoted { level, key: key.into(), kind });
    }
    Ok(promoted)
}

/// Whose a row group is: as an old index says, else the only tenant that the block has.
fn tenant(meta: &BlockMeta, known: Option<&Tenant>) -> Option<Tenant> {
    match (known, &meta.tenants[..]) {
        (Some(known), _) => Some(known.clone()),
        (None, [only]) => Tenant::parse(only),
        (None, _) => None,
    }
}

struct Rebuilding<'a> {
    index: Arc<Index>,
    source: Arc<Source>,
    layout: Arc<Layout>,
    files: &'a BlockFiles,
    digests: Digests,
    detail: Detail,
}

impl Rebuilding<'_> {
    fn group(
        &mut self,
        writer: &mut IndexWriter,
        number: u32,
        (row_group, tenant): (&RowGroupMetaData, Tenant),
    ) -> Result<(GroupFacts, Live)> {
        let rows = u32::try_from(row_group.num_rows()).doing(Next::Repair, "count the rows of a group")?;
        let mut parts = Parts::default();
        for column in row_group.columns() {
            let range = range(column).ok_or_else(|| damaged(self.files, "a column lies nowhere"))?;
            parts.0.push(self.pages(range)?);
        }
        let extent = (0, 0);
        let mut facts = GroupFacts { tenant, rows, runs: 0, extent, has_links: true, longest: None };
        let leaves = self.layout.leaves.len();
        let view = BlockView {
            layout: self.layout.clone(),
            groups: vec![Arc::new(Group::new(
                &facts,
                number,
                (leaves, self.index.clone()),
                LookedUp::Live(Arc::default()),
            ))],
            source: self.source.clone(),
            digests: Digests::default(),
            number: Arc::new(self.index.block()),
            is_joined: false,
        };
        let mut reader = GroupReader::with_parts(&view, &view.groups[0], Arc::new(parts.clone()));
        let taken = Taken::from(&mut reader)?;
        for (chunk, is_empty) in parts.0.iter_mut().zip(&taken.is_empty) {
            if *is_empty {
                *chunk = Chunk::default();
            }
        }
        let ordered = Ordered { rows: taken.rows, traces: taken.traces };
        let shredded = shred::shred(&self.layout, &taken.batches, &ordered, &ordered.traces, Vec::new());
        if shredded.rows != rows {
            return Err(damaged(self.files, "a row group has not as many spans as it says"));
        }
        let all = |column: &Column| (0..column.values.len() as u32).collect::<Vec<u32>>().into();
        let dictionaries: Vec<_> = parts
            .iter()
            .zip(&shredded.columns)
            .map(|(chunk, column)| chunk.dictionary.is_some().then(|| all(column)))
            .collect();
        let (digest, summaries) = digest::digest(&self.layout, &shredded, self.detail);
        let built = index::build(&self.layout, (&shredded, summaries), &dictionaries);
        self.digests.add(&facts.tenant, digest);
        (facts.extent, facts.runs) = (built.zones.extent(), built.runs.len() as u32);
        facts.longest = built.runs.longest();
        built.write(writer, number)?;
        writer.section(number, &parts)?;
        Ok((facts, built.live))
    }

    /// The pages of a column, one after the other.
    fn pages(&self, (start, length): (u64, u64)) -> Result<Chunk> {
        let bytes = self.files.data.read(start..start + length)?;
        let (mut chunk, mut at) = (Chunk::default(), 0);
        while at < bytes.len() {
            let measured = decode::measure(&bytes[at..]);
            let (is_dictionary, length) = measured.map_err(|damage| damaged(self.files, damage.0))?;
            let page = &bytes[at..at + length];
            let part = Part { at: start + at as u64, length: length as u32, crc: crc32c::crc32c(page) };
            if is_dictionary {
                chunk.dictionary = Some(part);
            } else {
                chunk.pages.push(part);
            }
            at += length;
        }
        Ok(chunk)
    }
}

/// The rows of a group as batches.
struct Taken {
    batches: Vec<Batch>,
    /// Where each row is.
    rows: Vec<At>,
    traces: Vec<std::ops::Range<usize>>,
    /// The leaves without any value.
    is_empty: Vec<bool>,
}

impl Taken {
    fn from(reader: &mut GroupReader<'_>) -> Result<Self> {
        let leaves = reader.view.layout.leaves.len();
        let mut taken =
            Self { batches: Vec::new(), rows: Vec::new(), traces: Vec::new(), is_empty: vec![true; leaves] };
        let mut last: Option<TraceId> = None;
        for number in 0..reader.group.pages() {
            let first = (number * PAGE_ROWS) as u32;
            let rows: Vec<u32> = (first..first + reader.rows(number) as u32).collect();
            let mut rebuilder = Rebuilder::default();
            reader.rebuild(&rows, None, &mut rebuilder)?;
            for (leaf, is_empty) in taken.is_empty.iter_mut().enumerate() {
                *is_empty &= reader.page(leaf, number)?.is_none_or(|page| page.values.len() == 0);
            }
            let ids = reader.page(leaf::TRACE_ID, number)?;
            for (row, place) in rebuilder.places().into_iter().enumerate() {
                let id = ids.as_ref().map(|ids| ids.values.at(row)).map(|(plain, at)| plain.bytes(at));
                let id = TraceId(id.and_then(|id| id.try_into().ok()).unwrap_or_default());
                let end = taken.rows.len() + 1;
                match taken.traces.last_mut() {
                    Some(trace) if last == Some(id) => trace.end = end,
                    _ => taken.traces.push(end - 1..end),
                }
                last = Some(id);
                taken.rows.push(At { batch: number as u32, place });
            }
            let tenant = reader.group.tenant.clone();
            let batch = Batch::read(rebuilder.finish().into(), tenant);
            taken.batches.push(batch.doing(Next::Repair, "put spans together")?);
            reader.forget(number);
        }
        Ok(taken)
    }
}

/// A file of which the `parquet` crate reads the footer.
struct Footed<'a> {
    file: &'a dyn RangeFile,
    length: u64,
}

impl Length for Footed<'_> {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Footed<'_> {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> std::result::Result<Self::T, ParquetError> {
        let length = usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX);
        Ok(self.get_bytes(start, length)?.reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> std::result::Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| ParquetError::EOF("the footer runs over the end".into()))?;
        self.file.read(start..end).map_err(|error| ParquetError::External(Box::new(error)))
    }
}
