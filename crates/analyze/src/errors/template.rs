//! A message without its changing parts.
//!
//! Words with digits become `<n>` (a number, also with a unit), `<id>` (hexadecimal, a UUID, a mixture) or `<address>`;
//! what stands in quotes becomes `<text>`. Words without digits stay.

/// What ends a word.
const ENDS: &[char] = &[
    ' ', '\t', '\n', '\r', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>', '=', '|', '/', '?', '&', '"',
    '\'', '`',
];

/// The message without its changing parts.
#[must_use]
pub fn template(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = quoted(rest, &out) {
            out.push_str("<text>");
            rest = after;
        } else if ENDS.contains(&letter) {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            let end = rest.find(ENDS).unwrap_or(rest.len());
            word(&rest[..end], &mut out);
            rest = &rest[end..];
        }
    }
    out
}

/// What stands after a quoted text at the front; a quote inside a word is an apostrophe.
fn quoted<'a>(rest: &'a str, before: &str) -> Option<&'a str> {
    let mark = rest.chars().next().filter(|letter| matches!(letter, '"' | '\'' | '`'))?;
    if before.chars().last().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let inside = &rest[1..];
    let end = inside.find(mark)?;
    let after = &inside[end + 1..];
    let goes_on = after.chars().next().is_some_and(char::is_alphanumeric);
    (!goes_on && !inside[..end].contains('\n')).then_some(after)
}

fn word(word: &str, out: &mut String) {
    let core = word.trim_end_matches(['.', ':', '!']);
    let tail = &word[core.len()..];
    let replaced = match core {
        core if !core.contains(|letter: char| letter.is_ascii_digit()) => core,
        core if is_address(core) => "<address>",
        core if is_number(core) => "<n>",
        core if is_id(core) => "<id>",
        core => core,
    };
    out.push_str(replaced);
    out.push_str(tail);
}

/// Digits with signs, points and at most three letters of a unit.
fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['-', '+', '#', '$', '~']);
    let unit = digits.trim_start_matches(|letter: char| letter.is_ascii_digit() || "._,:-".contains(letter));
    digits.starts_with(|letter: char| letter.is_ascii_digit())
        && unit.chars().count() <= 3
        && unit.chars().all(|letter| letter.is_alphabetic() || letter == '%')
}

/// An IPv4 address or a name, with a port.
fn is_address(word: &str) -> bool {
    let (host, port) = word.rsplit_once(':').unwrap_or((word, ""));
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|digit| digit.is_ascii_digit());
    let parts: Vec<&str> = host.split('.').collect();
    let is_ip = parts.len() == 4
        && parts
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit()));
    let is_name =
        !port.is_empty() && host.contains('.') && host.contains(|letter: char| letter.is_alphabetic());
    (is_ip || is_name) && is_port(port)
}

/// A mixture of letters and digits: two digits and at least a quarter of them, or hexadecimal with hyphens.
fn is_id(word: &str) -> bool {
    let letters = word.chars().filter(|letter| letter.is_alphanumeric()).count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let is_hex = word.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-' || letter == 'x');
    letters >= 4 && digits >= 2 && (digits * 4 >= letters || is_hex)
}
