//! Frames of the Collector's file exporter: four bytes of big-endian length, then that much OTLP.

use std::io::{self, BufRead, Read};

use super::input::{Input, unreadable};
use super::{Fault, PART_BYTES_MAX, Part};
use crate::otlp_json;

const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";

pub(super) fn next<R: BufRead>(input: &mut Input<R>) -> Result<Option<Vec<Part>>, Fault> {
    let place = input.byte();
    if input.peek().map_err(|cause| unreadable(place, &cause))?.is_none() {
        return Ok(None);
    }
    let wrong = |message: String| Fault { place, message };
    let length = input.exact(4)?;
    let length = u32::from_be_bytes(length.try_into().expect("four bytes were asked for")) as usize;
    if length > PART_BYTES_MAX {
        return Err(wrong(
            "this is neither OTLP (protobuf, JSON, or frames of the Collector's file exporter), Jaeger's JSON nor \
             a Parquet file of Faden's"
                .into(),
        ));
    }
    let mut content = input.exact(length)?;
    if content.starts_with(ZSTD) {
        content = unpacked(&content)
            .map_err(|cause| wrong(format!("the frame that begins here can't be decompressed: {cause}")))?;
    }
    let first = content.iter().find(|byte| !byte.is_ascii_whitespace());
    let otlp = match first {
        Some(b'{') => otlp_json::decode(&content)
            .map_err(|error| wrong(format!("in the frame that begins here: {error}")))?,
        _ => content,
    };
    Ok(Some(vec![Part { otlp, place }]))
}

fn unpacked(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(content)?;
    decoder.take(PART_BYTES_MAX as u64 + 1).read_to_end(&mut unpacked)?;
    if unpacked.len() > PART_BYTES_MAX {
        return Err(io::Error::other(format!("it holds more than {PART_BYTES_MAX} bytes")));
    }
    Ok(unpacked)
}
