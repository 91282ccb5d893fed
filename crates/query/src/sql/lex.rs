//! Cuts a text into tokens, and makes of the spellings that only tracing users write what the SQL parser knows.
//!
//! `1000ms` becomes `duration('1000ms')`; `tags.http.route` and `attributes['http.route']` become one quoted name each. Every
//! token keeps its place in the text, so that mistakes point at what was typed.

use sqlparser::dialect::GenericDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer, Word};

use super::{PARTS_MAX, TEXT_BYTES_MAX, VALUES_MAX};
use crate::{Mistake, duration};

/// The mark of a name that was put together here.
pub(super) const JOINED: char = '`';

/// Words that begin a statement of SQL, also those that are refused.
const STATEMENTS: [&str; 14] = [
    "select", "explain", "with", "insert", "update", "delete", "drop", "create", "alter", "truncate", "show",
    "describe", "set", "copy",
];

/// True where a text begins as a statement does.
pub(super) fn begins_statement(text: &str) -> bool {
    let word =
        text.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    let rest = text.trim_start()[word.len()..].trim_start();
    STATEMENTS.iter().any(|known| known.eq_ignore_ascii_case(word))
        && !rest.starts_with(['=', '!', '<', '>', ':', '.'])
}

/// The tokens of a text, without white space.
pub(super) fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, Mistake> {
    if text.len() > TEXT_BYTES_MAX {
        let message =
            format!("the statement has {} bytes, and at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(Mistake::new("", 0..0, message));
    }
    let found = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location();
    let found = found.map_err(|error| {
        let at = place(text, error.location);
        Mistake::new(text, at..at, error.message.to_lowercase())
    })?;
    bounded(text, &found)?;
    Ok(joined(&found))
}

/// The first byte of the line and column.
pub(super) fn place(text: &str, at: Location) -> usize {
    let line = at.line.saturating_sub(1) as usize;
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[start.min(text.len())..];
    let letters = rest.char_indices().map(|(at, _)| at).nth(at.column.saturating_sub(1) as usize);
    start + letters.unwrap_or(rest.len())
}

/// The bytes of a span of the text.
pub(super) fn range(text: &str, span: Span) -> std::ops::Range<usize> {
    let start = place(text, span.start);
    start..place(text, span.end).max(start)
}

/// Refuses texts whose tree would be too deep or too wide.
fn bounded(text: &str, tokens: &[TokenWithSpan]) -> Result<(), Mistake> {
    let (mut parts, mut commas) = (0_usize, 0_usize);
    for token in tokens {
        match &token.token {
            Token::Comma => commas += 1,
            Token::Whitespace(_) | Token::Period | Token::Number(..) | Token::SingleQuotedString(_) => {}
            Token::Word(word) if word.keyword == Keyword::NoKeyword => {}
            _ => parts += 1,
        }
        let at = || range(text, token.span);
        if parts > PARTS_MAX {
            let message = format!("the statement has more than {PARTS_MAX} operators, brackets and keywords");
            return Err(Mistake::new(text, at(), message).remedy("ask in several statements"));
        }
        if commas > VALUES_MAX + PARTS_MAX {
            let message = format!("a list has more than {VALUES_MAX} values");
            return Err(Mistake::new(text, at(), message).remedy("ask in several statements"));
        }
    }
    Ok(())
}

fn joined(found: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(found.len());
    let mut at = 0;
    while let Some(token) = found.get(at) {
        at += 1;
        match &token.token {
            Token::Whitespace(_) => {}
            Token::Number(number, _) => match found.get(at).map(|next| &next.token) {
                Some(Token::Word(unit)) if duration::parse(&format!("{number}{}", unit.value)).is_some() => {
                    out.extend(a_duration(
                        format!("{number}{}", unit.value),
                        token.span.union(&found[at].span),
                    ));
                    at += 1;
                }
                _ => out.push(token.clone()),
            },
            Token::Word(word) => {
                let (name, end) = name(word, &found[at..]);
                let span =
                    found[at - 1..at + end].iter().fold(token.span, |span, more| span.union(&more.span));
                let mut word = word.clone();
                if end > 0 {
                    word = Word { value: name, quote_style: Some(JOINED), keyword: Keyword::NoKeyword };
                }
                out.push(TokenWithSpan { token: Token::Word(word), span });
                at += end;
            }
            _ => out.push(token.clone()),
        }
    }
    out
}

/// A name with what follows it without white space, and how many tokens that is.
fn name(first: &Word, rest: &[TokenWithSpan]) -> (String, usize) {
    let mut name = first.value.clone();
    let mut end = 0;
    loop {
        let next = |ahead: usize| rest.get(end + ahead).map(|next| &next.token);
        match (next(0), next(1), next(2)) {
            (Some(Token::Period), Some(Token::Word(word)), _) => {
                name = format!("{name}.{}", word.value);
                end += 2;
            }
            // `.5xx` of a key is cut as a number.
            (Some(Token::Number(number, _)), ..) if end > 0 && number.starts_with('.') => {
                name.push_str(number);
                end += 1;
            }
            (Some(Token::LBracket), Some(Token::SingleQuotedString(key)), Some(Token::RBracket)) => {
                name = format!("{name}.{key}");
                end += 3;
            }
            (Some(Token::LBracket), Some(Token::Word(key)), Some(Token::RBracket))
                if key.quote_style == Some('"') =>
            {
                name = format!("{name}.{}", key.value);
                end += 3;
            }
            _ => return (name, end),
        }
    }
}

fn a_duration(text: String, span: Span) -> [TokenWithSpan; 4] {
    let word = Word { value: "duration".into(), quote_style: None, keyword: Keyword::NoKeyword };
    [Token::Word(word), Token::LParen, Token::SingleQuotedString(text), Token::RParen]
        .map(|token| TokenWithSpan { token, span })
}
