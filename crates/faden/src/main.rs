//! Faden: distributed tracing in one binary.

#![allow(unreachable_pub, reason = "a binary has no outside: `pub` is what a module offers to the others")]

mod api;
mod cli;
mod closed;
mod command;
mod deliver;
mod exit;
mod progress;
mod server;
mod settings;

mod term;
mod text;
mod waterfall;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    command::run(cli::parse())
}
