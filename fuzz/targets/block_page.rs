//! Any bytes read as a page of a block's column, with or without a dictionary.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| blocks::fuzzing::page(bytes));
