//! Any bytes read as a segment: frames that are intact are found, and nothing else is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|segment: &[u8]| {
    std::hint::black_box(journal::intact(segment).is_ok());
});
