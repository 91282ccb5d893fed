use proptest::collection::vec;
use proptest::prelude::*;

use super::{Begun, Plain, delta, dictionary, hybrid, page};
use crate::columns::schema::{Layout, leaf};

#[test]
fn bit_packed_and_repeated_integers_are_read() {
    let encoded = [0b0000_0011, 0b1000_1000, 0b1100_0110, 0b1111_1010, 6 << 1, 5];
    assert_eq!(hybrid::read::<u32>(&encoded, 3, 14).unwrap(), [0, 1, 2, 3, 4, 5, 6, 7, 5, 5, 5, 5, 5, 5]);
}

#[test]
fn texts_that_claim_more_than_there_is_are_refused() {
    assert!(delta::texts(&[128, 1, 4, 200, 200, 200, 200, 1, 0, 0], 200, 0..200).is_err());
}

/// A fuzzer found the id of a field that nothing can be added to.
#[test]
fn the_ids_of_a_header_may_be_any_numbers() {
    let layout = Layout::new(Vec::new());
    let header =
        [0x04, 0x15, 0xe0, 0x03, 0x05, 0xf2, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0x15, 0xff, 0x03];
    assert!(page(&layout.leaves[leaf::TRACE_ID], &header, 150, None).is_err());
    let largest = [0x05, 0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 0x15, 2];
    assert!(page(&layout.leaves[leaf::TRACE_ID], &largest, 150, None).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in vec(proptest::num::u8::ANY, 0..200), count in 0..300_usize) {
        let layout = Layout::new(Vec::new());
        let known = std::sync::Arc::new(Plain::Text { bytes: Vec::new(), ends: Vec::new() });
        for at in [leaf::TRACE_ID, leaf::NAME, leaf::START, leaf::KIND, leaf::EVENT_ATTRS] {
            _ = dictionary(&layout.leaves[at], &bytes);
            _ = page(&layout.leaves[at], &bytes, count, Some(&known));
            if let Ok(begun) = Begun::new(&layout.leaves[at], &bytes, count) {
                let some = begun.cut(count / 3..count / 2);
                _ = begun.finish(some, Some(&known));
            }
        }
        _ = delta::integers(&bytes, count);
        _ = delta::texts(&bytes, count, count / 3..count);
        for width in [0, 1, 2, 7, 8, 15, 16, 24, 31, 32, 33] {
            _ = hybrid::read::<u8>(&bytes, width, count);
            _ = hybrid::read::<u32>(&bytes, width, count);
        }
    }
}
