//! Questions that were not asked in TraceQL, or not to the end.
//!
//! Tempo's older searches send `tags` in logfmt; whoever types a query asks for values before it is complete.

use super::ast::{Pipeline, Root, Spanset, Stage};
use super::literal::Literal;
use super::parse;

/// A tag of an older search, with its value.
type Tag<'a> = (&'a str, &'a str);

/// The query that means the same as `tags` (each value is a part of the attribute's, whatever its case) and bounds of the
/// trace's duration in nanoseconds.
#[must_use]
pub fn of_tags(tags: &[Tag<'_>], (shortest, longest): (Option<i64>, Option<i64>)) -> String {
    let mut conditions: Vec<String> = tags.iter().map(|tag| condition(*tag)).collect();
    let bound = |sign: &str, nanos: i64| format!("trace:duration {sign} {nanos}ns");
    conditions.extend(shortest.map(|nanos| bound(">=", nanos)));
    conditions.extend(longest.map(|nanos| bound("<=", nanos)));
    format!("{{ {} }}", conditions.join(" && "))
}

fn condition((key, value): Tag<'_>) -> String {
    let field = match key {
        "name" | "status" | "kind" => key.to_owned(),
        "error" if value == "true" => return "status = error".into(),
        "service.name" => "resource.service.name".into(),
        "root.service.name" => "rootServiceName".into(),
        "root.name" => "rootName".into(),
        key => format!(".\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\"")),
    };
    let is_number = Literal::of_number(value).is_some() || matches!(value, "true" | "false");
    let pattern = regex::escape(value).replace('`', "\\x60");
    let part = format!("{field} =~ `(?i).*{pattern}.*`");
    match field.as_str() {
        "status" | "kind" => format!("{field} = {value}"),
        _ if is_number => format!("({part} || {field} = {value})"),
        _ => part,
    }
}

/// Pairs in logfmt: `key=value other="two words"`.
///
/// # Errors
/// The byte at which it stops to be logfmt.
pub fn logfmt(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (key, after) = rest.split_once('=').ok_or(at)?;
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(at);
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or(at + key.len() + 1)?,
            None => after.split_once(char::is_whitespace).unwrap_or((after, "")),
        };
        pairs.push((key.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The conditions of an unfinished query, as far as they can be read; `None` where there is none.
#[must_use]
pub fn readable(text: &str) -> Option<Pipeline> {
    if let Some(pipeline) = spans(text) {
        return Some(pipeline);
    }
    let inside = text.trim().trim_start_matches('{').trim_end_matches('}');
    let whole: Vec<&str> =
        inside.split("&&").map(str::trim).filter(|part| spans(&format!("{{ {part} }}")).is_some()).collect();
    let kept: Vec<&str> = whole.into_iter().filter(|part| !part.is_empty()).collect();
    if kept.is_empty() { None } else { spans(&format!("{{ {} }}", kept.join(" && "))) }
}

fn spans(text: &str) -> Option<Pipeline> {
    match parse(text).ok()?.root {
        Root::Spansets(pipeline) if matches!(pipeline.stages[0], Stage::Spans(Spanset::Filter(Some(_)))) => {
            Some(pipeline)
        }
        _ => None,
    }
}
