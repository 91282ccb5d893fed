//! The kinds of options: text, durations, sizes, numbers, choices, lists, maps and secrets.
//!
//! Typing is as weak as the Collector's: text takes numbers and booleans, numbers take quoted ones.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Block, Located, Mode, Row};
use crate::scalar::{parse_bytes, parse_duration, parse_float, parse_integer};
use crate::suggest::advice;
use crate::{Node, Problem, Secret, Value};

/// What is wrong with a value, and what to write instead.
struct Wrong {
    message: String,
    remedy: Option<String>,
}

impl<'a> Block<'a> {
    /// Text, or the default.
    pub fn text(&mut self, key: &str, default: &str, doc: &str) -> String {
        self.value(key, row("text", default, doc), |text| Ok(text.to_owned()))
            .unwrap_or_else(|| default.to_owned())
    }

    /// Text that may be left out.
    pub fn optional_text(&mut self, key: &str, doc: &str) -> Option<String> {
        self.value(key, row("text", "", doc), |text| Ok(text.to_owned()))
    }

    /// Text that must be given; what is missing is a problem and reads as empty.
    pub fn required_text(&mut self, key: &str, doc: &str) -> String {
        let text = self.value(key, row("text, required", "", doc), |text| Ok(text.to_owned()));
        if self.is_missing(key) {
            self.problem(key, "this must be given", None);
        }
        text.unwrap_or_default()
    }

    /// A Go duration such as `200ms` or `1h30m`, days too (`7d`).
    ///
    /// # Panics
    /// If the default is no duration, which any run of the component's description shows.
    pub fn duration(&mut self, key: &str, default: &str, doc: &str) -> Duration {
        let fallback = parse_duration(default).expect("the default of an option is a duration");
        self.value(key, row("duration", default, doc), read_duration).unwrap_or(fallback)
    }

    /// A duration that may be left out.
    pub fn optional_duration(&mut self, key: &str, doc: &str) -> Option<Duration> {
        self.value(key, row("duration", "", doc), read_duration)
    }

    /// A number of bytes, plain or with a unit such as `64MiB`.
    ///
    /// # Panics
    /// If the default is no size, which any run of the component's description shows.
    pub fn bytes(&mut self, key: &str, default: &str, doc: &str) -> u64 {
        let fallback = parse_bytes(default).expect("the default of an option is a size");
        self.value(key, row("size", default, doc), read_bytes).unwrap_or(fallback)
    }

    /// A number of bytes that may be left out.
    pub fn optional_bytes(&mut self, key: &str, doc: &str) -> Option<u64> {
        self.value(key, row("size", "", doc), read_bytes)
    }

    /// A whole number within a range.
    pub fn integer<T: Whole>(&mut self, key: &str, default: T, range: RangeInclusive<T>, doc: &str) -> T {
        let default_shown = default.to_string();
        self.value(key, row("integer", &default_shown, doc), |text| read_integer(text, &range))
            .unwrap_or(default)
    }

    /// A whole number within a range that may be left out.
    pub fn optional_integer<T: Whole>(
        &mut self,
        key: &str,
        range: RangeInclusive<T>,
        doc: &str,
    ) -> Option<T> {
        self.value(key, row("integer", "", doc), |text| read_integer(text, &range))
    }

    /// A number within a range.
    pub fn float(&mut self, key: &str, default: f64, range: RangeInclusive<f64>, doc: &str) -> f64 {
        let default_shown = default.to_string();
        self.value(key, row("number", &default_shown, doc), |text| read_float(text, &range))
            .unwrap_or(default)
    }

    /// A share between 0 and 1, or in percent (`20%`).
    pub fn ratio(&mut self, key: &str, default: f64, doc: &str) -> f64 {
        self.float(key, default, 0.0..=1.0, doc)
    }

    /// True or false.
    pub fn boolean(&mut self, key: &str, default: bool, doc: &str) -> bool {
        let default_shown = default.to_string();
        self.value(key, row("boolean", &default_shown, doc), read_boolean).unwrap_or(default)
    }

    /// One of a few words.
    pub fn choice(
        &mut self,
        key: &str,
        allowed: &[&'static str],
        default: &'static str,
        doc: &str,
    ) -> &'static str {
        let allowed_shown: Vec<&str> =
            allowed.iter().map(|word| if word.is_empty() { "\"\"" } else { word }).collect();
        let row = Row { allowed: allowed_shown.join(", "), ..row("choice", default, doc) };
        self.value(key, row, |text| {
            allowed.iter().copied().find(|word| *word == text).ok_or_else(|| Wrong {
                message: format!("\"{text}\" is not possible here"),
                remedy: advice(text, &allowed_shown),
            })
        })
        .unwrap_or(default)
    }

    /// A password, token or the like.
    pub fn secret(&mut self, key: &str, doc: &str) -> Option<Secret> {
        self.value(key, row("secret", "", doc), |text| Ok(Secret::new(text)))
    }

    /// A list of words; a single value counts as a list, split at commas.
    pub fn list_of_text(&mut self, key: &str, default: &[&str], doc: &str) -> Vec<String> {
        let shown = format!("[{}]", default.join(", "));
        match self.words(key, row("list of text", &shown, doc)) {
            Some(words) => words.into_iter().map(|word| word.text).collect(),
            None => default.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    /// A list of words with the place of each, for words that refer to something.
    pub fn references(&mut self, key: &str, doc: &str) -> Vec<Located> {
        self.words(key, row("list of text", "[]", doc)).unwrap_or_default()
    }

    /// Names with a text each, in the order of the file.
    pub fn map_of_text(&mut self, key: &str, doc: &str) -> Vec<(String, String)> {
        let pairs = self.pairs(key, row("map of text", "{}", doc));
        pairs.into_iter().map(|(name, text)| (name, text.to_owned())).collect()
    }

    /// Names with a secret each, such as headers that may hold tokens.
    pub fn map_of_secrets(&mut self, key: &str, doc: &str) -> Vec<(String, Secret)> {
        let pairs = self.pairs(key, row("map of secrets", "{}", doc));
        pairs.into_iter().map(|(name, text)| (name, Secret::new(text))).collect()
    }

    fn value<T>(
        &mut self,
        key: &str,
        row: Row<'_>,
        read: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let kind = row.kind.to_owned();
        let node = self.option(key, row)?;
        let read = match node.text() {
            Some(text) => read(text),
            None => Err(wrong(format!("expected a {kind}, found {}", node.kind()))),
        };
        read.map_err(|wrong| self.wrong(node, wrong)).ok()
    }

    fn words(&mut self, key: &str, row: Row<'_>) -> Option<Vec<Located>> {
        let node = self.option(key, row)?;
        let at = |node: &Node, text: &str| Located {
            text: text.trim().to_owned(),
            place: node.place.clone(),
            path: node.path.clone(),
        };
        match &node.value {
            Value::Sequence(items) => {
                let mut words = Vec::new();
                for item in items {
                    match item.text() {
                        Some(text) => words.push(at(item, text)),
                        None => self.wrong(item, wrong(format!("expected text, found {}", item.kind()))),
                    }
                }
                Some(words)
            }
            Value::Scalar { text, .. } => Some(
                text.split(',').filter(|word| !word.trim().is_empty()).map(|word| at(node, word)).collect(),
            ),
            _ => {
                self.wrong(node, wrong(format!("expected a list, found {}", node.kind())));
                None
            }
        }
    }

    fn pairs(&mut self, key: &str, row: Row<'_>) -> Vec<(String, &'a str)> {
        let Some(node) = self.option(key, row) else { return Vec::new() };
        let Value::Mapping(entries) = &node.value else {
            self.wrong(node, wrong(format!("expected a mapping, found {}", node.kind())));
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for entry in entries {
            match entry.value.text() {
                Some(text) => pairs.push((entry.key.clone(), text)),
                None if entry.value.is_null() => pairs.push((entry.key.clone(), "")),
                None if matches!(entry.value.value, Value::Invalid) => {}
                None => {
                    let message = format!("expected text, found {}", entry.value.kind());
                    self.wrong(&entry.value, wrong(message));
                }
            }
        }
        pairs
    }

    /// Records the option; gives its value if one is written that is not known to be wrong.
    fn option(&mut self, key: &str, row: Row<'_>) -> Option<&'a Node> {
        self.known.push(key.to_owned());
        self.describe_row(key, row);
        self.find(key).filter(|node| !matches!(node.value, Value::Null | Value::Invalid))
    }

    fn is_missing(&self, key: &str) -> bool {
        match self.find(key) {
            Some(node) => node.is_null(),
            None => true,
        }
    }

    fn wrong(&self, node: &Node, wrong: Wrong) {
        if let Mode::Read { problems, .. } = &self.source {
            let problem = Problem::error(&node.place, &node.path, wrong.message);
            problems.add(Problem { remedy: wrong.remedy, ..problem });
        }
    }
}

/// The whole numbers that options come as.
pub trait Whole: Copy + Display + PartialOrd + TryFrom<i128> {}
impl<T: Copy + Display + PartialOrd + TryFrom<i128>> Whole for T {}

fn row<'r>(kind: &'r str, default: &str, doc: &'r str) -> Row<'r> {
    Row { kind, default: default.to_owned(), allowed: String::new(), doc }
}

fn wrong(message: String) -> Wrong {
    Wrong { message, remedy: None }
}

fn read_duration(text: &str) -> Result<Duration, Wrong> {
    parse_duration(text).ok_or_else(|| Wrong {
        message: format!("\"{text}\" is not a duration"),
        remedy: Some("write a number with its unit, such as 200ms, 5s, 1h30m or 7d".to_owned()),
    })
}

fn read_bytes(text: &str) -> Result<u64, Wrong> {
    parse_bytes(text).ok_or_else(|| Wrong {
        message: format!("\"{text}\" is not a size"),
        remedy: Some("write bytes, or a number with its unit, such as 64MiB".to_owned()),
    })
}

fn read_integer<T: Whole>(text: &str, range: &RangeInclusive<T>) -> Result<T, Wrong> {
    let number = parse_integer(text).ok_or_else(|| wrong(format!("\"{text}\" is not a whole number")))?;
    match T::try_from(number) {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(wrong(format!("{text} is not between {} and {}", range.start(), range.end()))),
    }
}

fn read_float(text: &str, range: &RangeInclusive<f64>) -> Result<f64, Wrong> {
    match parse_float(text) {
        Some(number) if range.contains(&number) => Ok(number),
        Some(_) => Err(wrong(format!("{text} is not between {} and {}", range.start(), range.end()))),
        None => Err(wrong(format!("\"{text}\" is not a number"))),
    }
}

fn read_boolean(text: &str) -> Result<bool, Wrong> {
    match text {
        "true" | "True" | "TRUE" => Ok(true),
        "false" | "False" | "FALSE" => Ok(false),
        _ => Err(Wrong {
            message: format!("\"{text}\" is neither true nor false"),
            remedy: Some("write true or false".to_owned()),
        }),
    }
}
