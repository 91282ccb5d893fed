//! What traces mean: pure functions from traces and counts to what people ask about them.
//!
//! [`Skeleton`] is a trace as columns, with its critical path, its groups of equal siblings, what is missing and whose
//! clock is off. [`compare`] tells two traces or groups apart, [`explain`] a selection from the rest, [`errors`] groups
//! what failed. [`layout`] draws graphs, [`neighbours`] cuts them to what is worth looking at.
//! [`paths`] tells the ways of requests, [`quality`] what instrumentation leaves out. Answers are types that the API writes as JSON and the command line reads back; times that JSON readers
//! would round are strings or offsets, never more than [`EXACT_MAX`].
//!
//! This crate knows no store, no query language, no socket and no clock.

pub mod compare;
pub mod errors;
pub mod explain;
pub mod layout;
pub mod neighbours;
pub mod paths;
pub mod quality;
pub mod skeleton;

pub use skeleton::Skeleton;

/// The greatest integer that every JSON reader keeps; longer offsets and durations are cut to it.
pub const EXACT_MAX: u64 = (1 << 53) - 1;
