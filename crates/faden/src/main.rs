//! Faden: distributed tracing in one binary.

#![allow(unreachable_pub, reason = "a binary has no outside: `pub` is what a module offers to the others")]

mod allocator;
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

fn main() -> std::process::ExitCode {
    allocator::give_back_soon();
    command::run(cli::parse())
}
