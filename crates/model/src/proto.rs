//! The protobuf wire format, both ways, without objects.
//!
//! [`Cursor`] reads fields from borrowed bytes and stops at the first byte that breaks the format; nothing is
//! allocated and no length is believed before it was compared with what is left. [`Message`] writes canonical bytes.
//! Source: Protocol Buffers, "Encoding".

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Field<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire type 5.
    Fixed32(u32),
}

impl<'a> Field<'a> {
    /// The bytes of a length-delimited field, else nothing.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        if let Field::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The number of a varint field, else nothing.
    #[must_use]
    pub fn varint(self) -> Option<u64> {
        if let Field::Varint(number) = self { Some(number) } else { None }
    }
}

/// Reads the fields of one message in order.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The wire format was broken at this offset of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Byte offset inside the message that was read.
    pub at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of a message.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// True when the whole message was read.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next field number and its value; `None` at the end.
    ///
    /// # Errors
    /// Where a length runs over the end, a varint over 64 bits, a field number is 0, or a wire type is unknown
    /// (groups, wire types 3 and 4, are refused: no message of OTLP has one).
    #[inline(always)]
    pub fn next_field(&mut self) -> Result<Option<(u32, Field<'a>)>, Broken> {
        if self.is_done() {
            return Ok(None);
        }
        let broken = Broken { at: self.at };
        let tag = self.varint().ok_or(broken)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number != 0).ok_or(broken)?;
        let field = match tag & 7 {
            0 => self.varint().map(Field::Varint),
            1 => self.take(8).map(|raw| Field::Fixed64(u64::from_le_bytes(raw.try_into().expect("8 bytes")))),
            2 => self.delimited().map(Field::Bytes),
            5 => self.take(4).map(|raw| Field::Fixed32(u32::from_le_bytes(raw.try_into().expect("4 bytes")))),
            _ => None,
        };
        field.map(|field| Some((number, field))).ok_or(broken)
    }

    #[inline(always)]
    fn varint(&mut self) -> Option<u64> {
        let first = *self.bytes.get(self.at)?;
        self.at += 1;
        if first < 0x80 {
            return Some(u64::from(first));
        }
        let mut value = u64::from(first & 0x7f);
        for shift in (7..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline(always)]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    #[inline(always)]
    fn delimited(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }
}

/// The fields of a message that was walked before; ends quietly where it can't go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) Cursor<'a>);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Field<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_field().ok().flatten()
    }
}

/// The fields of a message whose format was checked by the walk.
pub(crate) fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields(Cursor::new(bytes))
}

/// Writes one message; nested messages are closed by the closure that wrote them.
#[derive(Clone, Debug, Default)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// An empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty message with room for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What was written so far.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written and keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// A varint field, written even where it is the default.
    #[inline]
    pub fn varint(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        self.raw_varint(value);
    }

    /// A 64-bit field.
    #[inline]
    pub fn fixed64(&mut self, number: u32, value: u64) {
        self.tag(number, 1);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A 32-bit field.
    #[inline]
    pub fn fixed32(&mut self, number: u32, value: u32) {
        self.tag(number, 5);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A length-delimited field: a string, bytes or a message that is bytes already.
    #[inline]
    pub fn bytes(&mut self, number: u32, value: &[u8]) {
        self.tag(number, 2);
        self.raw_varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// A string field that is left out where it is empty.
    #[inline]
    pub fn text(&mut self, number: u32, value: &str) {
        if !value.is_empty() {
            self.bytes(number, value.as_bytes());
        }
    }

    /// A nested message.
    #[inline]
    pub fn message(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.tag(number, 2);
        let length_at = self.bytes.len();
        self.bytes.push(0);
        write(self);
        self.close(length_at);
    }

    /// Fields that are bytes already, copied as they are.
    #[inline]
    pub fn raw(&mut self, fields: &[u8]) {
        self.bytes.extend_from_slice(fields);
    }

    fn close(&mut self, length_at: usize) {
        let start = length_at + 1;
        let length = self.bytes.len() - start;
        if length < 0x80 {
            self.bytes[length_at] = length as u8;
            return;
        }
        let extra = varint_length(length as u64) - 1;
        let end = self.bytes.len();
        self.bytes.resize(end + extra, 0);
        self.bytes.copy_within(start..end, start + extra);
        let mut left = length;
        for byte in &mut self.bytes[length_at..start + extra] {
            *byte = (left & 0x7f) as u8 | 0x80;
            left >>= 7;
        }
        self.bytes[start + extra - 1] &= 0x7f;
    }

    #[inline]
    fn tag(&mut self, number: u32, wire_type: u32) {
        self.raw_varint(u64::from(number << 3 | wire_type));
    }

    #[inline]
    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// How many bytes the varint of `value` takes.
fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests;
