//! Any text is read as TraceQL or refused; what is read has a filter.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = query::traceql::loose::readable(text);
    if let Ok(read) = query::traceql::parse(text)
        && let query::traceql::ast::Root::Spansets(pipeline) = read.root
    {
        std::hint::black_box(query::traceql::prefilter(&pipeline).is_exact);
    }
});
