//! The forms of an export behind one face.

use std::collections::{BTreeSet, HashSet};

use blocks::Engine;
use blocks::manifest::BlockMeta;
use model::{Batch, Trace, TraceId};
use wire::jaeger_json::{self, Form};
use wire::json::Writer;
use wire::otlp_json;

use super::Format;
use super::parquet::Parquet;
use super::target::Target;
use crate::exit::Failure;

/// Takes batches and makes files of them.
pub trait Sink {
    /// Writes a batch.
    fn put(&mut self, batch: Batch) -> Result<(), Failure>;

    /// Takes a block of the store as it is.
    fn copy(&mut self, _: &Engine, _: &BlockMeta) -> Result<(), Failure> {
        Err(Failure::problem("only a folder of Parquet files takes blocks as they are"))
    }

    /// Brings everything to disk, under its name.
    fn finish(self: Box<Self>) -> Result<Files, Failure>;
}

/// What was made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files {
    /// How many files.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Written {
    /// Spans.
    pub spans: u64,
    /// Blocks that were copied as they are.
    pub copied: u64,
    /// Of the traces that were named, those that were there.
    pub chosen: BTreeSet<TraceId>,
    /// What was made.
    pub files: Files,
    asked: HashSet<TraceId>,
}

impl Written {
    /// Nothing yet; `asked` are the traces that were named.
    pub fn new(asked: &[TraceId]) -> Self {
        Self { asked: asked.iter().copied().collect(), ..Self::default() }
    }

    /// A batch is written.
    pub fn note(&mut self, batch: &Batch) {
        self.spans += batch.len() as u64;
        if !self.asked.is_empty() {
            let found = batch.rows().iter().map(|row| row.trace_id).filter(|id| self.asked.contains(id));
            self.chosen.extend(found);
        }
    }

    /// A block was copied.
    pub fn note_copied(&mut self, meta: &BlockMeta) {
        self.spans += meta.spans;
        self.copied += 1;
    }
}

/// Begins the files.
pub fn open(format: Format, out: &str, is_forced: bool) -> Result<Box<dyn Sink>, Failure> {
    Ok(match format {
        Format::Parquet => Box::new(Parquet::create(out, is_forced)?),
        Format::Otlp => Box::new(Otlp(Target::create(out)?)),
        Format::OtlpJson => Box::new(OtlpJson(Target::create(out)?)),
        Format::Jaeger => {
            let mut target = Target::create(out)?;
            target.write(b"{\"data\":[")?;
            Box::new(Jaeger { target, traces: 0 })
        }
    })
}

/// Messages of one kind, one after the other, are one message.
struct Otlp(Target);

impl Sink for Otlp {
    fn put(&mut self, batch: Batch) -> Result<(), Failure> {
        self.0.write(batch.bytes())
    }

    fn finish(self: Box<Self>) -> Result<Files, Failure> {
        Ok(Files { count: 1, bytes: self.0.finish()? })
    }
}

struct OtlpJson(Target);

impl Sink for OtlpJson {
    fn put(&mut self, batch: Batch) -> Result<(), Failure> {
        let mut out = Writer::compact();
        otlp_json::batch(&batch, &mut out);
        self.0.write(&out.into_bytes())?;
        self.0.write(b"\n")
    }

    fn finish(self: Box<Self>) -> Result<Files, Failure> {
        Ok(Files { count: 1, bytes: self.0.finish()? })
    }
}

struct Jaeger {
    target: Target,
    traces: u64,
}

impl Sink for Jaeger {
    /// A batch holds whole traces.
    fn put(&mut self, batch: Batch) -> Result<(), Failure> {
        let mut places: Vec<(TraceId, usize)> =
            batch.rows().iter().enumerate().map(|(place, row)| (row.trace_id, place)).collect();
        places.sort_unstable();
        for places in places.chunk_by(|left, right| left.0 == right.0) {
            let id = places[0].0;
            let spans = batch.select(|place| places.binary_search(&(id, place)).is_ok());
            let Some(trace) = Trace::join(id, vec![spans]) else { continue };
            let mut out = Writer::compact();
            jaeger_json::trace(&trace, Form::Raw, &mut out);
            if self.traces > 0 {
                self.target.write(b",")?;
            }
            self.target.write(b"\n")?;
            self.target.write(&out.into_bytes())?;
            self.traces += 1;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Files, Failure> {
        self.target.write(b"\n],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}\n")?;
        Ok(Files { count: 1, bytes: self.target.finish()? })
    }
}
