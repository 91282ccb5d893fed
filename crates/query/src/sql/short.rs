//! The short forms that tracing users write: conditions without a statement around them.
//!
//! `service=order-service error=true` asks for the traces in which one span meets all conditions. Bare words are values,
//! conditions that stand side by side are joined by `AND`; `OR`, `NOT` and parentheses mean what they mean in SQL.

use crate::duration;

/// The signs of comparisons, longer ones first.
const SIGNS: [&str; 9] = ["==", "!=", "<>", "<=", ">=", "=", "<", ">", ":"];

/// Words that SQL gives a meaning of its own.
const JOINTS: [&str; 3] = ["and", "or", "not"];

/// True where a text begins with a condition: a name, a sign, a value.
pub(super) fn is_short(text: &str) -> bool {
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '(');
    let text = strip_word(text, "not").unwrap_or(text).trim_start();
    let end = text.find(|letter: char| !is_name(letter)).unwrap_or(text.len());
    let rest = text[end..].trim_start();
    let is_named = text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    is_named && end > 0 && SIGNS.iter().any(|sign| rest.starts_with(sign)) && !rest.starts_with("=~")
}

/// The statement that a short form means.
pub(super) fn statement(text: &str) -> String {
    let mut out = String::from("SELECT * FROM traces WHERE");
    let mut rest = text.trim_start();
    let mut is_open = true;
    while !rest.is_empty() {
        let word_end = rest.find(|letter: char| !is_name(letter)).unwrap_or(rest.len());
        let word = &rest[..word_end];
        if JOINTS.iter().any(|joint| joint.eq_ignore_ascii_case(word)) {
            if word.eq_ignore_ascii_case("not") && !is_open {
                out.push_str(" AND");
            }
            out.push(' ');
            out.push_str(&word.to_uppercase());
            is_open = true;
            rest = rest[word_end..].trim_start();
            continue;
        }
        if let Some(after) = rest.strip_prefix("&&") {
            out.push_str(" AND");
            (is_open, rest) = (true, after.trim_start());
            continue;
        }
        if let Some(after) = rest.strip_prefix("||") {
            out.push_str(" OR");
            (is_open, rest) = (true, after.trim_start());
            continue;
        }
        if let Some(after) = rest.strip_prefix(')') {
            out.push_str(" )");
            (is_open, rest) = (false, after.trim_start());
            continue;
        }
        if !is_open {
            out.push_str(" AND");
        }
        if let Some(after) = rest.strip_prefix('(') {
            out.push_str(" (");
            (is_open, rest) = (true, after.trim_start());
            continue;
        }
        rest = condition(rest, word_end, &mut out).trim_start();
        is_open = false;
    }
    out
}

/// Writes one condition; what cannot be one is left to the parser to complain about.
fn condition<'t>(rest: &'t str, name_end: usize, out: &mut String) -> &'t str {
    let (name, after) = rest.split_at(name_end);
    let signed = after.trim_start();
    let Some(sign) = SIGNS.iter().find(|sign| signed.starts_with(**sign)).filter(|_| !name.is_empty()) else {
        out.push(' ');
        out.push_str(rest);
        return "";
    };
    let after = signed[sign.len()..].trim_start();
    let (value, left) = value(after);
    let sign = if matches!(*sign, ":" | "==") { "=" } else { sign };
    let name = if name.contains('.') || super::Column::parse(super::Table::Traces, name).is_ok() {
        name.to_owned()
    } else {
        format!("tags.{name}")
    };
    out.push_str(&format!(" `{name}` {sign} {value}"));
    left
}

/// The value at the front as SQL writes it, and what follows.
fn value(text: &str) -> (String, &str) {
    if let Some(quote) = text.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
        let inside = &text[1..];
        if let Some(end) = inside.find(quote) {
            return (quoted(&inside[..end]), &inside[end + 1..]);
        }
    }
    let end = text.find(|letter: char| letter.is_whitespace() || letter == ')').unwrap_or(text.len());
    let (word, left) = text.split_at(end);
    let is_number = word.parse::<f64>().is_ok_and(f64::is_finite);
    let is_bare = is_number || duration::parse(word).is_some() || matches!(word, "true" | "false");
    (if is_bare { word.to_owned() } else { quoted(word) }, left)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn strip_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with([' ', '('])).then_some(rest)
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-' | '/')
}
