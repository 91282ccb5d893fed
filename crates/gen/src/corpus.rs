//! The corpora that benchmarks are measured with, frozen for ever.
//!
//! A test compares the first bytes with [`CHECKSUM`]. When it fails, the generator was changed so that figures from
//! before and after can't be compared: give the new traffic a new name (`corpus_2`), and keep this one as it is.

use model::time::UnixNanos;

use crate::traffic::{Shape, Timeline, Traffic};

/// The start of the corpora's time: 2026-02-02 02:40 UTC.
pub const EPOCH: UnixNanos = 1_770_000_000_000_000_000;

/// Spans of each request of `corpus-1`.
pub const REQUEST_SPANS: usize = 1_000;

/// How many requests the checksum covers.
pub const CHECKED_REQUESTS: usize = 100;

/// CRC-32C of the first [`CHECKED_REQUESTS`] requests of `corpus-1`, one after the other.
pub const CHECKSUM: u32 = 0x8622_daf0;

/// `corpus-1`: 100 services, 11 spans per trace, about 111 traces per second of made-up time, SDKs that send every
/// five seconds or so; take requests of [`REQUEST_SPANS`].
///
/// A span has 18.5 attributes: 10 of its resource, the rest its own. With resource and scope spelled out for each span
/// it is about 920 bytes long; as sent, where some spans of a pod share them, about 530.
#[must_use]
pub fn corpus_1() -> Traffic {
    let shape = Shape {
        seed: 1,
        services: 100,
        spans_per_trace: 11.0,
        depth: 16,
        errors: 0.05,
        faults: Vec::new(),
        timeline: Timeline::Fixed { epoch: EPOCH, traces_per_second: 111.0 },
        spread: 6_000,
    };
    Traffic::new(shape).expect("there is no fault that could be wrong")
}

#[cfg(test)]
mod tests;
