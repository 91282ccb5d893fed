//! Writes JSON into a buffer, compact or indented, and places commas and line ends itself.

use std::fmt::Write as _;

/// A JSON text that grows.
///
/// The caller opens and closes objects and arrays in pairs and writes a key before each member of an object.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    indent: usize,
    depth: usize,
    state: State,
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

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Hands over what was written so far and goes on after it.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// How many bytes wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// True where nothing waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
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
        let escaped = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
        self.out.push(b'"');
        let mut left = text.as_bytes();
        while let Some(run) = left.iter().position(escaped) {
            self.out.extend_from_slice(&left[..run]);
            self.escape(left[run]);
            left = &left[run + 1..];
        }
        self.out.extend_from_slice(left);
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
