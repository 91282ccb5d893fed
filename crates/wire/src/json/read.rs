//! Reads JSON from front to back.
//!
//! Stricter readers exist, laxer ones too: here a lone surrogate becomes U+FFFD, invalid UTF-8 passes through as it
//! came, a byte order mark is skipped, and everything else that RFC 8259 forbids is refused.

use std::borrow::Cow;
use std::fmt;

/// How much of a key or a literal an error shows, in bytes.
const SHOWN_MAX: usize = 64;

/// The text is no JSON, or not the JSON that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in characters, from 1.
    pub column: usize,
    /// What was being read: `resourceSpans[0].scopeSpans[0].spans[3].traceId`; nothing at the top.
    pub path: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, column {}", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(out, ", {}", self.path)?;
        }
        write!(out, ": {}", self.message)
    }
}

impl std::error::Error for JsonError {}

/// What reading comes to.
pub(crate) type Outcome<T = ()> = Result<T, Box<Fault>>;

/// A fault on its way up: each level adds its part of the path.
#[derive(Debug)]
pub(crate) struct Fault {
    at: usize,
    steps: Vec<Step>,
    message: String,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Place(usize),
}

impl Fault {
    /// The same, as told to the user.
    pub(crate) fn located(self, text: &[u8]) -> JsonError {
        let before = &text[..self.at.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Key(key) if path.is_empty() => path.push_str(key),
                Step::Key(key) => path.extend([".", key]),
                Step::Place(place) => path.push_str(&format!("[{place}]")),
            }
        }
        JsonError {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            column: before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1,
            path,
            message: self.message,
        }
    }
}

/// A place in a JSON text.
pub(crate) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, at: if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 } }
    }

    /// A fault at the next token.
    pub(crate) fn fault<T>(&self, message: impl Into<String>) -> Outcome<T> {
        Err(Box::new(Fault { at: self.at, steps: Vec::new(), message: message.into() }))
    }

    /// A fault at a place that was passed already.
    pub(crate) fn fault_at<T>(&self, at: usize, message: impl Into<String>) -> Outcome<T> {
        Err(Box::new(Fault { at, steps: Vec::new(), message: message.into() }))
    }

    /// The offset of the next token.
    pub(crate) fn position(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// The first byte of the next token.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Refuses anything but white space up to the end.
    pub(crate) fn end(&mut self) -> Outcome {
        if self.peek().is_none() { Ok(()) } else { self.fault("expected the end of the text") }
    }

    /// Takes `null`, if that comes next.
    #[inline]
    pub(crate) fn null(&mut self) -> Outcome<bool> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.literal(b"null")?;
        Ok(true)
    }

    /// Takes `true` or `false`.
    pub(crate) fn boolean(&mut self) -> Outcome<bool> {
        match self.peek() {
            Some(b't') => self.literal(b"true").map(|()| true),
            Some(b'f') => self.literal(b"false").map(|()| false),
            _ => self.fault("expected true or false"),
        }
    }

    /// Visits the members of an object; `null` members count as absent.
    #[inline]
    pub(crate) fn object(&mut self, mut visit: impl FnMut(&mut Self, &[u8]) -> Outcome) -> Outcome {
        if !self.takes(b'{') {
            return self.fault("expected an object");
        }
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            let key = self.key()?;
            if !self.null()? {
                visit(self, &key).map_err(|mut fault| {
                    fault.steps.push(Step::Key(shown(&key)));
                    fault
                })?;
            }
            if !self.takes(b',') {
                break;
            }
        }
        if self.takes(b'}') { Ok(()) } else { self.fault("expected ',' or '}'") }
    }

    /// Visits the elements of an array.
    #[inline]
    pub(crate) fn array(&mut self, mut visit: impl FnMut(&mut Self) -> Outcome) -> Outcome {
        if !self.takes(b'[') {
            return self.fault("expected an array");
        }
        if self.takes(b']') {
            return Ok(());
        }
        for place in 0.. {
            visit(self).map_err(|mut fault| {
                fault.steps.push(Step::Place(place));
                fault
            })?;
            if !self.takes(b',') {
                break;
            }
        }
        if self.takes(b']') { Ok(()) } else { self.fault("expected ',' or ']'") }
    }

    /// Skips one value of any kind and depth, in a loop; takes one byte of memory for each level.
    pub(crate) fn skip(&mut self) -> Outcome {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    if !self.takes(b'}') {
                        open.push(b'}');
                        self.key()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if !self.takes(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            if self.leave(&mut open)? {
                return Ok(());
            }
        }
    }

    /// After a value: true where it was the outermost, false where another one follows.
    fn leave(&mut self, open: &mut Vec<u8>) -> Outcome<bool> {
        while let Some(close) = open.last().copied() {
            if self.takes(b',') {
                if close == b'}' {
                    self.key()?;
                }
                return Ok(false);
            }
            if !self.takes(close) {
                return self.fault(format!("expected ',' or '{}'", char::from(close)));
            }
            open.pop();
        }
        Ok(true)
    }

    fn scalar(&mut self) -> Outcome {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b't' | b'f') => self.boolean().map(|_| ()),
            Some(b'n') => self.null().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number().map(|_| ()),
            Some(_) => self.fault("expected a value"),
            None => self.fault("the text ends where a value should be"),
        }
    }

    /// Takes a number as it is written.
    pub(crate) fn number(&mut self) -> Outcome<&'a str> {
        self.peek();
        let start = self.at;
        self.accepts(b'-');
        let digits = self.digits();
        let whole = &self.text[self.at - digits..self.at];
        let mut good = digits > 0 && (whole.len() == 1 || whole[0] != b'0');
        if good && self.accepts(b'.') {
            good = self.digits() > 0;
        }
        if good && (self.accepts(b'e') || self.accepts(b'E')) {
            _ = self.accepts(b'+') || self.accepts(b'-');
            good = self.digits() > 0;
        }
        if !good {
            self.at = start;
            return self.fault("expected a number");
        }
        Ok(std::str::from_utf8(&self.text[start..self.at]).expect("signs, digits and points are ASCII"))
    }

    fn digits(&mut self) -> usize {
        let count = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    /// Takes a string; borrowed where nothing in it is escaped.
    #[inline]
    pub(crate) fn string(&mut self) -> Outcome<Cow<'a, [u8]>> {
        if !self.takes(b'"') {
            return self.fault("expected a string");
        }
        let start = self.at;
        self.plain();
        if self.text.get(self.at) == Some(&b'"') {
            self.at += 1;
            return Ok(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        self.escaped(start).map(Cow::Owned)
    }

    fn escaped(&mut self, start: usize) -> Outcome<Vec<u8>> {
        let mut string = self.text[start..self.at].to_vec();
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => self.escape(&mut string)?,
                Some(_) => return self.fault("control characters in strings must be escaped"),
                None => return self.fault_at(start - 1, "this string never ends"),
            }
            let run = self.at;
            self.plain();
            string.extend_from_slice(&self.text[run..self.at]);
        }
    }

    #[inline]
    fn plain(&mut self) {
        self.at += super::plain_run(&self.text[self.at..]);
    }

    fn escape(&mut self, string: &mut Vec<u8>) -> Outcome {
        let letter = self.text.get(self.at + 1).copied();
        let plain = match letter {
            Some(b'"' | b'\\' | b'/') => letter,
            Some(b'b') => Some(8),
            Some(b'f') => Some(12),
            Some(b'n') => Some(b'\n'),
            Some(b'r') => Some(b'\r'),
            Some(b't') => Some(b'\t'),
            _ => None,
        };
        if let Some(byte) = plain {
            self.at += 2;
            string.push(byte);
            return Ok(());
        }
        let Some(first) = self.unit() else {
            return self.fault("expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four digits");
        };
        self.at += 6;
        let letter = match first {
            0xd800..0xdc00 => self.low_surrogate().map(|low| 0x10000 + ((first - 0xd800) << 10) + low),
            _ => Some(first),
        };
        let letter = letter.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        string.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn low_surrogate(&mut self) -> Option<u32> {
        let low = self.unit().filter(|unit| (0xdc00..0xe000).contains(unit))?;
        self.at += 6;
        Some(low - 0xdc00)
    }

    /// The number in `\u0041`, if that comes next.
    fn unit(&self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    }

    fn key(&mut self) -> Outcome<Cow<'a, [u8]>> {
        if self.peek() != Some(b'"') {
            return self.fault("expected a key in double quotes");
        }
        let key = self.string()?;
        if self.takes(b':') { Ok(key) } else { self.fault("expected ':'") }
    }

    fn literal(&mut self, word: &[u8]) -> Outcome {
        if !self.text[self.at..].starts_with(word) {
            return self.fault(format!("expected {}", String::from_utf8_lossy(word)));
        }
        self.at += word.len();
        Ok(())
    }

    #[inline]
    fn takes(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte) && self.accepts(byte)
    }

    #[inline]
    fn accepts(&mut self, byte: u8) -> bool {
        let accepted = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(accepted);
        accepted
    }
}

/// The first bytes of what the user wrote, for a message.
pub(crate) fn shown(text: &[u8]) -> String {
    let short = &text[..text.len().min(SHOWN_MAX)];
    let mut shown = String::from_utf8_lossy(short).into_owned();
    if short.len() < text.len() {
        shown.push('…');
    }
    shown
}
