//! gRPC over HTTP/2 without generated code: messages are bytes.
//!
//! [`receive`] takes the request of a unary (or server-streaming) call in, [`reply`], [`refuse`] and [`stream`] answer it; [`messages`] reads a call whose client goes on sending; [`Client`]
//! makes unary calls. What the messages mean is left to the caller.

mod client;
mod health;
mod incoming;
mod server;
#[cfg(test)]
mod tests;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, STANDARD_NO_PAD_INDIFFERENT};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::inflate::Encoding;
use crate::status::{Code, Status};

pub use client::Client;
pub use health::{HEALTH_CHECK_PATH, health};
pub use incoming::messages;
pub use server::{Call, is_grpc, receive, refuse, reply, stream};

const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
const DETAILS: &str = "grpc-status-details-bin";
const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "grpc-accept-encoding";
const TIMEOUT: &str = "grpc-timeout";
const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");
const ACCEPTED_ENCODINGS: HeaderValue = HeaderValue::from_static("identity,gzip,zstd,snappy,deflate");

/// A flag and the length stand before each message.
const PREFIX: usize = 5;
/// Messages of people in headers are kept short.
const MESSAGE_BYTES_MAX: usize = 1024;

/// Reads `grpc-timeout`: up to eight digits and a unit.
pub fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// One message with its prefix.
fn framed(message: &[u8], compressed: bool) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(compressed.into());
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// Takes the only message out of a body: whether it is compressed, and its bytes.
fn unframed(body: &Bytes) -> Result<(bool, Bytes), Status> {
    let broken = |what: &str| Err(Status::new(Code::InvalidArgument, what));
    let Some((&[flag, a, b, c, d], message)) = body.split_first_chunk::<PREFIX>() else {
        return broken("the body holds no gRPC message");
    };
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    if message.len() < length {
        return broken("the body ends inside of the message");
    }
    if message.len() > length {
        return broken("the body holds more than one message");
    }
    match flag {
        0 | 1 => Ok((flag == 1, body.slice(PREFIX..))),
        _ => broken("the compressed flag is neither 0 nor 1"),
    }
}

fn encode_status(status: &Status, into: &mut HeaderMap) {
    const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
    into.insert(STATUS, HeaderValue::from(status.code as u16));
    if !status.message.is_empty() {
        let end = status.message.floor_char_boundary(MESSAGE_BYTES_MAX);
        let message = utf8_percent_encode(&status.message[..end], ESCAPED).to_string();
        if let Ok(message) = HeaderValue::from_str(&message) {
            into.insert(MESSAGE, message);
        }
    }
    if status.retry_after.is_some()
        && let Ok(details) = HeaderValue::from_str(&STANDARD_NO_PAD.encode(status.to_proto()))
    {
        into.insert(DETAILS, details);
    }
}

fn decode_status(headers: &HeaderMap) -> Option<Status> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let code = Code::of(text(STATUS)?.parse().ok()?);
    let message = text(MESSAGE).unwrap_or_default();
    let message = percent_decode_str(message).decode_utf8_lossy().into_owned();
    let details = text(DETAILS).and_then(|details| STANDARD_NO_PAD_INDIFFERENT.decode(details).ok());
    let retry_after = details.and_then(|details| Status::from_proto(&details)?.retry_after);
    Some(Status { code, message, retry_after })
}

/// In gRPC, `snappy` is the framed format.
fn encoding_named(name: &str) -> Option<Encoding> {
    match Encoding::named(name)? {
        Encoding::Snappy => Some(Encoding::SnappyFramed),
        encoding => Some(encoding),
    }
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::SnappyFramed => Encoding::Snappy.header_name(),
        encoding => encoding.header_name(),
    }
}
