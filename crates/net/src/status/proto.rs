//! `google.rpc.Status`, `google.rpc.RetryInfo` and `google.protobuf.Duration` on the wire.

use std::time::Duration;

use super::{Code, Status};

pub(super) const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Longer messages are cut, because they may have to travel in a header.
const MESSAGE_BYTES_MAX: usize = 1024;

pub(super) fn encode(status: &Status) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, status.code as u64);
    bytes(&mut out, 2, cut(&status.message).as_bytes());
    if let Some(after) = status.retry_after {
        let mut duration = Vec::new();
        number(&mut duration, 1, after.as_secs());
        number(&mut duration, 2, after.subsec_nanos().into());
        let mut info = Vec::new();
        bytes(&mut info, 1, &duration);
        let mut any = Vec::new();
        bytes(&mut any, 1, RETRY_INFO.as_bytes());
        bytes(&mut any, 2, &info);
        bytes(&mut out, 3, &any);
    }
    out
}

pub(super) fn decode(input: &[u8]) -> Option<Status> {
    let mut status = Status::new(Code::Ok, "");
    for field in Fields(input) {
        match field? {
            (1, Value::Number(code)) => status.code = Code::of(code),
            (2, Value::Bytes(message)) => status.message = String::from_utf8_lossy(message).into_owned(),
            (3, Value::Bytes(any)) => status.retry_after = status.retry_after.or(retry_after(any)),
            _ => {}
        }
    }
    Some(status)
}

fn retry_after(any: &[u8]) -> Option<Duration> {
    let field = |input, wanted| Fields(input).flatten().find(|(number, _)| *number == wanted).map(|it| it.1);
    let Some(Value::Bytes(kind)) = field(any, 1) else { return None };
    if kind != RETRY_INFO.as_bytes() {
        return None;
    }
    let Some(Value::Bytes(info)) = field(any, 2) else { return Some(Duration::ZERO) };
    let Some(Value::Bytes(duration)) = field(info, 1) else { return Some(Duration::ZERO) };
    let number = |wanted| match field(duration, wanted) {
        Some(Value::Number(number)) => number,
        _ => 0,
    };
    let nanos = u32::try_from(number(2)).unwrap_or(0).min(999_999_999);
    Some(Duration::new(number(1), nanos))
}

pub(super) fn cut(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message; None ends it where it is broken.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        out.push(field << 3);
        varint(out, value);
    }
}

fn bytes(out: &mut Vec<u8>, field: u8, value: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
