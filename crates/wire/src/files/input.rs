//! A stream that knows its place.

use std::io::{self, BufRead};

use super::{Fault, PART_BYTES_MAX, Place};

pub(super) struct Input<R> {
    inner: R,
    offset: u64,
    line: usize,
}

impl<R: BufRead> Input<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, offset: 0, line: 1 }
    }

    pub(super) fn line(&self) -> Place {
        Place::Line(self.line)
    }

    pub(super) fn byte(&self) -> Place {
        Place::Byte(self.offset)
    }

    /// Skips a byte order mark.
    pub(super) fn skip_mark(&mut self) -> io::Result<()> {
        if self.buffer()?.starts_with(b"\xef\xbb\xbf") {
            self.take(3);
        }
        Ok(())
    }

    /// The next byte, which stays.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.buffer()?.first().copied())
    }

    /// True where JSON begins after white space; else a line feed is the tag of OTLP's first field.
    pub(super) fn begins_json(&mut self) -> io::Result<bool> {
        let text = self.buffer()?.trim_ascii_start();
        let inside = text.iter().position(|byte| !matches!(byte, b'{' | b'[' | b' ' | b'\t' | b'\r' | b'\n'));
        Ok(match inside {
            Some(0) => false,
            Some(at) => text[at] == b'"' && text.get(at + 1).is_some_and(u8::is_ascii_alphabetic),
            None => text.is_empty() || text.starts_with(b"{") || text.starts_with(b"["),
        })
    }

    /// What the buffer holds; more than nothing before the end.
    pub(super) fn buffer(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.inner.fill_buf() {
                Ok(_) => break,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
        self.inner.fill_buf()
    }

    /// Goes on by so many bytes of the buffer, which hold no line feed.
    pub(super) fn take(&mut self, count: usize) {
        self.inner.consume(count);
        self.offset += count as u64;
    }

    /// Goes on by bytes of the buffer with so many line feeds in them.
    pub(super) fn take_lines(&mut self, count: usize, lines: usize) {
        self.take(count);
        self.line += lines;
    }

    /// Takes exactly so many bytes.
    pub(super) fn exact(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        let place = self.byte();
        if count > PART_BYTES_MAX {
            let message = format!(
                "a part of {count} bytes begins here, more than the {PART_BYTES_MAX} that a part may have; \
                 is this a file of spans?"
            );
            return Err(Fault { place, message });
        }
        let mut bytes = Vec::new();
        while bytes.len() < count {
            let buffer = self.buffer().map_err(|cause| unreadable(place, &cause))?;
            if buffer.is_empty() {
                let message = format!(
                    "the file ends {} bytes into a part of {count}; it was cut off, copy it again",
                    bytes.len()
                );
                return Err(Fault { place, message });
            }
            let some = buffer.len().min(count - bytes.len());
            bytes.extend_from_slice(&buffer[..some]);
            self.take(some);
        }
        Ok(bytes)
    }
}

pub(super) fn unreadable(place: Place, cause: &io::Error) -> Fault {
    Fault { place, message: format!("cannot read on: {cause}") }
}
