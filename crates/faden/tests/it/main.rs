//! The real binary on loopback ports: what a user does and what must never happen to him.

#![allow(unreachable_pub, reason = "a test binary has no outside")]
#![allow(clippy::unwrap_used, reason = "a test that unwraps in vain has failed")]

mod analysis;
mod architecture;
mod command_line;
mod disk;
mod documents;
mod doors;
mod find;
mod gone;
mod keep;
mod kill;
mod ledger;
mod life;
mod mounted;
mod nodes;
mod outage;
mod powercut;
mod server;
mod tls;
