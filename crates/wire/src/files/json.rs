//! JSON documents, one after the other, of which only the elements of `resourceSpans` and `data` are taken out.
//!
//! A document may be larger than memory: it is never held as a whole. What surrounds the elements is followed just as
//! far as needed to find them; each element is read by the reader of its form, which is strict.

use std::io::BufRead;

use super::input::{Input, unreadable};
use super::{Fault, PART_BYTES_MAX, Part, Place};
use crate::json::JsonError;
use crate::{jaeger_json, otlp_json};

/// A longer key is none that is known.
const KEY_BYTES_MAX: usize = 4096;

/// Where between documents and elements the reading stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    level: Level,
    /// The open document had a key that is known.
    is_known: bool,
    /// Elements of the open array that were taken.
    elements: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Level {
    /// Between documents.
    #[default]
    Top,
    /// Inside a document.
    Members,
    /// Inside one of the arrays.
    Elements(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Otlp,
    Jaeger,
}

type Outcome<T> = Result<T, Fault>;

pub(super) fn next<R: BufRead>(input: &mut Input<R>, state: &mut State) -> Outcome<Option<Vec<Part>>> {
    loop {
        let byte = token(input)?;
        match (state.level, byte) {
            (Level::Top, None) => return Ok(None),
            (_, None) => return Err(cut_off(input.line())),
            (Level::Top, Some(b'[' | b']' | b',')) | (_, Some(b',')) => input.take(1),
            (Level::Top, Some(b'{')) => {
                input.take(1);
                *state = State { level: Level::Members, ..State::default() };
            }
            (Level::Members, Some(b'}')) => {
                input.take(1);
                if !state.is_known {
                    let message = "this object is neither OTLP's (it has no `resourceSpans`) nor Jaeger's (it has no \
                                   `data`); is this a file of traces?";
                    return Err(Fault { place: input.line(), message: message.into() });
                }
                state.level = Level::Top;
            }
            (Level::Members, Some(b'"')) => member(input, state)?,
            (Level::Elements(_), Some(b']')) => {
                input.take(1);
                state.level = Level::Members;
            }
            (Level::Elements(kind), Some(_)) => {
                let parts = element(input, (kind, state.elements))?;
                state.elements += 1;
                if !parts.is_empty() {
                    return Ok(Some(parts));
                }
            }
            (_, Some(byte)) => {
                let shown = char::from(byte).escape_default();
                return Err(Fault {
                    place: input.line(),
                    message: format!("expected JSON, found '{shown}'"),
                });
            }
        }
    }
}

/// A key and its value; the arrays that are known are entered.
fn member<R: BufRead>(input: &mut Input<R>, state: &mut State) -> Outcome<()> {
    let place = input.line();
    let key = value(input, KEY_BYTES_MAX)?;
    if token(input)? != Some(b':') {
        return Err(Fault { place, message: "expected ':' after a key".into() });
    }
    input.take(1);
    let kind = match key.as_slice() {
        b"\"resourceSpans\"" | b"\"resource_spans\"" => Kind::Otlp,
        b"\"data\"" => Kind::Jaeger,
        _ => return skip(input),
    };
    state.is_known = true;
    match token(input)? {
        Some(b'[') => {
            input.take(1);
            state.level = Level::Elements(kind);
            state.elements = 0;
            Ok(())
        }
        Some(b'n') => skip(input),
        _ => {
            let name = String::from_utf8_lossy(&key).into_owned();
            Err(Fault { place: input.line(), message: format!("expected an array as {name}") })
        }
    }
}

fn element<R: BufRead>(input: &mut Input<R>, (kind, number): (Kind, usize)) -> Outcome<Vec<Part>> {
    let place = input.line();
    let text = value(input, PART_BYTES_MAX)?;
    let mut parts = Vec::new();
    let (list, read) = match kind {
        Kind::Otlp => {
            let read = otlp_json::decode_resource_spans(&text);
            ("resourceSpans", read.map(|otlp| parts.push(Part { otlp, place })))
        }
        Kind::Jaeger => ("data", jaeger_json::read(&text, &mut |otlp| parts.push(Part { otlp, place }))),
    };
    read.map_err(|error| located(place, &error, &format!("{list}[{number}]")))?;
    Ok(parts)
}

fn located(began: Place, error: &JsonError, list: &str) -> Fault {
    let Place::Line(line) = began else { return Fault { place: began, message: error.to_string() } };
    let dot = if error.path.is_empty() || error.path.starts_with('[') { "" } else { "." };
    let message = format!("{list}{dot}{}: {}", error.path, error.message);
    Fault { place: Place::Line(line + error.line - 1), message }
}

fn cut_off(place: Place) -> Fault {
    Fault { place, message: "the file ends in the middle of JSON; it was cut off, copy it again".into() }
}

/// The first byte of the next token, which stays.
fn token<R: BufRead>(input: &mut Input<R>) -> Outcome<Option<u8>> {
    loop {
        let place = input.line();
        let buffer = input.buffer().map_err(|cause| unreadable(place, &cause))?;
        let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let lines = buffer[..blanks].iter().filter(|byte| **byte == b'\n').count();
        let next = buffer.get(blanks).copied();
        let is_over = buffer.is_empty();
        input.take_lines(blanks, lines);
        if next.is_some() || is_over {
            return Ok(next);
        }
    }
}

fn skip<R: BufRead>(input: &mut Input<R>) -> Outcome<()> {
    let mut follower = Follower::default();
    follow(input, &mut follower, &mut |_| Ok(()))
}

/// Takes the value that begins with the next token.
fn value<R: BufRead>(input: &mut Input<R>, bytes_max: usize) -> Outcome<Vec<u8>> {
    let place = input.line();
    let mut text = Vec::new();
    follow(input, &mut Follower::default(), &mut |bytes| {
        text.extend_from_slice(bytes);
        if text.len() <= bytes_max {
            return Ok(());
        }
        let message = format!("what begins here has more than the {bytes_max} bytes that a part may have");
        Err(Fault { place, message })
    })?;
    Ok(text)
}

fn follow<R: BufRead>(
    input: &mut Input<R>,
    follower: &mut Follower,
    take: &mut dyn FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<()> {
    let began = input.line();
    token(input)?;
    loop {
        let buffer = input.buffer().map_err(|cause| unreadable(began, &cause))?;
        if buffer.is_empty() {
            return if follower.may_end() { Ok(()) } else { Err(cut_off(began)) };
        }
        let (count, is_over) = follower.advance(buffer);
        let bytes = &buffer[..count];
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        take(bytes)?;
        input.take_lines(count, lines);
        if is_over {
            return Ok(());
        }
    }
}

/// Finds the end of a value by its brackets and quotes.
#[derive(Default)]
struct Follower {
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// Inside a number or a word outside of brackets.
    in_word: bool,
}

impl Follower {
    fn may_end(&self) -> bool {
        self.in_word
    }

    /// How many bytes belong to the value, and whether it ends there.
    fn advance(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (at, byte) in bytes.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.depth == 0 {
                            return (at + 1, true);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                blank if self.depth == 0 && blank.is_ascii_whitespace() => return (at, true),
                _ if self.depth == 0 => self.in_word = true,
                _ => {}
            }
        }
        (bytes.len(), false)
    }
}
