//! Any bytes are admitted or refused; what is admitted can be read, merged, cut and admitted again without a change.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use model::{Batch, Tenant, Trace};

fuzz_target!(|request: &[u8]| {
    let Ok(admitted) = Batch::admit(Bytes::copy_from_slice(request), Tenant::default()) else { return };
    let batch = admitted.batch;
    for span in batch.spans() {
        let texts = span.name().len() + span.service().len() + span.status_message().len() + span.trace_state().len();
        let attributes: usize = span.attributes().map(|attribute| attribute.value.to_text().len()).sum();
        let events: usize = span.events().map(|event| event.attributes().count() + event.name().len()).sum();
        let links: usize = span.links().map(|link| link.attributes().count() + link.trace_state().len()).sum();
        std::hint::black_box(texts + attributes + events + links);
    }
    let again = Batch::admit(batch.bytes().clone(), Tenant::default()).expect("admitted bytes are admitted again");
    assert_eq!(again.rejected.total(), 0);
    assert_eq!(again.batch.len(), batch.len());
    let twice = Batch::merge(&[batch.clone(), batch.clone()]).expect("two batches merge");
    assert_eq!(twice.len(), 2 * batch.len());
    assert_eq!(batch.select(|place| place % 2 == 0).len(), batch.len().div_ceil(2));
    if let Some(first) = batch.rows().first() {
        let trace = Trace::join(first.trace_id, vec![twice]).expect("a batch with a span holds its trace");
        std::hint::black_box(trace.summary());
    }
});
