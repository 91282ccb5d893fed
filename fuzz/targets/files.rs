//! Any bytes are read as a file of spans, part by part, or refused with the place; what JSON becomes is OTLP.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use model::{Batch, Tenant};
use wire::files::{Form, Parts};

fuzz_target!(|file: &[u8]| {
    let mut parts = Parts::open(file).expect("memory can be read");
    let form = parts.form();
    loop {
        let some = match parts.next_parts() {
            Ok(Some(some)) => some,
            Ok(None) => return,
            Err(fault) => return drop(std::hint::black_box(fault.to_string())),
        };
        for part in some {
            let admitted = Batch::admit(Bytes::from(part.otlp), Tenant::default());
            assert!(form != Form::Json || admitted.is_ok(), "decoded JSON is OTLP");
        }
    }
});
