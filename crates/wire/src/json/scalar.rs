//! Scalars as senders write them beside the letter of a specification.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Outcome, Reader, shown};

/// An integer as a number or as a string of one.
pub(crate) fn whole<T: TryFrom<i128>>(json: &mut Reader<'_>, expected: &str) -> Outcome<T> {
    let at = json.position();
    let written;
    let digits = if json.peek() == Some(b'"') {
        written = json.string()?;
        std::str::from_utf8(&written).unwrap_or_default()
    } else {
        json.number().or_else(|_| json.fault_at(at, format!("expected {expected}")))?
    };
    let fits = integer(digits).and_then(|number| T::try_from(number).ok());
    match fits {
        Some(number) => Ok(number),
        None => json.fault_at(at, format!("expected {expected}, found {}", shown(digits.as_bytes()))),
    }
}

/// `12`, and `1.2e1` as well, since some senders print large numbers so.
pub(crate) fn integer(digits: &str) -> Option<i128> {
    if let Ok(number) = digits.parse() {
        return Some(number);
    }
    let number: f64 = digits.parse().ok()?;
    (number.fract() == 0.0 && number.abs() < 1e38).then_some(number as i128)
}

pub(crate) fn hexadecimal(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|value| value as u8);
    let mut id = Vec::with_capacity(text.len().div_ceil(2));
    let (first, pairs) = text.split_at(text.len() % 2);
    for lone in first {
        id.push(digit(lone)?);
    }
    for pair in pairs.chunks_exact(2) {
        id.push(digit(&pair[0])? << 4 | digit(&pair[1])?);
    }
    Some(id)
}

/// Base64 of either alphabet, padded or not.
pub(crate) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => *byte,
    };
    let standard: Vec<u8> = text.iter().map(standard).collect();
    ENGINE.decode(standard).ok()
}
