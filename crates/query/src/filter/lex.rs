//! Cuts a text into words, quoted strings and signs.

use std::ops::Range;

use crate::Mistake;
use crate::quoted::quoted;

/// What ends a bare word, besides white space; the same letters as in TraceQL.
const ENDS_WORD: &[char] = &['{', '}', '(', ')', '=', '~', '!', '<', '>', '&', '|', '^', ',', '"', '`'];

/// One piece of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A bare word: a name, a number, a value.
    Word(String),
    /// A key with quoted parts, such as `span."a b"`.
    Key(String),
    /// A quoted string.
    Quoted(String),
    /// `( ) { }`, a comparison, `&&`, `||`, `!`.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// Longer signs stand before their beginnings.
const SIGNS: [&str; 16] =
    ["&&", "||", "==", "=~", "!=", "!~", "<=", ">=", "=", "<", ">", "!", "(", ")", "{", "}"];

/// Signs of TraceQL that this subset leaves out, with what to do.
const FOREIGN: [(&str, &str); 7] = [
    (">>", "relations between spans are not part of this filter: ask for one span's conditions"),
    ("<<", "relations between spans are not part of this filter: ask for one span's conditions"),
    ("&", "write `&&`"),
    ("|", "write `||` for \"or\"; pipelines are not part of this filter"),
    ("~", "write `=~` for \"matches\""),
    ("^", "arithmetic is not part of this filter"),
    (",", "join conditions by `&&` or `||`"),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let token = token(text, at)?;
        at = token.at.end;
        tokens.push(token);
    }
    tokens.push(Token { kind: Kind::End, at: at..at });
    Ok(tokens)
}

fn token(text: &str, at: usize) -> Result<Token, Mistake> {
    let rest = &text[at..];
    if rest.starts_with(['"', '`']) {
        let (value, end) = quoted(text, at)?;
        return Ok(Token { kind: Kind::Quoted(value), at: at..end });
    }
    let foreign = FOREIGN.iter().find(|(sign, _)| rest.starts_with(sign));
    let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
    match (sign, foreign) {
        (Some(sign), foreign) if foreign.is_none_or(|(foreign, _)| foreign.len() < sign.len()) => {
            Ok(Token { kind: Kind::Sign(sign), at: at..at + sign.len() })
        }
        (_, Some((sign, remedy))) => {
            let message = format!("`{sign}` has no meaning here");
            Err(Mistake::new(text, at..at + sign.len(), message).remedy(*remedy))
        }
        _ => word(text, at),
    }
}

fn word(text: &str, start: usize) -> Result<Token, Mistake> {
    let mut word = String::new();
    let mut has_quotes = false;
    let mut at = start;
    while let Some(letter) = text[at..].chars().next() {
        if letter == '"' && word.ends_with('.') {
            let (part, end) = quoted(text, at)?;
            word.push_str(&part);
            (at, has_quotes) = (end, true);
            continue;
        }
        if letter.is_whitespace() || ENDS_WORD.contains(&letter) {
            break;
        }
        word.push(letter);
        at += letter.len_utf8();
    }
    let kind = if has_quotes { Kind::Key(word) } else { Kind::Word(word) };
    Ok(Token { kind, at: start..at })
}
