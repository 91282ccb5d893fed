//! Questions become plans.
//!
//! A user asks with the [`filter`] language, with the named parameters of a [`Search`], or both; out comes a
//! [`store::Plan`]. [`Query`] runs plans over a reader under its [`Limits`], and [`answer`] says what is found in types
//! that the API writes and the command line reads.
//!
//! This crate knows no socket, no HTTP and no file.

pub mod answer;
mod apart;
pub mod candidates;
pub mod diagnose;
pub mod duration;
mod engine;
pub mod export;
pub mod filter;
mod mistake;
pub mod moment;
mod quoted;
pub mod scope;
mod search;
pub mod spans;
pub mod sql;
pub mod traceql;

pub use engine::{Error, Limits, Query};
pub use filter::Question;
pub use mistake::Mistake;
pub use scope::Scope;
pub use search::{Search, Unclear};
