//! What can stand at a place of an unfinished query: a key, a comparison, a value, a relation, a function.
//!
//! Looks only at the text before the place, since what follows may be about to change.

use std::ops::Range;

use super::lex::TEXT_BYTES_MAX;

/// What ends a word.
const ENDS: &[char] =
    &['{', '}', '(', ')', '=', '~', '!', '<', '>', '&', '|', '^', ',', '"', '`', ' ', '\t', '\n', '\r'];

/// Signs that a value follows, longer ones before their beginnings.
const COMPARISONS: [&str; 8] = ["=~", "!~", "!=", ">=", "<=", "=", ">", "<"];

/// What is wanted at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The name of a field.
    Key,
    /// A comparison.
    Comparison,
    /// A value of this field; true where a quote is open already.
    Value(String, bool),
    /// What joins two conditions, or closes the braces.
    Junction,
    /// What follows braces: a relation, or a pipe.
    Relation,
    /// A function after a pipe.
    Function,
    /// Opening braces.
    Start,
}

/// What is wanted at a byte of a text, and the bytes of the word that is begun there. A place inside a letter, or outside
/// the text, is moved to the next one before.
#[must_use]
pub fn wanted(text: &str, place: usize) -> (Wanted, Range<usize>) {
    let place = (0..=place.min(text.len()).min(TEXT_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at));
    let before = &text[..place.unwrap_or(0)];
    let (depth, quote) = depth(before);
    let from = match quote {
        Some(quote) => quote + 1,
        None => before.rfind(ENDS).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8)),
    };
    let ahead = before[..quote.unwrap_or(from)].trim_end();
    let range = from..before.len();
    if let Some(comparison) = COMPARISONS.iter().find(|sign| ahead.ends_with(**sign)).filter(|_| depth > 0) {
        let field = word(ahead[..ahead.len() - comparison.len()].trim_end());
        if !field.is_empty() {
            return (Wanted::Value(field.to_owned(), quote.is_some()), range);
        }
    }
    let ends = |signs: &[&str]| signs.iter().any(|sign| ahead.ends_with(sign));
    let wanted = match depth {
        0 if ends(&["&&", "||", ">>", "<<", ">", "<", "~"]) || ahead.is_empty() => Wanted::Start,
        0 if ends(&["|"]) => Wanted::Function,
        0 => Wanted::Relation,
        _ if ends(&["{", "(", "&&", "||", "!", ",", "+", "-", "*", "/", "^"]) => Wanted::Key,
        _ if is_value(ahead) => Wanted::Junction,
        _ => Wanted::Comparison,
    };
    (wanted, range)
}

/// How many braces and the like are open at the end, and where a quote is open.
fn depth(text: &str) -> (usize, Option<usize>) {
    let mut depth = 0_usize;
    let mut quote: Option<(usize, char)> = None;
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some((_, '"')), '\\') => is_escaped = true,
            (Some((_, mark)), letter) if letter == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some((at, letter)),
            (None, '{' | '(') => depth += 1,
            (None, '}' | ')') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    (depth, quote.map(|(at, _)| at))
}

/// The last word of a text.
fn word(text: &str) -> &str {
    let from = text.rfind(ENDS).map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    &text[from..]
}

/// True where a text ends with a value, after which conditions are joined.
fn is_value(ahead: &str) -> bool {
    if ahead.ends_with(['"', '`', ')']) {
        return true;
    }
    let before = ahead[..ahead.len() - word(ahead).len()].trim_end();
    COMPARISONS.iter().any(|sign| before.ends_with(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Wanted, begun: &str) {
        let (wanted, range) = wanted(text, text.len());
        assert_eq!((wanted, &text[range]), (expected, begun), "{text}");
    }

    #[test]
    fn what_can_follow_is_told_by_what_stands_before() {
        let value = |field: &str, is_quoted| Wanted::Value(field.into(), is_quoted);
        check("", Wanted::Start, "");
        check("{", Wanted::Key, "");
        check("{ span.ht", Wanted::Key, "span.ht");
        check("{ span.http.route ", Wanted::Comparison, "");
        check("{ status = ", value("status", false), "");
        check("{ status =e", value("status", false), "e");
        check("{ .a = \"x\" && resource.service.name = \"ca", value("resource.service.name", true), "ca");
        check("{ .a =~ `x y", value(".a", true), "x y");
        check("{ status = error ", Wanted::Junction, "");
        check("{ .a = \"x\" ", Wanted::Junction, "");
        check("{ .a = \"x\" && ", Wanted::Key, "");
        check("{ (.a = 1 || d", Wanted::Key, "d");
        check("{ .a = 1 }", Wanted::Relation, "");
        check("{ .a = 1 } >> ", Wanted::Start, "");
        check("{ } | ra", Wanted::Function, "ra");
        check("{ } | rate() by (resource.s", Wanted::Key, "resource.s");
        check("{ .a = \"quoted } brace", value(".a", true), "quoted } brace");
    }

    #[test]
    fn any_place_of_any_text_is_fine() {
        for text in ["{ .ä = \"ö\\\"", "}}}(((", "= = =", "\u{1F600}{", "`"] {
            for place in 0..text.len() + 2 {
                let (_, range) = wanted(text, place);
                assert!(text.get(range).is_some(), "{text} {place}");
            }
        }
    }
}
