//! The part of a URL after `?`, as browsers write it.

use percent_encoding::percent_decode;

/// Names and values in the order in which they were sent; a name without `=` has an empty value.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let named = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (unescaped(name), unescaped(value))
    });
    named.collect()
}

/// What stands in a URL, with `+` for a blank and `%2F` for a slash.
pub(crate) fn unescaped(text: &str) -> String {
    let blanks = text.replace('+', " ");
    percent_decode(blanks.as_bytes()).decode_utf8_lossy().into_owned()
}
