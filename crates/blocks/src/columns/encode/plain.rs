//! Values as they are: whole columns without a dictionary, and the entries of dictionaries.

use std::ops::Range;

use parquet::basic::Encoding;

use super::delta;
use crate::columns::values::{Place, Texts, Values};

/// How the values of a column without a dictionary are written.
pub(super) fn encoding(values: &Values) -> Encoding {
    match values {
        Values::Text(_) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Values::Int32(_) | Values::Int(_) => Encoding::DELTA_BINARY_PACKED,
        Values::Double(_) | Values::Bool(_) | Values::Id { .. } => Encoding::PLAIN,
    }
}

/// Writes values as [`encoding`] says.
pub(super) fn write(values: &Values, range: Range<usize>, out: &mut Vec<u8>) {
    match values {
        Values::Text(texts) => {
            let places = &texts.places[range];
            delta::narrow_integers(places.iter().map(|place| place.length as i32), out);
            bytes(texts, places, out);
        }
        Values::Int32(values) => delta::narrow_integers(values[range].iter().copied(), out),
        Values::Int(values) => delta::integers(values[range].iter().copied(), out),
        Values::Double(values) => {
            out.extend(values[range].iter().flat_map(|value| value.to_le_bytes()));
        }
        Values::Bool(values) => {
            let bits = |eight: &[bool]| eight.iter().rev().fold(0, |bits, bit| bits << 1 | u8::from(*bit));
            out.extend(values[range].chunks(8).map(bits));
        }
        Values::Id { width, bytes } => out.extend_from_slice(&bytes[range.start * width..range.end * width]),
    }
}

/// Writes the entries of a dictionary, `PLAIN`.
pub(super) fn entries(values: &Values, entries: &[u32], out: &mut Vec<u8>) {
    let entries = entries.iter().map(|at| *at as usize);
    match values {
        Values::Text(texts) => {
            for place in entries.map(|at| texts.places[at]) {
                out.extend_from_slice(&place.length.to_le_bytes());
                out.extend_from_slice(texts.slice(place));
            }
        }
        Values::Int32(values) => entries.for_each(|at| out.extend_from_slice(&values[at].to_le_bytes())),
        Values::Int(values) => entries.for_each(|at| out.extend_from_slice(&values[at].to_le_bytes())),
        Values::Double(values) => entries.for_each(|at| out.extend_from_slice(&values[at].to_le_bytes())),
        Values::Bool(_) => debug_assert!(false, "truth values have no dictionary"),
        Values::Id { width, bytes } => {
            entries.for_each(|at| out.extend_from_slice(&bytes[at * width..(at + 1) * width]));
        }
    }
}

/// Copies texts; those that lie one after the other at once.
fn bytes(texts: &Texts, places: &[Place], out: &mut Vec<u8>) {
    let follows = |left: &Place, right: &Place| left.at + left.length == right.at;
    for run in places.chunk_by(follows) {
        let last = run[run.len() - 1];
        out.extend_from_slice(&texts.bytes[run[0].at as usize..(last.at + last.length) as usize]);
    }
}
