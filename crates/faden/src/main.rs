//! Faden: distributed tracing in one binary.

#![allow(unreachable_pub, reason = "a binary has no outside: `pub` is what a module offers to the others")]

mod term;
mod text;
mod waterfall;

fn main() {}
