//! Any bytes read as an entry or a checkpoint of the manifest.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| blocks::fuzzing::manifest(bytes));
