//! Any text is read as configuration or refused with a problem that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(problems) = config::parse(text, "fuzz.yaml") {
        for problem in problems.sorted() {
            std::hint::black_box(problem.to_string());
        }
    }
});
