use proptest::prelude::*;

use super::{Cursor, Field, Message};

fn read(bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, super::Broken> {
    let mut cursor = Cursor::new(bytes);
    let mut fields = Vec::new();
    while let Some(field) = cursor.next_field()? {
        fields.push(field);
    }
    Ok(fields)
}

#[test]
fn what_is_written_reads_back() {
    for length in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
        let value = vec![7; length];
        let mut message = Message::new();
        message.message(1, |inner| {
            inner.bytes(2, &value);
            inner.message(3, |_| {});
        });
        message.varint(4, u64::MAX);
        message.fixed64(5, 9);
        message.fixed32(6, 8);
        let outer = read(message.as_bytes()).expect("canonical bytes");
        let [
            (1, Field::Bytes(inner)),
            (4, Field::Varint(u64::MAX)),
            (5, Field::Fixed64(9)),
            (6, Field::Fixed32(8)),
        ] = outer[..]
        else {
            panic!("{length}: {} fields", outer.len());
        };
        assert_eq!(read(inner), Ok(vec![(2, Field::Bytes(&value)), (3, Field::Bytes(&[]))]));
    }
}

#[test]
fn broken_bytes_are_refused_where_they_break() {
    let over_long: &[u8] = &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
    for bytes in [&[0x0a, 0x05, 1][..], &[0x0b], &[0x0c], &[0x00, 0x00], &[0x09, 1, 2], &[0x08], over_long] {
        assert_eq!(read(bytes).map_err(|broken| broken.at), Err(0), "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
