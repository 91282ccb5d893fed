//! The file that is written: under another name until it is whole and on disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::write::Encoder;

use crate::exit::Failure;

/// How much is handed to the system at once.
const WRITE_BYTES: usize = 256 << 10;

/// The level of zstd, which spends little time.
const ZSTD_LEVEL: i32 = 3;

/// Refuses to write where something stands already.
pub fn refuse_existing(out: &str, is_forced: bool) -> Result<(), Failure> {
    if out == "-" || is_forced || !Path::new(out).exists() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{out} exists already\n       name another with --out, or replace it with --force"
    )))
}

/// True where the name is that of a folder of Parquet files.
pub fn is_folder(out: &str) -> bool {
    !out.ends_with(".parquet")
}

/// The name until all is well.
pub fn unfinished(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

/// Gives what is finished its name; what stood there goes.
pub fn place(from: &Path, to: &Path) -> io::Result<()> {
    if to.is_dir() {
        fs::remove_dir_all(to)?;
    }
    fs::rename(from, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// A file or standard output, compressed as its name says.
pub struct Target {
    out: String,
    to: Packed,
}

enum Packed {
    Plain(Counted),
    Gzip(GzEncoder<Counted>),
    Zstd(Encoder<'static, Counted>),
}

impl Target {
    /// Begins the file.
    pub fn create(out: &str) -> Result<Self, Failure> {
        let opened = || -> io::Result<Packed> {
            let raw = match out {
                "-" => Raw::Out(io::stdout()),
                out => Raw::File(File::create(unfinished(Path::new(out)))?),
            };
            let counted = Counted { to: BufWriter::with_capacity(WRITE_BYTES, raw), bytes: 0 };
            Ok(if out.ends_with(".gz") {
                Packed::Gzip(GzEncoder::new(counted, Compression::default()))
            } else if out.ends_with(".zst") {
                Packed::Zstd(Encoder::new(counted, ZSTD_LEVEL)?)
            } else {
                Packed::Plain(counted)
            })
        };
        let to = opened().map_err(|cause| failed(out, &cause))?;
        Ok(Self { out: out.to_owned(), to })
    }

    /// Writes on.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &mut self.to {
            Packed::Plain(to) => to.write_all(bytes),
            Packed::Gzip(to) => to.write_all(bytes),
            Packed::Zstd(to) => to.write_all(bytes),
        };
        written.map_err(|cause| failed(&self.out, &cause))
    }

    /// Brings everything to disk and gives the file its name; answers its bytes.
    pub fn finish(self) -> Result<u64, Failure> {
        let done = || -> io::Result<u64> {
            let counted = match self.to {
                Packed::Plain(to) => to,
                Packed::Gzip(to) => to.finish()?,
                Packed::Zstd(to) => to.finish()?,
            };
            let bytes = counted.bytes;
            match counted.to.into_inner().map_err(io::IntoInnerError::into_error)? {
                Raw::Out(mut out) => out.flush()?,
                Raw::File(file) => {
                    file.sync_all()?;
                    let out = Path::new(&self.out);
                    place(&unfinished(out), out)?;
                }
            }
            Ok(bytes)
        };
        done().map_err(|cause| failed(&self.out, &cause))
    }
}

enum Raw {
    Out(io::Stdout),
    File(File),
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Out(out) => out.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Out(out) => out.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

struct Counted {
    to: BufWriter<Raw>,
    bytes: u64,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What could not be written, and why.
pub fn failed(out: &str, cause: &dyn std::fmt::Display) -> Failure {
    Failure::problem(format!("cannot write {out}: {cause}"))
}
