//! Files of spans, read part by part: OTLP as protobuf or JSON, the Collector's file exporter, Jaeger's JSON.
//!
//! In: any byte stream that is not compressed as a whole. Out: requests in OTLP's protobuf form, each with the place
//! where it began. Which form it is shows in the first bytes. No more than one part is in memory, and a part has at most
//! [`PART_BYTES_MAX`].

mod framed;
mod input;
mod json;
mod plain;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead};

use input::Input;

/// A longer part (a resource with its spans, a trace, a frame) ends the reading with a fault that says so.
pub const PART_BYTES_MAX: usize = 256 << 20;

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON: any number of OTLP's `{"resourceSpans":[…]}` and of Jaeger's `{"data":[…]}`, on lines or not.
    Json,
    /// One or more `TracesData` of OTLP, directly one after the other.
    Protobuf,
    /// Frames of four bytes of big-endian length and that much OTLP, as the Collector's file exporter writes them;
    /// each may be protobuf, JSON, or either in zstd.
    Framed,
}

/// Where in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// So many lines from the start, the first is 1.
    Line(usize),
    /// So many bytes from the start.
    Byte(u64),
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(out, "line {line}"),
            Self::Byte(byte) => write!(out, "byte {byte}"),
        }
    }
}

/// Why the file can't be read on.
#[derive(Debug)]
pub struct Fault {
    /// Where the part began that is wrong, or the place itself where that is known.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, self.message)
    }
}

impl std::error::Error for Fault {}

/// A file that is being read.
pub struct Parts<R> {
    input: Input<R>,
    form: Form,
    json: json::State,
}

/// A request and where it began.
#[derive(Debug)]
pub struct Part {
    /// An `ExportTraceServiceRequest`.
    pub otlp: Vec<u8>,
    /// Where it came from.
    pub place: Place,
}

impl<R: BufRead> Parts<R> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn open(input: R) -> io::Result<Self> {
        let mut input = Input::new(input);
        input.skip_mark()?;
        let form = match input.peek()? {
            Some(b'{' | b'[' | b' ' | b'\t' | b'\r') | None => Form::Json,
            Some(b'\n') if input.begins_json()? => Form::Json,
            Some(b'\n') => Form::Protobuf,
            Some(_) => Form::Framed,
        };
        Ok(Self { input, form, json: json::State::default() })
    }

    /// Which form the first bytes show.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The requests of the next part; `None` at the end of the file.
    ///
    /// # Errors
    /// [`Fault`]; what was handed over before is right.
    pub fn next_parts(&mut self) -> Result<Option<Vec<Part>>, Fault> {
        match self.form {
            Form::Json => json::next(&mut self.input, &mut self.json),
            Form::Protobuf => Ok(plain::next(&mut self.input)?.map(|part| vec![part])),
            Form::Framed => framed::next(&mut self.input),
        }
    }
}
