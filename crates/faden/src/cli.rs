//! The command line: commands, flags and their help.

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::command::{
    completions, components, config, deps, diff, doctor, errors, explain, export, r#gen, import, query,
    search, serve, services, store, tail, trace, validate,
};
use crate::term::When;

const EXAMPLES: &str = "\
Examples:
  faden                                  receive on 4317 and 4318, keep in ./faden-data, look at http://localhost:16686
  faden --config edge.yaml               the same binary as a collector, by the Collector's configuration
  faden gen --rate 500 --duration 1m     send realistic traffic to it
  faden search 'service = payment && status = error && duration > 200ms'
  faden query '{ } | rate() by(resource.service.name)'
  faden trace 4bf92f3577b34da6a3ce929d0e0e4736

Exit codes:
  0  all is well
  1  a problem was found, or what was asked for was not
  2  the command line is wrong
  3  no server answers";

/// Receives, keeps, finds and explains the spans of distributed systems.
///
/// Without a command, faden serves: it receives OTLP, keeps spans durably and answers queries.
#[derive(Debug, Parser)]
#[command(name = "faden", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
#[command(subcommand_help_heading = "Commands", disable_help_subcommand = true, max_term_width = 110)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// For `faden` alone.
    #[command(flatten)]
    pub serve: serve::Arguments,
    /// When to use colours; NO_COLOR turns them off
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        hide_possible_values = true
    )]
    pub color: When,
}

/// What faden can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(serve::Arguments),
    Trace(trace::Arguments),
    Search(search::Arguments),
    Query(query::Arguments),
    Services(services::Arguments),
    Deps(deps::Arguments),
    Errors(errors::Arguments),
    Diff(diff::Arguments),
    Explain(explain::Arguments),
    Tail(tail::Arguments),
    Gen(r#gen::Arguments),
    Export(export::Arguments),
    Import(import::Arguments),
    Doctor(doctor::Arguments),
    Validate(validate::Arguments),
    Config(config::Arguments),
    Components(components::Arguments),
    Store(store::Arguments),
    Completions(completions::Arguments),
}

/// Where the server is.
#[derive(Clone, Debug, Args)]
pub struct Server {
    /// The running server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:16686")]
    pub url: String,
}

/// Reads the command line; what is wrong with it ends the process with code 2.
pub fn parse() -> Cli {
    Cli::parse()
}

/// The whole command line, for completions.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn faden_alone_serves_and_takes_the_flags_of_serve() {
        let cli =
            Cli::try_parse_from(["faden", "--config", "a.yaml", "--config", "b.yaml"]).expect("it is right");
        assert!(cli.command.is_none());
        assert_eq!(cli.serve.source.config, ["a.yaml", "b.yaml"]);
        assert!(Cli::try_parse_from(["faden", "serv"]).is_err());
    }

    #[test]
    fn every_command_says_how_it_is_used() {
        for command in command().get_subcommands() {
            assert!(command.get_after_help().is_some(), "{} has no examples", command.get_name());
            assert!(command.get_about().is_some(), "{} has no sentence", command.get_name());
        }
    }
}
