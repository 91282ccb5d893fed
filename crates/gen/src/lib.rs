//! Deterministic, realistic traffic.
//!
//! In: a [`Shape`] (seed, number of services, errors, [`Fault`]s, timeline). Out: `ExportTraceServiceRequest`s as bytes,
//! from [`Traffic`]. One seed gives the same bytes on every machine; [`corpus_1`] is frozen by a checksum. Spans are
//! written straight to bytes, faster than a store takes them, so that a benchmark does not measure its generator.
//!
//! This crate sends nothing and reads no clock: pacing by [`Rate`] and sending are the caller's.

mod chance;
pub mod corpus;
mod fault;
mod language;
mod names;
mod pending;
mod plan;
mod rate;
mod span;
mod topology;
mod traffic;

pub use corpus::corpus_1;
pub use fault::{Effect, Fault, FaultProblem};
pub use rate::{Rate, RateProblem, Spike};
pub use traffic::{SERVICES_MAX, Shape, Summary, Timeline, Traffic};
