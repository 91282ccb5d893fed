//! Cuts a text into names, numbers, strings and signs.

use std::ops::Range;

use super::literal::Literal;
use crate::Mistake;
use crate::quoted::quoted;

/// Longer texts are refused.
pub const TEXT_BYTES_MAX: usize = 64 << 10;

/// What ends an attribute's key, besides white space.
const ENDS_KEY: &[char] = &['{', '}', '(', ')', '=', '~', '!', '<', '>', '&', '|', '^', ','];

/// What an attribute's name begins with.
const KEY_STARTS: [&str; 7] = [".", "span.", "resource.", "event.", "link.", "instrumentation.", "parent."];

/// One piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A word without a scope: an intrinsic, a function, `true`.
    Word(String),
    /// An attribute's name with its scope, quotes taken off.
    Name(String),
    /// A string or a number.
    Literal(Literal),
    /// One of [`SIGNS`].
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longer signs stand before their beginnings.
const SIGNS: [&str; 36] = [
    "!>>", "!<<", "&>>", "&<<", "&&", "||", "==", "=~", "!=", "!~", "!>", "!<", "&>", "&<", "&~", "<=", ">=",
    "<<", ">>", "=", "<", ">", "~", "!", "(", ")", "{", "}", ",", "|", "+", "-", "*", "/", "%", "^",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the query has {} bytes; {TEXT_BYTES_MAX} are allowed", text.len());
        return Err(Mistake::new(text, 0..0, message));
    }
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let token = token(text, at, letter)?;
        at = token.at.end;
        tokens.push(token);
    }
    tokens.push(Token { kind: Kind::End, at: at..at });
    Ok(tokens)
}

fn token(text: &str, at: usize, letter: char) -> Result<Token, Mistake> {
    let rest = &text[at..];
    if letter == '"' || letter == '`' {
        let (value, end) = quoted(text, at)?;
        return Ok(Token { kind: Kind::Literal(Literal::Text(value)), at: at..end });
    }
    if letter.is_ascii_digit() || letter == '.' && rest[1..].starts_with(|next: char| next.is_ascii_digit()) {
        return number(text, at);
    }
    if KEY_STARTS.iter().any(|start| rest.starts_with(start)) {
        return name(text, at);
    }
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        return Ok(Token { kind: Kind::Sign(sign), at: at..at + sign.len() });
    }
    let is_word = |letter: char| letter.is_alphanumeric() || "_:.".contains(letter);
    let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
    if length == 0 {
        let end = at + letter.len_utf8();
        let message = format!("`{}` has no meaning in TraceQL", letter.escape_debug());
        let remedy = "texts stand in double quotes or back-ticks";
        return Err(Mistake::new(text, at..end, message).remedy(remedy));
    }
    Ok(Token { kind: Kind::Word(rest[..length].into()), at: at..at + length })
}

/// Digits with a fraction, an exponent or units: `1`, `2.5`, `1e6`, `1h30m`.
fn number(text: &str, at: usize) -> Result<Token, Mistake> {
    let rest = &text[at..];
    let mut end = 0;
    for (offset, letter) in rest.char_indices() {
        let is_exponent_sign = "+-".contains(letter)
            && rest[..offset].ends_with(['e', 'E'])
            && rest[..offset - 1].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        if !(letter.is_alphanumeric() || letter == '.' || is_exponent_sign) {
            break;
        }
        end = offset + letter.len_utf8();
    }
    let written = &rest[..end];
    match Literal::of_number(written) {
        Some(literal) => Ok(Token { kind: Kind::Literal(literal), at: at..at + end }),
        None => {
            Err(Mistake::new(text, at..at + end, format!("`{written}` is neither a number nor a duration"))
                .remedy("units are ns, us, ms, s, m, h, d, w and y: 250ms, 1h30m; a text stands in quotes"))
        }
    }
}

fn name(text: &str, start: usize) -> Result<Token, Mistake> {
    let mut name = String::new();
    let mut at = start;
    while let Some(letter) = text[at..].chars().next() {
        if letter == '"' {
            let (part, end) = quoted(text, at)?;
            name.push_str(&part);
            at = end;
            continue;
        }
        if letter.is_whitespace() || ENDS_KEY.contains(&letter) {
            break;
        }
        name.push(letter);
        at += letter.len_utf8();
    }
    Ok(Token { kind: Kind::Name(name), at: start..at })
}
