//! One file per command; each turns its arguments into an exit code.

pub mod check;
pub mod completions;
pub mod components;
pub mod config;
pub mod deps;
pub mod diff;
pub mod doctor;
pub mod errors;
pub mod explain;
pub mod export;
pub mod r#gen;
pub mod import;
mod keep;
mod keep_text;
mod period;
pub mod query;
mod scope;
pub mod search;
pub mod serve;
pub mod services;
pub mod store;
pub mod tail;
pub mod trace;
pub mod validate;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::exit::{Ended, Failure};
use crate::term::{self, Ink, When};

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> ExitCode {
    let Cli { command, serve, color } = cli;
    match dispatch(command.unwrap_or(Command::Serve(serve)), color) {
        Ok(exit) => exit.into(),
        Err(Failure { exit, message }) => {
            let paint = term::stderr_paint(color);
            term::complain(&format!("{} {message}\n", paint.ink(Ink::Red, "error:")));
            exit.into()
        }
    }
}

fn dispatch(command: Command, color: When) -> Ended {
    match command {
        Command::Serve(arguments) => serve::run(&arguments, color),
        Command::Trace(arguments) => trace::run(&arguments, color),
        Command::Query(arguments) => query::run(&arguments, color),
        Command::Search(arguments) => search::run(&arguments, color),
        Command::Services(arguments) => services::run(&arguments, color),
        Command::Deps(arguments) => deps::run(&arguments, color),
        Command::Errors(arguments) => errors::run(&arguments, color),
        Command::Diff(arguments) => diff::run(&arguments, color),
        Command::Explain(arguments) => explain::run(&arguments, color),
        Command::Tail(arguments) => tail::run(&arguments, color),
        Command::Gen(arguments) => r#gen::run(&arguments, color),
        Command::Export(arguments) => export::run(&arguments, color),
        Command::Import(arguments) => import::run(&arguments, color),
        Command::Doctor(arguments) => doctor::run(&arguments, color),
        Command::Validate(arguments) => validate::run(&arguments, color),
        Command::Config(arguments) => config::run(&arguments),
        Command::Components(arguments) => components::run(&arguments, color),
        Command::Store(arguments) => store::run(&arguments, color),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}

/// Runs a command that waits for the network.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::problem)?;
    runtime.block_on(future)
}
