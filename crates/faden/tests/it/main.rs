//! The real binary on loopback ports: what a user does and what must never happen to him.

#![allow(unreachable_pub, reason = "a test binary has no outside")]

mod command_line;
mod find;
mod kill;
mod life;
mod server;
mod tls;
