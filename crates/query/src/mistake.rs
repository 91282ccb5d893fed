//! What is wrong with a text that someone typed, where, and what would be right.

use std::fmt;

/// How much of the text is shown on each side of the place.
const SHOWN_MAX: usize = 60;

/// One mistake in a filter. Its `Display` shows the text with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What is wrong.
    pub message: String,
    /// What would be right, where that is known.
    pub remedy: Option<String>,
    /// The column of the first wrong letter, counted from 1.
    pub column: usize,
    /// How many letters are wrong; at least 1.
    pub length: usize,
    /// The line that shows the text around the place.
    line: String,
    /// How many letters of that line stand before the place.
    indent: usize,
}

impl Mistake {
    /// A mistake in `text`, at a range of its bytes.
    pub(crate) fn new(text: &str, at: std::ops::Range<usize>, message: impl Into<String>) -> Self {
        let before = text[..at.start].chars().count();
        let length = text[at.clone()].chars().count().max(1);
        let skipped = before.saturating_sub(SHOWN_MAX);
        let flat = |letter: char| if letter.is_control() { ' ' } else { letter };
        let lead = if skipped > 0 { "…" } else { "" };
        let shown = text.chars().skip(skipped).take(before - skipped + length.min(SHOWN_MAX) + SHOWN_MAX);
        Self {
            message: message.into(),
            remedy: None,
            column: before + 1,
            length,
            line: lead.chars().chain(shown.map(flat)).collect(),
            indent: before - skipped + lead.chars().count(),
        }
    }

    /// With advice.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carets = "^".repeat(self.length.min(SHOWN_MAX));
        write!(out, "{}\n  {}\n  {:indent$}{carets}", self.message, self.line, "", indent = self.indent)?;
        match &self.remedy {
            Some(remedy) => write!(out, "\n{remedy}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}
