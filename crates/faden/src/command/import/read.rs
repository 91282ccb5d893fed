//! Files to batches: finds the form, unpacks, cuts.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use blocks::block::LooseFile;
use flate2::bufread::MultiGzDecoder;
use indicatif::ProgressBar;
use model::{Batch, Tenant};
use tokio::sync::mpsc;
use wire::files::{Fault, Parts};

use super::report::Count;
use crate::exit::Failure;
use crate::progress;
use crate::text;

/// A batch has at most so many spans …
const BATCH_SPANS_MAX: usize = 2_000;

/// … and, but for a single span, so many bytes: receivers take 4 MiB and more.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How much is read of a file at once.
const READ_BYTES: usize = 256 << 10;

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const PARQUET: &[u8] = b"PAR1";

/// The files of an import, all of them there.
pub struct Files {
    paths: Vec<String>,
    bytes: u64,
}

impl Files {
    /// Looks for every file before any is read.
    pub fn find(paths: &[String]) -> Result<Self, Failure> {
        let mut bytes = 0;
        for path in paths.iter().filter(|path| *path != "-") {
            let found = std::fs::metadata(path)
                .map_err(|cause| Failure::problem(format!("{path}: {cause}; nothing was imported")))?;
            if found.is_dir() {
                let message = format!("{path} is a folder; name the files in it, such as {path}/*.parquet");
                return Err(Failure::usage(message));
            }
            bytes += found.len();
        }
        Ok(Self { paths: paths.to_vec(), bytes })
    }

    /// Reads them one after the other into batches.
    pub fn read(&self, to: &mpsc::Sender<Batch>, count: &Count) -> Result<(), Failure> {
        let bar = progress::bytes(self.bytes);
        let mut output = Output { to, count, waiting: Vec::new(), spans: 0, bytes: 0 };
        for path in &self.paths {
            bar.set_message(text::harmless(path));
            let before = count.read();
            let read = match path.as_str() {
                "-" => stream(Box::new(BufReader::with_capacity(READ_BYTES, io::stdin())), &mut output),
                path => file(Path::new(path), &bar, &mut output),
            };
            if let Err(message) = read.and_then(|()| output.flush()) {
                bar.finish_and_clear();
                let spans = text::counted(count.read() - before, "span");
                return Err(Failure::problem(format!(
                    "{path}: {message}\n       {spans} before it were read"
                )));
            }
            count.note_file();
        }
        bar.finish_and_clear();
        Ok(())
    }
}

fn file(path: &Path, bar: &ProgressBar, output: &mut Output<'_>) -> Result<(), String> {
    let opened = File::open(path).map_err(|cause| cause.to_string())?;
    let length = opened.metadata().map_or(0, |metadata| metadata.len());
    let mut input = BufReader::with_capacity(READ_BYTES, bar.wrap_read(opened));
    if input.fill_buf().map_err(|cause| cause.to_string())?.starts_with(PARQUET) {
        let before = bar.position();
        parquet(path, output)?;
        bar.set_position(before + length);
        return Ok(());
    }
    stream(Box::new(input), output)
}

fn parquet(path: &Path, output: &mut Output<'_>) -> Result<(), String> {
    let scratch = std::env::temp_dir().join(format!("faden-import-{}", std::process::id()));
    let mut outcome = Ok(());
    let read = LooseFile::open(path, &scratch).and_then(|file| {
        file.read(&mut |batch| {
            outcome = output.take(batch);
            outcome.is_ok()
        })
    });
    // What the system does not let go of is small, and its to clean up.
    let _left = std::fs::remove_dir_all(&scratch);
    read.map_err(|error| error.to_string()).and(outcome)
}

/// Unpacks what is packed, once, and reads what is inside.
fn stream(mut input: Box<dyn BufRead>, output: &mut Output<'_>) -> Result<(), String> {
    let first = input.fill_buf().map_err(|cause| format!("cannot read: {cause}"))?;
    let unpacked: Box<dyn BufRead> = if first.starts_with(GZIP) {
        buffered(MultiGzDecoder::new(input))
    } else if first.starts_with(ZSTD) {
        let decoder = zstd::stream::read::Decoder::with_buffer(input).map_err(|cause| cause.to_string())?;
        buffered(decoder)
    } else if first.starts_with(PARQUET) {
        return Err("Parquet is read from its end: save it in a file, and import that".to_owned());
    } else {
        input
    };
    parts(unpacked, output)
}

fn buffered(input: impl Read + 'static) -> Box<dyn BufRead> {
    Box::new(BufReader::with_capacity(READ_BYTES, input))
}

fn parts(input: Box<dyn BufRead>, output: &mut Output<'_>) -> Result<(), String> {
    let mut parts = Parts::open(input).map_err(|cause| format!("cannot read: {cause}"))?;
    while let Some(some) = parts.next_parts().map_err(|fault| fault.to_string())? {
        for part in some {
            let admitted = Batch::admit(part.otlp.into(), Tenant::default()).map_err(|error| {
                let message = format!("this is no OTLP: {error}; is this a file of traces?");
                Fault { place: part.place, message }.to_string()
            })?;
            let (rejected, mended) = (admitted.rejected, admitted.mended);
            output.count.note_read(
                rejected.total(),
                (rejected.total(), format!("{rejected} in what begins at {}", part.place)),
                mended.short_ids + mended.invalid_utf8 + mended.too_deep,
            );
            output.take(admitted.batch)?;
        }
    }
    Ok(())
}

/// Gathers small batches and cuts large ones.
struct Output<'a> {
    to: &'a mpsc::Sender<Batch>,
    count: &'a Count,
    waiting: Vec<Batch>,
    spans: usize,
    bytes: usize,
}

impl Output<'_> {
    fn take(&mut self, batch: Batch) -> Result<(), String> {
        self.count.note_read(batch.len() as u64, (0, String::new()), 0);
        let bytes = batch.bytes().len();
        if BATCH_SPANS_MAX < self.spans + batch.len() || BATCH_BYTES_MAX < self.bytes + bytes {
            self.flush()?;
        }
        if BATCH_SPANS_MAX < batch.len() || BATCH_BYTES_MAX < bytes {
            return self.halve(batch);
        }
        self.spans += batch.len();
        self.bytes += bytes;
        self.waiting.push(batch);
        Ok(())
    }

    fn halve(&mut self, batch: Batch) -> Result<(), String> {
        if batch.len() <= 1 || (batch.len() <= BATCH_SPANS_MAX && batch.bytes().len() <= BATCH_BYTES_MAX) {
            return self.send(batch);
        }
        let middle = batch.len() / 2;
        self.halve(batch.select(|place| place < middle))?;
        self.halve(batch.select(|place| middle <= place))
    }

    fn flush(&mut self) -> Result<(), String> {
        let merged = Batch::merge(&self.waiting);
        self.waiting.clear();
        (self.spans, self.bytes) = (0, 0);
        merged.map_or(Ok(()), |batch| self.send(batch))
    }

    fn send(&self, batch: Batch) -> Result<(), String> {
        if batch.is_empty() {
            return Ok(());
        }
        self.to.blocking_send(batch).map_err(|_| "the senders have ended".to_owned())
    }
}
