//! `faden validate`: checks a configuration and says everything that is wrong with it.

use clap::Args;
use config::{Problems, Severity};

use crate::exit::{Ended, Exit};
use crate::settings::{self, Source};
use crate::term::{self, Ink, Paint, When};
use crate::text;

/// Check a configuration: every problem at once, with its place and remedy
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  faden validate --config edge.yaml\n  faden validate -c base.yaml -c edge.yaml --set store.path=/var/lib/faden\n\nExit codes: 0 it can run, 1 it cannot"
)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
}

pub fn run(arguments: &Arguments, color: When) -> Ended {
    let (_, problems) = settings::load(&arguments.source);
    let paint = term::stdout_paint(color);
    term::say(&listed(&problems, paint));
    let name = arguments.source.names();
    if problems.has_errors() {
        let errors = problems.sorted().iter().filter(|problem| problem.severity == Severity::Error).count();
        term::say(&format!("{name}: {}\n", paint.ink(Ink::Red, &text::counted(errors as u64, "error"))));
        return Ok(Exit::Problem);
    }
    term::say(&format!("{name}: {}\n", paint.ink(Ink::Green, "good")));
    Ok(Exit::Good)
}

/// Each problem with its place, what is wrong and what to do about it.
pub fn listed(problems: &Problems, paint: Paint) -> String {
    let mut out = String::new();
    for problem in problems.sorted() {
        let place = problem.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
        let (ink, word) = match problem.severity {
            Severity::Error => (Ink::Red, "error"),
            Severity::Warning => (Ink::Yellow, "warning"),
        };
        let key = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
        out.push_str(&format!(
            "{}{}: {}{}\n",
            text::harmless(&place),
            paint.ink(ink, word),
            paint.ink(Ink::Bold, &text::harmless(&key)),
            text::harmless(&problem.message)
        ));
        if let Some(remedy) = &problem.remedy {
            out.push_str(&format!("    {} {}\n", paint.ink(Ink::Dim, "→"), text::harmless(remedy)));
        }
    }
    out
}
