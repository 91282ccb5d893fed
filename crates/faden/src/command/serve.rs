//! `faden serve`: receives, keeps and answers until it is told to stop.

use clap::Args;
use config::Problem;

use crate::exit::{Ended, Exit, Failure};
use crate::settings::{self, Source};
use crate::term::{self, When};
use crate::{command::validate, server};

/// Receive, keep and answer (this is what `faden` alone does)
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden serve\n  faden serve --data /var/lib/faden --set store.retention.time=30d\n  faden serve --config base.yaml --config edge.yaml\n\nSIGTERM or Ctrl-C finishes what was begun and ends; a second one ends at once.\n\nExit codes: 0 ended as told, 1 it could not start or a part broke down"
)]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
}

/// A warning as one line.
fn noted(problem: &Problem) -> String {
    let place = problem.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
    let remedy = problem.remedy.as_ref().map_or(String::new(), |remedy| format!("; {remedy}"));
    format!("{place}{}: {}{remedy}", problem.path, problem.message)
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let paint = term::stderr_paint(color);
    let (settings, problems) = settings::load(&arguments.source);
    let settings = match settings {
        Some(settings) if !problems.has_errors() => settings,
        _ => {
            term::complain(&validate::listed(&problems, paint));
            return Err(Failure {
                exit: Exit::Problem,
                message: format!("{} cannot run", arguments.source.names()),
            });
        }
    };
    let warnings = problems.sorted().iter().map(noted).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::problem)?;
    let ended = runtime
        .block_on(server::run(settings, &server::About { name: arguments.source.names(), warnings, paint }));
    runtime.shutdown_background();
    ended
}
