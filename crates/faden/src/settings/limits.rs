//! `serve::limits`: what one question may take from the others.

use std::time::Duration;

use config::Block;
use query::Limits;

/// What bounds questions and their answers.
#[derive(Clone, Copy, Debug)]
pub struct AskingLimits {
    /// What a question may take.
    pub query: Limits,
    /// Bytes of an answer over HTTP.
    pub answer_bytes_max: u64,
}

/// The least of each, with which small questions are still answered.
const TIME_MIN: Duration = Duration::from_millis(100);
const BYTES_MIN: u64 = 1 << 20;

/// The most that a question may take, since files of dropped blocks are deleted a while after.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Reads the section.
pub fn read(serve: &mut Block<'_>) -> AskingLimits {
    let mut block = serve.section("limits", "what one question may take from the others");
    let standard = Limits::default();
    let doc = "how long a question may take; then its answer is partial";
    let time_max = block.duration("time", "30s", doc);
    let doc = "bytes of blocks that may be read for a question; then its answer is partial";
    let bytes_max = block.bytes("bytes", "16GiB", doc);
    let doc =
        "bytes of an answer over HTTP, but for exports and live tails; a larger one is refused or broken off";
    let answer_bytes_max = block.bytes("answer", "2GiB", doc);
    let doc = "questions answered at one time; more wait a moment, and are refused then";
    let plans_max = block.integer("at_once", standard.plans_max, 1..=1_024, doc);
    if !block.is_describing() && !(TIME_MIN..=TIME_MAX).contains(&time_max) {
        let remedy = Some("give it 100ms to 30s".to_owned());
        block.problem("time", "a question may take 100ms to 30s", remedy);
    }
    for (key, bytes) in [("bytes", bytes_max), ("answer", answer_bytes_max)] {
        if !block.is_describing() && bytes < BYTES_MIN {
            let remedy = Some("give it 1MiB or more".to_owned());
            block.problem(key, "with less than 1MiB nothing can be answered", remedy);
        }
    }
    block.finish();
    let query = Limits { plans_max, time_max, bytes_max, ..standard };
    AskingLimits { query, answer_bytes_max }
}
