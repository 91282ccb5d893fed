//! Reads the parameters of a request and says which one is wrong, and how to write it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::TraceId;
use model::time::UnixNanos;

use super::reply::Refusal;
use crate::query_string;

/// Named values, in the order in which they were sent; a name may come several times.
pub(super) struct Params {
    values: Vec<(String, String)>,
    wording: Wording,
}

/// How an error begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wording {
    /// `unable to parse param 'start'`, as the legacy API says.
    UnableToParse,
    /// `malformed parameter query.startTimeMin`, as `/api/v3` says.
    Malformed,
}

impl Params {
    /// Reads the part of a URL after `?`.
    pub(super) fn read(query: &str, wording: Wording) -> Self {
        Self { values: query_string::pairs(query), wording }
    }

    pub(super) fn of(values: Vec<(String, String)>, wording: Wording) -> Self {
        Self { values, wording }
    }

    /// The first value of a name, unless it is empty.
    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// The first value of the first of these names that has one.
    pub(super) fn any<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.first(name)?)))
    }

    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.values.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of the first of these names that has one, read; `None` where none has.
    pub(super) fn get<T>(
        &self,
        names: &[&str],
        read: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some((name, value)) = self.any(names) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.malformed(name, value, expected))
    }

    pub(super) fn malformed(&self, name: &str, value: &str, expected: &str) -> Refusal {
        let shown: String = value.chars().take(100).collect();
        Refusal::bad_request(match self.wording {
            Wording::UnableToParse => format!("unable to parse param '{name}': {shown:?} is not {expected}"),
            Wording::Malformed => format!("malformed parameter {name}: {shown:?} is not {expected}"),
        })
    }

    pub(super) fn boolean(&self, names: &[&str]) -> Result<bool, Refusal> {
        Ok(self.get(names, boolean, "true or false")?.unwrap_or(false))
    }

    pub(super) fn is_pretty(&self) -> bool {
        self.first("prettyPrint").is_some_and(|value| value != "false")
    }
}

/// Microseconds since 1970.
pub(super) fn micros(text: &str) -> Option<UnixNanos> {
    text.parse::<u64>().ok()?.checked_mul(1_000)
}

/// Milliseconds, since 1970 or of a span of time.
pub(super) fn millis(text: &str) -> Option<UnixNanos> {
    text.parse::<u64>().ok()?.checked_mul(1_000_000)
}

/// As Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A trace id in up to 32 hexadecimal digits, else in base64 of either alphabet.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    const BASE64_LENGTH_MAX: usize = 24;
    if let Some(id) = TraceId::parse(text) {
        return Some(id);
    }
    if text.len() > BASE64_LENGTH_MAX {
        return None;
    }
    let bytes = ENGINE.decode(text.replace('-', "+").replace('_', "/")).ok()?;
    if bytes.len() != 16 && bytes.len() != 8 {
        return None;
    }
    let id = bytes.iter().fold(0_u128, |id, byte| id << 8 | u128::from(*byte));
    (id != 0).then(|| TraceId(id.to_be_bytes()))
}

/// What [`trace_id`] reads, in words.
pub(super) const TRACE_ID: &str = "a trace id: 1 to 32 hexadecimal digits, not all zero";
