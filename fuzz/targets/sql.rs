//! Any text is read as SQL, as one of its short forms, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    std::hint::black_box(query::sql::is_sql(text));
    let _ = query::sql::parse(text, 1_767_225_600_000_000_000);
});
