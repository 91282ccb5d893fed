//! The filter language of the command line and of the API: conditions on one span, a subset of TraceQL's.
//!
//! ```text
//! service = cart && status = error && duration > 1.5s && http.response.status_code >= 500
//! { resource.k8s.pod.name != "x" && (kind = server || .user.id =~ "u-.*") && event.exception.type exists }
//! ```
//! Added to TraceQL's spelling: braces may be left out, bare words are values, a bare key means [`Level::Any`],
//! `and`, `or`, `not`, `exists`, `missing`, `==`, `service`. A bare number also finds texts that are written as one, which
//! TraceQL keeps apart. Left out where TraceQL and common sense differ: `&&` beside
//! `||` needs parentheses, and so does what follows `!`.
//! Bounded by [`TEXT_BYTES_MAX`], [`DEPTH_MAX`] and [`PATTERN_BYTES_MAX`].
//!
//! [`Level::Any`]: store::Level::Any

mod condition;
mod field;
mod lex;
mod parse;

use store::{Filter, TraceFilter};

use crate::Mistake;

/// The longest text, in bytes; a longer one is refused.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// The deepest nesting of parentheses; a deeper one is refused.
pub const DEPTH_MAX: usize = 64;

/// The largest compiled regular expression, in bytes; a larger one is refused.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;

/// What a text asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// What one span must pass.
    pub spans: Filter,
    /// What its whole trace must pass.
    pub trace: TraceFilter,
}

/// Reads a text; an empty one asks for everything.
///
/// # Errors
/// The first [`Mistake`], with its place and what would be right.
pub fn parse(text: &str) -> Result<Question, Mistake> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the filter has {} bytes, and at most {TEXT_BYTES_MAX} are read", text.len());
        return Err(Mistake::new("", 0..0, message));
    }
    let tokens = lex::tokens(text)?;
    parse::Parser::new(text, tokens).question()
}

/// Compiles a regular expression that must match the whole text.
///
/// # Errors
/// What is wrong with the expression.
pub fn anchored(expression: &str) -> Result<regex::bytes::Regex, String> {
    let build = |text: &str| {
        let mut builder = regex::bytes::RegexBuilder::new(text);
        builder.size_limit(PATTERN_BYTES_MAX).nest_limit(DEPTH_MAX as u32).build()
    };
    build(expression).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            format!("the expression takes more than {PATTERN_BYTES_MAX} bytes when compiled")
        }
        error => {
            error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    })?;
    build(&format!("^(?:{expression})$")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
