//! Writes JSON, compact or indented, and places commas and line ends itself.
//!
//! Into one buffer, or in chunks to whoever sends them on, so that a text may be larger than memory.

use std::fmt::Write as _;

/// A JSON text that grows.
///
/// The caller opens and closes objects and arrays in pairs and writes a key before each member of an object.
#[derive(Default)]
pub struct Writer {
    out: Vec<u8>,
    indent: usize,
    depth: usize,
    state: State,
    sink: Option<Sink>,
}

/// Where chunks go.
struct Sink {
    chunk_bytes: usize,
    send: Box<dyn FnMut(Vec<u8>) -> bool + Send>,
    is_open: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing stands in the open object or array yet.
    #[default]
    Opened,
    /// A key waits for its value.
    Keyed,
    /// A value was written.
    Filled,
}

impl Writer {
    /// A text without any white space.
    #[must_use]
    pub fn compact() -> Self {
        Self::default()
    }

    /// A text of one line for each member, indented by so many blanks per level.
    #[must_use]
    pub fn indented(blanks: usize) -> Self {
        Self { indent: blanks, ..Self::default() }
    }

    /// The same text, handed over in chunks of about `chunk_bytes`, after an object or array has ended. `send` says
    /// whether anyone still listens; once nobody does, what is written is forgotten.
    #[must_use]
    pub fn in_chunks(self, chunk_bytes: usize, send: impl FnMut(Vec<u8>) -> bool + Send + 'static) -> Self {
        let sink = Sink { chunk_bytes, send: Box::new(send), is_open: true };
        Self { sink: Some(sink), ..self }
    }

    /// What was written, or with [`in_chunks`](Self::in_chunks) what is left for the caller to send.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// False once nobody listens any more, so that the caller can stop early.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.sink.as_ref().is_none_or(|sink| sink.is_open)
    }

    /// An object, with the members that the closure writes.
    pub fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.open(b'{');
        write(self);
        self.close(b'}');
    }

    /// An array, with the elements that the closure writes.
    pub fn array(&mut self, write: impl FnOnce(&mut Self)) {
        self.open(b'[');
        write(self);
        self.close(b']');
    }

    /// Begins an object or an array: `{` or `[`.
    pub fn open(&mut self, bracket: u8) {
        self.next();
        self.out.push(bracket);
        self.depth += 1;
        self.state = State::Opened;
    }

    /// Ends what [`open`](Self::open) began.
    pub fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        if self.state == State::Filled {
            self.line();
        }
        self.out.push(bracket);
        self.state = State::Filled;
        if let Some(sink) = self.sink.as_mut().filter(|sink| sink.chunk_bytes <= self.out.len()) {
            let chunk = std::mem::take(&mut self.out);
            sink.is_open = sink.is_open && (sink.send)(chunk);
        }
    }

    /// The key of the value that comes next.
    pub fn key(&mut self, key: &str) -> &mut Self {
        self.next();
        self.quoted(key);
        self.out.push(b':');
        if self.indent > 0 {
            self.out.push(b' ');
        }
        self.state = State::Keyed;
        self
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.next();
        self.quoted(text);
    }

    /// Whatever it displays, as a string; it must display nothing that JSON escapes.
    pub fn plain(&mut self, value: impl std::fmt::Display) {
        self.next();
        self.out.push(b'"');
        self.display(value);
        self.out.push(b'"');
    }

    /// Bytes in lower-case hexadecimal, as a string.
    pub fn hexadecimal(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.next();
        self.out.push(b'"');
        for byte in bytes {
            self.out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        self.out.push(b'"');
    }

    /// A whole number.
    pub fn int(&mut self, number: impl Into<i128>) {
        self.next();
        let number: i128 = number.into();
        match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => self.display(number),
            (_, Ok(number)) => self.display(number),
            _ => self.display(number),
        }
    }

    /// A number; JSON has none for NaN and the infinities, which are written as protobuf's JSON form does, as strings.
    pub fn double(&mut self, number: f64) {
        self.next();
        match number {
            _ if number.is_nan() => self.out.extend_from_slice(b"\"NaN\""),
            f64::INFINITY => self.out.extend_from_slice(b"\"Infinity\""),
            f64::NEG_INFINITY => self.out.extend_from_slice(b"\"-Infinity\""),
            _ => self.display(format_args!("{number:?}")),
        }
    }

    /// A truth value.
    pub fn boolean(&mut self, truth: bool) {
        self.next();
        self.out.extend_from_slice(if truth { b"true" } else { b"false" });
    }

    /// `null`.
    pub fn null(&mut self) {
        self.next();
        self.out.extend_from_slice(b"null");
    }

    #[inline]
    fn next(&mut self) {
        if self.state == State::Filled {
            self.out.push(b',');
        }
        if self.state != State::Keyed && self.depth > 0 {
            self.line();
        }
        self.state = State::Filled;
    }

    #[inline]
    fn line(&mut self) {
        if self.indent > 0 {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + self.indent * self.depth, b' ');
        }
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        use std::io::Write as _;
        write!(self.out, "{value}").expect("a vector takes whatever is written to it");
    }

    #[inline]
    fn quoted(&mut self, text: &str) {
        self.out.push(b'"');
        let mut left = text.as_bytes();
        loop {
            let run = super::plain_run(left);
            self.out.extend_from_slice(&left[..run]);
            let Some(special) = left.get(run) else { break };
            self.escape(*special);
            left = &left[run + 1..];
        }
        self.out.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            control => {
                let mut written = String::new();
                write!(written, "\\u{control:04x}").expect("a string takes whatever is written to it");
                self.out.extend_from_slice(written.as_bytes());
            }
        }
    }
}
