//! `TracesData` in protobuf: one `ResourceSpans` after the other.

use std::io::BufRead;

use super::input::{Input, unreadable};
use super::{Fault, Part};

/// The tag of `resource_spans`.
const RESOURCE_SPANS: u8 = 0x0a;

/// The longest length that a varint may write.
const VARINT_BYTES_MAX: usize = 10;

pub(super) fn next<R: BufRead>(input: &mut Input<R>) -> Result<Option<Part>, Fault> {
    let place = input.byte();
    let Some(tag) = input.peek().map_err(|cause| unreadable(place, &cause))? else { return Ok(None) };
    if tag != RESOURCE_SPANS {
        let message =
            format!("expected OTLP's resource_spans (0x0a), found 0x{tag:02x}; is this a file of traces?");
        return Err(Fault { place, message });
    }
    let mut otlp = input.exact(1)?;
    let mut length = 0_u64;
    for shift in 0..VARINT_BYTES_MAX {
        let byte = input.exact(1)?[0];
        otlp.push(byte);
        length |= u64::from(byte & 0x7f) << (7 * shift).min(63);
        if byte < 0x80 {
            otlp.extend(input.exact(usize::try_from(length).unwrap_or(usize::MAX))?);
            return Ok(Some(Part { otlp, place }));
        }
    }
    Err(Fault { place, message: "the length of a part never ends; is this a file of traces?".into() })
}
