//! Strings in quotes, as both query languages write them.

use crate::Mistake;

/// The content of the string that begins at `start`, and where it ends. Back-ticks know no escapes.
pub(crate) fn quoted(text: &str, start: usize) -> Result<(String, usize), Mistake> {
    let quote = text[start..].chars().next().expect("the caller saw a quote");
    let mut value = String::new();
    let mut letters = text[start + 1..].char_indices();
    while let Some((offset, letter)) = letters.next() {
        let at = start + 1 + offset;
        match letter {
            letter if letter == quote => return Ok((value, at + 1)),
            '\\' if quote == '"' => match letters.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, 't')) => value.push('\t'),
                Some((_, 'r')) => value.push('\r'),
                Some((_, letter @ ('"' | '\\' | '/'))) => value.push(letter),
                // A regular expression is full of these, and nobody doubles them by hand.
                Some((_, letter)) => value.extend(['\\', letter]),
                None => break,
            },
            letter => value.push(letter),
        }
    }
    let message = format!("the string that begins here has no closing {quote}");
    Err(Mistake::new(text, start..start + 1, message).remedy(format!("add {quote} at its end")))
}
